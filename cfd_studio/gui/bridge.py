"""Crossing from other threads into the window's: one bridge, and one clerk that does the file work."""

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

T = TypeVar("T")
_LOG = logging.getLogger(__name__)


class Bridge(QObject):
    """Runs callables on the window's thread. Made there; `post` may be called from anywhere."""

    _posted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._open = True
        self._posted.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def post(self, call: Callable[[], object]) -> None:
        """Queue a call; after `close` nothing happens."""
        if self._open:
            with contextlib.suppress(RuntimeError):  # the window is being torn down
                self._posted.emit(call)

    def close(self) -> None:
        """Drop what is still on its way."""
        self._open = False

    @Slot(object)
    def _run(self, call: Callable[[], object]) -> None:
        if self._open:
            call()


class Clerk:
    """Does file work in order on a thread of its own, and reports back through the bridge."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="cfd-clerk", daemon=True)
        self._thread.start()

    def submit(
        self,
        work: Callable[[], T],
        done: Callable[[T], Any] | None = None,
        failed: Callable[[Exception], Any] | None = None,
    ) -> None:
        """Queue work; ``done`` or ``failed`` is called on the window's thread."""
        self._work.put(partial(self._do, work, done, failed))

    def close(self) -> None:
        """Finish what is queued and end the thread."""
        self._work.put(None)
        self._thread.join(10)

    def _do(
        self, work: Callable[[], T], done: Callable[[T], Any] | None, failed: Callable[[Exception], Any] | None
    ) -> None:
        try:
            result = work()
        except Exception as error:
            if failed is None:
                _LOG.exception("work of the clerk failed")
            else:
                self._bridge.post(partial(failed, error))
            return
        if done is not None:
            self._bridge.post(partial(done, result))

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()
