"""A row of words of which one is chosen; where it is too narrow for all, it scrolls."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QTabBar


class Segments(QTabBar):
    """Chooses one of a few things by key.

    Signals
    -------
    chosen(str)
        The key that is chosen now, by the person or because its predecessor is no longer on offer.
    """

    chosen = Signal(str)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._keys: list[str] = []
        self.setProperty("role", "segments")
        self.setAccessibleName(name)
        self.setDrawBase(False)
        self.setExpanding(False)
        self.currentChanged.connect(self._changed)

    def add(self, key: str, words: str, tip: str) -> None:
        """Add something at the end; the first is chosen."""
        self._keys.append(key)
        self.setTabToolTip(self.addTab(words), tip)

    @property
    def current(self) -> str:
        """The key that is chosen."""
        return self._keys[self.currentIndex()]

    def choose(self, key: str) -> None:
        """Choose something that is on offer."""
        self.setCurrentIndex(self._keys.index(key))

    def offer(self, keys: set[str]) -> None:
        """Offer only some things, the first always."""
        for index, key in enumerate(self._keys):
            wanted = index == 0 or key in keys
            if self.isTabVisible(index) != wanted:
                self.setTabVisible(index, wanted)
        if not self.isTabVisible(self.currentIndex()):
            self.setCurrentIndex(0)

    def _changed(self, index: int) -> None:
        if index >= 0:
            self.chosen.emit(self._keys[index])
