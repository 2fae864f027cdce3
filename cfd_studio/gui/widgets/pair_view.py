"""Two cells in one place: side by side, below a slider, in turn, or what tells them apart."""

from PySide6.QtCore import QPointF, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QFont,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.cell import Cell, Tiles, draw_block
from cfd_studio.gui.widgets.lens import Lens

BESIDE, SLIDER, BLINK, DIFFERENCE = "beside", "slider", "blink", "difference"
_GAP = 16
_GRIP = 14  # pixels on either side of the slider that take hold of it
_NUDGE = 0.02


class PairView(QWidget):
    """Paints two blocks of images of the same arrangement, through one lens.

    Attributes
    ----------
    look : str
        ``beside``, ``slider``, ``blink`` or ``difference``.
    split : float
        Where the slider is, as a share of the width; the first is at its left.
    only : int or None
        The one image that is shown of each block.

    Signals
    -------
    stepped(int)
        The image before (-1) or after (1) is wanted.
    """

    stepped = Signal(int)

    def __init__(self, lens: Lens) -> None:
        super().__init__()
        self.look = BESIDE
        self.split = 0.5
        self.only: int | None = 0
        self.second_shown = False
        self._first: Cell | None = None
        self._second: Cell | None = None
        self._heat: Cell | None = None
        self._lens = lens
        self._held: QPointF | None = None
        self._sliding = False
        self._timer = QTimer(self)
        self._timer.setInterval(500)
        self._timer.timeout.connect(self._turn)
        lens.changed.connect(self.update)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(240, 160)
        self.setAccessibleName("The two cells that are compared")
        self.setAccessibleDescription("Left and Right turn to the next image, plus and minus zoom")

    def sizeHint(self) -> QSize:
        """Ask for as much as there is."""
        return QSize(800, 400)

    def show_pair(self, first: Cell, second: Cell) -> None:
        """Show two blocks; their difference is not known yet."""
        self._first, self._second, self._heat = first, second, None
        self.update()

    def show_heat(self, heat: Cell | None) -> None:
        """Show what tells them apart; None where nothing can."""
        self._heat = heat
        self.update()

    def set_look(self, look: str) -> None:
        """Look at them in another way."""
        self.look, self.second_shown = look, False
        self._run_timer()
        self.update()

    def set_blink(self, milliseconds: int) -> None:
        """Show each for so long when they are shown in turn."""
        self._timer.setInterval(milliseconds)

    def show_only(self, index: int | None) -> None:
        """Show one image of each, or all."""
        self.only = index
        self.update()

    def showEvent(self, event: QShowEvent) -> None:
        """Blink only in sight."""
        super().showEvent(event)
        self._run_timer()

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop blinking."""
        super().hideEvent(event)
        self._timer.stop()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw them."""
        if self._first is None or self._second is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left, right = self._panes()
        if self.look == BESIDE:
            draw_block(painter, self._first, self._tiles(left), self._lens)
            draw_block(painter, self._second, self._tiles(right), self._lens)
        elif self.look == BLINK:
            draw_block(painter, self._second if self.second_shown else self._first, self._tiles(left), self._lens)
            self._letter(painter, left, "B" if self.second_shown else "A")
        elif self.look == DIFFERENCE and self._heat is not None:
            alone = self._heat.count == 1
            draw_block(painter, self._heat, Tiles.fit(left, 1, 1) if alone else self._tiles(left), self._lens)
        elif self.look == SLIDER:
            self._slide(painter, left)
        painter.end()

    def _slide(self, painter: QPainter, room: QRect) -> None:
        assert self._first is not None
        assert self._second is not None
        line = self._line()
        tiles = self._tiles(room)
        painter.setClipRect(QRect(0, 0, line, self.height()))
        draw_block(painter, self._first, tiles, self._lens)
        painter.setClipRect(QRect(line, 0, self.width() - line, self.height()))
        draw_block(painter, self._second, tiles, self._lens)
        painter.setClipping(False)
        painter.setPen(QPen(theme.color("accent"), 2))
        painter.drawLine(line, 0, line, self.height())
        painter.setBrush(theme.color("surface"))
        painter.drawEllipse(QPointF(line, self.height() / 2), 7, 7)
        self._letter(painter, QRect(line - 36, 0, 1, 1), "A")
        self._letter(painter, QRect(line + 12, 0, 1, 1), "B")

    def _letter(self, painter: QPainter, room: QRect, letter: str) -> None:
        place = QRect(room.left(), room.top() + 2, 24, 24)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent" if letter == "A" else "second"))
        painter.drawEllipse(place)
        painter.setPen(theme.color("on_accent"))
        painter.setFont(theme.font(12, QFont.Weight.Bold))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, letter)

    def _panes(self) -> tuple[QRect, QRect]:
        """Return the room of each; the whole for both where they lie in one place."""
        if self.look != BESIDE:
            return self.rect(), self.rect()
        width = (self.width() - _GAP) // 2
        return QRect(0, 0, width, self.height()), QRect(width + _GAP, 0, width, self.height())

    def _tiles(self, room: QRect) -> Tiles:
        assert self._first is not None
        count = self._first.count
        rows = [(min(room.width() // wide, room.height() // -(-count // wide)), wide) for wide in range(1, count + 1)]
        return Tiles.fit(room, count, max(rows)[1], self.only)

    def _block(self) -> tuple[int, int]:
        """Return the left edge and the width of the images that lie in one place."""
        tiles = self._tiles(self.rect())
        columns = min(tiles.columns, len(tiles.shown))
        return tiles.left, tiles.side * columns

    def _line(self) -> int:
        left, width = self._block()
        return round(left + self.split * width)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the slider, or of the images."""
        if self._first is None or event.button() != Qt.MouseButton.LeftButton:
            return
        self._held = event.position()
        near = self.look == SLIDER and abs(event.position().x() - self._line()) <= _GRIP
        self._sliding = self.look == SLIDER and (near or self._lens.zoom == 1)
        self.mouseMoveEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move the slider, or the images below the lens."""
        if self._held is None:
            return
        if self._sliding:
            left, width = self._block()
            self._slide_to((event.position().x() - left) / width)
        else:
            self._lens.drag((event.position() - self._held) / self._tiles(self._panes()[0]).side)
        self._held = event.position()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Let go."""
        self._held = None

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom with Ctrl."""
        if self._first is None:
            return
        left, right = self._panes()
        room = right if event.position().x() > right.left() else left
        if not self._lens.take_wheel(event, self._tiles(room).share(event.position())):
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Turn to the next image with the arrow keys; with Shift they move the slider."""
        way = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if way and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._slide_to(self.split + way * _NUDGE)
        elif way:
            self.stepped.emit(way)
        elif not self._lens.take_key(event.key()):
            super().keyPressEvent(event)

    def _slide_to(self, share: float) -> None:
        self.split = min(max(share, 0.0), 1.0)
        self.update()

    def _run_timer(self) -> None:
        if self.look == BLINK and self.isVisible():
            self._timer.start()
        else:
            self._timer.stop()

    def _turn(self) -> None:
        self.second_shown = not self.second_shown
        self.update()
