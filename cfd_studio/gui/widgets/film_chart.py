"""Films under one scrubber: a row per model, noise at the left, the image at the right."""

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QRegion
from PySide6.QtWidgets import QToolTip, QWidget

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.film import FilmRow
from cfd_studio.gui.widgets.film_paint import AXIS, HEAD, PAD, Span, draw_axis, draw_row

GAP = 8
BETWEEN = 20
LEAST_ROW, LARGEST_ROW = 58, 148


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
        self._scrolled = 0
        self.level = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName("Estimates of the image, one row per model, from noise to image")
        self.setAccessibleDescription("Left and Right go from step to step, Space plays")

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
            before, self.level = self.level, level
            self.setAccessibleDescription(f"Noise level {level} of {self._top}")
            self.update(self._changed(before))

    def keep_axis(self, scrolled: int) -> None:
        """Show the axis so far below the top: at the top of what is in sight."""
        self._scrolled = scrolled
        self.update()

    def _changed(self, before: int) -> QRegion:
        """Return what a move of the scrubber changes: axis and line, and the rows that show another picture."""
        area = QRegion(0, self._scrolled, self.width(), AXIS)
        for level in (before, self.level):
            area += QRect(round(self.x_of(level)) - 2, 0, 5, self.height())
        for index, row in enumerate(self.rows):
            if row.film is not None and row.film.newest(before) != row.film.newest(self.level):
                area += self.row_rect(index)
        return area

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
        return self._span().x_of(level)

    def _span(self) -> Span:
        side = self.row_rect(0).height() - 2 * PAD
        return Span(HEAD + side + BETWEEN, self.width() - PAD - 8, self._top)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw axis, rows and scrubber."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        span = self._span()
        for index, row in enumerate(self.rows):
            rect = self.row_rect(index)
            if event.region().intersects(rect):
                draw_row(painter, QRectF(rect), row, self.level, span, event.region())
        if self.rows:
            x, foot = span.x_of(self.level), self.row_rect(len(self.rows) - 1).bottom()
            painter.setPen(QPen(theme.color("accent"), 1))
            painter.drawLine(QPointF(x, AXIS - 4), QPointF(x, foot))
            painter.translate(0, self._scrolled)
            draw_axis(painter, self.width(), self.level, span, focused=self.hasFocus())
        painter.end()

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
        over = event.position().x() >= self._span().left - 8
        self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._drag(event)

    def _drag(self, event: QMouseEvent) -> None:
        span = self._span()
        if event.buttons() & Qt.MouseButton.LeftButton and event.position().x() >= span.left - 8:
            self._go(span.level_at(event.position().x()))

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
