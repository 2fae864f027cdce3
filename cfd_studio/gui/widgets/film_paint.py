"""How films are painted along an axis of noise levels."""

from dataclasses import dataclass
from itertools import pairwise

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPen, QRegion

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.film import Film, FilmRow
from cfd_studio.gui.widgets.progress_line import paint_bar

HEAD = 116
AXIS = 36
PAD = 8
LEAST_PICTURE = 18  # pixels below which a picture is left out
_PALE, _LATER = 0.45, 0.3


@dataclass(frozen=True, slots=True)
class Span:
    """Where the axis lies, from the level of pure noise at the left to the clean end."""

    left: float
    right: float
    top: int

    def x_of(self, level: float) -> float:
        """Return where a level lies."""
        return self.left + (self.right - self.left) * (1 - level / self.top)

    def level_at(self, x: float) -> int:
        """Return the level that lies there, or the end that is nearest."""
        share = (x - self.left) / max(self.right - self.left, 1.0)
        return round(self.top * (1 - min(max(share, 0.0), 1.0)))


def draw_row(painter: QPainter, rect: QRectF, row: FilmRow, level: int, span: Span, region: QRegion) -> None:
    """Draw a row: its name, the newest picture at a level, and its strip as far as it lies in a region."""
    painter.setPen(QPen(theme.color("border"), 1))
    painter.setBrush(theme.color("surface"))
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
    now = row.film.newest(level) if row.film is not None else None
    _draw_head(painter, rect, row, now)
    if row.film is not None and now is not None:
        side = rect.height() - 2 * PAD
        opacity = _PALE if row.state == "waiting" else 1.0
        painter.setOpacity(opacity)
        row.film.draw(painter, QRectF(rect.left() + HEAD, rect.top() + PAD, side, side), now)
        _draw_pictures(painter, rect, row.film, now, span, region)
        _draw_reach(painter, rect, row.film, now, span)
        painter.setOpacity(1.0)
    elif row.state == "failed":
        painter.setPen(theme.color("bad"))
        painter.setFont(theme.font(12))
        room = rect.adjusted(HEAD, PAD, -PAD, -PAD)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap, row.tip)
    if row.state == "waiting":
        bar = QRectF((span.left + span.right) / 2 - 40, rect.center().y() - 2, 80, 4)
        paint_bar(painter, bar, 0.0 if row.film is None else 0.5, "faint")


def draw_axis(painter: QPainter, width: int, level: int, span: Span, *, focused: bool) -> None:
    """Draw the axis at the top, and the handle of the scrubber."""
    painter.fillRect(0, 0, width, AXIS - 2, theme.color("window"))
    painter.setFont(theme.font(11, tabular=True))
    painter.setPen(theme.color("muted"))
    middle = Qt.AlignmentFlag.AlignVCenter
    painter.drawText(QRectF(12, 0, HEAD + 60, 20), middle, "Noise level")
    painter.drawText(QRectF(span.left, 0, 90, 20), middle, f"{span.top} · noise")
    painter.drawText(QRectF(span.right - 90, 0, 90, 20), middle | Qt.AlignmentFlag.AlignRight, "image · 0")
    for quarter in (1, 2, 3):
        mark = round(span.top * quarter / 4)
        box = QRectF(span.x_of(mark) - 40, 0, 80, 20)
        painter.drawText(box, middle | Qt.AlignmentFlag.AlignHCenter, str(mark))
    paint_bar(painter, QRectF(span.left, AXIS - 12, span.right - span.left, 4), 1 - level / span.top, "accent")
    painter.setPen(QPen(theme.color("accent"), 2))
    painter.setBrush(theme.color("accent" if focused else "surface"))
    painter.drawEllipse(QPointF(span.x_of(level), AXIS - 10), 6, 6)


def _draw_head(painter: QPainter, rect: QRectF, row: FilmRow, now: int | None) -> None:
    left, middle, width = rect.left() + 12, rect.center().y(), HEAD - 20
    painter.setFont(theme.font(13, QFont.Weight.DemiBold))
    painter.setPen(theme.color("text"))
    name = QFontMetrics(painter.font()).elidedText(row.name, Qt.TextElideMode.ElideRight, width)
    painter.drawText(QRectF(left, middle - 20, width, 20), Qt.AlignmentFlag.AlignVCenter, name)
    steps = f"{row.steps} step{'s' if row.steps != 1 else ''}"
    painter.setFont(theme.font(11, tabular=True))
    painter.setPen(theme.color("muted"))
    words = steps if now is None else f"step {now + 1} of {row.steps}"
    painter.drawText(QRectF(left, middle, width, 18), Qt.AlignmentFlag.AlignVCenter, words)


def _draw_pictures(painter: QPainter, rect: QRectF, film: Film, now: int, span: Span, region: QRegion) -> None:
    """Draw as many pictures as fit where they were made, as large as they are the newest; later ones pale."""
    bottom, whole, free = rect.bottom() - PAD - 8, painter.opacity(), 0.0
    for index, (left, right) in enumerate(_reaches(film, span)):
        if left < free:
            continue
        side = min(max(right - left - 2, LEAST_PICTURE), bottom - rect.top() - PAD)
        place = QRectF(left, bottom - side, side, side)
        free = left + side + 2
        if region.intersects(place.toAlignedRect()):
            painter.setOpacity(whole * (1.0 if index <= now else _LATER))
            film.draw(painter, place, index)
    painter.setOpacity(whole)


def _draw_reach(painter: QPainter, rect: QRectF, film: Film, now: int, span: Span) -> None:
    """Draw below the pictures for how long each is the newest."""
    painter.setPen(Qt.PenStyle.NoPen)
    for index, (left, right) in enumerate(_reaches(film, span)):
        gap = 1.0 if right - left > 4 else 0.0
        painter.setBrush(theme.color("accent" if index == now else "border"))
        painter.drawRoundedRect(QRectF(left, rect.bottom() - PAD - 4, max(right - left - gap, 1.0), 3), 1.5, 1.5)


def _reaches(film: Film, span: Span) -> list[tuple[float, float]]:
    """Return from where to where on the axis each picture is the newest."""
    places = [span.x_of(level) for level in (*film.levels, 0)]
    return list(pairwise(places))
