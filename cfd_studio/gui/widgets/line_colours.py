"""Colours that lines keep while they are on a chart, told apart by colour-blind eyes as well."""

from collections.abc import Iterable

from PySide6.QtGui import QColor

from cfd_studio.gui import theme

# After Okabe and Ito, moved until they read on the surface and no two look alike to anybody; the theme's own first.
_LIGHT = ("#3f51d9", "#c8641b", "#1a8769", "#a5217d", "#2a98d1", "#694800", "#2b2f3a")
_DARK = ("#8794ff", "#f0a15c", "#3fc79c", "#c54688", "#9adcff", "#f5ef73", "#859dbf")
COUNT = len(_LIGHT)


def line_colour(index: int) -> QColor:
    """Return the colour of a line on the current surface; beyond `COUNT` they begin anew."""
    return QColor((_DARK if theme.current().dark else _LIGHT)[index % COUNT])


def faint_colour(index: int) -> QColor:
    """Return the colour as it stands behind its own strong line; opaque, for translucent pens are slow."""
    front, back = line_colour(index), theme.color("surface")
    share = 0.5 if theme.current().dark else 0.36
    pairs = ((front.red(), back.red()), (front.green(), back.green()), (front.blue(), back.blue()))
    return QColor(*(round(share * one + (1 - share) * other) for one, other in pairs))


class ColourBook:
    """Gives every key a number that no other has, and leaves it with it as long as it is there."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def assign(self, keys: Iterable[str]) -> dict[str, int]:
        """Return the number of each key; those of keys that are gone become free."""
        wanted = list(keys)
        kept = {key: self._numbers[key] for key in wanted if key in self._numbers}
        free = (number for number in range(len(wanted) + len(kept)) if number not in kept.values())
        self._numbers = {key: kept[key] if key in kept else next(free) for key in wanted}
        return self._numbers
