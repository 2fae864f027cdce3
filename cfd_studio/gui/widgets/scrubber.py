"""A slider over moments in order, that also runs by itself."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QHBoxLayout, QSlider, QWidget

from cfd_studio.gui.widgets.buttons import Button

FRAME_MILLISECONDS = 200


class Scrubber(QWidget):
    """Chooses one of ``count`` moments; stays at the newest until the person goes back.

    Signals
    -------
    moved(int)
        The moment chosen now, by the person or while it plays.
    """

    moved = Signal(int)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.count = 0
        self.play = Button(icon="play", role="ghost", tip=f"Play {name.lower()} from the first to the newest")
        self.play.setProperty("small", True)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(name)
        self.slider.setToolTip(f"{name}: drag, or use Left and Right")
        self._timer = QTimer(self)
        self._timer.setInterval(FRAME_MILLISECONDS)
        self._timer.timeout.connect(self._next)
        self.play.clicked.connect(self._play_or_pause)
        self.slider.valueChanged.connect(self.moved)
        self.slider.sliderPressed.connect(self.stop)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.play)
        row.addWidget(self.slider, 1)

    @property
    def playing(self) -> bool:
        """Whether it runs by itself."""
        return self._timer.isActive()

    def set_count(self, count: int, *, anew: bool = False) -> None:
        """Offer so many moments; ``anew`` is for others than before, which begin at the newest."""
        at_end = anew or self.slider.value() >= self.count - 1
        if anew:
            self.stop()
        if count != self.count or anew:
            self.count = count
            self.slider.blockSignals(True)  # a larger range is no choice of the person's
            self.slider.setRange(0, max(count - 1, 0))
            self.slider.blockSignals(False)
            if at_end and not self.playing:
                self.slider.setValue(max(count - 1, 0))
        self.setEnabled(count > 1)

    def stop(self) -> None:
        """Stay where it is."""
        self._timer.stop()
        self.play.set_icon_name("play")

    def hideEvent(self, event: QHideEvent) -> None:
        """Do not run where nobody looks."""
        super().hideEvent(event)
        self.stop()

    def _play_or_pause(self) -> None:
        if self.playing:
            self.stop()
            return
        if self.slider.value() >= self.count - 1:
            self.slider.setValue(0)
        self._timer.start()
        self.play.set_icon_name("pause")

    def _next(self) -> None:
        if self.slider.value() >= self.count - 1:
            self.stop()
        else:
            self.slider.setValue(self.slider.value() + 1)
