"""The names of a chart's lines, with what is read out of each; a click hides one."""

from dataclasses import dataclass
from html import escape

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.line_colours import COUNT, line_colour

ROW = 20
_STROKE = 14
_GAP = 16
_VALUE = 56  # room for a value of usual length, so that the legend does not dance
_LONGEST = 220
_MOST_ROWS = 2  # with all values; more rows than that do without what was measured


@dataclass(frozen=True, slots=True)
class Entry:
    """A line's name, the number of its colour, its value and, where it is smoothed, what was measured."""

    name: str
    number: int
    value: str = ""
    measured: str = ""


class LegendEntry(QAbstractButton):
    """A coloured stroke, a name and values; checked while its line is in sight."""

    def __init__(self, entry: Entry) -> None:
        super().__init__()
        self.entry = entry
        self.compact = False
        self.setCheckable(True)
        self.setChecked(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._tell()

    def show_entry(self, entry: Entry) -> None:
        """Show something else."""
        if entry != self.entry:
            self.entry = entry
            self._tell()
            self.update()

    def sizeHint(self) -> QSize:
        """Return room for the name and for values of usual length."""
        values = _VALUE * (2 if self.entry.measured and not self.compact else 1)
        return QSize(_STROKE + 6 + self._name_width() + 8 + values, ROW)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw stroke, name and values."""
        shown, strong = self.entry, self.isChecked()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        style = Qt.PenStyle.SolidLine if shown.number < COUNT else Qt.PenStyle.DotLine
        tone = line_colour(shown.number) if strong else theme.color("border")
        painter.setPen(QPen(tone, 3, style, Qt.PenCapStyle.RoundCap))
        painter.drawLine(2, self.height() // 2, _STROKE - 1, self.height() // 2)
        x, middle = _STROKE + 6, Qt.AlignmentFlag.AlignVCenter
        font = theme.font(12)
        font.setStrikeOut(not strong)
        painter.setFont(font)
        painter.setPen(theme.color("muted" if strong else "faint"))
        name = QFontMetrics(font).elidedText(shown.name, Qt.TextElideMode.ElideRight, _LONGEST)
        painter.drawText(self.rect().adjusted(x, 0, 0, 0), middle, name)
        if strong:
            x += self._name_width() + 8
            for text, weight, tone_name in (
                (shown.value, QFont.Weight.DemiBold, "text"),
                ("" if self.compact else shown.measured, QFont.Weight.Normal, "faint"),
            ):
                painter.setFont(theme.font(12, weight, tabular=True))
                painter.setPen(theme.color(tone_name))
                painter.drawText(self.rect().adjusted(x, 0, 0, 0), middle, text)
                x += _VALUE
        if self.hasFocus():
            painter.setPen(QPen(theme.color("accent"), 1))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        painter.end()

    def _name_width(self) -> int:
        return min(QFontMetrics(theme.font(12)).horizontalAdvance(self.entry.name), _LONGEST) + 2

    def _tell(self) -> None:
        values = [self.entry.value, f"measured {self.entry.measured}" if self.entry.measured else ""]
        self.setAccessibleName(" ".join(part for part in (self.entry.name, *values) if part))
        smoothed = "<br>First the smoothed value, then what was measured" if self.entry.measured else ""
        self.setToolTip(f"<qt>{escape(self.entry.name)}: click to hide or show it{smoothed}</qt>")


class Legend(QWidget):
    """Entries in as many rows as they need.

    Signals
    -------
    hidden_changed(object)
        The keys of the lines that are not to be seen, as a frozenset.
    """

    hidden_changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[str, LegendEntry] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(ROW)

    @property
    def hidden(self) -> frozenset[str]:
        """The keys of the lines that are not to be seen."""
        return frozenset(key for key, entry in self.entries.items() if not entry.isChecked())

    def show_entries(self, entries: dict[str, Entry]) -> None:
        """Show entries by key; those that were there before stay hidden or not."""
        for key in self.entries.keys() - entries.keys():
            gone = self.entries.pop(key)
            gone.hide()
            gone.deleteLater()
        for key, content in entries.items():
            if key in self.entries:
                self.entries[key].show_entry(content)
                continue
            entry = LegendEntry(content)
            entry.setParent(self)
            entry.toggled.connect(self._toggled)
            entry.show()
            self.entries[key] = entry
        self.entries = {key: self.entries[key] for key in entries}
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break the rows anew."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        height = self._place(compact=False)
        if height > _MOST_ROWS * ROW:
            height = self._place(compact=True)
        if self.height() != height:
            self.setFixedHeight(height)

    def _place(self, *, compact: bool) -> int:
        """Place all entries, without what was measured where they are to be compact; return the height they take."""
        x = y = 0
        for entry in self.entries.values():
            entry.compact = compact
            size = entry.sizeHint()
            if x and x + size.width() > self.width():
                x, y = 0, y + ROW
            entry.setGeometry(x, y, size.width(), size.height())
            x += size.width() + _GAP
        return y + ROW

    def _toggled(self) -> None:
        self.hidden_changed.emit(self.hidden)
