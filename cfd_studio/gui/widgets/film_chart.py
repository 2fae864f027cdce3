"""Films under one scrubber: a row per model, noise at the left, the image at the right."""

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.film import Film
from cfd_studio.gui.widgets.progress_line import paint_bar

HEAD = 116
AXIS = 36
GAP = 8
PAD = 8
BETWEEN = 20
LEAST_ROW, LARGEST_ROW = 58, 148
LEAST_PICTURE = 18  # pixels below which a picture is left out


@dataclass(frozen=True, slots=True)
class FilmRow:
    """What stands in a row: a film, or why there is none.

    Attributes
    ----------
    state : str
        ``waiting``, ``done``, ``failed`` or ``idle``.
    steps : int
        Pictures that the film has, or will have.
    """

    name: str
    steps: int
    state: str = "idle"
    film: Film | None = None
    tip: str = ""


class FilmChart(QWidget):
    """Paints all rows itself.

    Signals
    -------
    moved(int)
        The level under the scrubber, after a person moved it.
    toggled
        Space was pressed.
    """

    moved = Signal(int)
    toggled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[FilmRow] = []
        self._top = 1
        self.level = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName("Estimates of the image, one row per model, from noise to image")

    def set_axis(self, top: int) -> None:
        """Set the level of pure noise, and go to the clean end."""
        self._top = top
        self.show_level(0)

    def set_rows(self, rows: list[FilmRow]) -> None:
        """Show these rows."""
        if rows != self.rows:
            self.rows = rows
            self.setMinimumHeight(AXIS + len(rows) * (LEAST_ROW + GAP))
            self.update()

    def show_level(self, level: int) -> None:
        """Put the scrubber at a level."""
        level = min(max(level, 0), self._top)
        if level != self.level:
            self.level = level
            self.setAccessibleDescription(f"Noise level {level} of {self._top}")
            self.update()

    def stops(self) -> list[int]:
        """Return the levels at which some row changes, falling, and the clean end."""
        made = {level for row in self.rows if row.film is not None for level in row.film.levels}
        return sorted(made | {self._top, 0}, reverse=True)

    def sizeHint(self) -> QSize:
        """Return a size at which every row reads well."""
        return QSize(720, AXIS + max(len(self.rows), 4) * (96 + GAP))

    def row_rect(self, index: int) -> QRect:
        """Return where a row is painted."""
        room = (self.height() - AXIS) // max(len(self.rows), 1) - GAP
        height = min(max(room, LEAST_ROW), LARGEST_ROW)
        return QRect(0, AXIS + index * (height + GAP), self.width(), height)

    def x_of(self, level: float) -> float:
        """Return where a level lies."""
        left, right = self._span()
        return left + (right - left) * (1 - level / self._top)

    def _span(self) -> tuple[float, float]:
        side = self.row_rect(0).height() - 2 * PAD
        return HEAD + side + BETWEEN, self.width() - PAD - 8

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw axis, rows and scrubber."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for index, row in enumerate(self.rows):
            self._draw_row(painter, QRectF(self.row_rect(index)), row)
        if self.rows:
            self._draw_axis(painter)
        painter.end()

    def _draw_row(self, painter: QPainter, rect: QRectF, row: FilmRow) -> None:
        painter.setPen(QPen(theme.color("border"), 1))
        painter.setBrush(theme.color("surface"))
        painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        now = row.film.newest(self.level) if row.film is not None else None
        self._draw_head(painter, rect, row, now)
        side = rect.height() - 2 * PAD
        place = QRectF(rect.left() + HEAD, rect.top() + PAD, side, side)
        if row.film is not None and now is not None:
            painter.setOpacity(0.45 if row.state == "waiting" else 1.0)
            row.film.draw(painter, place, now)
            self._draw_strip(painter, rect, row.film, now)
            painter.setOpacity(1.0)
        elif row.state == "failed":
            painter.setPen(theme.color("bad"))
            painter.setFont(theme.font(12))
            painter.drawText(
                rect.adjusted(HEAD, PAD, -PAD, -PAD), Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap, row.tip
            )
        if row.state == "waiting":
            left, right = self._span()
            paint_bar(painter, QRectF((left + right) / 2 - 40, rect.center().y() - 2, 80, 4), 0.5, "faint")

    def _draw_head(self, painter: QPainter, rect: QRectF, row: FilmRow, now: int | None) -> None:
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

    def _draw_strip(self, painter: QPainter, rect: QRectF, film: Film, now: int) -> None:
        """Draw the pictures where they were made, and below them for how long each is the newest; later ones pale."""
        ends = [*film.levels[1:], 0]
        bottom = rect.bottom() - PAD - 4
        free = 0.0
        whole = painter.opacity()
        for index, (made, end) in enumerate(zip(film.levels, ends, strict=True)):
            left, right = self.x_of(made), self.x_of(end)
            side = min(max(right - left - 2, LEAST_PICTURE), bottom - 4 - rect.top() - PAD)
            painter.setOpacity(whole * (1.0 if index <= now else 0.3))
            if left >= free:
                film.draw(painter, QRectF(left, bottom - 4 - side, side, side), index)
                free = left + side + 2
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent" if index == now else "border"))
            gap = 1.0 if right - left > 4 else 0.0
            painter.drawRoundedRect(QRectF(left, bottom, max(right - left - gap, 1.0), 3), 1.5, 1.5)
        painter.setOpacity(whole)

    def _draw_axis(self, painter: QPainter) -> None:
        left, right = self._span()
        painter.setFont(theme.font(11, tabular=True))
        painter.setPen(theme.color("muted"))
        painter.drawText(QRectF(12, 0, HEAD + 60, 20), Qt.AlignmentFlag.AlignVCenter, "Noise level")
        for quarter in range(5):
            level = round(self._top * (4 - quarter) / 4)
            words = {0: f"{level} · noise", 4: "image · 0"}.get(quarter, str(level))
            x = self.x_of(level)
            box = QRectF(x - 40, 0, 80, 20)
            align = Qt.AlignmentFlag.AlignHCenter
            if quarter in (0, 4):
                box = QRectF(left, 0, 90, 20) if quarter == 0 else QRectF(right - 90, 0, 90, 20)
                align = Qt.AlignmentFlag.AlignLeft if quarter == 0 else Qt.AlignmentFlag.AlignRight
            painter.drawText(box, align | Qt.AlignmentFlag.AlignVCenter, words)
        paint_bar(painter, QRectF(left, AXIS - 12, right - left, 4), 1 - self.level / self._top, "accent")
        x = self.x_of(self.level)
        painter.setPen(QPen(theme.color("accent"), 1))
        painter.drawLine(QPointF(x, AXIS - 4), QPointF(x, self.row_rect(len(self.rows) - 1).bottom()))
        painter.setPen(QPen(theme.color("accent"), 2))
        painter.setBrush(theme.color("accent" if self.hasFocus() else "surface"))
        painter.drawEllipse(QPointF(x, AXIS - 10), 6, 6)

    def event(self, event: QEvent) -> bool:
        """Show each row's own tooltip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            tips = [row.tip for index, row in enumerate(self.rows) if self.row_rect(index).contains(event.pos())]
            QToolTip.showText(event.globalPos(), tips[0] if tips else "", self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the scrubber along."""
        self._drag(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Take the scrubber along while the button is held."""
        over = event.position().x() >= self._span()[0] - 8
        self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._drag(event)

    def _drag(self, event: QMouseEvent) -> None:
        left, right = self._span()
        x = event.position().x()
        if event.buttons() & Qt.MouseButton.LeftButton and x >= left - 8:
            self._go(round(self._top * (1 - (x - left) / max(right - left, 1))))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move to the next change with the arrow keys, to the ends with Home and End, play with Space."""
        stops = self.stops()
        wanted = {
            Qt.Key.Key_Right: next((one for one in stops if one < self.level), 0),
            Qt.Key.Key_Left: next((one for one in reversed(stops) if one > self.level), self._top),
            Qt.Key.Key_Home: self._top,
            Qt.Key.Key_End: 0,
        }.get(Qt.Key(event.key()))
        if event.key() == Qt.Key.Key_Space:
            self.toggled.emit()
        elif wanted is None:
            super().keyPressEvent(event)
        else:
            self._go(wanted)

    def _go(self, level: int) -> None:
        self.show_level(level)
        self.moved.emit(self.level)
