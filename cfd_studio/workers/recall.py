"""A desk before the session's: what was drawn before is answered at once, however busy or far from loaded that is."""

import threading
from collections.abc import Callable
from typing import NamedTuple

from cfd_studio.protocol.sampling import SampleAnswer, SampleRequest
from cfd_studio.workers.desk import Desk
from cfd_studio.workers.memory import Memory

Tell = Callable[[SampleAnswer], None]


class _Asked(NamedTuple):
    request: SampleRequest
    answer: Tell
    owner: str


class Recall(Desk[_Asked, SampleAnswer]):
    """Answers from what was kept, and passes on what was not, in the order of asking.

    Parameters
    ----------
    memory : Memory
    pass_on : callable
        Takes a request, its answer and its owner.
    niceness : int
    """

    def __init__(
        self,
        memory: Memory,
        pass_on: Callable[[SampleRequest, Tell, str], None],
        niceness: int,
    ) -> None:
        self._memory = memory
        self._pass_on = pass_on
        self._passing = threading.Lock()
        super().__init__("cfd-sample-recall", niceness, None, newest_first=False)

    def request(self, request: SampleRequest, answer: Tell, owner: str) -> None:
        """Queue a request; ``answer`` is called once, here or by whoever it was passed on to."""
        self._ask(_Asked(request, answer, owner), answer, owner)

    def cancel(self, owner: str | None) -> None:
        """Drop what waits here; nothing that was dropped is passed on once this returns."""
        with self._passing:
            self._drop(owner)

    def close(self) -> None:
        """Drop everything and end the thread."""
        self._close()

    def _serve(self, wish: _Asked) -> SampleAnswer | None:
        known = self._memory.recall(wish.request)
        if known is None:
            with self._passing:
                self._still_wanted()
                self._pass_on(*wish)
        return known

    def _failed(self, wish: _Asked, sentence: str) -> SampleAnswer:
        return SampleAnswer(wish.request, error=sentence)

    def _explained(self, wish: _Asked, error: Exception) -> str:  # noqa: ARG002
        return f"Sampling failed: {type(error).__name__}: {error}."
