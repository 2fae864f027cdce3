"""What the window may expect of whoever starts jobs and draws samples, without knowing who that is."""

from collections.abc import Callable
from typing import Protocol

from cfd_studio.protocol.commands import Command
from cfd_studio.protocol.errands import Errand, ErrandAnswer
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.sampling import SampleAnswer, SampleRequest
from cfd_studio.runs.folder import RunFolder


class JobHandle(Protocol):
    """A job that was started here."""

    @property
    def alive(self) -> bool:
        """Whether it still works."""

    @property
    def failure(self) -> str | None:
        """The sentence why it could not even begin, or None."""

    @property
    def notice(self) -> str:
        """What it has to say while the run folder takes no word of it; else empty."""

    def tell(self, command: Command) -> bool:
        """Give it a command past a disk that takes none; return whether it listens."""

    @property
    def outlives(self) -> bool:
        """Whether it goes on where the window is closed and nobody stops it."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for its end; return whether it ended."""


class Launcher(Protocol):
    """Starts jobs."""

    def start(self, run: RunFolder, request: ExecutionRequest) -> JobHandle:
        """Start training or resuming a run; returns at once."""


class Session(Protocol):
    """Draws images without a job, newest request first."""

    def request(self, request: SampleRequest, answer: Callable[[SampleAnswer], None], *, owner: str = "") -> None:
        """Queue a request of an owner; ``answer`` is called once, on a thread of the session's."""

    def cancel(self, owner: str | None = None) -> None:
        """Drop what waits and end what is being drawn, of one owner or of all; an answer on its way may still come."""

    def close(self) -> None:
        """Cancel and end the thread."""


class Errands(Protocol):
    """Whoever carries out errands, one after the other."""

    def run(self, errand: Errand, answer: Callable[[ErrandAnswer], None], *, owner: str = "") -> None:
        """Queue an errand of an owner; ``answer`` is called once, on another thread."""

    def cancel_errands(self, owner: str | None = None) -> None:
        """Drop what waits and end what is being done, of one owner or of all, where it can end early.

        Nothing more is answered.
        """
