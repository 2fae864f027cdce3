"""The frontier of the judged models, with its legend and what lies under the pointer."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from cfd_studio.gui.judge_marks import LEGEND, dots_of, lines_of
from cfd_studio.gui.models.frontier import Cost, calls, floor_value, points_of
from cfd_studio.gui.models.judged import Entry
from cfd_studio.gui.widgets.frontier_plot import FrontierPlot
from cfd_studio.gui.widgets.labels import ElidedLabel, label
from cfd_studio.gui.widgets.marker import MarkerEntry
from cfd_studio.protocol.measures import Measure

_KEY = "Click selects, Ctrl+click adds, a double click draws in Compare"


class FrontierCard(QFrame):
    """The plot and its words."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.plot = FrontierPlot()
        self.read_out = ElidedLabel("", "faint", Qt.TextElideMode.ElideRight)
        self._better = label("", "faint")
        self._cost = label("", "faint")
        self._lay_out()
        self.plot.hovered.connect(self._read_out)
        self._read_out("")

    def show_entries(
        self, entries: Sequence[Entry], measure: Measure | None, words: str, cost: Cost, open_run: Path | None
    ) -> None:
        """Draw what was measured so, by what it costs."""
        self._cost.setText(f"{words} →")
        self._better.setText(f"{'Higher' if measure and measure.higher_is_better else 'Lower'} is better")
        if measure is None:
            self.plot.show_dots((), (), None, log_y=False, labels=(words, ""))
            return
        points = points_of(entries, measure, cost)
        self.plot.show_dots(
            dots_of(points, measure, open_run),
            lines_of(points, measure, open_run),
            floor_value(entries, measure),
            log_y=measure.metric == "frechet" and all(point.value > 0 for point in points),
            x_ticks=tuple(sorted({point.cost for point in points})) if cost is calls else (),
            labels=(words, measure.words),
        )

    def _read_out(self, words: str) -> None:
        self.read_out.set_whole(words or _KEY)

    def _lay_out(self) -> None:
        legend = QHBoxLayout()
        legend.setSpacing(16)
        for mark, words in LEGEND:
            legend.addWidget(MarkerEntry(mark, words))
        legend.addStretch(1)
        legend.addWidget(self._better)
        foot = QHBoxLayout()
        foot.setSpacing(16)
        foot.addWidget(self.read_out, 1)
        foot.addWidget(self._cost)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 8)
        column.setSpacing(4)
        column.addLayout(legend)
        column.addWidget(self.plot, 1)
        column.addLayout(foot)
