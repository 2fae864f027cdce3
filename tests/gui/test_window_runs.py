"""The list of runs, by mouse and keyboard: found, named, resumed, cloned, thrown away."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QFile, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from cfd_studio.gui.about_dialog import AboutDialog
from cfd_studio.gui.run_delegate import resume_area
from cfd_studio.gui.trash_dialog import TrashDialog
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.runs import atomic
from cfd_studio.runs.about import change_about, read_about
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import Lease
from cfd_studio.workspace.folders import runs_folder
from cfd_studio.workspace.settings import load_settings


@pytest.fixture
def runs(mini_config: Any) -> list[RunFolder]:
    """Return ten runs below the folder for runs, the newest first."""
    made = []
    for number in range(10):
        run = RunFolder.create(runs_folder() / f"run-{number}", mini_config(name=f"Run {number}"))
        for entry in ("run.json", "jobs"):
            os.utime(run.path / entry, (1e9 - number, 1e9 - number))
        made.append(run)
    return made


def _names(desk: Any) -> list[str]:
    return [run.name for run in desk.window.sidebar.model.runs]


def _click(desk: Any, row: int) -> None:
    view = desk.window.sidebar.browser.list
    at = view.visualRect(view.runs.index(row)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)


def _dialog(desk: Any, kind: type) -> Any:
    desk.wait(lambda: [one for one in desk.window.findChildren(kind) if one.isVisible()])
    return next(one for one in desk.window.findChildren(kind) if one.isVisible())


def test_runs_are_found_by_what_is_said_of_them_and_the_list_keeps_its_place(
    desk: Any, runs: list[RunFolder], mini_config: Any
) -> None:
    browser = desk.window.sidebar.browser
    desk.window.activateWindow()
    desk.wait(lambda: len(_names(desk)) == 10)
    _click(desk, 3)
    desk.wait(lambda: desk.page.snapshot is not None and desk.window.open_path == runs[3].path)

    QTest.keyClick(browser.list, Qt.Key.Key_F2)
    dialog = _dialog(desk, AboutDialog)
    QTest.keyClicks(dialog.name, "Best <i>so</i> far")
    QTest.keyClicks(dialog.tags, "keep, paper")
    QTest.keyClicks(dialog.notes, "temperature 0.9")
    QTest.keyClick(dialog, Qt.Key.Key_Escape)  # at once, before anything was saved by itself
    desk.wait(lambda: not isValid(dialog))
    about = read_about(runs[3].path)
    assert (about.name, about.tags, about.notes) == ("Best <i>so</i> far", ("keep", "paper"), "temperature 0.9")
    desk.wait(lambda: desk.header.title.text() == _names(desk)[3] == "Best <i>so</i> far")

    tips = desk.header.title.toolTip(), desk.window.sidebar.model.index(3).data(Qt.ItemDataRole.ToolTipRole)
    assert all("<i>" not in tip for tip in tips)  # it is text, whatever it looks like
    desk.window.activateWindow()
    desk.wait(desk.window.isActiveWindow)
    QTest.keyClick(desk.window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    desk.wait(browser.search.hasFocus)
    for words, found in (("PAPER", 1), ("0.9 keep", 1), ("not started", 10), ("run-7", 1), ("keep run-7", 0)):
        browser.search.setText(words)
        assert len(_names(desk)) == found, words
        assert desk.window.open_path == runs[3].path  # what is left out is left open
    assert browser.show_all.isVisible()
    QTest.keyClick(browser.search, Qt.Key.Key_Escape)
    assert len(_names(desk)) == 10
    assert browser.list.chosen() == runs[3].path

    browser.list.verticalScrollBar().setValue(200)
    top = browser.list.indexAt(QPoint(4, 4)).data()
    for number in range(2):
        RunFolder.create(runs_folder() / f"newer-{number}", mini_config(name=f"Newer {number}"))
    desk.window.catalog.nudge()
    desk.wait(lambda: len(_names(desk)) == 12)
    assert browser.list.indexAt(QPoint(4, 4)).data() == top
    assert browser.list.chosen() == desk.window.open_path == runs[3].path

    browser.order.menu().actions()[1].trigger()
    assert _names(desk) == sorted(_names(desk), key=str.casefold)
    desk.click(browser.as_lineage)
    tree = browser.lineage
    tree.scrollToTop()
    desk.wait(lambda: tree.run_at(QPoint(40, 10)) is not None)
    first = tree.run_at(QPoint(40, 10))
    QTest.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(40, 10 + 28))  # its teacher
    assert desk.window.open_path == first


def test_notes_that_cannot_be_saved_stay_until_the_person_gives_them_up(
    desk: Any, runs: list[RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    desk.wait(lambda: len(_names(desk)) == 10)
    actions = desk.window.run_actions
    actions.do("describe", desk.window.sidebar.model.rows[0])
    dialog = _dialog(desk, AboutDialog)
    change_about(runs[0].path, tags=("by another window",))
    with monkeypatch.context() as broken:
        broken.setattr(atomic, "write_bytes", refuse)
        QTest.keyClicks(dialog.notes, "an hour's thoughts")
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        desk.wait(dialog.given_up.isVisible)
        assert dialog.isVisible()
        assert "Read-only file system" in dialog.state.text()
    desk.click(dialog.closing)
    desk.wait(lambda: not isValid(dialog))
    about = read_about(runs[0].path)
    assert (about.notes, about.tags) == ("an hour's thoughts", ("by another window",))

    actions.do("describe", desk.window.sidebar.model.rows[0])
    dialog = _dialog(desk, AboutDialog)
    QTest.keyClicks(dialog.notes, "and ")
    desk.window.close()  # with the dialog open
    assert read_about(runs[0].path).notes == "and an hour's thoughts"
    desk.wait(lambda: not isValid(dialog))
    assert not [one for one in QApplication.topLevelWidgets() if one.isVisible()]


def test_a_run_is_cloned_resumed_forgotten_and_thrown_away(
    desk: Any, runs: list[RunFolder], trained_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, browser = desk.window, desk.window.sidebar.browser
    started: list[tuple[Path, ExecutionRequest]] = []
    monkeypatch.setattr(window.controller, "start", lambda *given: started.append(given))
    runs[2].new_job("train")  # and nobody holds it
    holder = Lease.acquire(runs[5])
    runs[5].new_job("train")
    window.preferences.remember(
        window.preferences.settings.remembering(tmp_path / "gone").remembering(trained_run.path)
    )
    window.catalog.watch(window.preferences.settings.opened)
    desk.wait(lambda: len(_names(desk)) == 11)

    def row_of(run: RunFolder) -> int:
        return int(window.sidebar.model.row_of(run.path))

    def listed(run: RunFolder) -> Any:
        return window.sidebar.model.rows[row_of(run)]

    view = browser.list
    rect = view.visualRect(view.runs.index(row_of(runs[2])))
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=resume_area(rect).center().toPoint())
    desk.wait(lambda: [given[0] for given in started] == [runs[2].path])
    assert window.open_path == runs[2].path

    window.run_actions.do("clone", listed(runs[4]))
    desk.wait(lambda: window.pages.currentWidget() is window.new_run)
    window.new_run.reveal("name")
    assert window.new_run.plan.fields.rows["name"].text() == "Run 4"
    assert window.new_run.start.isEnabled()

    window.sidebar.recent.aboutToShow.emit()
    entries = {action.text(): action for action in window.sidebar.recent.actions() if action.text()}
    (gone,) = [words for words in entries if words.endswith("(gone)")]
    assert not entries[gone].isEnabled()
    entries["Remove those that are gone"].trigger()
    desk.wait(lambda: load_settings().opened == (trained_run.path,))

    window.run_actions.do("discard", listed(runs[5]))
    desk.wait(lambda: "a job works on this run" in window.banner.sentence.text())
    holder.release()

    window.open_run(trained_run.path)
    with monkeypatch.context() as nowhere:
        nowhere.setattr(QFile, "moveToTrash", lambda _: False)
        _throw_away(desk, listed(trained_run), "Miniature")
        desk.wait(lambda: "no trash" in window.banner.sentence.text())
    assert trained_run.weights("teacher").exists()
    _throw_away(desk, listed(trained_run), "Miniature")
    desk.wait(lambda: not trained_run.path.exists())
    desk.wait(lambda: len(_names(desk)) == 10)
    assert window.open_path is None
    assert window.pages.currentWidget() is window.welcome
    assert len(window.welcome.cards) == 4
    desk.wait(lambda: load_settings().opened == ())
    QTest.mouseClick(window.welcome.cards[0], Qt.MouseButton.LeftButton)
    desk.wait(lambda: window.open_path == window.welcome.cards[0].listed.path)


def _throw_away(desk: Any, run: Any, name: str) -> None:
    desk.window.run_actions.do("discard", run)
    dialog = _dialog(desk, TrashDialog)
    desk.wait(lambda: "B, with all its weights" in dialog.measure.text())
    assert not dialog.accepting.isEnabled()
    QTest.keyClicks(dialog.typed, name)
    desk.click(dialog.accepting)
