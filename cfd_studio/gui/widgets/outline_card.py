"""One line of an indented list of cards: a coloured mark, name, kind, and what is wrong or changed in it."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy

from cfd_studio.gui import theme

OUTLINE_HEIGHT = 58
INDENT = 20
# The colour of what a stage is, wherever stages are drawn.
KIND_TONES = {"classifier": "faint", "teacher": "text", "progressive": "accent", "feature": "second"}


@dataclass(frozen=True, slots=True)
class OutlineContent:
    """What a card shows.

    Attributes
    ----------
    kind : str
        Colours its mark; an empty one has none.
    rails : tuple of bool
        For every level above the card, whether a branch there goes on below it.
    """

    title: str
    words: str
    kind: str = ""
    rails: tuple[bool, ...] = ()
    problems: int = 0
    changed: bool = False


class OutlineCard(QAbstractButton):
    """Draws an `OutlineContent`; a click or the focus of a key selects it.

    Signals
    -------
    moved(int)
        An arrow key asks for the card that is so many further down.
    """

    moved = Signal(int)

    def __init__(self, content: OutlineContent) -> None:
        super().__init__()
        self.content = content
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.show_content(content)

    def show_content(self, content: OutlineContent) -> None:
        """Show something else."""
        self.content = content
        wrong = f"{content.problems} to mend" if content.problems else ""
        changed = "changed" if content.changed else ""
        parts = [part for part in (content.title, content.words, wrong, changed) if part]
        self.setAccessibleName(", ".join(parts))
        self.setToolTip("\n".join(parts))
        self.update()

    def sizeHint(self) -> QSize:
        """Return the size of a card."""
        return QSize(200, OUTLINE_HEIGHT)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go up and down with the arrows."""
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.moved.emit(step)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the card, and the branch that leads to it."""
        shown = self.content
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_branch(painter)
        frame = QRectF(self.rect()).adjusted(len(shown.rails) * INDENT + 1, 3, -1, -3)
        focus = self.hasFocus() or self.underMouse()
        border = "bad" if shown.problems else "accent" if self.isChecked() else "faint" if focus else "border"
        painter.setPen(QPen(theme.color(border), 1.6 if self.isChecked() else 1.0))
        painter.setBrush(theme.color("accent_soft" if self.isChecked() else "surface"))
        painter.drawRoundedRect(frame, 8, 8)
        left, right = frame.left() + 12, frame.right() - 12
        if shown.kind:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color(KIND_TONES.get(shown.kind, "faint")))
            mark = QRectF(left, frame.top() + 12, 9, 9)
            radius = 2 if shown.kind == "classifier" else 4.5
            painter.drawRoundedRect(mark, radius, radius)
            left += 17
        if shown.problems:
            right = self._badge(painter, right, frame.top() + 8, str(shown.problems))
        elif shown.changed:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent"))
            painter.drawEllipse(QPointF(right - 3, frame.top() + 16), 3, 3)
            right -= 12
        painter.setPen(theme.color("text"))
        painter.setFont(theme.font(13, QFont.Weight.DemiBold))
        _elided(painter, QRectF(left, frame.top() + 6, right - left, 20), shown.title)
        painter.setPen(theme.color("muted"))
        painter.setFont(theme.font(11))
        _elided(painter, QRectF(frame.left() + 12, frame.top() + 27, frame.width() - 24, 16), shown.words)
        painter.end()

    def _draw_branch(self, painter: QPainter) -> None:
        """Draw the line from the stage above, and those that pass by to others."""
        painter.setPen(QPen(theme.mixed("faint", "window", 0.6), 1.4))
        rails, middle, bottom = self.content.rails, self.height() / 2, float(self.height())
        for level, goes_on in enumerate(rails):
            x = (level + 0.5) * INDENT + 1
            own = level == len(rails) - 1
            if own or goes_on:
                painter.drawLine(QPointF(x, 0), QPointF(x, bottom if goes_on else middle))
            if own:
                painter.drawLine(QPointF(x, middle), QPointF(x + INDENT / 2, middle))

    @staticmethod
    def _badge(painter: QPainter, right: float, top: float, text: str) -> float:
        painter.setFont(theme.font(11, QFont.Weight.DemiBold))
        width = max(18, QFontMetrics(painter.font()).horizontalAdvance(text) + 12)
        area = QRectF(right - width, top, width, 18)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("bad_soft"))
        painter.drawRoundedRect(area, 9, 9)
        painter.setPen(theme.color("bad"))
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)
        return area.left() - 6


def _elided(painter: QPainter, area: QRectF, text: str) -> None:
    fitted = QFontMetrics(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, int(area.width()))
    painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, fitted)
