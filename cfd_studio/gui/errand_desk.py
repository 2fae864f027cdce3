"""Errands asked for by the window: each answer reaches whoever asked, on the window's thread."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject

from cfd_studio.gui.bridge import Bridge
from cfd_studio.protocol.errands import Errand, ErrandAnswer
from cfd_studio.runs.launcher import Errands


class ErrandDesk(QObject):
    """Sends errands out."""

    def __init__(self, errands: Errands, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._errands = errands
        self._bridge = bridge
        self._open: dict[int, Callable[[ErrandAnswer], object]] = {}
        self._count = 0

    def send(self, errand: Errand, done: Callable[[ErrandAnswer], object]) -> int:
        """Send an errand out; return a ticket for it. ``done`` is told the answer, unless the ticket is withdrawn."""
        self._count += 1
        ticket = self._count
        self._open[ticket] = done
        self._errands.run(
            errand, lambda answer: self._bridge.post(partial(self._arrived, ticket, answer)), owner=str(ticket)
        )
        return ticket

    def withdraw(self, ticket: int) -> None:
        """Want an answer no longer; the work ends too, where it can end early."""
        if self._open.pop(ticket, None) is not None:
            self._errands.cancel_errands(str(ticket))

    def close(self) -> None:
        """Drop everything."""
        if self._open:
            self._open.clear()
            self._errands.cancel_errands()

    def _arrived(self, ticket: int, answer: ErrandAnswer) -> None:
        done = self._open.pop(ticket, None)
        if done is not None:
            done(answer)
