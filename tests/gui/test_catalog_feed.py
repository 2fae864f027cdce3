"""The list of runs is kept current, also where a folder does not answer or is not there."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cfd_studio.gui import lookout
from cfd_studio.gui.catalog_feed import CatalogFeed, ListedRun
from cfd_studio.gui.models.lineage import Node, lineage
from cfd_studio.runs.about import change_about
from cfd_studio.runs.catalog import summarize
from cfd_studio.runs.folder import RunFolder

PATIENCE = 0.15


class Mount:
    """A folder on a server that stops answering: whoever looks waits until it is back."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answers = threading.Event()
        self.answers.set()
        self.waiting = 0
        self._is_file = Path.is_file

    def is_file(self, path: Path) -> bool:
        if self.path in path.parents:
            self.waiting += 1
            self.answers.wait(30)
            self.waiting -= 1
        return self._is_file(path)


@pytest.fixture
def mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mount]:
    made = Mount(tmp_path / "mount")
    made.path.mkdir()
    monkeypatch.setattr(Path, "is_file", lambda path: made.is_file(path))
    monkeypatch.setattr(lookout, "PATIENCE_SECONDS", PATIENCE)
    yield made
    made.answers.set()


def _wait(feed: CatalogFeed, fits: Callable[[dict[str, ListedRun]], bool], seconds: float = 10) -> dict[str, ListedRun]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        runs = feed.take()
        if runs is not None and fits(seen := {run.path.name: run for run in runs}):
            return seen
        time.sleep(0.02)
    raise AssertionError("the list did not become what it should")


def _states(seen: dict[str, ListedRun]) -> dict[str, str]:
    return {name: run.summary.state for name, run in seen.items()}


def test_folders_that_do_not_answer_hold_up_neither_the_list_nor_the_end(
    mini_run: Any, tmp_path: Path, mount: Mount
) -> None:
    mini_run("runs/near")
    far = tuple(mini_run(f"mount/far-{number}").path for number in range(4))
    feed = CatalogFeed(tmp_path / "runs", far)
    try:
        _wait(feed, lambda seen: len(seen) == 5)
        mount.answers.clear()
        feed.nudge()
        gone_quiet = {"near": "new", **{path.name: "away" for path in far}}
        seen = _wait(feed, lambda seen: _states(seen) == gone_quiet)
        assert seen["far-1"].summary.name == "Miniature"  # as it was seen last
        mini_run("runs/nearer")  # the others are looked at all the same, and a silent one only once
        feed.nudge()
        _wait(feed, lambda seen: "nearer" in seen, 5)
        assert mount.waiting == len(far)
        mount.answers.set()
        feed.nudge()
        _wait(feed, lambda seen: set(_states(seen).values()) == {"new"})
        mount.answers.clear()
        feed.nudge()
        _wait(feed, lambda seen: "away" in _states(seen).values())
    finally:
        began = time.monotonic()
        feed.close()
        assert time.monotonic() - began < 5


def test_a_run_elsewhere_that_is_gone_stays_and_one_below_the_root_leaves(mini_run: Any, tmp_path: Path) -> None:
    inside, outside = mini_run("runs/inside").path, mini_run("outside").path
    change_about(outside, name="On a stick")
    feed = CatalogFeed(tmp_path / "runs", (outside,))
    try:
        seen = _wait(feed, lambda seen: len(seen) == 2)
        assert not seen["inside"].elsewhere
        assert seen["outside"].elsewhere
        shutil.rmtree(inside)
        shutil.rmtree(outside)
        feed.nudge()
        seen = _wait(feed, lambda seen: _states(seen) == {"outside": "gone"})
        assert seen["outside"].summary.name == "On a stick"
        feed.watch(())
        _wait(feed, lambda seen: not seen)
    finally:
        feed.close()


def test_the_thumbnail_shows_the_newest_samples(trained_run: RunFolder) -> None:
    feed = CatalogFeed(trained_run.path.parent / "no-such-folder", (trained_run.path,))
    try:
        listed = _wait(feed, lambda seen: len(seen) == 1)[trained_run.path.name]
    finally:
        feed.close()
    assert listed.thumbnail is not None
    tones = {listed.thumbnail.pixel(x, y) for x in range(0, 96, 4) for y in range(0, 96, 4)}
    assert len(tones) > 10


def _outline(nodes: tuple[Node, ...]) -> dict[str, Any]:
    return {node.text: _outline(node.children) for node in nodes}


def test_the_lineage_leads_from_a_teacher_to_the_students_of_other_runs(
    trained_run: RunFolder, mini_recipe: dict[str, Any], mini_run: Any
) -> None:
    stages = mini_recipe["stages"]
    stages[2] = {"kind": "teacher", "id": "teacher", "source": _from(trained_run, "pd-4"), "sampling_steps": 4}
    stages[3]["sampling_steps"] = [2]
    heir = mini_run("heir", stages=stages[:4])
    change_about(heir.path, name="Heir")
    (tree,) = lineage([summarize(heir.path), summarize(trained_run.path)])
    students = {"teacher ← Miniature, pd-4": {"pd-2": {}}}
    assert _outline((tree,)) == {
        "Miniature": {"teacher": {"pd-4": {"pd-2": {}, "cfd-2": {}, "Heir": students}}},
    }
    assert tree.note == "Fréchet, judge"


def test_runs_that_claim_to_come_from_one_another_are_all_shown(
    trained_run: RunFolder, mini_recipe: dict[str, Any], mini_run: Any
) -> None:
    stages = mini_recipe["stages"]
    stages[2] = {"kind": "teacher", "id": "teacher", "source": _from(trained_run, "teacher"), "sampling_steps": 8}
    runs = [mini_run(name, stages=stages[:3]) for name in ("one", "two")]
    for run, other in (runs, runs[::-1]):
        change_about(run.path, name=run.path.name)
        config = (run.path / "config.json").read_text()
        (run.path / "config.json").write_text(config.replace(str(trained_run.path), str(other.path)))
    trees = lineage([summarize(run.path) for run in runs])
    assert _outline(trees) == {"one": {"teacher ← two, teacher": {"two": {"teacher ← one, teacher": {}}}}}


def _from(run: RunFolder, stage: str) -> dict[str, str]:
    return {"kind": "run", "path": str(run.path), "stage": stage}
