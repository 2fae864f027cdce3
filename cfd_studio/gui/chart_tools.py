"""The controls above a chart: how its curves are smoothed, scaled and cut, and what stands beside them."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSlider, QWidget

from cfd_studio.gui.widgets.buttons import Button, QuietComboBox
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.tick_menu import TickMenu

STAGES, RUNS = "Stages of this run", "Other runs"
EXPORTS = {"png": "Picture (PNG)…", "svg": "Drawing (SVG)…", "csv": "Numbers (CSV)…"}
# The last steps that are followed, or a share of all below 1; 0 is all.
_SPANS = {"All steps": 0.0, "Last 10 %": 0.1, "Last 100 steps": 100.0, "Last 1,000": 1000.0, "Last 10,000": 10_000.0}

_ROOM_FOR_WORDS = 500


class ChartTools(QWidget):
    """Holds the controls; whoever has it connects them."""

    def __init__(self) -> None:
        super().__init__()
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setRange(0, 100)
        self.smoothing.setValue(60)
        self.smoothing.setMinimumWidth(40)
        self.smoothing.setMaximumWidth(96)
        self.smoothing.setAccessibleName("Smoothing of the curves")
        self.smoothing.setToolTip("Smoothing of the strong lines; the faint ones are what was measured")
        self.smoothing_name = label("Smoothing", "faint")
        self.span = QuietComboBox()
        for words, steps in _SPANS.items():
            self.span.addItem(words, steps)
        self.span.setMinimumWidth(76)
        self.span.setAccessibleName("Steps that are shown")
        self.span.setToolTip("Which steps to follow; wheel or a box zooms freely, a double click shows all again")
        self.log = Button("Log", role="toggle", tip="Logarithmic axis (L)")
        self.log.setChecked(True)
        self.robust = Button("Robust", role="toggle", tip="Let single spikes stick out, that the rest stays readable")
        self.robust.setChecked(True)
        self.overlay = TickMenu(
            icon="layer-group",
            tip="Draw other stages, or the same stages of other runs, on the same chart",
            nothing="There is no other stage and no other run",
        )
        self.follow = Button(icon="location-crosshairs", role="tool", tip="Show the stage in training, whole (F)")
        self.follow.setCheckable(True)
        self.follow.setChecked(True)
        self.export = Button(icon="download", role="tool", tip="Save the chart as a picture, or its numbers")
        self.exports: dict[str, QAction] = {}
        menu = QMenu(self)
        for kind, words in EXPORTS.items():
            action = menu.addAction(words)
            action.setData(kind)
            self.exports[kind] = action
        self.export.setMenu(menu)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.smoothing_name)
        row.addWidget(self.smoothing, 1)
        row.addStretch(1)
        for tool in (self.span, self.log, self.robust, self.overlay, self.follow, self.export):
            row.addWidget(tool)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the word out where there is no room for it."""
        super().resizeEvent(event)
        self.smoothing_name.setVisible(self.width() >= _ROOM_FOR_WORDS)
