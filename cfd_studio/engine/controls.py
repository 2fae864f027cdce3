"""How a job listens: every loop polls, and a pause is a poll that takes its time."""

import time

from cfd_studio.engine.reporter import Reporter
from cfd_studio.protocol.commands import Command, Verb
from cfd_studio.protocol.errors import printable
from cfd_studio.protocol.events import CommandAnswered, JobState
from cfd_studio.runs.folder import JobFolder
from cfd_studio.runs.inbox import Inbox

POLL_SECONDS = 0.05


class StopRequested(Exception):  # noqa: N818, it is a request and no error
    """Raised out of `Controls.poll`; ``keep`` says whether to save first."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.keep = command.verb is Verb.STOP_KEEP
        super().__init__(command.verb.value)


class Controls:
    """Takes commands from a job's inbox.

    Attributes
    ----------
    saves : list of Command
        Wishes to save that the loop has still to grant with `granted`.
    """

    def __init__(self, job: JobFolder, reporter: Reporter) -> None:
        self._inbox = Inbox(job.inbox)
        self._reporter = reporter
        self._looked = 0.0
        self._paused = False
        self._can_save = False
        self.saves: list[Command] = []

    def poll(self, *, can_save: bool = False) -> None:
        """Look into the inbox, at most every 50 ms; return once the job may go on.

        Parameters
        ----------
        can_save : bool
            Whether the caller grants a wish to save.

        Raises
        ------
        StopRequested
            Where the job is to end.
        """
        now = time.monotonic()
        if not self._paused and now - self._looked < POLL_SECONDS:
            return
        self._looked = now
        self._can_save = can_save
        self._take()
        if self._paused:
            self._wait()

    def granted(self, command: Command) -> None:
        """Say that a command was carried out."""
        self._reporter.say(CommandAnswered(command=command.id, verb=command.verb))

    def _wait(self) -> None:
        self._reporter.state(JobState.PAUSED)
        while self._paused and not self.saves:
            time.sleep(POLL_SECONDS)
            self._take()
        if not self._paused:
            self._reporter.state(JobState.RUNNING)

    def _take(self) -> None:
        commands, strangers = self._inbox.take()
        if strangers:
            more = f" and {len(strangers) - 1} more" if len(strangers) > 1 else ""
            name = printable(strangers[0])
            self._reporter.log(f"The inbox held a file that is no command: {name}{more}. It was removed.", "warning")
        stop: Command | None = None
        for command in commands:
            match command.verb:
                case Verb.PAUSE:
                    self._paused = True
                    self.granted(command)
                case Verb.RESUME:
                    self._paused = False
                    self.granted(command)
                case Verb.SAVE if self._can_save:
                    self.saves.append(command)
                case Verb.SAVE:
                    self._refuse(command, "there is nothing to save between two stages and while one is judged")
                case _:
                    if stop is not None:
                        self.granted(stop)  # the last word counts
                    stop = command
        if stop is not None:
            self._reporter.state(JobState.STOPPING)
            if stop.verb is Verb.STOP_DISCARD:
                while self.saves:
                    self._refuse(self.saves.pop(), "the job was stopped without saving")
            raise StopRequested(stop)

    def _refuse(self, command: Command, sentence: str) -> None:
        self._reporter.say(CommandAnswered(command=command.id, verb=command.verb, refused=sentence))
