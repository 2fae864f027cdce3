"""What can be done with a run in the list: one line each, for the menu and the keyboard alike."""

from collections.abc import Callable
from dataclasses import dataclass

from cfd_studio.gui.catalog_feed import ListedRun

_NOT_READABLE = frozenset({"gone", "away", "unreadable"})


@dataclass(frozen=True, slots=True)
class RunVerb:
    """One thing to do.

    Attributes
    ----------
    key : str
        Its name for whoever does it.
    words, icon : str
        In the menu.
    fits : callable
        Whether it can be done with a run.
    shortcut : str
        While the list has the keyboard; empty for none.
    apart : bool
        Whether a line in the menu parts it from what is above.
    """

    key: str
    words: str
    icon: str
    fits: Callable[[ListedRun], bool]
    shortcut: str = ""
    apart: bool = False


def _there(run: ListedRun) -> bool:
    return run.summary.state not in ("gone", "away")


def _readable(run: ListedRun) -> bool:
    return run.summary.state not in _NOT_READABLE


def _ended_early(run: ListedRun) -> bool:
    return run.summary.state in ("lost", "stopped", "failed") and run.summary.stages_done < run.summary.stages


def _not_begun(run: ListedRun) -> bool:
    return run.summary.state == "new"


def _elsewhere(run: ListedRun) -> bool:
    return run.elsewhere


VERBS = (
    RunVerb("open", "Open", "arrow-right", _readable, "Return"),
    RunVerb("resume", "Resume", "play", _ended_early),
    RunVerb("resume", "Start", "play", _not_begun),
    RunVerb("describe", "Name, notes and tags…", "pen", _readable, "F2", apart=True),
    RunVerb("clone", "Clone into the form…", "clone", _readable, "Ctrl+D"),
    RunVerb("show_folder", "Open folder", "folder-open", _there, apart=True),
    RunVerb("copy_path", "Copy path", "copy", lambda _: True, "Ctrl+C"),
    RunVerb("forget", "Remove from the list", "eye-slash", _elsewhere, apart=True),
    RunVerb("discard", "Move to the trash…", "trash-can", _there, "Del"),
)
