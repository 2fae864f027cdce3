"""Two cells compared: side by side, below a slider, in turn, and what tells them apart."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QSlider, QVBoxLayout, QWidget

from cfd_studio.gui.bridge import Clerk
from cfd_studio.gui.models.pictures import Difference, difference, heat_colours
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.cell import Cell
from cfd_studio.gui.widgets.labels import ElidedLabel, label
from cfd_studio.gui.widgets.lens import Lens
from cfd_studio.gui.widgets.pair_view import PairView
from cfd_studio.gui.widgets.scale_bar import ScaleBar
from cfd_studio.protocol.sampling import ImageKey
from cfd_studio.protocol.sheets import Look

_LOOKS: dict[Look, tuple[str, str]] = {
    "beside": ("Side by side", "A at the left, B at the right"),
    "slider": ("Slider", "A and B in one place; drag the line between them (Shift with the arrow keys)"),
    "blink": ("Blink", "A and B in one place, in turn"),
    "difference": ("Difference", "How far A and B are apart, pixel by pixel"),
}
_FASTEST, _SLOWEST = 100, 1500


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One of the two cells.

    Attributes
    ----------
    title : str
        Model, steps and sampler.
    details : str
        Time, network calls and figures.
    cell : Cell
    images : ndarray of float32, shape (count, channels, height, width)
    keys : tuple of ImageKey
        What the images were drawn from.
    """

    title: str
    details: str
    cell: Cell
    images: NDArray[np.float32]
    keys: tuple[ImageKey, ...]


class PairPage(QWidget):
    """Shows two cells, and one image of both or all of them.

    Signals
    -------
    turned
        Another image, or another way to look at them, was chosen.
    """

    turned = Signal()

    def __init__(self, lens: Lens, clerk: Clerk) -> None:
        super().__init__()
        self.view = PairView(lens)
        self.setFocusProxy(self.view)
        self.looks: dict[Look, Button] = {}
        self.sides: tuple[Side, Side] | None = None
        self.difference: Difference | None = None
        self._clerk = clerk
        self._round = 0
        self._index = 0
        self._group = QButtonGroup(self)
        for look in get_args(Look):
            words, tip = _LOOKS[look]
            button = self.looks[look] = Button(words, role="toggle", tip=tip)
            self._group.addButton(button)
            button.clicked.connect(partial(self.look_at, look))
        self.looks["beside"].setChecked(True)
        self.speed = QSlider(Qt.Orientation.Horizontal)
        self.speed.setRange(_FASTEST, _SLOWEST)
        self.speed.setInvertedAppearance(True)
        self.speed.setValue(500)
        self.speed.setFixedWidth(110)
        self.speed.setToolTip("How fast A and B change places")
        self.speed.setAccessibleName("Speed of blinking")
        self.swap = Button("Swap", icon="right-left", tip="Exchange A and B")
        self.before = Button("", icon="chevron-left", tip="The image before (←)")
        self.after = Button("", icon="chevron-right", tip="The next image (→)")
        for chevron in (self.before, self.after):
            chevron.setProperty("small", True)
        self.which = label("", "muted")
        self.every = Button("All images", role="toggle", tip="Show all images of both cells, or one")
        self.heads = (ElidedLabel("", "section"), ElidedLabel("", "section"))
        self.details = (ElidedLabel("", "muted"), ElidedLabel("", "muted"))
        self.scale = ScaleBar([tuple(colour) for colour in heat_colours().tolist()])
        self.words = label("", "muted")
        self._lay_out()
        self.speed.valueChanged.connect(self.view.set_blink)
        self.swap.clicked.connect(self._swap)
        self.before.clicked.connect(partial(self.step, -1))
        self.after.clicked.connect(partial(self.step, 1))
        self.every.toggled.connect(self._show)
        self.view.stepped.connect(self.step)
        self.look_at("beside")

    @property
    def look(self) -> Look:
        """How the two are looked at."""
        return next(look for look, button in self.looks.items() if button.isChecked())

    @property
    def index(self) -> int:
        """The image that is shown."""
        return self._index

    def show_sides(self, first: Side, second: Side, index: int) -> None:
        """Show two cells, beginning with one image of them."""
        self.sides = (first, second)
        self._index = min(index, self._count() - 1)
        self._show()

    def look_at(self, look: Look) -> None:
        """Look at them in another way."""
        self.looks[look].setChecked(True)
        self.speed.setVisible(look == "blink")
        self.view.set_look(look)
        self._show()
        self.turned.emit()

    def step(self, way: int) -> None:
        """Show the next image, or the one before; after the last comes the first."""
        if self.sides is not None:
            self._index = (self._index + way) % self._count()
            self.every.setChecked(False)
            self._show()
            self.turned.emit()

    def _count(self) -> int:
        assert self.sides is not None
        return min(side.cell.count for side in self.sides)

    def _swap(self) -> None:
        if self.sides is not None:
            self.show_sides(self.sides[1], self.sides[0], self._index)

    def _show(self) -> None:
        if self.sides is None:
            return
        count = self._count()
        only = None if self.every.isChecked() else self._index
        first, second = (replace(side.cell, count=count) for side in self.sides)
        self.view.show_pair(first, second)
        self.view.show_only(only)
        for letter, side, head, details in zip("AB", self.sides, self.heads, self.details, strict=True):
            head.set_whole(f"{letter}   {side.title}")
            details.set_whole(side.details)
        key = self.sides[0].keys[self._index]
        same = key == self.sides[1].keys[self._index]
        noise = f"seed {key.seed}, image {key.index}" if same else f"image {self._index + 1}, different noise"
        self.which.setText(f"all {count} images" if only is None else noise)
        for button in (self.before, self.after):
            button.setEnabled(count > 1)
        self._compute(count, only)

    def _compute(self, count: int, only: int | None) -> None:
        """Have the difference computed by the clerk: of many large images it takes longer than a frame."""
        assert self.sides is not None
        self._round += 1
        self.difference = None
        some = slice(0, count) if only is None else slice(only, only + 1)
        first, second = (side.images[some] for side in self.sides)
        work: Callable[[], Difference | None] = partial(difference, first, second)
        self._clerk.submit(work, partial(self._computed, self._round, len(first)))

    def _computed(self, asked: int, count: int, apart: Difference | None) -> None:
        if asked != self._round or self.sides is None:
            return
        self.difference = apart
        self.scale.setVisible(apart is not None and self.look == "difference")
        if apart is None:
            self.view.show_heat(None)
            sizes = " and ".join("x".join(str(side) for side in one.images.shape[:0:-1]) for one in self.sides)
            self.words.setText(f"Images of different shapes ({sizes}) have no difference.")
            return
        self.view.show_heat(Cell("done", apart.heat, self._heat_columns(apart, count), count))
        self.view.setAccessibleDescription(self._numbers(apart))
        self.words.setText(self._numbers(apart))
        self.scale.show_largest(f"{apart.largest:.3g}")

    def _heat_columns(self, apart: Difference, count: int) -> int:
        assert self.sides is not None
        return apart.heat.width() // self.sides[0].images.shape[3] if count else 1

    def _numbers(self, apart: Difference) -> str:
        if apart.mean == 0:
            return "A and B are equal."
        ratio = "∞" if math.isinf(apart.signal_to_noise) else f"{apart.signal_to_noise:.1f}"
        return f"Mean |A − B| {apart.mean:.4f} of the range from black to white · PSNR {ratio} dB"

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(6)
        for button in self.looks.values():
            bar.addWidget(button)
        bar.addWidget(self.speed)
        bar.addStretch(1)
        for part in (self.before, self.which, self.after, self.every, self.swap):
            bar.addWidget(part)
        heads = QHBoxLayout()
        heads.setSpacing(16)
        for head, details in zip(self.heads, self.details, strict=True):
            both = QVBoxLayout()
            both.setSpacing(2)
            both.addWidget(head)
            both.addWidget(details)
            heads.addLayout(both, 1)
        foot = QHBoxLayout()
        foot.setSpacing(16)
        foot.addWidget(self.words, 1)
        foot.addWidget(self.scale)
        self.scale.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addLayout(bar)
        column.addLayout(heads)
        column.addWidget(self.view, 1)
        column.addLayout(foot)
