"""A miniature of a stage tree: a dot per stage, coloured by what it is."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.outline_card import KIND_TONES

_WIDEST, _HIGHEST, _LARGEST = 22.0, 18.0, 5.0


@dataclass(frozen=True, slots=True)
class MiniTree:
    """Kinds and places (lane, column) by stage, and the links (source, target, dotted) between them."""

    places: dict[str, tuple[int, int]]
    kinds: dict[str, str]
    links: tuple[tuple[str, str, bool], ...]


def paint_tree(painter: QPainter, area: QRectF, tree: MiniTree) -> None:
    """Draw a tree as large as it fits, from the left, in the middle of the height."""
    lanes = 1 + max((lane for lane, _ in tree.places.values()), default=0)
    columns = 1 + max((column for _, column in tree.places.values()), default=0)
    across, down = min(_WIDEST, area.width() / columns), min(_HIGHEST, area.height() / lanes)
    radius = min(_LARGEST, 0.32 * across, 0.36 * down)
    top = area.center().y() - (lanes - 1) * down / 2
    at = {
        name: QPointF(area.left() + radius + column * across, top + lane * down)
        for name, (lane, column) in tree.places.items()
    }
    for source, target, dotted in tree.links:
        if dotted:
            continue  # the classifier's line would cross all others at this size
        start, end = at[source], at[target]
        painter.setPen(QPen(theme.mixed("faint", "surface", 0.7), 1.2))
        bend = end.x() - across / 2
        painter.drawPolyline([start, QPointF(bend, start.y()), QPointF(bend, end.y()), end])
    painter.setPen(Qt.PenStyle.NoPen)
    for name, point in at.items():
        painter.setBrush(theme.color(KIND_TONES[tree.kinds[name]]))
        if tree.kinds[name] == "classifier":
            painter.drawRoundedRect(QRectF(point.x() - radius, point.y() - radius, 2 * radius, 2 * radius), 1.5, 1.5)
        else:
            painter.drawEllipse(point, radius, radius)
