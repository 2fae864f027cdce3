"""The last few things that were costly to fetch."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Shelf(Generic[Thing]):
    """Keeps so many things; what was longest unused makes room.

    Parameters
    ----------
    most : int
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: OrderedDict[Hashable, Thing] = OrderedDict()

    def __len__(self) -> int:
        return len(self._things)

    def get(self, key: Hashable, fetch: Callable[[], Thing]) -> Thing:
        """Return the thing of a key, fetched where it is not there."""
        if key not in self._things:
            self._things[key] = fetch()
            while len(self._things) > self._most:
                self._things.popitem(last=False)
        self._things.move_to_end(key)
        return self._things[key]

    def clear(self) -> None:
        """Let go of everything."""
        self._things.clear()
