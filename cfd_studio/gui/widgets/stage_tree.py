"""Cards in lanes, with lines from each to those that follow from it."""

from PySide6.QtCore import QObject, QPoint, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.stage_card import CARD_HEIGHT, CARD_WIDTH, CardContent, StageCard

GAP = 16
LANE_GAP = 12


class StageTree(QWidget):
    """Places cards on a grid of lanes and columns.

    Signals
    -------
    picked(str)
        The id of a clicked card.
    menu_wanted(str, QPoint)
        The id of a card whose menu was asked for, by mouse or key, and where on the screen.
    """

    picked = Signal(str)
    menu_wanted = Signal(str, QPoint)

    def __init__(self) -> None:
        super().__init__()
        self.cards: dict[str, StageCard] = {}
        self._places: dict[str, tuple[int, int]] = {}
        self._links: list[tuple[str, str, bool]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_tree(self, places: dict[str, tuple[int, int]], links: list[tuple[str, str, bool]]) -> None:
        """Make a card for every place (lane, column); a link is (source, target, dashed)."""
        for card in self.cards.values():
            card.hide()
            card.deleteLater()
        self.cards = {}
        self._places, self._links = places, links
        for name in sorted(places, key=lambda one: places[one]):  # the order of the tab key
            card = StageCard(CardContent(name, ""))
            card.setParent(self)
            card.clicked.connect(self._clicked)
            card.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            card.customContextMenuRequested.connect(self._menu_asked)
            card.setObjectName(f"card-{name}")
            card.show()
            self.cards[name] = card
        lanes, columns = self._shape()
        self.setMinimumSize(columns * (CARD_WIDTH + GAP) - GAP, lanes * (CARD_HEIGHT + LANE_GAP) - LANE_GAP)
        self.setMaximumHeight(self.minimumHeight())
        self._arrange()

    def select(self, name: str) -> None:
        """Mark one card."""
        for other, card in self.cards.items():
            if card.isChecked() != (other == name):
                card.setChecked(other == name)

    def sizeHint(self) -> QSize:
        """Return the smallest size."""
        return self.minimumSize()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the cards share the width."""
        super().resizeEvent(event)
        self._arrange()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the links; the cards draw themselves."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for source, target, dashed in self._links:
            if source not in self.cards or target not in self.cards:
                continue
            first, second = self.cards[source].geometry(), self.cards[target].geometry()
            start = QPointF(first.right() + 1, first.center().y())
            end = QPointF(second.left(), second.center().y())
            tone = theme.mixed("faint", "window", 0.6)
            painter.setPen(QPen(tone, 1.4, Qt.PenStyle.DotLine if dashed else Qt.PenStyle.SolidLine))
            painter.drawPath(_elbow(start, end))
            if dashed and end.x() - start.x() > 120:
                painter.setPen(theme.color("faint"))
                painter.setFont(theme.font(11))
                painter.drawText(
                    round(start.x()) + 16, round(start.y()) - 20, round(end.x() - start.x()) - 32, 16,
                    Qt.AlignmentFlag.AlignCenter, "features to distil with",
                )  # fmt: skip
        painter.end()

    def _clicked(self) -> None:
        if (name := self._name_of(self.sender())) is not None:
            self.select(name)
            self.picked.emit(name)

    def _menu_asked(self, point: QPoint) -> None:
        card = self.sender()
        if isinstance(card, StageCard) and (name := self._name_of(card)) is not None:
            self.menu_wanted.emit(name, card.mapToGlobal(point))

    def _name_of(self, card: QObject) -> str | None:
        return next((name for name, other in self.cards.items() if other is card), None)

    def _shape(self) -> tuple[int, int]:
        lanes = max((lane for lane, _ in self._places.values()), default=0) + 1
        columns = max((column for _, column in self._places.values()), default=0) + 1
        return lanes, columns

    def _arrange(self) -> None:
        _, columns = self._shape()
        pitch = max(CARD_WIDTH + GAP, (self.width() + GAP) / columns)
        for name, (lane, column) in self._places.items():
            left, right = round(column * pitch), round((column + 1) * pitch) - GAP
            self.cards[name].setGeometry(left, lane * (CARD_HEIGHT + LANE_GAP), right - left, CARD_HEIGHT)
        self.update()


def _elbow(start: QPointF, end: QPointF) -> QPainterPath:
    path = QPainterPath(start)
    if abs(start.y() - end.y()) < 1:
        path.lineTo(end)
        return path
    middle, radius = (start.x() + end.x()) / 2, 6.0
    down = 1 if end.y() > start.y() else -1
    path.lineTo(middle - radius, start.y())
    path.quadTo(middle, start.y(), middle, start.y() + down * radius)
    path.lineTo(middle, end.y() - down * radius)
    path.quadTo(middle, end.y(), middle + radius, end.y())
    path.lineTo(end)
    return path
