"""The queue, in a real window with real jobs."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cfd_studio.gui import queue_keeper
from cfd_studio.gui.queue_editor import QueueEditor
from cfd_studio.gui.widgets import dialogs
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workspace.queue import Queue, QueueEntry
from cfd_studio.workspace.queue_file import QueueFile, queue_file


@pytest.fixture
def short_run(
    mini_recipe: dict[str, Any], mini_config: Callable[..., RunConfig], tmp_path: Path
) -> Callable[..., RunFolder]:
    """Return a factory of runs of one stage: over in a moment, or never."""

    def make(name: str, steps: int = 8) -> RunFolder:
        judge = mini_recipe["stages"][0]
        judge["optimization"]["steps"] = steps
        return RunFolder.create(tmp_path / name, mini_config(name=name, stages=[judge]))

    return make


def names(desk: Any) -> list[str]:
    return [entry.name for entry in desk.window.queue.queue.entries]


def press(desk: Any, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(QApplication.focusWidget() or desk.window, key, modifier)


def begun(run: RunFolder) -> float:
    return run.jobs()[0].path.stat().st_ctime if run.jobs() else 0.0


def add(desk: Any, run: RunFolder) -> None:
    """Use the menu beside Start, as a person does."""
    before = len(names(desk))
    desk.open(run)
    desk.wait(desk.header.where.isVisible)
    desk.header.enqueue.trigger()
    desk.wait(lambda: len(names(desk)) == before + 1)


def test_the_queue_is_sorted_edited_goes_on_after_an_error_and_empties_itself(desk: Any, short_run: Any) -> None:
    window, panel, queue = desk.window, desk.window.queue_panel, desk.window.queue
    first, second, third = (short_run(name) for name in ("first", "second", "third"))
    desk.wait(lambda: queue.ours)
    assert queue.going  # nothing waited at the start of the program
    press(desk, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    desk.wait(panel.new.isVisible)  # an empty queue says how to fill it
    desk.click(panel.pause)
    for run in (first, second, third):
        add(desk, run)
        assert desk.header.chip.text() == "Waiting in the queue"
    assert window.sidebar.queue.text() == "Queue · 3"
    assert "number 3 in the queue, which is paused" in window.banner.sentence.text()
    desk.click(window.sidebar.queue)
    desk.wait(lambda: panel.list.hasFocus() and panel.list.last == 3)
    press(desk, Qt.Key.Key_End)
    press(desk, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert names(desk) == ["first", "third", "second"]
    assert panel.list.chosen.entry.name == "third"  # the mark goes with it
    dragged = panel.list.rows.mimeData([panel.list.rows.index(2)])
    panel.list.rows.dropMimeData(dragged, Qt.DropAction.MoveAction, 0, 0, QModelIndex())
    assert names(desk) == ["second", "first", "third"]
    panel.list.setCurrentIndex(panel.list.rows.index(1))
    desk.click(panel.edit)
    editor = window.findChild(QueueEditor)
    editor.device.set_text("tpu")
    assert editor.device.problem()
    assert not editor.accepting.isEnabled()
    editor.device.set_text("cuda:7")
    editor.begins.set_text("25:00")
    assert editor.begins.problem()
    assert not editor.accepting.isEnabled()
    editor.begins.set_text("7:00")
    editor.fast.set_text("off")
    editor.precision.set_text("tf32")
    assert editor.accepting.isEnabled()
    editor.device.set_text("cpu")
    assert editor.precision.problem()
    assert not editor.accepting.isEnabled()
    editor.device.set_text("cuda:7")
    desk.click(editor.accepting)
    assert "cuda:7 · in this window · TF32 · fast paths: none" in panel.list.chosen.spoken
    assert [bool(entry.not_before) for entry in queue.queue.entries] == [False, True, False]
    desk.wait(lambda: panel.list.chosen.state == "Waiting until 07:00")
    queue.edit(queue.queue.entries[1].id, queue.queue.entries[1].request, 0.0)
    assert [entry.request.device for entry in queue.queue.entries] == ["cpu", "cuda:7", "cpu"]
    assert not any(run.jobs() for run in (first, second, third))
    desk.click(panel.start)
    desk.wait(lambda: names(desk) == ["first"] and queue.queue.entries[0].state == "failed")
    assert begun(second) < begun(third)
    assert "cuda:7" in panel.list.chosen.sentence
    assert panel.chip.text() == "Ready"
    assert window.sidebar.queue.text() == "Queue"  # what failed does not wait
    desk.click(panel.edit)
    editor = next(one for one in window.findChildren(QueueEditor) if one.isVisible())
    editor.device.set_text("cpu")
    editor.precision.set_text("auto")
    desk.click(editor.accepting)
    desk.click(panel.retry)
    desk.wait(lambda: not names(desk))
    assert first.weights("judge").exists()
    desk.wait(lambda: Queue.model_validate_json(queue_file().read_bytes()) == Queue())


def test_a_busy_device_offers_the_queue_which_survives_closing_and_asks_before_it_goes_on(
    desk: Any, short_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def choose(parent: Any, title: str, text: str, answers: list[str], *, destructive: bool = False) -> str:
        asked.append(f"{title} {text}")
        return answers[0]

    monkeypatch.setattr(dialogs, "choose", choose)
    endless, next_one = short_run("endless", 1_000_000), short_run("next one")
    add(desk, endless)
    desk.wait(lambda: desk.snapshot.stages["judge"].step > 0)
    step = desk.snapshot.stages["judge"].step
    desk.open(next_one)
    desk.click(desk.header.start)
    assert "“endless” works on this device" in asked.pop()
    desk.wait(lambda: names(desk) == ["endless", "next one"])
    desk.qtbot.wait(300)
    assert not next_one.jobs()
    desk.click(desk.window.sidebar.queue)
    desk.wait(lambda: desk.window.queue_panel.list.chosen.fraction)
    desk.window.close()
    assert "The queue is kept" in asked.pop()
    desk.come_back()
    desk.wait(lambda: desk.window.banner.isVisible())
    assert desk.window.banner.sentence.text() == "2 runs wait in the queue."
    assert [entry.state for entry in desk.window.queue.queue.entries] == ["interrupted", "waiting"]
    desk.qtbot.wait(300)
    assert not desk.window.controller.jobs_here()
    desk.open(endless)
    desk.click(desk.window.banner.act)
    desk.wait(lambda: desk.snapshot.job == 2 and desk.snapshot.stages["judge"].resumed)
    assert desk.snapshot.stages["judge"].resumed[0] >= step
    desk.wait(desk.header.stop_keep.isEnabled)
    desk.header.stop_keep.trigger()
    desk.wait(lambda: names(desk) == ["endless"])  # the next one had its turn; what a person stopped stays stopped
    assert desk.window.queue.queue.entries[0].state == "stopped"
    assert len(endless.jobs()) == 2


def test_after_a_crash_a_run_goes_on_when_the_queue_does_and_no_mishap_stops_it_for_good(
    desk: Any, short_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, new = short_run("cut short"), short_run("new")
    run.new_job("train")  # its process died before it said a word
    desk.wait(lambda: desk.window.queue.ours)
    desk.window.close()
    file = QueueFile()
    entry = QueueEntry(path=run.path, name="cut short", request=ExecutionRequest(device="cpu", threads=1))
    file.save(file.open().with_entry(entry).told(entry.id, "running"))
    file.close()
    desk.come_back()
    window, queue = desk.window, desk.window.queue
    desk.wait(lambda: window.banner.isVisible())
    assert window.banner.sentence.text() == "1 run waits in the queue."
    assert queue.queue.entries[0].state == "interrupted"
    real = queue_keeper.look
    monkeypatch.setattr(queue_keeper, "look", lambda *_, **__: 1 / 0)
    desk.click(window.banner.act)
    desk.wait(lambda: not queue.going)
    assert "The queue is paused" in window.banner.sentence.text()
    monkeypatch.setattr(queue_keeper, "look", real)
    monkeypatch.setattr(window.controller._launcher, "start", lambda *_: 1 / 0)
    desk.click(window.sidebar.queue)
    desk.click(window.queue_panel.start)
    desk.wait(lambda: queue.queue.entries[0].state == "failed")
    assert "could not be started" in queue.queue.entries[0].sentence
    monkeypatch.undo()
    add(desk, new)
    desk.click(window.sidebar.queue)
    desk.wait(lambda: names(desk) == ["cut short"])
    desk.click(window.queue_panel.retry)
    desk.wait(lambda: not names(desk))
    assert run.weights("judge").exists()
    assert len(run.jobs()) == 2


def test_a_queue_is_kept_by_one_window_which_asks_before_it_leaves_runs_behind(
    desk: Any, short_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = desk.window.queue
    desk.wait(lambda: queue.ours)
    other = QueueFile()
    with pytest.raises(CfdError, match="another window"):
        other.open()
    add(desk, short_run("tonight"))
    queue.pause()
    queue.edit(queue.queue.entries[0].id, queue.queue.entries[0].request, time.time() + 3600)
    queue.go()
    asked: list[str] = []
    monkeypatch.setattr(dialogs, "choose", lambda *arguments, **_: asked.append(arguments[2]))
    assert not desk.window.close()
    assert len(asked) == 1
    assert asked[0].startswith(
        "1 run waits in the queue, and nothing begins while the window is closed. The queue is kept"
    )
    monkeypatch.setattr(dialogs, "choose", lambda *arguments, **_: arguments[3][0])
    assert desk.window.close()
    assert [entry.name for entry in other.open().entries] == ["tonight"]
    desk.come_back()
    desk.wait(lambda: "another window" in desk.window.queue.reason)
    desk.click(desk.window.sidebar.queue)
    assert "another window" in desk.window.queue_panel.note.text()
    other.close()
    desk.wait(lambda: desk.window.queue.ours)
    assert [entry.name for entry in desk.window.queue.queue.entries] == ["tonight"]
    assert "another window" not in desk.window.queue_panel.note.text()
