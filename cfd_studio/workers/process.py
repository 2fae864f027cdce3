"""Jobs in a process of their own, detached on purpose: they outlive the window that started them."""

import re
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

from cfd_studio.protocol.commands import Command
from cfd_studio.protocol.events import JobState
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.job_folder import JobFolder
from cfd_studio.runs.status import read_status
from cfd_studio.workers.priority import lower_priority

TOLD_BYTES = 16_384
# What the command line says of a `CfdError`: one sentence, and a line for each problem of a config.
_SENTENCE = re.compile(r"^cfd-studio: (.*(?:\n  .*)*)", re.MULTILINE)


class ProcessJob:
    """A job that the command line works on, in a session of its own; the run folder is the only tie to it.

    Everything that the process prints goes into ``<run>/output-*.txt``. The file is removed once the process has
    ended and its job's journal, or its failure, tells how.

    Parameters
    ----------
    run : RunFolder
    command : list of str
        The command line of a process that trains it.
    niceness : int, optional
        Of the process.
    """

    outlives = True

    def __init__(self, run: RunFolder, command: list[str], niceness: int = 0) -> None:
        self._run = run
        self._command = command
        self._niceness = niceness
        self.failure: str | None = None
        # It waits for the process and may therefore outlast the window: the interpreter must not wait for it.
        self._thread = threading.Thread(target=self._work, name="cfd-process", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the process works or is about to."""
        return self._thread.is_alive()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for its end; return whether it ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        lower_priority(self._niceness)  # the process inherits it
        output = self._run.path / time.strftime(f"output-%Y%m%d-%H%M%S-{uuid.uuid4().hex[:6]}.txt")
        before = len(self._run.jobs())
        try:
            with output.open("xb") as stream:
                process = _spawn(self._command, stream.fileno())
        except OSError as error:
            self.failure = f"{self._run.path}: the process could not be started ({error.strerror or error})."
            return
        code = process.wait()
        told = _end_of(output)
        began = self._run.jobs()[before:]
        if sentences := _SENTENCE.findall(told):
            self.failure = sentences[-1]
        elif code and not began:
            last = told.strip().rpartition("\n")[2] or "it said nothing"
            self.failure = f"The process {_how(code)} before the job began: {last}. Its output lies in {output}."
        if self._is_told(began, sentences):
            output.unlink(missing_ok=True)

    def tell(self, command: Command) -> bool:  # noqa: ARG002, only the run folder ties it to this process
        """Return False: nobody here can reach it past a disk that takes no command."""
        return False

    @property
    def notice(self) -> str:
        """Nothing: what it says beside its journal goes into the file of its output."""
        return ""

    @staticmethod
    def _is_told(began: list[JobFolder], sentences: list[str]) -> bool:
        """Tell whether everything that the process said stands somewhere else too."""
        status = read_status(began[-1].status) if began else None
        if status is None:
            return bool(sentences) and not began
        return status.state is JobState.FINISHED or (status.state is JobState.STOPPED and not sentences)


class ProcessLauncher:
    """Starts each job in a process of its own; it needs no torch here.

    Parameters
    ----------
    niceness : int, optional
        Of the processes; 0 where no window wants a share.
    """

    def __init__(self, niceness: int = 0) -> None:
        self._niceness = niceness

    def start(self, run: RunFolder, request: ExecutionRequest) -> ProcessJob:
        """Start training or resuming a run; returns at once."""
        return ProcessJob(run, resume_command(run, request), self._niceness)


def resume_command(run: RunFolder, request: ExecutionRequest) -> list[str]:
    """Return the command line that goes on with a run as the request wants it."""
    program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "cfd_studio"]
    command = [*program, "resume", str(run.path.absolute())]
    command += ["--device", request.device, "--threads", str(request.threads)]
    if request.processes > 1:
        command += ["--nproc", str(request.processes)]
    if request.accumulation:
        command += ["--accumulate", str(request.accumulation)]
    return command + told_options(request)


def told_options(request: ExecutionRequest) -> list[str]:
    """Return the options of a command line that say what is asked for beside the defaults, number formats and files."""
    options = {
        "--precision": "" if request.precision == "auto" else request.precision,
        "--fast": request.fast,
        "--data": request.data_folder,
        "--inception-file": request.inception_file,
    }
    return [word for option, value in options.items() if value for word in (option, value)]


def _spawn(command: list[str], output: int) -> subprocess.Popen[bytes]:
    """Start a process that no signal to this one's terminal or group reaches."""
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, creationflags=flags
        )
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
    )


def _end_of(output: Path) -> str:
    try:
        with output.open("rb") as stream:
            stream.seek(max(0, output.stat().st_size - TOLD_BYTES))
            return stream.read(TOLD_BYTES).decode(errors="replace")
    except OSError:
        return ""


def _how(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
