"""Which image is looked at, and how it is drawn: fields, and buttons that go to the images before and after."""

from typing import get_args

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from cfd_studio.gui.models.inspection import Subject
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.choice_row import ChoiceRow
from cfd_studio.gui.widgets.field_row import FieldRow
from cfd_studio.gui.widgets.labels import label
from cfd_studio.protocol.sampling import ImageKey, Sampler, SamplerName

CAPTION_WIDTH = 62
_LARGEST = 2**31 - 1


class SubjectFields(QWidget):
    """Seed and number of an image, and its sampler.

    Signals
    -------
    edited
        Another image is meant, or another way to draw it.
    """

    edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.seed = FieldRow(
            "Seed", text="0", tip="Of the noise that the image starts from", wide=True, caption_width=CAPTION_WIDTH
        )
        self.index = FieldRow(
            "Image",
            text="0",
            tip="Its number: image i starts from the noise of (seed, i)",
            wide=True,
            caption_width=CAPTION_WIDTH,
        )
        self.before = Button(icon="chevron-left", tip="The image before (PgUp)")
        self.after = Button(icon="chevron-right", tip="The next image (PgDown)")
        self.sampler = ChoiceRow(
            "Sampler",
            {name: name for name in get_args(SamplerName)},
            text="ddim",
            tip=Sampler.model_fields["name"].description or "",
            caption_width=CAPTION_WIDTH,
        )
        self._drawn_with = Sampler()
        self._label: int | None = None
        self._lay_out()
        for row in (self.seed, self.index, self.sampler):
            row.edited.connect(self.edited)
        self.before.clicked.connect(lambda: self._step(-1))
        self.after.clicked.connect(lambda: self._step(1))

    def read(self) -> tuple[ImageKey, Sampler, int | None] | None:
        """Return image, sampler and class, or None after saying what is wrong beside the field."""
        seed, index = _whole(self.seed), _whole(self.index)
        name = next(one for one in get_args(SamplerName) if one == self.sampler.text())
        if name != self._drawn_with.name:
            self._drawn_with = self._drawn_with.model_copy(update={"name": name})
        return None if seed is None or index is None else (ImageKey(seed, index), self._drawn_with, self._label)

    def fill(self, subject: Subject) -> None:
        """Choose an image, and how it is drawn."""
        self.seed.set_text(str(subject.key.seed))
        self.index.set_text(str(subject.key.index))
        self._drawn_with, self._label = subject.sampler, subject.label
        self.sampler.set_text(subject.sampler.name)

    def _step(self, by: int) -> None:
        """Go to an image before or after."""
        index = _whole(self.index)
        if index is not None and 0 <= index + by <= _LARGEST:
            self.index.set_text(str(index + by))

    def _lay_out(self) -> None:
        which = QHBoxLayout()
        which.setSpacing(6)
        which.addWidget(self.index, 1)
        for button in (self.before, self.after):
            button.setFixedWidth(32)
            button.setProperty("small", True)
            which.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(label("IMAGE", "caption"))
        column.addWidget(self.seed)
        column.addLayout(which)
        column.addWidget(self.sampler)


def _whole(row: FieldRow) -> int | None:
    text = row.text()
    sound = text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= _LARGEST
    row.show_problem("" if sound else "A whole number")
    return int(text) if sound else None
