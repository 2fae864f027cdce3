"""Runs beside the open one: as many as there is room for, and nobody waits for a disk."""

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfd_studio.gui import run_feed
from cfd_studio.gui.side_feeds import MOST_RUNS, SideFeeds
from cfd_studio.runs.folder import RunFolder


@pytest.fixture
def runs(mini_run: Callable[..., RunFolder]) -> list[Path]:
    first = mini_run("0").path
    others = [first.with_name(str(at)) for at in range(1, MOST_RUNS + 2)]
    for path in others:
        shutil.copytree(first, path)
    return [first, *others]


def test_whoever_wants_one_run_too_many_is_told(qtbot: Any, runs: list[Path]) -> None:
    feeds = SideFeeds()
    said: list[str] = []
    refused: list[Path] = []
    feeds.full.connect(said.append)
    feeds.failed.connect(lambda path, _: refused.append(path))
    feeds.want("curves", set(runs[:5]))
    feeds.want("compare", set(runs[3:]))
    assert len(said) == 1
    assert "8 runs are followed" in said[0]
    assert refused == runs[8:]

    def read() -> bool:
        feeds.tick()
        return len(feeds.snapshots) == MOST_RUNS

    qtbot.waitUntil(read, timeout=30_000)
    feeds.want("curves", set())
    assert (len(said), feeds.snapshots.keys()) == (1, set(runs[3:8]))  # what was refused is not taken up unasked
    feeds.want("compare", set(runs[3:9]))
    assert len(said) == 1
    feeds.close()


@pytest.mark.usefixtures("qtbot")
def test_nobody_waits_for_a_feed_whose_disk_does_not_answer(runs: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    answer, asked = threading.Event(), threading.Event()

    def hanging(*_: object) -> None:
        asked.set()
        answer.wait(60)

    monkeypatch.setattr(run_feed, "read_about", hanging)
    feeds = SideFeeds()
    feeds.want("curves", {runs[0]})
    assert asked.wait(30)
    before = time.monotonic()
    feeds.want("curves", set())
    assert time.monotonic() - before < 5
    answer.set()
    while any(one.name == "cfd-run-feed" for one in threading.enumerate()):
        time.sleep(0.01)
        assert time.monotonic() - before < 60
