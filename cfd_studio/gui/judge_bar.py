"""The choices above the judged models: what is measured, against which images, at which cost, of which runs."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QMenu, QWidget

from cfd_studio.gui.models.frontier import Cost, calls, time_per_image
from cfd_studio.gui.models.words import REFERENCE_WORDS
from cfd_studio.gui.widgets.buttons import Button, QuietComboBox
from cfd_studio.protocol.measures import Measure

_COSTS: tuple[tuple[str, str, Cost], ...] = (
    ("Calls", "network calls per image", calls),
    ("Time", "milliseconds per image", time_per_image),
)
_EXPORTS = {
    "copy": "Copy table",
    "csv": "Save table as CSV…",
    "markdown": "Save table as Markdown…",
    "report": "Export report…",
}


class JudgeBar(QWidget):
    """A row of choices.

    Signals
    -------
    changed
        Another measure, reference or cost.
    runs_changed
        Other runs beside the open one.
    evaluate_wanted
        The button.
    export_wanted(str)
        ``copy``, ``csv``, ``markdown`` or ``report``.
    """

    changed = Signal()
    runs_changed = Signal()
    evaluate_wanted = Signal()
    export_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.known_runs: Callable[[], Sequence[tuple[Path, str]]] = tuple
        self.beside: set[Path] = set()
        self._open: Path | None = None
        self._measures: list[Measure] = []
        self.measure = QuietComboBox()
        self.measure.setAccessibleName("Figure")
        self.measure.setToolTip("What the height of a point says")
        self.measure.setMinimumWidth(132)
        self.measure.currentIndexChanged.connect(self.changed)
        self.references = QButtonGroup(self)
        for reference, words in REFERENCE_WORDS.items():
            short = words.capitalize().removesuffix(" images")
            choice = Button(short, role="toggle", tip=f"Compare the samples with the {words}")
            choice.setProperty("reference", reference)
            self.references.addButton(choice)
        self.references.buttons()[0].setChecked(True)
        self.costs = QButtonGroup(self)
        for words, tip, _ in _COSTS:
            self.costs.addButton(Button(words, role="toggle", tip=f"Quality by {tip}"))
        self.costs.buttons()[0].setChecked(True)
        for group in (self.references, self.costs):
            group.buttonClicked.connect(self._clicked)
        self.runs = Button("Runs", icon="layer-group", tip="Show the models of other runs beside these")
        self._runs_menu = QMenu(self.runs)
        self._runs_menu.aboutToShow.connect(self._list_runs)
        self._runs_menu.triggered.connect(self._run_ticked)
        self.runs.setMenu(self._runs_menu)
        self.evaluate = Button("Evaluate…", icon="gauge-high", tip="Measure more: other step counts, samplers, samples")
        self.evaluate.clicked.connect(self.evaluate_wanted)
        self.export = Button("Export", icon="file-export", tip="The table, or a report of the whole run")
        menu = QMenu(self.export)
        self.exports: dict[str, QAction] = {}
        for name, words in _EXPORTS.items():
            self.exports[name] = menu.addAction(words)
            self.exports[name].setData(name)
        menu.triggered.connect(lambda action: self.export_wanted.emit(action.data()))
        self.export.setMenu(menu)
        self._lay_out()

    @property
    def reference(self) -> str:
        """The real images that figures compare with: ``held-out`` or ``train``."""
        return str(_pressed(self.references).property("reference"))

    @property
    def cost(self) -> tuple[str, Cost]:
        """What the width says, in words and of an entry."""
        _, words, cost = _COSTS[self.costs.buttons().index(_pressed(self.costs))]
        return words, cost

    @property
    def chosen(self) -> Measure | None:
        """What the height says; None while nothing is measured."""
        at = self.measure.currentIndex()
        return self._measures[at] if 0 <= at < len(self._measures) else None

    def show_measures(self, measures: list[Measure]) -> None:
        """Offer what was measured; the choice stays where it can."""
        if measures == self._measures:
            return
        before = self.chosen
        self._measures = measures
        words = [measure.words for measure in measures]
        same = next((at for at, one in enumerate(measures) if before and one.words == before.words), 0)
        self.measure.blockSignals(True)
        self.measure.clear()
        self.measure.addItems(words)
        self.measure.setCurrentIndex(same if measures else -1)
        self.measure.blockSignals(False)

    def show_run(self, path: Path) -> None:
        """Know which run is open: it is always shown."""
        self._open = path

    def reset(self) -> None:
        """Show the open run alone."""
        if self.beside:
            self.beside.clear()
            self.runs_changed.emit()

    def _clicked(self) -> None:
        self.changed.emit()

    def _list_runs(self) -> None:
        menu = self._runs_menu
        menu.clear()
        others = [(path, name) for path, name in self.known_runs() if path != self._open]
        for path, name in others:
            action = menu.addAction(name)
            action.setCheckable(True)
            action.setChecked(path in self.beside)
            action.setToolTip(str(path))
            action.setData(str(path))
        if not others:
            menu.addAction("No other runs").setEnabled(False)
        menu.setToolTipsVisible(True)

    def _run_ticked(self, action: QAction) -> None:
        path = Path(action.data())
        self.beside = self.beside | {path} if action.isChecked() else self.beside - {path}
        self.runs_changed.emit()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.measure)
        row.addSpacing(6)
        for group in (self.references, self.costs):
            for button in group.buttons():
                row.addWidget(button)
            row.addSpacing(6)
        row.addStretch(1)
        for button in (self.runs, self.evaluate):
            row.addWidget(button)


def _pressed(group: QButtonGroup) -> QAbstractButton:
    return next(button for button in group.buttons() if button.isChecked())
