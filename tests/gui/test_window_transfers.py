"""Checkpoints in, models out; and an imported run in every panel."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QMenu

from cfd_studio.gui.import_dialog import ImportDialog
from cfd_studio.gui.models.comparison import step_choices
from cfd_studio.gui.models.forecast import forecast
from cfd_studio.gui.run_page import COMPARE, JUDGE, WATCH
from cfd_studio.gui.widgets import dialogs
from cfd_studio.protocol.errands import Errand, ErrandAnswer, ExportErrand, ImportErrand
from cfd_studio.protocol.events import JobEnded, JobStarted, JobState, StageTrained, dump_event
from cfd_studio.protocol.plan import resolve
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.status import JobStatus
from cfd_studio.workspace.folders import runs_folder

FOUND = "ckpt.pt: a U-Net with 12 parameters, taken from ema_model."


def _imported(errand: Errand, weights: Path) -> ErrandAnswer:
    """Make a run as an import leaves it: a journal that says that its one stage is there, and nothing to train."""
    assert isinstance(errand, ImportErrand)
    teacher = {"kind": "teacher", "id": "teacher", "sampling_steps": 16}
    source = {"kind": "checkpoint", "file": errand.file.name, "which": "ema_model"}
    raw = {
        "name": errand.file.stem,
        "data": {"name": errand.data, "image_size": 16},
        "schedule": {"num_timesteps": 64, "clean_end": False},
        "network": {"conditional": True},
        "stages": [teacher | {"source": source}],
        "evaluation": {},
    }
    run = RunFolder.create(errand.folder, resolve(raw))
    run.weights("teacher").parent.mkdir(parents=True)
    shutil.copy(weights, run.weights("teacher"))
    job = run.new_job("import")
    said = (
        JobStarted(job=job.number, device="cpu", stage="teacher"),
        StageTrained(stage="teacher", step=0, seconds=0.0),
        JobEnded(state=JobState.FINISHED, sentence=FOUND),
    )
    job.journal.write_bytes(b"".join(map(dump_event, said)))
    job.status.write_text(JobStatus(state=JobState.FINISHED, sentence=FOUND).model_dump_json())
    return ErrandAnswer(errand, sentence=FOUND)


@pytest.fixture
def chosen(monkeypatch: Any, tmp_path: Path) -> Path:
    """Answer the file dialogs in a person's place."""
    monkeypatch.setattr(dialogs, "choose_file", lambda *_: tmp_path / "My ckpt.pt")
    monkeypatch.setattr(dialogs, "choose_target", lambda *_: tmp_path / "out.safetensors")
    return tmp_path


def _dialog(desk: Any) -> ImportDialog:
    desk.wait(lambda: desk.window.findChild(ImportDialog) is not None)
    return desk.window.findChild(ImportDialog)


def test_an_imported_checkpoint_is_a_run_that_looks_right_everywhere(
    desk: Any, trained_run: RunFolder, chosen: Path
) -> None:
    desk.errands.reply = lambda errand: _imported(errand, trained_run.weights("teacher"))
    desk.click(desk.window.sidebar.take_in)
    dialog = _dialog(desk)
    folder = Path(dialog.folder.text())
    assert folder.parent == runs_folder()
    assert folder.name.startswith("my-ckpt-")
    dialog.folder.set_text("")
    assert not dialog.accepting.isEnabled()
    dialog.folder.set_text(str(folder))
    assert dialog.name.text() == "My ckpt"
    for row, wrong, right in ((dialog.name, "", "Theirs"), (dialog.side, "7", "32")):
        row.set_text(wrong)
        assert row.problem()
        assert not dialog.accepting.isEnabled()
        row.set_text(right)
    desk.click(dialog.accepting)
    desk.wait(lambda: desk.page.snapshot is not None and desk.page.snapshot.state == "finished")
    assert desk.errands.asked == [ImportErrand(chosen / "My ckpt.pt", folder, "none", 32, "Theirs")]
    assert desk.window.open_path == folder
    assert desk.window.banner.sentence.text() == FOUND

    assert desk.snapshot.complete
    assert desk.snapshot.current_stage is None
    assert forecast(desk.snapshot).fraction == 1.0
    assert not desk.header.start.isVisible()
    assert desk.header.left.text() == "All stages done"
    card = desk.page.stages.tree.cards["teacher"].content
    assert (card.mark, card.kind, card.note) == ("done", "Teacher · 16 steps", "Imported")
    assert "From My ckpt.pt; not trained here" in card.tip
    assert desk.page.curves.nothing.text() == "This stage was imported, not trained here."
    desk.wait(desk.page.curves.nothing.isVisible)
    for tab in (COMPARE, JUDGE, WATCH):
        desk.page.tabs.setCurrentIndex(tab)
    assert step_choices(desk.snapshot) == [16, 8, 4, 2, 1]
    desk.wait(lambda: [run.stages_done for run in desk.window.sidebar.model.runs] == [1])


def test_a_checkpoint_that_cannot_be_imported_is_told_and_leaves_everything_as_it_was(
    desk: Any, trained_run: RunFolder, chosen: Path
) -> None:
    desk.open(trained_run)
    desk.errands.reply = lambda errand: ErrandAnswer(errand, error="My ckpt.pt: is no checkpoint.")
    desk.click(desk.window.sidebar.take_in)
    dialog = _dialog(desk)
    dialog.data.set_text("cifar10")
    desk.click(dialog.accepting)
    desk.wait(lambda: "is no checkpoint" in desk.window.banner.sentence.text())
    assert desk.window.banner.property("role") == "banner-error"
    assert desk.errands.asked[0].data == "cifar10"
    assert desk.window.open_path == trained_run.path


def _menu(desk: Any, stage: str) -> QMenu:
    """Ask for the menu of a card as the menu key does."""
    card = desk.page.stages.tree.cards[stage]
    place = QPoint(4, 4)
    QApplication.sendEvent(card, QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, place, card.mapToGlobal(place)))
    menus = [menu for menu in desk.page.stages.findChildren(QMenu) if menu.isVisible()]
    assert len(menus) == 1
    return menus[0]


def test_a_trained_stage_is_exported_from_its_card(desk: Any, trained_run: RunFolder, chosen: Path) -> None:
    desk.open(trained_run)
    menu = _menu(desk, "pd-2")
    assert [action.data() for action in menu.actions()] == ["safetensors", "onnx", "images"]
    desk.errands.let_go.clear()
    menu.actions()[1].trigger()
    menu.close()
    assert desk.errands.asked == [ExportErrand(trained_run.path, "pd-2", "onnx", chosen / "out.safetensors", "cpu")]
    assert desk.window.banner.sentence.text().startswith("Exporting pd-2 to ")
    desk.errands.reply = lambda errand: ErrandAnswer(errand, sentence="Written.\nIt differs by 1e-6 from torch.")
    desk.errands.let_go.set()
    desk.wait(lambda: desk.window.banner.sentence.text() == "Written.")
    assert "1e-6" in desk.window.banner.details.toPlainText()


def test_a_classifier_has_only_weights_to_export_and_an_untrained_stage_nothing(
    desk: Any, trained_run: RunFolder, long_run: RunFolder
) -> None:
    desk.open(trained_run)
    menu = _menu(desk, "judge")
    assert [(action.data(), action.isEnabled()) for action in menu.actions()] == [("safetensors", True)]
    menu.close()
    desk.open(long_run)
    menu = _menu(desk, "teacher")
    assert not any(action.isEnabled() for action in menu.actions())
    menu.close()
