"""The form of a new run: every problem beside its field."""

import json
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from cfd_studio.gui.bridge import Bridge, Clerk
from cfd_studio.gui.errand_desk import ErrandDesk
from cfd_studio.gui.fast_dialog import FastDialog
from cfd_studio.gui.panels.new_run import NewRunPanel
from cfd_studio.gui.widgets.choice_row import ChoiceRow
from cfd_studio.gui.widgets.form_row import FormRow
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.fast_paths import FastPaths, values_of
from cfd_studio.workspace.folders import runs_folder
from cfd_studio.workspace.resources import presets


@pytest.fixture
def form(qtbot: Any, tmp_path: Path, mini_recipe: dict[str, Any], messenger: Any) -> NewRunPanel:
    digits = json.loads(presets()["digits"].read_bytes())
    bridge = Bridge()
    clerk = Clerk(bridge)
    panel = NewRunPanel(["auto", "cpu", "cuda:0"], ErrandDesk(messenger, bridge), clerk)
    qtbot.addWidget(panel)
    panel.offer({"digits": digits, "mini": mini_recipe}, tmp_path, ExecutionRequest())
    panel.resize(1040, 720)
    panel.show()
    yield panel
    panel.close()
    clerk.close()
    bridge.close()


def _index(raw: Any, stage_id: str) -> int:
    return next(index for index, stage in enumerate(raw["stages"]) if stage["id"] == stage_id)


def test_the_presets_fit(form: NewRunPanel) -> None:
    for name in ("digits", "mini"):
        form.choose_preset(name)
        assert form.start.isEnabled(), form.verdict.text()
        assert form.verdict.text() == "Everything fits."


def test_every_field_that_matters_can_be_wrong_and_says_so(form: NewRunPanel) -> None:
    paths: list[str] = []
    for card in list(form.plan.outline.cards.values()):
        card.click()
        for path, row in form.plan.fields.rows.items():
            if isinstance(row, ChoiceRow):
                continue  # nothing wrong can be chosen
            good = row.text()
            row.set_text("" if path.endswith(("name", "id")) else "-1")
            assert row.problem(), path
            assert not form.start.isEnabled()
            assert [other for other, one in form.plan.fields.rows.items() if one.problem()] == [path]
            row.set_text(good)
            assert not row.problem()
            assert form.start.isEnabled()
            paths.append(path)
    assert len(paths) > 25


def test_all_problems_at_once(form: NewRunPanel) -> None:
    raw = json.loads(presets()["digits"].read_bytes())
    teacher, cfd = _index(raw, "teacher"), _index(raw, "cfd")
    form.reveal(f"stages.{teacher}.optimization.steps").set_text("many")
    form.reveal(f"stages.{teacher}.optimization.learning_rate").set_text("7")
    form.reveal(f"stages.{cfd}.temperature").set_text("0")
    form.machine.device.set_text("tpu")
    assert form.reveal(f"stages.{teacher}.optimization.steps").problem() == "'many' is no whole number"
    assert "7" in form.reveal(f"stages.{teacher}.optimization.learning_rate").problem()
    assert form.reveal(f"stages.{cfd}.temperature").problem()
    assert form.machine.device.problem()
    assert form.verdict.text() == "4 fields to mend"
    assert not form.start.isEnabled()


def test_a_problem_that_is_not_in_sight_is_told_above_with_a_way_to_it(form: NewRunPanel) -> None:
    teacher = _index(json.loads(presets()["digits"].read_bytes()), "teacher")
    form.reveal(f"stages.{teacher}.optimization.steps").set_text("20")
    path = f"stages.{teacher}.optimization.warmup_steps"
    assert "stages.teacher.optimization.warmup_steps" in form.plan.elsewhere.text()
    assert form.verdict.text() == "1 field to mend"
    assert form.plan.outline.cards[teacher].content.problems == 1
    form.plan.outline.cards[-1].click()
    assert path not in form.plan.fields.rows
    form.plan.elsewhere.linkActivated.emit(path)
    assert form.every.isChecked()
    assert form.plan.fields.rows[path].problem()
    assert not form.plan.elsewhere.isVisible()
    form.reveal(path).set_text("3")
    assert form.start.isEnabled()


def test_several_processes_and_batch_parts_are_folded_away_until_they_are_wanted(form: NewRunPanel) -> None:
    machine = form.machine
    form.choose_preset("mini")
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
    for said in ({"processes": 2, "worker": "process"}, {"precision": "bfloat16"}, {"fast": "off"}):
        machine.fill(ExecutionRequest.model_validate(said))
        assert machine.processes.isVisible()
        machine.fill(ExecutionRequest())
        assert not machine.processes.isVisible()
        assert machine.request() == ExecutionRequest()


def test_whatever_is_asked_of_the_machine_comes_back_from_the_form(form: NewRunPanel) -> None:
    form.choose_preset("digits")
    form.reveal("evaluation.inception").tick.click()
    asked = ExecutionRequest(
        device="cuda:1",
        threads=3,
        worker="process",
        processes=2,
        accumulation=4,
        precision="tf32",
        fast="off, compilation=default",
        data_folder="",  # of a data set, and digits need none; see tests/gui/test_window_settings.py
        inception_file="/w.pth",
    )
    assert asked.model_fields_set == set(ExecutionRequest.model_fields)
    form.machine.fill(asked)
    assert form.machine.request() == asked


def test_each_fast_path_can_be_switched_and_is_said_in_words(form: NewRunPanel, qtbot: Any) -> None:
    form.choose_preset("digits")
    row = form.machine.fast
    form.machine.more.click()

    def dialog() -> FastDialog:
        qtbot.mouseClick(row.button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: any(one.isVisible() for one in form.findChildren(FastDialog)))
        return next(one for one in form.findChildren(FastDialog) if one.isVisible())

    assert row.button.text() == "Measured defaults"
    opened = dialog()
    assert list(opened.rows) == list(FastPaths.model_fields)
    for name, one in opened.rows.items():
        assert [one.box.itemData(index) for index in range(one.box.count())] == ["", *values_of(name)]
        assert one.box.accessibleName()
        assert one.toolTip() == FastPaths.model_fields[name].description
    assert opened.height() < 660  # fits where the window does
    opened.rows["compilation"].set_text("cuda-graphs")
    opened.rows["fused_attention"].set_text("off")
    opened.refusing.click()
    assert row.text() == ""
    opened = dialog()
    opened.rows["compilation"].set_text("cuda-graphs")
    opened.rows["fused_attention"].set_text("off")
    opened.accepting.click()
    request = form.machine.request()
    assert request is not None
    assert request.fast_wishes == {"compilation": "cuda-graphs", "fused_attention": False}
    assert row.button.accessibleName() == "Fast paths: compiled (cuda-graphs), fused attention off"
    assert row.button.accessibleName().removeprefix("Fast paths: ") in row.button.toolTip()
    opened = dialog()
    assert opened.rows["compilation"].text() == "cuda-graphs"
    opened.plain.click()
    opened.rows["channels_last"].set_text("all")
    opened.accepting.click()
    assert row.text() == "off, channels_last=all"
    assert row.button.accessibleName() == "Fast paths: none but channels last (all)"
    opened = dialog()
    opened.usual.click()
    opened.accepting.click()
    assert form.machine.request() == ExecutionRequest()


def test_a_format_that_the_device_does_not_have_is_told_beside_it(form: NewRunPanel) -> None:
    form.choose_preset("digits")
    machine = form.machine
    for device, problem in (("cpu", "TF32 is a format of CUDA devices"), ("cuda:0", ""), ("auto", "")):
        machine.device.set_text(device)
        machine.precision.set_text("tf32")
        assert machine.precision.problem() == problem
        assert form.start.isEnabled() == (not problem)
    machine.device.set_text("cpu")
    machine.threads.set_text("many")
    assert form.verdict.text() == "2 fields to mend"
    machine.precision.set_text("float32")
    assert not machine.precision.problem()


def test_all_inputs_of_a_card_begin_at_the_same_place(form: NewRunPanel) -> None:
    form.choose_preset("digits")
    name, below = form.reveal("name"), form.reveal("schedule.num_timesteps")
    assert name.focusProxy().x() == below.focusProxy().x()
    assert form.folder.input.x() == form.machine.device.focusProxy().x()


def test_the_wheel_over_any_input_changes_nothing(form: NewRunPanel) -> None:
    form.every.click()
    for card in list(form.plan.outline.cards.values()):
        card.click()
        inputs = [row.focusProxy() for row in (*form.plan.fields.rows.values(), *form.machine.findChildren(FormRow))]
        before = [row.text() for row in form.findChildren(FormRow)]
        for widget in inputs:
            wheel = QWheelEvent(
                QPointF(5, 5), QPointF(5, 5), QPoint(0, -120), QPoint(0, -120), Qt.MouseButton.NoButton,
                Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
            )  # fmt: skip
            QApplication.sendEvent(widget, wheel)
        assert [row.text() for row in form.findChildren(FormRow)] == before
        assert len(inputs) > 8


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
    form.reveal("name").set_text("My Digits!")
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
    assert form.folder.isVisible()
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


def test_a_problem_of_two_lines_pushes_the_fields_below_down(form: NewRunPanel, qtbot: Any) -> None:
    raw = json.loads(presets()["digits"].read_bytes())
    form.every.click()
    row = form.reveal(f"stages.{_index(raw, 'cfd')}.temperature")
    problem = row.problem_label
    for text in ("-", "-5"):  # as it is typed: the first problem fits on a line
        row.set_text(text)
        qtbot.wait(20)
    assert problem.heightForWidth(problem.width()) > problem.fontMetrics().height(), "it should take two lines here"
    qtbot.waitUntil(lambda: problem.height() >= problem.heightForWidth(problem.width()), timeout=2000)
    assert problem.y() >= row.focusProxy().geometry().bottom()
