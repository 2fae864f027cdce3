"""Garbage is collected on the window's thread, and libraries are looked through no more once they are loaded."""

import gc
import weakref
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from cfd_studio.gui import collector
from cfd_studio.gui.collector import Collector


class _Knot:
    """Garbage that only a collection finds."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def parent(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[QObject]:
    monkeypatch.setattr(collector, "LOOK_MILLISECONDS", 10)
    parent = QObject()
    yield parent
    parent.deleteLater()


def test_what_is_there_when_all_is_loaded_is_looked_through_no_more_and_later_garbage_is(
    parent: QObject, qtbot: QtBot
) -> None:
    loaded = False
    collecting = Collector(parent)
    collecting.settle_when(lambda: loaded)
    before = gc.get_freeze_count()
    early = weakref.ref(_Knot())
    kept = [[number] for number in range(2000)]
    qtbot.waitUntil(lambda: early() is None)
    assert gc.get_freeze_count() <= before
    loaded = True
    qtbot.waitUntil(lambda: gc.get_freeze_count() >= before + len(kept))
    late = weakref.ref(_Knot())
    frozen = gc.get_freeze_count()
    more = [[number] for number in range(2000)]
    qtbot.waitUntil(lambda: late() is None)
    assert gc.get_freeze_count() <= frozen
    assert len(more) == len(kept)
