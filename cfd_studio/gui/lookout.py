"""Looks at many folders on a few threads; one that does not answer holds up nobody but itself."""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")
HANDS = 2
PATIENCE_SECONDS = 2.0  # after which a folder counts as silent, and another thread takes over the others
_LOG = logging.getLogger(__name__)


class Lookout(Generic[T]):
    """Asks after places, each by a function of its own that may take for ever, as a share does whose server is gone.

    A thread that waits for a silent place is given up: another takes its work, and it ends with its answer. Each place
    is asked after once at a time, so there are never more threads than silent places and a few.
    """

    def __init__(self) -> None:
        self._todo: queue.SimpleQueue[tuple[Path, Callable[[], T]] | None] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._asked: set[Path] = set()
        self._since: dict[Path, float] = {}
        self._silent: set[Path] = set()
        self._answers: dict[Path, T] = {}
        self._threads: list[threading.Thread] = []
        for _ in range(HANDS):
            self._start_hand()

    def ask(self, place: Path, look: Callable[[], T]) -> None:
        """Look at a place, unless somebody is still looking."""
        with self._changed:
            if place in self._asked:
                return
            self._asked.add(place)
        self._todo.put((place, look))

    def collect(self, seconds: float) -> dict[Path, T]:
        """Return the answers that came since the last call; waits for those that are due, about so long at most."""
        deadline = time.monotonic() + seconds
        with self._changed:
            self._give_up()
            while self._asked - self._silent and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(min(left, PATIENCE_SECONDS))
                self._give_up()
            answers, self._answers = self._answers, {}
        return answers

    @property
    def busy(self) -> bool:
        """Whether an answer is due."""
        with self._changed:
            return bool(self._asked - self._silent)

    @property
    def silent(self) -> frozenset[Path]:
        """The places that were asked after and do not answer."""
        with self._changed:
            return frozenset(self._silent)

    def close(self) -> None:
        """End the threads; those that wait for a silent place are left to it."""
        with self._changed:
            self._silent |= self._since.keys()
        with contextlib.suppress(queue.Empty):
            while True:
                self._todo.get_nowait()
        for _ in self._threads:
            self._todo.put(None)
        deadline = time.monotonic() + PATIENCE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _start_hand(self) -> None:
        thread = threading.Thread(target=self._serve, name="cfd-lookout", daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def _give_up(self) -> None:
        """Start a thread in the place of each one that waits in vain."""
        now = time.monotonic()
        for place, since in self._since.items():
            if now - since > PATIENCE_SECONDS and place not in self._silent:
                self._silent.add(place)
                self._start_hand()

    def _serve(self) -> None:
        while (item := self._todo.get()) is not None:
            place, look = item
            with self._changed:
                self._since[place] = time.monotonic()
            answers: dict[Path, T] = {}
            try:
                answers[place] = look()
            except Exception:
                _LOG.exception("looking at %s failed", place)
            with self._changed:
                replaced = place in self._silent
                self._asked.discard(place)
                self._silent.discard(place)
                del self._since[place]
                self._answers |= answers
                self._changed.notify_all()
            if replaced:
                return
