"""Sheets and reports: a saved picture draws itself again, and a report leaves from the window."""

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QImage

from cfd_studio.gui.models.comparison import ModelKey
from cfd_studio.gui.run_page import COMPARE, JUDGE
from cfd_studio.gui.sheet_menu import SheetMenu
from cfd_studio.gui.widgets import dialogs
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workspace.sheet_files import read_sheet


def _choose(button: SheetMenu, words: str) -> None:
    next(action for action in button.menu().actions() if action.text() == words).trigger()


def test_a_saved_sheet_draws_itself_again_and_heads_a_report(
    desk: Any, trained_run: RunFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    desk.open(trained_run)
    page, compare = desk.page, desk.page.compare
    page.tabs.setCurrentIndex(COMPARE)
    students = [ModelKey(trained_run.path, stage) for stage in ("pd-2", "cfd-2")]
    desk.wait(lambda: set(students) <= compare.grid_page.lineup.rows.keys())
    compare.choices.choose(students, [2, 1])
    compare.choices.own.setChecked(False)
    compare.generate()
    desk.wait(lambda: not compare.drawing)
    drawn = compare.sheet()
    saved = tmp_path / "sheet.png"
    monkeypatch.setattr(dialogs, "choose_target", lambda *_: saved)
    desk.click(compare.bar.save)
    desk.wait(saved.exists)
    assert not QImage(str(saved)).isNull()
    assert drawn is not None
    assert read_sheet(saved) == drawn
    assert [model.stage for model in drawn.models] == ["pd-2", "cfd-2"]

    report = tmp_path / "report.html"
    monkeypatch.setattr(dialogs, "choose_target", lambda *_: report)
    _choose(compare.bar.more, "Export report…")
    desk.wait(lambda: report.exists() and "Report written" in desk.window.banner.sentence.text())
    assert "pd-2, cfd-2. Image i starts from the same noise" in report.read_text()
    report.unlink()
    page.tabs.setCurrentIndex(JUDGE)
    page.judge.bar.exports["report"].trigger()
    desk.wait(report.exists)

    compare.choices.choose([ModelKey(trained_run.path, "teacher")], [4])
    monkeypatch.setattr(dialogs, "choose_file", lambda *_: saved)
    _choose(compare.bar.more, "Open sheet…")
    desk.wait(lambda: page.tabs.currentIndex() == COMPARE and compare.choices.models.chosen() == students)
    desk.wait(lambda: not compare.drawing)
    assert compare.sheet() == drawn

    (tmp_path / "other.png").write_bytes(trained_run.weights("pd-2").read_bytes())
    monkeypatch.setattr(dialogs, "choose_file", lambda *_: tmp_path / "other.png")
    _choose(compare.bar.more, "Open sheet…")
    desk.wait(lambda: "is no PNG picture" in desk.window.banner.sentence.text())
    monkeypatch.setattr(dialogs, "choose_target", lambda *_: trained_run.path / "config.json")
    desk.click(compare.bar.save)  # what belongs to a run is not overwritten
    desk.wait(lambda: "belongs to a run" in desk.window.banner.sentence.text())
    assert trained_run.config().name == "Miniature"
