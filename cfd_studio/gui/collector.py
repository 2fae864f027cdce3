"""Garbage is collected on the window's thread only.

Python collects cycles on whichever thread happens to allocate. Where that is the training thread and the cycle holds
a widget, Qt destroys it on the wrong thread, and the program crashes some time later.
"""

import gc
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Slot

LOOK_MILLISECONDS = 1000


class Collector(QObject):
    """Does what Python's own collector does, by the same thresholds, from a timer.

    Parameters
    ----------
    parent : QObject
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._settled: Callable[[], bool] | None = None
        self._thresholds = gc.get_threshold()
        gc.disable()
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MILLISECONDS)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    def settle_when(self, loaded: Callable[[], bool]) -> None:
        """Look no more through what is there as soon as ``loaded`` says so: libraries last as long as the program.

        Of torch's objects alone a full collection takes a third of a second, in which neither window nor job goes on.
        """
        self._settled = loaded

    @Slot()
    def _look(self) -> None:
        if self._settled is not None and self._settled():
            self._settled = None
            gc.freeze()
        counts = gc.get_count()
        for generation in (2, 1, 0):
            if counts[generation] > self._thresholds[generation]:
                gc.collect(generation)
                return
