"""What the session draws for a page: cells asked for together, those in sight first."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from cfd_studio.gui.bridge import Bridge
from cfd_studio.gui.models.pictures import block_image
from cfd_studio.protocol.sampling import SampleAnswer, SampleRequest
from cfd_studio.runs.launcher import Session

_NUMBERS = count()
Place = Any  # what the page tells its cells by; hashable


@dataclass(frozen=True, slots=True, eq=False)
class _Order:
    request: SampleRequest
    owner: str


class Drawings(QObject):
    """Asks the session for cells and takes its answers.

    Each cell is an owner of its own for the session, so that one can be dropped, or asked for anew, alone.

    Parameters
    ----------
    session : Session
    bridge : Bridge
    name : str
        Of whoever asks, for the session.

    Signals
    -------
    arrived(object, object, object)
        A cell, its answer, and the picture, which is None where there are no images.
    """

    arrived = Signal(object, object, object)

    def __init__(self, session: Session, bridge: Bridge, name: str) -> None:
        super().__init__()
        self.session = session
        self._bridge = bridge
        self._name = name
        self._open: dict[Place, _Order] = {}
        self.answers: dict[Place, SampleAnswer] = {}
        self.asked = 0

    @property
    def open(self) -> Collection[Place]:
        """The cells that are still to come."""
        return self._open.keys()

    def has(self, place: Place, request: SampleRequest) -> bool:
        """Tell whether a cell was drawn just so."""
        answer = self.answers.get(place)
        return answer is not None and answer.request == request

    def ask(self, wanted: Sequence[tuple[Place, SampleRequest]]) -> None:
        """Have cells drawn, in this order."""
        self.asked = len(wanted)
        # The session draws the newest wish first, so the first cell is wished for last.
        for place, request in reversed(wanted):
            self._order(place, request)

    def hurry(self, places: Collection[Place]) -> None:
        """Have these drawn before the others that are still to come."""
        for place in places:
            order = self._open.get(place)
            if order is not None:
                self.session.cancel(order.owner)
                self._order(place, order.request)

    def cancel(self) -> list[Place]:
        """Drop what is not drawn yet, and return it."""
        dropped = list(self._open)
        for order in self._open.values():
            self.session.cancel(order.owner)
        self._open.clear()
        return dropped

    def keep(self, places: Collection[Place]) -> None:
        """Forget what was drawn elsewhere than in these cells."""
        self.answers = {place: answer for place, answer in self.answers.items() if place in places}

    def forget(self) -> None:
        """Drop what is not drawn yet, and what was drawn."""
        self.cancel()
        self.answers.clear()

    def _order(self, place: Place, request: SampleRequest) -> None:
        order = _Order(request, f"{self._name} {next(_NUMBERS)}")
        self._open[place] = order
        self.session.request(request, partial(self._answer, place, order), owner=order.owner)

    def _answer(self, place: Place, order: _Order, answer: SampleAnswer) -> None:
        """Take an answer on the session's thread."""
        image = block_image(answer.images) if answer.images is not None else None
        self._bridge.post(partial(self._arrive, place, order, answer, image))

    def _arrive(self, place: Place, order: _Order, answer: SampleAnswer, image: QImage | None) -> None:
        if self._open.get(place) is not order:
            return
        del self._open[place]
        if image is None:
            self.answers.pop(place, None)
        else:
            self.answers[place] = answer
        self.arrived.emit(place, answer, image)
