"""The form of a new run: every problem beside its field."""

import json
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from cfd_studio.gui.bridge import Bridge
from cfd_studio.gui.errand_desk import ErrandDesk
from cfd_studio.gui.models.form import form_groups
from cfd_studio.gui.models.verdict import judge
from cfd_studio.gui.panels.new_run import NewRunPanel
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.workspace.folders import runs_folder
from cfd_studio.workspace.resources import presets


@pytest.fixture
def form(qtbot: Any, tmp_path: Path, mini_recipe: dict[str, Any], messenger: Any) -> NewRunPanel:
    digits = json.loads(presets()["digits"].read_bytes())
    bridge = Bridge()
    panel = NewRunPanel(["auto", "cpu", "cuda:0"], ErrandDesk(messenger, bridge))
    qtbot.addWidget(panel)
    panel.offer({"digits": digits, "mini": mini_recipe}, tmp_path, ExecutionRequest())
    panel.show()
    yield panel
    panel.close()
    bridge.close()


def _index(raw: Any, stage_id: str) -> int:
    return next(index for index, stage in enumerate(raw["stages"]) if stage["id"] == stage_id)


def test_the_presets_fit(form: NewRunPanel) -> None:
    for name in ("digits", "mini"):
        form.preset.setCurrentText(name)
        assert form.start.isEnabled(), form.verdict.text()
        assert form.verdict.text() == "Everything fits."


def test_every_field_that_matters_can_be_wrong_and_says_so(form: NewRunPanel) -> None:
    assert len(form.cards.rows) > 15
    for path, row in form.cards.rows.items():
        good = row.text()
        bad = "" if path == "name" else "-1"
        row.set_text(bad)
        assert row.problem(), path
        assert not form.start.isEnabled()
        assert [other for other, one in form.cards.rows.items() if one.problem()] == [path]
        row.set_text(good)
        assert not row.problem()
        assert form.start.isEnabled()


def test_all_problems_at_once(form: NewRunPanel) -> None:
    raw = json.loads(presets()["digits"].read_bytes())
    teacher, cfd = _index(raw, "teacher"), _index(raw, "cfd")
    form.cards.rows[f"stages.{teacher}.optimization.steps"].set_text("many")
    form.cards.rows[f"stages.{teacher}.optimization.learning_rate"].set_text("7")
    form.cards.rows[f"stages.{cfd}.temperature"].set_text("0")
    form.machine.device.set_text("tpu")
    assert form.cards.rows[f"stages.{teacher}.optimization.steps"].problem() == "'many' is no whole number"
    assert "7" in form.cards.rows[f"stages.{teacher}.optimization.learning_rate"].problem()
    assert form.cards.rows[f"stages.{cfd}.temperature"].problem()
    assert form.machine.device.problem()
    assert form.verdict.text() == "4 fields to mend"
    assert not form.start.isEnabled()


def test_a_problem_of_a_field_that_is_not_shown_stands_at_the_top(form: NewRunPanel) -> None:
    form.cards.rows["schedule.num_timesteps"].set_text("48")
    assert form.elsewhere.isVisible()
    assert "sampling_steps" in form.elsewhere.text()
    assert not form.start.isEnabled()


def test_a_warm_up_longer_than_the_training_is_told_at_the_top(form: NewRunPanel) -> None:
    teacher = _index(json.loads(presets()["digits"].read_bytes()), "teacher")
    form.cards.rows[f"stages.{teacher}.optimization.steps"].set_text("20")
    assert form.elsewhere.isVisible()
    assert "stages.teacher.optimization.warmup_steps" in form.elsewhere.text()
    assert form.verdict.text() == "1 field to mend"
    assert not form.start.isEnabled()


def test_several_processes_and_batch_parts_are_folded_away_until_they_are_wanted(form: NewRunPanel) -> None:
    machine = form.machine
    assert not machine.processes.isVisible()
    machine.more.click()
    assert machine.processes.isVisible()
    assert machine.accumulation.isVisible()
    assert not machine.more.isVisible()
    machine.accumulation.set_text("-1")
    assert machine.accumulation.problem() == "Use a whole number from 0 to 65536"
    assert not form.start.isEnabled()
    machine.accumulation.set_text("4")
    assert form.start.isEnabled()
    request = machine.request()
    assert request is not None
    assert (request.processes, request.accumulation, request.apart) == (1, 4, False)
    machine.processes.set_text("3")
    assert machine.worker.text() == "process"
    assert not machine.worker.box.isEnabled()
    machine.processes.set_text("1")
    assert machine.worker.box.isEnabled()
    machine.fill(ExecutionRequest(processes=2, worker="process"))
    assert machine.processes.isVisible()
    machine.fill(ExecutionRequest())
    assert not machine.processes.isVisible()
    assert machine.request() == ExecutionRequest()


def test_all_inputs_begin_at_the_same_place(form: NewRunPanel) -> None:
    name, below = form.cards.rows["name"], form.cards.rows["schedule.num_timesteps"]
    assert name.input.x() == below.input.x()
    assert form.preset.x() - form.folder.x() == form.folder.input.x()


def test_an_expanded_halving_leads_back_to_its_prefix() -> None:
    raw = json.loads(presets()["digits"].read_bytes())
    groups = form_groups(raw)
    index = _index(raw, "pd")
    raw["stages"][index]["optimization"]["warmup_steps"] = 10
    verdict = judge(raw, groups, {f"stages.{index}.optimization.steps": "5"})
    # The warm-up is no field of the form, and each student is named.
    assert verdict.count >= 1
    assert all("warmup_steps" in problem.path for problem in verdict.elsewhere)
    assert verdict.config is None


def test_wheel_over_a_closed_box_does_nothing(form: NewRunPanel) -> None:
    before = form.preset.currentText()
    for box in (form.preset, form.machine.device.combo):
        wheel = QWheelEvent(
            QPointF(5, 5), QPointF(5, 5), QPoint(0, -120), QPoint(0, -120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(box, wheel)
    assert form.preset.currentText() == before
    assert form.machine.device.text() == "auto"


def test_a_new_run_from_the_form_trains(
    desk: Any, mini_recipe: dict[str, Any], monkeypatch: Any, tmp_path: Path
) -> None:
    source = tmp_path / "mini.json"
    source.write_text(json.dumps(mini_recipe))
    from cfd_studio.gui import beginnings

    monkeypatch.setattr(beginnings, "presets", lambda: {"mini": source})
    desk.click(desk.window.sidebar.new)
    form = desk.window.new_run
    desk.wait(lambda: desk.window.pages.currentWidget() is form)
    form.cards.rows["name"].set_text("My Digits!")
    assert Path(form.folder.text()).name.startswith("my-digits-")
    assert Path(form.folder.text()).parent == runs_folder()
    desk.click(form.start)
    desk.wait(lambda: desk.page.snapshot is not None)
    assert desk.snapshot.config.name == "My Digits!"
    desk.wait_state("running", "finished")
    desk.wait(lambda: [run.name for run in desk.window.sidebar.model.runs] == ["My Digits!"])
    desk.wait_state("finished")


def test_a_folder_that_is_taken_is_refused_beside_it(
    desk: Any, mini_recipe: dict[str, Any], monkeypatch: Any, tmp_path: Path
) -> None:
    source = tmp_path / "mini.json"
    source.write_text(json.dumps(mini_recipe))
    from cfd_studio.gui import beginnings

    monkeypatch.setattr(beginnings, "presets", lambda: {"mini": source})
    desk.click(desk.window.sidebar.new)
    form = desk.window.new_run
    desk.wait(lambda: desk.window.pages.currentWidget() is form)
    form.folder.set_text(str(tmp_path))
    desk.click(form.start)
    desk.wait(lambda: form.folder.problem())
    assert "not empty" in form.folder.problem()
    assert form.verdict.text() == form.folder.problem()
    assert form.focusWidget() is form.folder.input
    assert form.start.isEnabled()


def test_the_demo_ends_before_teacher_and_students(
    desk: Any, mini_recipe: dict[str, Any], monkeypatch: Any, tmp_path: Path
) -> None:
    source = tmp_path / "mini.json"
    source.write_text(json.dumps(mini_recipe))
    from cfd_studio.gui import beginnings

    monkeypatch.setattr(beginnings, "presets", lambda: {"digits": source})
    desk.click(desk.window.welcome.demo)
    desk.wait(lambda: desk.page.snapshot is not None)
    desk.wait(lambda: desk.page.tabs.currentIndex() == 1)
    desk.wait(lambda: desk.page.compare.grid.cells and not desk.page.compare.drawing)
    done = {model.stage for (model, _), cell in desk.page.compare.grid.cells.items() if cell.state == "done"}
    assert done == {"teacher", "pd-4", "pd-2", "cfd-2"}
