"""The favourites in the window: kept on the disk by the clerk."""

from functools import partial

from PySide6.QtCore import QObject, Signal

from cfd_studio.gui.bridge import Clerk
from cfd_studio.protocol.sampling import ImageKey
from cfd_studio.protocol.sheets import MOST_KEYS
from cfd_studio.workspace.favourites import Favourites, load_favourites, save_favourites


class FavouriteKeys(QObject):
    """Holds the favourites.

    Signals
    -------
    changed
        There are others.
    failed(str)
        Why one could not be kept.
    """

    changed = Signal()
    failed = Signal(str)

    def __init__(self, clerk: Clerk) -> None:
        super().__init__()
        self._clerk = clerk
        self.keys: tuple[ImageKey, ...] = ()
        clerk.submit(load_favourites, self._loaded)

    def toggle(self, key: ImageKey) -> None:
        """Make an image a favourite, or a favourite none."""
        if key in self.keys:
            self._keep(tuple(one for one in self.keys if one != key))
        elif len(self.keys) == MOST_KEYS:
            self.failed.emit(f"There are {MOST_KEYS} favourites, which is as many as can be; remove one first.")
        else:
            self._keep((*self.keys, key))

    def clear(self) -> None:
        """Have no favourites."""
        self._keep(())

    def _loaded(self, favourites: Favourites) -> None:
        self.keys = tuple(dict.fromkeys((*favourites.image_keys, *self.keys)))[:MOST_KEYS]
        self.changed.emit()

    def _keep(self, keys: tuple[ImageKey, ...]) -> None:
        self.keys = keys
        self.changed.emit()
        self._clerk.submit(partial(save_favourites, Favourites.of(keys)), failed=self._not_kept)

    def _not_kept(self, error: Exception) -> None:
        self.failed.emit(f"The favourites could not be kept: {error}.")
