"""The same few samples over the time of training, under a slider."""

from bisect import bisect_right
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from cfd_studio.gui import theme
from cfd_studio.gui.bridge import Clerk
from cfd_studio.gui.models.snapshot import RunSnapshot, StageSnapshot
from cfd_studio.gui.strip_loader import StripLoader
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.scrubber import Scrubber
from cfd_studio.gui.widgets.strip_view import StripView
from cfd_studio.protocol.stages import ClassifierStage

_NONE_YET = "Samples from the same noise appear here while the stage is trained."
_NEVER = "A classifier draws no samples."
_UNREADABLE = "This picture cannot be shown."


class StripsPanel(QFrame):
    """Shows the samples of one moment of a stage; follows the newest until the person goes back.

    Parameters
    ----------
    clerk : Clerk

    Signals
    -------
    moment_shown(object)
        The step of the samples in sight, or None where there are none.
    """

    moment_shown = Signal(object)

    def __init__(self, clerk: Clerk) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.view = StripView()
        self.scrubber = Scrubber("Samples over training")
        self.at = label("", "faint")
        self.at.setFont(theme.font(12, tabular=True))
        self._loader = StripLoader(clerk)
        self._stage: tuple[Path, str] | None = None
        self._strips: tuple[tuple[int, Path], ...] = ()
        self._pointed: float | None = None
        self._shown: tuple[int, Path] | None = None
        self._empty = ""
        self.scrubber.moved.connect(self._moved)
        self._loader.loaded.connect(self._loaded)
        self._lay_out()

    @property
    def step(self) -> int | None:
        """The step whose samples are shown, or are about to be."""
        return self._shown[0] if self._shown else None

    def show_stage(self, snapshot: RunSnapshot, stage: str) -> None:
        """Show the strips of a stage."""
        anew = (snapshot.path, stage) != self._stage
        self._empty = _NEVER if isinstance(snapshot.config.stage(stage), ClassifierStage) else _NONE_YET
        self._stage = (snapshot.path, stage)
        self._take(snapshot.stages[stage], anew=anew)

    def point_at(self, step: float | None) -> None:
        """Show the samples drawn last before a step, or those under the slider again."""
        self._pointed = step
        self._choose()

    def _take(self, seen: StageSnapshot, *, anew: bool) -> None:
        if anew or seen.strips != self._strips:
            self._strips = seen.strips
            self.scrubber.set_count(len(self._strips), anew=anew)
            self._choose()

    def _moved(self, _: int) -> None:
        self._pointed = None
        self._choose()

    def _choose(self) -> None:
        if not self._strips:
            chosen = None
        elif self._pointed is None:
            chosen = self._strips[min(self.scrubber.slider.value(), len(self._strips) - 1)]
        else:
            before = bisect_right([step for step, _ in self._strips], self._pointed)
            chosen = self._strips[max(before - 1, 0)]
        if chosen != self._shown:
            self._shown = chosen
            self.moment_shown.emit(self.step)
        self._draw()

    def _draw(self) -> None:
        if self._shown is None:
            self.at.setText("")
            self.view.show_image(None, self._empty)
            return
        step, file = self._shown
        self.at.setText(f"step {step:,}")
        if self._loader.has(file):
            self.view.show_image(self._loader.picture(file), _UNREADABLE)
        else:
            self._loader.want(file)  # what is there stays until then, so that playing does not flicker

    def _loaded(self, file: Path) -> None:
        if self._shown is not None and file == self._shown[1]:
            self._draw()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(label("Samples", "section"))
        head.addStretch(1)
        head.addWidget(self.at)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 10, 12, 8)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.view, 1)
        column.addWidget(self.scrubber)
