"""A desk: one thread that serves whoever asks, one wish after the other, and never dies of a wish."""

import logging
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from cfd_studio.protocol.errors import CfdError
from cfd_studio.workers.fitness import Fitness
from cfd_studio.workers.priority import lower_priority

_LOG = logging.getLogger(__name__)


class Answered(Protocol):
    """What comes back: it says what went wrong, if anything did."""

    @property
    def error(self) -> str | None:
        """One sentence, or None."""


Wish = TypeVar("Wish")
Answer = TypeVar("Answer", bound=Answered)


class _Dropped(Exception):  # noqa: N818, it is no error
    """The wish being served is no longer wanted."""


class Desk(ABC, Generic[Wish, Answer]):
    """Serves wishes in a thread of its own.

    Parameters
    ----------
    name : str
        Of the thread.
    niceness : int
        Of the thread.
    fitness : Fitness or None
        Told of the errors of the device.
    newest_first : bool
        Whether the newest wish is served first, or the oldest.
    """

    def __init__(self, name: str, niceness: int, fitness: Fitness | None, *, newest_first: bool) -> None:
        self._niceness = niceness
        self._fitness = fitness or Fitness()
        self._newest_first = newest_first
        self._wishes: deque[tuple[Wish, Callable[[Answer], None], str]] = deque()
        self._changed = threading.Condition()
        self._serving: str | None = None  # whose wish; None once it was dropped, and between two wishes
        self._closing = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    @abstractmethod
    def _serve(self, wish: Wish) -> Answer | None:
        """Return the answer to a wish, and call `_still_wanted` now and then; may raise anything.

        None where somebody else will answer it.
        """

    @abstractmethod
    def _failed(self, wish: Wish, sentence: str) -> Answer:
        """Return the answer to a wish that cannot be served."""

    @abstractmethod
    def _explained(self, wish: Wish, error: Exception) -> str:
        """Return the sentence for an error, and let go of everything on the device."""

    def _ask(self, wish: Wish, answer: Callable[[Answer], None], owner: str = "") -> None:
        """Queue a wish of an owner; ``answer`` is called once, on the desk's thread."""
        with self._changed:
            self._wishes.append((wish, answer, owner))
            self._changed.notify()

    def _drop(self, owner: str | None = None) -> None:
        """Drop what waits and end what is being served, of one owner or of all; an answer on its way may still come."""
        with self._changed:
            kept = [] if owner is None else [wish for wish in self._wishes if wish[2] != owner]
            self._wishes = deque(kept)
            if owner is None or self._serving == owner:
                self._serving = None

    def _close(self, patience: float | None = None) -> None:
        """Drop everything, and end the thread as soon as it is free; wait so many seconds for it, or until it is.

        The program does not end before it: torch aborts where the interpreter goes away under one of its calls.
        """
        self._drop()
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(patience)
        if self._thread.is_alive():
            threading.Thread(target=self._thread.join, name=f"{self._thread.name}-end", daemon=False).start()

    def _still_wanted(self) -> None:
        """Return, unless the wish being served was dropped."""
        if self._serving is None:
            raise _Dropped

    def _work(self) -> None:
        lower_priority(self._niceness)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wishes or self._closing)
                if self._closing:
                    return
                wish, answer, self._serving = self._wishes.pop() if self._newest_first else self._wishes.popleft()
            result: Answer | None
            try:
                result = self._serve(wish)
            except _Dropped:
                continue
            except CfdError as error:
                result = self._failed(wish, str(error))
            except Exception as error:
                result = self._failed(wish, self._explained(wish, error))
            if result is None:
                continue
            self._fitness.note(result.error)
            if self._serving is not None:
                try:
                    answer(result)
                except Exception:  # the receiver's mistake must not end the desk for everybody
                    _LOG.exception("the receiver of an answer failed")
