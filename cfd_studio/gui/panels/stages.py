"""The stages of a run as a tree of cards."""

from functools import partial

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QMenu, QVBoxLayout, QWidget

from cfd_studio.gui.models.snapshot import RunSnapshot, StageSnapshot
from cfd_studio.gui.models.tree_layout import lay_out
from cfd_studio.gui.models.words import EXPORT_WORDS, describe, figure_lines, milliseconds, origin, short
from cfd_studio.gui.widgets.scrolled import scrolled
from cfd_studio.gui.widgets.stage_card import CARD_HEIGHT, CardContent
from cfd_studio.gui.widgets.stage_tree import LANE_GAP, StageTree
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.stages import ClassifierStage, Stage

_SCROLL_BAR = 12
# Two lanes and the top of a third, which says that there is more: the curve below needs its room.
_MOST_HEIGHT = 2 * (CARD_HEIGHT + LANE_GAP) + CARD_HEIGHT // 2


class StagesPanel(QWidget):
    """Shows how every stage stands.

    Signals
    -------
    picked(str)
        The stage whose card was clicked.
    export_wanted(str, str)
        A trained stage, and the format it is to be written in.
    """

    picked = Signal(str)
    export_wanted = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self.tree = StageTree()
        self.tree.picked.connect(self.picked)
        self.tree.menu_wanted.connect(self._show_menu)
        self._trained: set[str] = set()
        self._config: RunConfig | None = None
        self._seen = ""
        self._room = _MOST_HEIGHT
        self._scroll = scrolled(self.tree)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._scroll)

    def show_snapshot(self, snapshot: RunSnapshot) -> None:
        """Bring all cards up to date."""
        if snapshot.config is not self._config:
            self._config = snapshot.config
            layout = lay_out(snapshot.config)
            self.tree.set_tree(layout.places, [(link.source, link.target, link.features) for link in layout.links])
            self._fit()
        for stage in snapshot.config.stages:
            self.tree.cards[stage.id].show_content(_content(snapshot, stage))
        self._trained = {stage.id for stage in snapshot.stages.values() if stage.trained}
        current = snapshot.current_stage
        if current and current != self._seen:
            self._seen = current
            self._scroll.ensureWidgetVisible(self.tree.cards[current], 24, LANE_GAP)

    def set_room(self, height: int) -> None:
        """Take no more than this, but for one lane of cards."""
        if height != self._room:
            self._room = height
            self._fit()

    def select(self, stage: str) -> None:
        """Mark the card whose curve is shown."""
        self.tree.select(stage)

    def menu(self, stage: str) -> QMenu:
        """Return what can be done with a stage."""
        menu = QMenu(self)
        classifier = self._config is not None and isinstance(self._config.stage(stage), ClassifierStage)
        for to in EXPORT_WORDS:
            if not classifier or to == "safetensors":  # a classifier draws nothing
                action = menu.addAction(EXPORT_WORDS[to])
                action.setData(to)
                action.setEnabled(stage in self._trained)
                action.triggered.connect(partial(self.export_wanted.emit, stage, to))
        return menu

    def _fit(self) -> None:
        whole = self.tree.minimumHeight() + _SCROLL_BAR
        most = max(min(self._room, _MOST_HEIGHT), CARD_HEIGHT + _SCROLL_BAR)
        self.setFixedHeight(min(whole, most))
        self._scroll.setVerticalScrollBarPolicy(
            Qt.ScrollBarPolicy.ScrollBarAlwaysOn if whole > most else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        )

    def _show_menu(self, stage: str, place: QPoint) -> None:
        menu = self.menu(stage)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(place)


def _content(snapshot: RunSnapshot, stage: Stage) -> CardContent:
    seen = snapshot.stages[stage.id]
    fraction = 1.0 if seen.trained else seen.step / max(seen.total_steps, 1)
    mark = {"done": "done", "trained": "done", "training": "busy", "evaluating": "busy"}.get(seen.state, "waiting")
    if mark == "busy" and snapshot.state == "paused":
        mark = "held"
    if mark == "waiting" and seen.step and not snapshot.active:
        mark = "failed" if snapshot.state in ("failed", "lost") else "held"
    return CardContent(
        title=stage.id,
        kind=describe(snapshot.config, stage),
        mark=mark,
        note=_note(snapshot, stage, seen),
        fraction=fraction,
        thumbnails=seen.strip,
        big=_accuracy(stage, seen),
        tip=_tip(snapshot, stage, seen),
    )


def _accuracy(stage: Stage, seen: StageSnapshot) -> str:
    if not isinstance(stage, ClassifierStage) or seen.state not in ("done", "trained"):
        return ""
    accuracy = seen.quality.accuracies.get(stage.id) if seen.quality else seen.accuracy
    return f"{accuracy:.1%}" if accuracy is not None else ""


def _note(snapshot: RunSnapshot, stage: Stage, seen: StageSnapshot) -> str:
    if not stage.steps and seen.state in ("waiting", "training"):
        return "Imported first" if seen.state == "waiting" else "Importing…"
    if seen.state == "training":
        return f"{seen.step:,} / {seen.total_steps:,}"
    if seen.state == "evaluating":
        return "Measuring quality…"
    if seen.state == "waiting":
        return f"{seen.step:,} / {seen.total_steps:,}" if seen.step else f"{seen.total_steps:,} steps"
    if _accuracy(stage, seen):
        return "held-out accuracy"
    judgement = seen.quality.headline if seen.quality else None
    value = judgement.value(snapshot.config.evaluation.main_space) if judgement else None
    if judgement is None or value is None:
        return "Trained" if stage.steps else "Imported"
    return f"Fréchet {short(value)}"


def _tip(snapshot: RunSnapshot, stage: Stage, seen: StageSnapshot) -> str:
    lines = [f"{stage.id}: {describe(snapshot.config, stage)}"]
    if stage.parent:
        lines.append(f"Distilled from {stage.parent}")
    if origin(stage):
        lines.append(f"{origin(stage)}; not trained here")
    if stage.optimization:
        lines.append(f"{seen.step:,} of {seen.total_steps:,} optimizer steps of {stage.optimization.batch_size} images")
    if seen.quality and (judgement := seen.quality.headline):
        lines += figure_lines(judgement)
        lines.append(f"{milliseconds(judgement.seconds_per_image)} per image")
    if seen.trained:
        lines.append("Right-click to export")
    return "\n".join(lines)
