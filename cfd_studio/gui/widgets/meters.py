"""Small bars that say how much of something is in use."""

from dataclasses import dataclass
from html import escape

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.progress_line import paint_bar

_SCARCE = 0.95
_HEIGHT = 26
_SPACE = 20


@dataclass(frozen=True, slots=True)
class MeterContent:
    """A name, a value in words and, where there is a whole, the share of it; ``scarce`` where a full bar is a worry."""

    name: str
    value: str
    fraction: float | None = None
    scarce: bool = False
    tip: str = ""


class Meter(QWidget):
    """Draws a `MeterContent` in two lines."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.content = MeterContent("", "")

    def show_content(self, content: MeterContent) -> None:
        """Show something else."""
        if content != self.content:
            self.content = content
            self.setAccessibleName(f"{content.name}: {content.value}")
            self.setToolTip(f"<qt>{escape(content.tip)}</qt>" if content.tip else "")
            self.update()

    def sizeHint(self) -> QSize:
        """Return room for the words."""
        name, value = self.content.name, self.content.value
        width = QFontMetrics(theme.font(11)).horizontalAdvance(name)
        value_width = QFontMetrics(theme.font(12, tabular=True)).horizontalAdvance(value)
        return QSize(max(width + 12 + value_width, 72), _HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw name and value above the bar."""
        shown = self.content
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        words = self.rect().adjusted(0, 0, 0, -7)
        painter.setFont(theme.font(11))
        painter.setPen(theme.color("faint"))
        painter.drawText(words, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown.name)
        painter.setFont(theme.font(12, tabular=True))
        painter.setPen(theme.color("text"))
        painter.drawText(words, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, shown.value)
        if shown.fraction is not None:
            tone = "warning" if shown.scarce and shown.fraction > _SCARCE else "accent"
            paint_bar(painter, QRectF(0, self.height() - 4, self.width(), 3), shown.fraction, tone)
        painter.end()


class MeterRow(QWidget):
    """As many meters as there is something to say and room for, the first ones first, at the right."""

    def __init__(self) -> None:
        super().__init__()
        self.meters: list[Meter] = []
        self._count = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(_HEIGHT)

    def show_contents(self, contents: list[MeterContent]) -> None:
        """Show these and no others."""
        while len(self.meters) < len(contents):
            self.meters.append(Meter(self))
        self._count = len(contents)
        for meter, content in zip(self.meters, contents, strict=False):
            meter.show_content(content)
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show what there is room for now."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        widths = [meter.sizeHint().width() for meter in self.meters[: self._count]]
        while widths and sum(widths) + _SPACE * (len(widths) - 1) > self.width():
            widths.pop()
        x = self.width() - sum(widths) - _SPACE * (len(widths) - 1)
        for meter, width in zip(self.meters, widths, strict=False):
            meter.setGeometry(x, 0, width, _HEIGHT)
            x += width + _SPACE
        for index, meter in enumerate(self.meters):
            if meter.isHidden() == (index < len(widths)):
                meter.setVisible(index < len(widths))
