"""The curves of a stage, with everything needed to read them."""

import math

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from cfd_studio.gui import theme
from cfd_studio.gui.chart_tools import ChartTools
from cfd_studio.gui.models.overlay import ShownCurve, shown_curves
from cfd_studio.gui.models.quantities import QUANTITIES, Quantity, offered
from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.models.words import short
from cfd_studio.gui.overlaid import Overlaid
from cfd_studio.gui.side_feeds import SideFeeds
from cfd_studio.gui.widgets.chart import Chart
from cfd_studio.gui.widgets.chart_line import LineData
from cfd_studio.gui.widgets.chart_marks import Marks
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.legend import Entry, Legend
from cfd_studio.gui.widgets.segments import Segments

_NOTHING = "The curve appears with the first steps of this stage."
_IMPORTED = "This stage was imported, not trained here."


class CurvesPanel(QFrame):
    """Follows the stage in training, or stays with the one that was picked.

    Parameters
    ----------
    side_feeds : SideFeeds
        Of the runs whose curves stand beside the open one's.

    Signals
    -------
    stage_shown(str)
        The stage whose curves are shown now.
    pointed(object)
        The step that the person points at, or None.
    export_wanted(str)
        The format in which the chart is to be saved.
    """

    stage_shown = Signal(str)
    pointed = Signal(object)
    export_wanted = Signal(str)

    def __init__(self, side_feeds: SideFeeds) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.chart = Chart()
        self.legend = Legend()
        self.tools = ChartTools()
        self.follow, self.log = self.tools.follow, self.tools.log
        self.quantity = Segments("What is plotted")
        for key, quantity in QUANTITIES.items():
            self.quantity.add(key, quantity.words, quantity.tip)
        self.at = label("", "faint")
        self.at.setFont(theme.font(12, tabular=True))
        self.nothing = label("", "muted")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.overlaid = Overlaid(self.tools.overlay, side_feeds)
        self._log = {key: quantity.log for key, quantity in QUANTITIES.items()}
        self._stage = ""
        self._picked: str | None = None
        self._snapshot: RunSnapshot | None = None
        self._curves: list[ShownCurve] = []
        self._lay_out()
        self._wire()
        self._smooth(self.tools.smoothing.value())

    @property
    def stage(self) -> str:
        """The stage that is shown."""
        return self._stage

    def reset(self) -> None:
        """Follow again, and nothing else; called when another run is opened."""
        self._picked, self._stage, self._snapshot = None, "", None
        self.follow.setChecked(True)
        self.overlaid.clear()
        self.chart.follow_range()

    def pick(self, stage: str) -> None:
        """Stay with a stage; picking the one in training follows."""
        snapshot = self._snapshot
        if snapshot is None or stage not in snapshot.stages:
            return  # the cards of another run may be in sight until this one is read
        following = snapshot.active and snapshot.current_stage == stage
        self._picked = None if following else stage
        self.follow.setChecked(following)
        self.chart.follow_range()
        self._show()

    def show_snapshot(self, snapshot: RunSnapshot) -> None:
        """Draw what is new."""
        if self._snapshot is None:
            self.overlaid.offer_stages(snapshot.stages)
        self._snapshot = snapshot
        self._show()

    def put_needle(self, step: float | None) -> None:
        """Mark the step whose samples are shown."""
        self.chart.put_needle(step)

    def table(self) -> list[ShownCurve]:
        """Return the curves in sight."""
        return [curve for curve in self._curves if curve.key not in self.legend.hidden]

    def _show(self) -> None:
        snapshot = self._snapshot
        if snapshot is None:
            return
        stage = self._picked or snapshot.current_stage or snapshot.config.stages[-1].id
        changed = stage != self._stage
        self._stage = stage
        seen = snapshot.stages[stage]
        stages = list(dict.fromkeys([stage, *self.overlaid.stages]))
        self.quantity.offer(offered(seen))
        quantity = self._quantity
        expected = shown_curves(quantity, snapshot, stages, self.overlaid.runs)
        self._curves = [one for one in expected if len(one.curve)]
        # isHidden, for a tab that is not in front shows nothing at all
        empty = not self._curves
        self.nothing.setText(_NOTHING if seen.total_steps else _IMPORTED)
        if self.nothing.isHidden() == empty:
            self.nothing.setVisible(empty)
            self.chart.setVisible(not empty)
        self._scale(quantity)
        self.chart.axes.name_steps(f"optimizer step of {stage}" if len(stages) == 1 else "optimizer step")
        lines = [
            LineData(one.key, one.name, one.curve.steps, one.curve.values, noisy=one.smoothed) for one in self._curves
        ]
        marks = Marks(seen.checkpoints, seen.resumed, seen.total_steps)
        self.chart.show_lines(lines, seen.total_steps, marks, [one.key for one in expected])
        self._read_out()
        if changed:
            self.chart.point_at(None)
            self._pointed(None)
            self.stage_shown.emit(stage)

    @property
    def _quantity(self) -> Quantity:
        return QUANTITIES[self.quantity.current]

    def _scale(self, quantity: Quantity) -> None:
        log = self._log[self.quantity.current]
        if self.log.isChecked() != log:
            self.log.setChecked(log)
        self.chart.set_scale(log=log, robust=quantity.spiky and self.tools.robust.isChecked())

    def _read_out(self) -> None:
        """Fill the legend with what lies under the pointer, or with the newest values."""
        readings, entries = self.chart.readings(), {}
        for curve in self._curves:
            reading = readings[curve.key]
            value = measured = ""
            if reading is not None:
                value = _value(reading.value if reading.smoothed is None else reading.smoothed)
                measured = _value(reading.value) if reading.smoothed is not None else ""
            entries[curve.key] = Entry(curve.name, self.chart.numbers[curve.key], value, measured)
        self.legend.show_entries(entries)

    def _pointed(self, step: float | None) -> None:
        words = [f"step {step:,.0f}", *self.chart.happened()] if step is not None else []
        self.at.setText(" · ".join(words))
        self._read_out()
        self.pointed.emit(step)

    def _follow_clicked(self) -> None:
        if self.follow.isChecked():
            self._picked = None
            self.chart.follow_range()
        else:
            self._picked = self._stage
        self._show()

    def _freed(self) -> None:
        self.follow.setChecked(False)

    def _returned(self) -> None:
        self.follow.setChecked(self._picked is None)

    def _logged(self, log: bool) -> None:
        self._log[self.quantity.current] = log
        self._scale(self._quantity)

    def _chosen(self) -> None:
        self.chart.follow_range()
        self._returned()
        self._show()

    def _cut(self) -> None:
        self.chart.set_newest(self.tools.span.currentData())
        self._returned()

    def _smooth(self, value: int) -> None:
        self.chart.set_smoothing(value / 100)
        self._read_out()

    def _export(self) -> None:
        action = self.sender()
        assert isinstance(action, QAction)
        self.export_wanted.emit(action.data())

    def _wire(self) -> None:
        self.follow.clicked.connect(self._follow_clicked)
        self.log.toggled.connect(self._logged)
        self.tools.robust.toggled.connect(self._show)
        self.tools.smoothing.valueChanged.connect(self._smooth)
        self.tools.span.currentIndexChanged.connect(self._cut)
        self.overlaid.changed.connect(self._show)
        for action in self.tools.exports.values():
            action.triggered.connect(self._export)
        self.quantity.chosen.connect(self._chosen)
        self.legend.hidden_changed.connect(self.chart.set_hidden)
        self.chart.range_taken.connect(self._freed)
        self.chart.whole_wanted.connect(self._returned)
        self.chart.pointed.connect(self._pointed)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.quantity, 1)
        head.addWidget(self.at)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 10, 12, 8)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self.tools)
        column.addWidget(self.legend)
        column.addWidget(self.chart, 1)
        column.addWidget(self.nothing, 1)
        self.nothing.hide()


def _value(value: float) -> str:
    return short(value) if math.isfinite(value) else "not finite"
