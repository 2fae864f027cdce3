"""Checks of recipes: at once, or by the clerk where another run has to be read for it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QObject

from cfd_studio.gui.bridge import Clerk
from cfd_studio.gui.models.verdict import Verdict, judge
from cfd_studio.protocol.errors import Problem
from cfd_studio.runs.lineage import has_sources


class VerdictDesk(QObject):
    """Answers the newest question only."""

    def __init__(self, clerk: Clerk) -> None:
        super().__init__()
        self._clerk = clerk
        self._newest = 0

    def judge(self, recipe: dict[str, Any], done: Callable[[Verdict | None], object]) -> None:
        """Check a recipe; ``done`` is told the verdict, and None before where that takes longer than a moment."""
        self._newest += 1
        if not has_sources(recipe):
            done(judge(recipe))
            return
        done(None)
        answer = partial(self._arrived, self._newest, done)
        self._clerk.submit(partial(judge, recipe), answer, lambda error: answer(_failed(error)))

    def _arrived(self, number: int, done: Callable[[Verdict | None], object], verdict: Verdict) -> None:
        if number == self._newest:
            done(verdict)


def _failed(error: Exception) -> Verdict:
    return Verdict(None, {}, (Problem("", str(error)),))
