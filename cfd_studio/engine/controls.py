"""How a job listens: every loop polls, and a pause is a poll that takes its time."""

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from weakref import WeakValueDictionary

from cfd_studio.engine.reporter import Reporter
from cfd_studio.protocol.commands import Command, Verb
from cfd_studio.protocol.errors import JobError, printable
from cfd_studio.protocol.events import CommandAnswered, JobState
from cfd_studio.runs.inbox import Inbox
from cfd_studio.runs.job_folder import JobFolder

POLL_SECONDS = 0.05
NOTHING_TO_SAVE = "there is nothing to save between two stages and while one is judged"


_LISTENING: WeakValueDictionary[Path, "Controls"] = WeakValueDictionary()


def listening(run: Path) -> "Controls | None":
    """Return the controls of the job of this very process that works on a run."""
    return _LISTENING.get(run)


class StopRequested(Exception):  # noqa: N818, it is a request and no error
    """Raised out of `Controls.poll`.

    Attributes
    ----------
    keep : bool
        Whether to save first.
    unsaved : str
        Why that was not possible; empty where it was.
    """

    def __init__(self, command: Command) -> None:
        self.command = command
        self.keep = command.verb is Verb.STOP_KEEP
        self.unsaved = ""
        super().__init__(command.verb.value)


class Controls:
    """Takes commands from a job's inbox.

    Attributes
    ----------
    saves : list of Command
        Wishes to save that the loop has still to grant with `granted`.
    notice : str
        What the job has to say while the run folder takes no word of it; else empty.
    """

    def __init__(self, job: JobFolder, reporter: Reporter) -> None:
        self._folder = job.path
        self._inbox = Inbox(job.inbox)
        self._reporter = reporter
        self._looked = 0.0
        self._paused = False
        self._cannot_save: str | None = NOTHING_TO_SAVE
        self._handed: deque[Command] = deque()
        self.notice = ""
        _LISTENING[job.path.parents[1]] = self
        self.saves: list[Command] = []

    def poll(self, *, can_save: bool = False, pausing: Callable[[], None] = lambda: None) -> None:
        """Look into the inbox, at most every 50 ms; return once the job may go on.

        Parameters
        ----------
        can_save : bool
            Whether the caller grants a wish to save.
        pausing : callable, optional
            Called before a pause, which may be long.

        Raises
        ------
        StopRequested
            Where the job is to end.
        JobError
            Where its folder is gone.
        """
        now = time.monotonic()
        if not self._paused and now - self._looked < POLL_SECONDS:
            return
        self._looked = now
        self._cannot_save = None if can_save else NOTHING_TO_SAVE
        self._take()
        if self._paused:
            pausing()
            self._wait()

    def hold(self, seconds: float) -> None:
        """Listen for a while, as in a pause in which nothing can be saved; a wish to go on ends it early.

        Raises
        ------
        StopRequested, JobError
            As `poll` does.
        """
        self._cannot_save = "the disk takes nothing at the moment"
        deadline = time.monotonic() + seconds
        while not self._take() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)

    def hand(self, command: Command) -> None:
        """Take a command past a disk that takes none; called from any thread."""
        self._handed.append(command)

    def granted(self, command: Command) -> None:
        """Say that a command was carried out."""
        self._reporter.say(CommandAnswered(command=command.id, verb=command.verb))

    def _wait(self) -> None:
        with self._reporter.within("paused"):
            self._reporter.state(JobState.PAUSED)
            while self._paused and not self.saves:
                time.sleep(POLL_SECONDS)
                self._take()
        if not self._paused:
            self._reporter.state(JobState.RUNNING)

    def _take(self) -> bool:
        """Carry out what lies in the inbox; return whether it was asked to go on."""
        self._check_folder()
        commands, strangers = self._inbox.take()
        while self._handed:
            commands.append(self._handed.popleft())
        if strangers:
            more = f" and {len(strangers) - 1} more" if len(strangers) > 1 else ""
            name = printable(strangers[0])
            self._reporter.log(f"The inbox held a file that is no command: {name}{more}. It was removed.", "warning")
        stop: Command | None = None
        go_on = False
        for command in commands:
            match command.verb:
                case Verb.PAUSE:
                    self._paused = True
                    self.granted(command)
                case Verb.RESUME:
                    self._paused = False
                    go_on = True
                    self.granted(command)
                case Verb.SAVE if self._cannot_save:
                    self._refuse(command, self._cannot_save)
                case Verb.SAVE:
                    self.saves.append(command)
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
        return go_on

    def _check_folder(self) -> None:
        """Notice that the folder was deleted or moved away; without it no work of the job could be kept."""
        folder = self._folder
        try:
            folder.stat()
        except (FileNotFoundError, NotADirectoryError):
            raise JobError(
                "the folder of the job is gone",
                where=str(folder),
                advice="If the run was moved, resume it where it is now; what was saved is in it.",
            ) from None
        except OSError:  # a network folder that is away for a moment
            return

    def _refuse(self, command: Command, sentence: str) -> None:
        self._reporter.say(CommandAnswered(command=command.id, verb=command.verb, refused=sentence))
