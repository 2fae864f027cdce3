"""The plan in the real window: presets, the stage tree under mouse and keys, and what is dropped on it."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from cfd_studio.gui.form_head import CHANGES, PLAN, PRESETS
from cfd_studio.gui.import_dialog import ImportDialog
from cfd_studio.gui.stage_outline import RUN
from cfd_studio.gui.widgets import dialogs
from cfd_studio.protocol.plan import resolve
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workspace.resources import presets


@pytest.fixture
def plan(desk: Any) -> Any:
    """Return the form, opened at its presets."""
    desk.click(desk.window.sidebar.new)
    desk.wait(lambda: desk.window.pages.currentWidget() is desk.window.new_run)
    return desk.window.new_run


def _item(menu: QMenu, *words: str) -> Any:
    for action in menu.actions():
        if action.text() == words[0]:
            inner = action.menu()
            return _item(inner, *words[1:]) if isinstance(inner, QMenu) else action
    raise AssertionError(f"{words} is not in the menu: {[action.text() for action in menu.actions()]}")


def _key(widget: Any, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(widget, key, modifier)


def test_a_preset_is_chosen_and_its_tree_edited_undone_and_compared(
    desk: Any, plan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = Qt.KeyboardModifier.ControlModifier
    names = list(presets())
    assert list(plan.gallery.cards) == names
    assert plan.tabs.currentIndex() == PRESETS
    desk.wait(lambda: plan.gallery.cards[names[0]].hasFocus())
    _key(plan.gallery.cards[names[0]], Qt.Key.Key_Right)
    assert plan.gallery.cards[names[1]].hasFocus()
    _key(plan.gallery.cards[names[1]], Qt.Key.Key_Left)
    _key(plan.gallery.cards[names[0]], Qt.Key.Key_Return)
    assert plan.tabs.currentIndex() == PLAN
    outline = plan.plan.outline
    assert outline.cards[RUN].hasFocus()

    # Down to the PD chain, and a CFD branch from its second student.
    for _ in range(4):
        _key(QApplication.focusWidget(), Qt.Key.Key_Down)
    assert outline.selected == 3
    assert plan.plan.fields.rows["stages.3.sampling_steps"].text() == "16, 8, 4, 2, 1"
    menu = outline.add_menu()
    _item(menu, "CFD chain", "from pd-8").trigger()
    menu.deleteLater()
    assert plan.plan.fields.rows["stages.5.parent"].text() == "pd-8"
    assert plan.verdict.text() == "Everything fits."
    assert plan.tabs.tabText(CHANGES) == "Changes  1"

    # What is typed is marked, can be set back, and is undone by the form wherever the keys are.
    row = plan.plan.fields.rows["stages.5.sampling_steps"]
    row.set_text("4, 3")
    assert row.problem()
    assert outline.cards[5].content.problems == 1
    assert not plan.start.isEnabled()
    assert not plan.queue.isEnabled()
    row.setFocus()
    _key(row.focusProxy(), Qt.Key.Key_Z, control)
    assert row.text() == "4, 2, 1"
    assert plan.start.isEnabled()
    row = plan.reveal("stages.2.optimization.steps")
    row.set_text("50")
    assert row.reset.isVisible()
    desk.click(row.reset)
    assert (row.text(), row.reset.isVisible()) == ("3000", False)

    # The list of changes leads to the fields, and copies.
    plan.reveal("seed").set_text("9")
    plan.tabs.setCurrentIndex(CHANGES)
    table = plan.changes.table
    listed = [[table.item(row, column).text() for column in range(3)] for row in range(table.rowCount())]
    assert listed == [["seed", "0", "9"], ["stages.cfd2", "–", "added"]]
    desk.click(plan.changes.copy)
    assert "seed\t0\t9" in QGuiApplication.clipboard().text()
    table.itemActivated.emit(table.item(1, 0))
    assert (plan.tabs.currentIndex(), outline.selected) == (PLAN, 5)

    # What hangs on a stage is said before it goes; Cancel keeps all of it.
    said: list[str] = []
    monkeypatch.setattr(
        dialogs, "ask", lambda _parent, _title, text, *_, **__: bool(said.append(text)) or len(said) > 1
    )
    outline.cards[3].click()
    _key(outline.cards[3], Qt.Key.Key_Delete)
    assert "cfd, cfd2" in said[0]
    assert set(outline.cards) == {RUN, 0, 1, 2, 3, 4, 5}
    _key(outline.cards[3], Qt.Key.Key_Delete)
    assert set(outline.cards) == {RUN, 0, 1, 2}
    _key(outline.cards[RUN], Qt.Key.Key_Z, control)
    assert set(outline.cards) == {RUN, 0, 1, 2, 3, 4, 5}
    _key(outline.cards[RUN], Qt.Key.Key_Z, control | Qt.KeyboardModifier.ShiftModifier)
    assert set(outline.cards) == {RUN, 0, 1, 2}

    # A form that is left comes back as it was.
    desk.click(plan.cancel)
    desk.click(desk.window.sidebar.new)
    desk.wait(lambda: desk.window.pages.currentWidget() is plan)
    assert plan.reveal("seed").text() == "9"


def test_a_plan_is_queued_copied_and_saved(
    desk: Any, plan: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    queued: list[Any] = []
    plan.queue_wanted.connect(lambda *given: queued.append(given))
    plan.reveal("seed").set_text("5")
    desk.click(plan.queue)
    desk.click(plan.queue)
    assert [config.seed for _, config, _ in queued] == [5, 5]
    assert queued[0][0] != queued[1][0]
    desk.click(plan.command)
    line = shlex.split(QGuiApplication.clipboard().text())
    assert line[:3] == ["cfd-studio", "train", "digits"]
    assert line[5:7] == ["--set", "seed=5"]
    plan.plan.outline.cards[4].click()
    desk.click(plan.plan.outline.remove)
    file = tmp_path / "my recipe.json"
    monkeypatch.setattr(dialogs, "choose_target", lambda *_: file)
    QGuiApplication.clipboard().setText("")
    desk.click(plan.command)
    desk.wait(lambda: "my recipe.json" in QGuiApplication.clipboard().text())
    saved = resolve(json.loads(file.read_bytes()))
    assert (saved.seed, len(saved.stages)) == (5, 8)
    desk.window.say("")


@pytest.fixture
def drop(desk: Any) -> Callable[..., str]:
    """Return a function that drags paths over the window and drops them, and returns what the window said before."""

    def act(*paths: Path) -> str:
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        action, button, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        entering = QDragEnterEvent(QPoint(400, 300), action, mime, button, none)
        QApplication.sendEvent(desk.window, entering)
        assert entering.isAccepted()
        cue = desk.window.arrivals._cue
        assert cue.isVisible()
        desk.wait(lambda: cue.words != "Drop to open")
        QApplication.sendEvent(desk.window, QDropEvent(QPoint(400, 300), action, mime, button, none))
        assert not cue.isVisible()
        return str(cue.words)

    return act


def test_what_is_dropped_on_the_window_is_opened_by_what_it_is(
    desk: Any, drop: Callable[..., str], trained_run: RunFolder, mini_recipe: dict[str, Any], tmp_path: Path
) -> None:
    window, form = desk.window, desk.window.new_run
    assert drop(trained_run.path) == "Drop to open the run trained"
    desk.wait(lambda: desk.page.snapshot is not None and window.pages.currentWidget() is desk.page)

    recipe = tmp_path / "mine.json"
    recipe.write_text(json.dumps(mini_recipe | {"name": "From a file"}))
    assert drop(recipe) == "Drop to plan a run with mine.json"
    desk.wait(lambda: window.pages.currentWidget() is form and form.tabs.currentIndex() == PLAN)
    assert form.reveal("name").text() == "From a file"

    images = tmp_path / "pictures"
    (images / "cats").mkdir(parents=True)
    (images / "cats" / "one.png").write_bytes(b"")
    assert drop(images) == "Drop to train on the images in pictures"
    desk.wait(lambda: form.machine.images.text() == str(images))
    assert form.start.isEnabled()
    arrays = tmp_path / "some.npz"
    arrays.write_bytes(b"")
    drop(arrays)
    desk.wait(lambda: form.machine.images.text() == str(arrays))
    assert form.reveal("data.name").text() == "arrays"

    drop(tmp_path / "weights.pt")
    desk.wait(lambda: window.findChild(ImportDialog) is not None)
    window.findChild(ImportDialog).reject()

    window.beginnings.fill_form_from_run(trained_run.path)
    desk.wait(lambda: form.reveal("name").text() == "Miniature")
    assert list(form.plan.outline.cards) == [RUN, 0, 1, 2, 3, 4]

    (tmp_path / "empty").mkdir()
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(mini_recipe | {"seed": "many", "colour": 1}))
    newer = tmp_path / "newer.json"
    newer.write_text('{"format_version": 99}')
    for paths, words in (
        ((recipe, images), "2 things were dropped at once. Drop one at a time."),
        ((tmp_path / "empty",), "empty: the folder holds neither a run nor images."),
        ((tmp_path / "film.mp4",), "film.mp4: nothing here can open such a file."),
        ((wrong,), "wrong.json: 2 values of the config cannot stay as they are"),
        ((newer,), "newer.json: it was made by a newer version"),
    ):
        window.banner.hide()
        drop(*paths)
        desk.wait(window.banner.isVisible)
        assert window.banner.sentence.text().startswith(words)
    assert form.reveal("name").text() == "Miniature"
