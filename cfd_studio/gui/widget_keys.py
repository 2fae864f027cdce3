"""The keys that widgets take themselves while they have the keyboard, for the sheet that lists all keys."""

from dataclasses import dataclass

from PySide6.QtWidgets import QWidget

from cfd_studio.gui.run_verbs import VERBS


@dataclass(frozen=True, slots=True)
class Key:
    """One key, or several between spaces that belong together, and in words what they do."""

    keys: str
    words: str


RUN_LIST = (
    *(Key(verb.shortcut, verb.words.removesuffix("…")) for verb in VERBS if verb.shortcut),
    Key("Esc", "Clear the search"),
)
FORM = (
    Key("Left Right Up Down", "From preset to preset"),
    Key("Up Down", "From stage to stage"),
    Key("Del", "Remove the stage"),
)
CHART = (
    Key("Left Right", "Read along the curves"),
    Key("+ -", "Zoom"),
    Key("Home", "Show all steps"),
)
GRID = (
    Key("Left Right Up Down", "From cell to cell"),
    Key("Shift+Left Shift+Right", "From image to image"),
    Key("Return", "Enlarge the cell"),
    Key("1 2", "Mark as first, as second"),
    Key("C", "Compare the two marked"),
    Key("S", "Star the image"),
    Key("+ - 0", "Zoom all images, show them whole"),
)
PAIR = (
    Key("Left Right", "The image before, the next"),
    Key("Shift+Left Shift+Right", "Move the slider"),
)
BROWSE = (
    Key("Left Right Up Down", "From image to image"),
    Key("PgUp PgDown", "The page before, the next"),
    Key("S", "Star the image"),
)
INSPECT = (
    Key("PgUp PgDown", "The image before, the next"),
    Key("Space", "Play, or stop"),
    Key("Left Right", "From step to step"),
    Key("Home End", "To the noise, to the image"),
)


def keys_of(widget: QWidget) -> tuple[Key, ...]:
    """Return the keys of a widget's own actions."""
    return tuple(Key(action.shortcut().toString(), action.text()) for action in widget.actions())
