"""A card to begin from: a miniature of the stage tree, a name, and a sentence."""

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.mini_tree import MiniTree, paint_tree

_HEIGHT, _PAD, _TREE = 216, 16, 64

_WRAPPED = int(Qt.TextFlag.TextWordWrap) | int(Qt.AlignmentFlag.AlignTop)


@dataclass(frozen=True, slots=True)
class PresetContent:
    """What a card shows; ``facts`` is a short line below the sentence, ``tip`` all that is to be said."""

    title: str
    sentence: str
    facts: str
    tip: str
    tree: MiniTree


class PresetCard(QAbstractButton):
    """Draws a `PresetContent`; a click, Space or Return chooses it."""

    def __init__(self, content: PresetContent) -> None:
        super().__init__()
        self.content = content
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(f"{content.title}, {content.facts}")
        self.setAccessibleDescription(content.tip)
        self.setToolTip(content.tip)

    def sizeHint(self) -> QSize:
        """Return room for tree, name and sentence."""
        return QSize(280, _HEIGHT)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose with Return as well."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the card."""
        shown = self.content
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        focus = self.hasFocus() or self.underMouse()
        painter.setPen(QPen(theme.color("accent" if self.isChecked() or self.hasFocus() else "border"),
                            1.8 if self.isChecked() else 1.0))  # fmt: skip
        painter.setBrush(theme.color("surface"))
        painter.drawRoundedRect(frame, 10, 10)
        inside = frame.adjusted(_PAD, _PAD, -_PAD, -_PAD)
        paint_tree(painter, QRectF(inside.left(), inside.top(), inside.width(), _TREE), shown.tree)
        painter.setPen(theme.color("accent" if focus else "text"))
        painter.setFont(theme.font(14, QFont.Weight.DemiBold))
        title = QFontMetrics(painter.font()).elidedText(shown.title, Qt.TextElideMode.ElideRight, int(inside.width()))
        place = QRectF(inside.left(), inside.top() + _TREE + 10, inside.width(), 20)
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, title)
        painter.setPen(theme.color("muted"))
        painter.setFont(theme.font(12))
        words = QRectF(inside.left(), place.bottom() + 4, inside.width(), inside.bottom() - 20 - place.bottom() - 4)
        painter.drawText(words, _WRAPPED, _fitted(painter, words, shown.sentence))
        painter.setPen(theme.color("faint"))
        painter.setFont(theme.font(11, tabular=True))
        facts = painter.fontMetrics().elidedText(shown.facts, Qt.TextElideMode.ElideRight, int(inside.width()))
        painter.drawText(inside, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft, facts)
        painter.end()


def _fitted(painter: QPainter, area: QRectF, text: str) -> str:
    """Return as many words as have room."""
    shown = text
    while painter.boundingRect(area, _WRAPPED, shown).height() > area.height() and " " in text:
        text = text.rpartition(" ")[0]
        shown = f"{text} …"
    return shown
