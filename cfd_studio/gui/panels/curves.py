"""The loss curve of one stage, with everything needed to read it."""

import math

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSlider, QVBoxLayout

from cfd_studio.gui import theme
from cfd_studio.gui.models.snapshot import RunSnapshot, StageSnapshot
from cfd_studio.gui.models.words import short
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.curve_plot import CurvePlot
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.legend import LegendEntry

_NOTHING = "The curve appears with the first steps of this stage."
_IMPORTED = "This stage was imported, not trained here."


class CurvesPanel(QFrame):
    """Follows the stage in training, or stays with the one that was picked.

    Signals
    -------
    stage_shown(str)
        The stage whose curve is shown now.
    """

    stage_shown = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.plot = CurvePlot()
        self.title = label("", "section")
        self.rate = label("", "faint")
        self.rate.setFont(theme.font(12, tabular=True))
        self.follow = Button(
            "Follow", icon="location-crosshairs", role="toggle", tip="Show the stage in training, whole (F)"
        )
        self.follow.setChecked(True)
        self.log = Button("Log scale", role="toggle", tip="Logarithmic loss axis (L)")
        self.log.setChecked(True)
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setRange(0, 100)
        self.smoothing.setValue(60)
        self.smoothing.setFixedWidth(96)
        self.smoothing.setAccessibleName("Smoothing of the loss")
        self.smoothing.setToolTip("Smoothing of the strong line; the faint one is what was measured")
        self.raw = LegendEntry("Loss", "accent", faint=True)
        self.smoothed = LegendEntry("Smoothed", "accent")
        self.held_out = LegendEntry("Held-out", "second")
        self.at = QLabel("")
        self.at.setProperty("role", "faint")
        self.at.setFont(theme.font(12, tabular=True))
        self.nothing = label("", "muted")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stage = ""
        self._picked: str | None = None
        self._snapshot: RunSnapshot | None = None
        self._lay_out()
        self.follow.clicked.connect(self._follow_clicked)
        self.log.toggled.connect(self.plot.set_log)
        self.smoothing.valueChanged.connect(self._smooth)
        self.plot.range_taken.connect(self._freed)
        self.plot.hovered.connect(self._hovered)
        self._smooth(self.smoothing.value())

    @property
    def stage(self) -> str:
        """The stage that is shown."""
        return self._stage

    def reset(self) -> None:
        """Follow again; called when another run is opened."""
        self._picked, self._stage, self._snapshot = None, "", None
        self.follow.setChecked(True)
        self.plot.follow_range()

    def pick(self, stage: str) -> None:
        """Stay with a stage; picking the one in training follows."""
        snapshot = self._snapshot
        following = snapshot is not None and snapshot.active and snapshot.current_stage == stage
        self._picked = None if following else stage
        self.follow.setChecked(following)
        self.plot.follow_range()
        self._show()

    def show_snapshot(self, snapshot: RunSnapshot) -> None:
        """Draw what is new."""
        self._snapshot = snapshot
        self._show()

    def _show(self) -> None:
        snapshot = self._snapshot
        if snapshot is None:
            return
        stage = self._picked or snapshot.current_stage or snapshot.config.stages[-1].id
        if stage != self._stage:
            self._stage = stage
            self._hovered(None)
            self.stage_shown.emit(stage)
        seen = snapshot.stages[stage]
        self.title.setText(f"Loss of {stage}")
        self.rate.setText(_rate(seen) if snapshot.active and snapshot.current_stage == stage else "")
        self.rate.setToolTip(_learning_rate(seen))
        # isHidden, for a tab that is not in front shows nothing at all
        empty = not len(seen.loss) and not len(seen.held_out)
        self.nothing.setText(_NOTHING if seen.total_steps else _IMPORTED)
        if self.nothing.isHidden() == empty:
            self.nothing.setVisible(empty)
            self.plot.setVisible(not empty)
        self.plot.show_curves(
            (seen.loss.steps, seen.loss.values), (seen.held_out.steps, seen.held_out.values), seen.total_steps
        )
        if not self.at.text():
            self._show_last(seen)

    def _show_last(self, seen: StageSnapshot) -> None:
        """Fill the legend with the newest values while nothing is pointed at."""
        self.raw.show_value(_value(seen.loss.values[-1]) if len(seen.loss) else "")
        last = self.plot.last_smoothed()
        self.smoothed.show_value(_value(last) if last is not None else "")
        self.held_out.show_value(_value(seen.held_out.values[-1]) if len(seen.held_out) else "")

    def _hovered(self, found: dict[str, float] | None) -> None:
        if found is None:
            self.at.setText("")
            if self._snapshot is not None and self._stage:
                self._show_last(self._snapshot.stages[self._stage])
            return
        self.at.setText(f"step {found['step']:,.0f}")
        self.raw.show_value(_value(found["raw"]))
        self.smoothed.show_value(_value(found["smoothed"]))
        self.held_out.show_value(_value(found["calm"]) if "calm" in found else "")

    def _follow_clicked(self) -> None:
        if self.follow.isChecked():
            self._picked = None
            self.plot.follow_range()
        else:
            self._picked = self._stage
        self._show()

    def _freed(self) -> None:
        self.follow.setChecked(False)

    def _smooth(self, value: int) -> None:
        self.plot.set_smoothing(value / 100)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.title)
        head.addWidget(self.rate)
        head.addStretch(1)
        head.addWidget(label("Smoothing", "faint"))
        head.addWidget(self.smoothing)
        head.addSpacing(8)
        head.addWidget(self.log)
        head.addWidget(self.follow)
        legend = QHBoxLayout()
        legend.setSpacing(20)
        for entry in (self.raw, self.smoothed, self.held_out):
            legend.addWidget(entry)
        legend.addWidget(self.at)
        legend.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 10, 12, 8)
        column.setSpacing(6)
        column.addLayout(head)
        column.addLayout(legend)
        column.addWidget(self.plot, 1)
        column.addWidget(self.nothing, 1)
        self.nothing.hide()


def _value(value: float) -> str:
    return short(float(value)) if math.isfinite(value) else "not finite"


def _rate(seen: StageSnapshot) -> str:
    return f"{seen.images_per_second:,.0f} images/s" if seen.images_per_second else ""


def _learning_rate(seen: StageSnapshot) -> str:
    return f"Learning rate {seen.learning_rate.values[-1]:.1e}" if len(seen.learning_rate) else ""
