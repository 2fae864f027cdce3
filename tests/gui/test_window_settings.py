"""The whole form: all settings, the files of this machine, and what it all would cost."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QScrollArea, QWidget

from cfd_studio.gui.bridge import Bridge, Clerk
from cfd_studio.gui.errand_desk import ErrandDesk
from cfd_studio.gui.panels.new_run import NewRunPanel
from cfd_studio.gui.widgets import dialogs
from cfd_studio.protocol.errands import ErrandAnswer, Estimate, EstimateErrand, StageEstimate
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.workspace.resources import presets
from cfd_studio.workspace.settings import load_settings


@pytest.fixture
def form(qtbot: Any, tmp_path: Path, mini_recipe: dict[str, Any], messenger: Any) -> NewRunPanel:
    folder = copy.deepcopy(mini_recipe) | {"data": {"name": "folder", "image_size": 32}, "name": "A folder"}
    other = copy.deepcopy(folder) | {"name": "Another folder"}
    cifar = copy.deepcopy(mini_recipe) | {"data": {"name": "cifar10"}, "comparable": "nothing at all"}
    bridge = Bridge()
    clerk = Clerk(bridge)
    panel = NewRunPanel(["auto", "cpu"], ErrandDesk(messenger, bridge), clerk)
    qtbot.addWidget(panel)
    recipes = {"mini": mini_recipe, "cifar": cifar, "folder": folder, "other": other}
    panel.offer(recipes, tmp_path, ExecutionRequest(), {"cifar10": "/data/cifar"})
    panel.resize(1040, 720)
    panel.show()
    yield panel
    panel.close()
    clerk.close()
    bridge.close()


def test_what_was_typed_stays_when_all_settings_are_shown_and_hidden(form: NewRunPanel) -> None:
    asked: list[Any] = []
    form.start_wanted.connect(lambda *given: asked.append(given[1]))
    assert "network.channels" not in form.plan.fields.rows
    form.reveal("seed").set_text("17")
    form.every.click()
    assert form.reveal("seed").text() == "17"
    form.reveal("clip_targets").tick.click()
    form.reveal("stages.2.weighting").set_text("constant")
    form.reveal("network.multipliers").set_text("1, 1")
    form.reveal("evaluation.judge").set_text("")
    form.every.click()
    assert "network.channels" not in form.plan.fields.rows
    form.start.click()
    config = asked[0]
    assert (config.seed, config.clip_targets, config.network.multipliers) == (17, True, (1, 1))
    assert config.stage("teacher").weighting == "constant"
    assert config.evaluation.judge is None


def test_all_settings_have_names_and_can_be_reached_by_key(form: NewRunPanel) -> None:
    form.every.click()
    for card in list(form.plan.outline.cards.values()):
        card.click()
        for path, row in form.plan.fields.rows.items():
            editor = row.focusProxy()
            assert isinstance(editor, QWidget)
            assert editor.accessibleName(), path
            assert editor.accessibleDescription() == row.toolTip() != "", path
            assert editor.focusPolicy() & Qt.FocusPolicy.TabFocus, path


def test_all_settings_fit_beside_the_sidebar_of_a_small_screen(form: NewRunPanel, qtbot: Any) -> None:
    form.offer({"digits-study": json.loads(presets()["digits-study"].read_bytes())}, Path("/runs"), ExecutionRequest())
    form.choose_preset("digits-study")
    form.every.click()
    scroll = next(area for area in form.findChildren(QScrollArea) if area.isAncestorOf(form.plan.fields))

    def columns() -> int:
        return len({row.mapTo(form, QPoint()).x() for row in form.plan.fields.rows.values()})

    inner = scroll.widget()
    assert inner.height() >= inner.minimumSizeHint().height() > 700  # at once, not squeezed until the next look
    qtbot.waitUntil(lambda: columns() == 2)
    qtbot.waitUntil(lambda: scroll.verticalScrollBar().maximum() > 0)
    assert scroll.horizontalScrollBar().maximum() == 0
    form.resize(1680, 900)
    qtbot.waitUntil(lambda: columns() == 3)


def test_another_source_brings_its_own_fields_and_keeps_the_focus(form: NewRunPanel, qtbot: Any) -> None:
    form.every.click()
    form.activateWindow()
    form.reveal("stages.2.source.kind").setFocus()
    form.reveal("stages.2.source.kind").set_text("run")
    assert "stages.2.optimization.steps" not in form.plan.fields.rows
    assert not form.start.isEnabled()  # the clerk looks at the other run, not the window
    qtbot.waitUntil(lambda: form.reveal("stages.2.source.path").problem() == "Is missing; give it a value")
    assert form.focusWidget() is form.reveal("stages.2.source.kind").focusProxy()
    form.reveal("name").set_text("Somebody else's teacher")
    form.reveal("stages.2.source.kind").set_text("")
    assert form.reveal("stages.2.optimization.steps").text() == "16"
    assert form.start.isEnabled()


def test_a_preset_says_what_its_figures_compare_with(form: NewRunPanel) -> None:
    form.choose_preset("mini")
    assert not form.plan.comparable.isVisible()
    form.choose_preset("cifar")
    assert form.plan.comparable.isVisible()
    assert form.plan.comparable.text() == "Comparable with: nothing at all"


def test_images_are_asked_for_where_they_are_not_shipped(form: NewRunPanel, monkeypatch: Any, qtbot: Any) -> None:
    machine = form.machine
    assert not machine.images.isVisible()
    form.choose_preset("cifar")
    qtbot.waitUntil(machine.images.isVisible)
    assert machine.images.text() == "/data/cifar"
    machine.images.set_text("")
    assert machine.images.input.placeholderText() == "downloaded into the cache"
    assert machine.check() == 0
    form.choose_preset("folder")
    assert machine.images.problem() == "Say where they lie"
    assert not form.start.isEnabled()
    monkeypatch.setattr(dialogs, "choose_folder", lambda *_: Path("/pictures"))
    machine.images.browse.click()
    assert machine.images.text() == "/pictures"
    assert not machine.images.problem()
    request = machine.request()
    assert request is not None
    assert request.data_folder == "/pictures"
    form.choose_preset("other")
    assert machine.images.text() == ""
    machine.images.set_text("/elsewhere")
    form.choose_preset("mini")
    request = machine.request()
    assert request is not None
    assert request.data_folder == ""
    assert machine.folders() == {}


def test_inception_weights_are_asked_for_where_inception_judges(form: NewRunPanel, qtbot: Any) -> None:
    assert not form.machine.inception.isVisible()
    form.reveal("evaluation.inception").tick.click()
    qtbot.waitUntil(form.machine.inception.isVisible)
    form.machine.inception.set_text("~/inception.pth")
    request = form.machine.request()
    assert request is not None
    assert request.inception_file == str(Path("~/inception.pth").expanduser())


def _estimated(errand: Any) -> ErrandAnswer:
    assert isinstance(errand, EstimateErrand)
    stages = tuple(StageEstimate(stage.id, 51_000_000, 3000, 3 * 2**30, 2**30) for stage in errand.config.stages[:2])
    return ErrandAnswer(errand, estimate=Estimate("cuda:0", stages, 9000))


def test_an_estimate_says_time_memory_and_images_until_the_form_changes(
    form: NewRunPanel, messenger: Any, qtbot: Any
) -> None:
    messenger.reply = _estimated
    line = form.estimate
    line.button.click()
    assert line.working
    qtbot.waitUntil(lambda: not line.working)
    assert line.words.text() == "About 4.2 h and 3.0 GiB on cuda:0, 2.0 GiB of disk, 102 M images"
    assert "<td>judge</td>" in line.words.toolTip()
    assert "Evaluation" in line.words.toolTip()
    assert messenger.asked[0].device == "auto"
    form.reveal("seed").set_text("5")
    assert line.stale
    assert line.words.text().endswith("(outdated)")
    form.reveal("seed").set_text("3")
    assert not line.stale
    form.machine.device.set_text("cpu")
    assert line.stale
    form.reveal("seed").set_text("no number")
    assert not line.button.isEnabled()


def test_an_estimate_can_be_stopped_and_may_fail(form: NewRunPanel, messenger: Any, qtbot: Any) -> None:
    line = form.estimate
    messenger.let_go.clear()
    line.button.click()
    assert line.button.text() == "Stop"
    line.button.click()
    assert (line.working, messenger.cancelled, line.words.text()) == (False, 1, "")
    messenger.reply = lambda errand: ErrandAnswer(errand, error="The device is out of memory.")
    line.button.click()
    qtbot.waitUntil(lambda: not line.working)
    assert line.words.text() == "The device is out of memory."


def test_where_images_lie_is_remembered_for_the_data_set_alone(
    desk: Any, mini_recipe: dict[str, Any], monkeypatch: Any, tmp_path: Path
) -> None:
    source = tmp_path / "mini.json"
    source.write_text(json.dumps(mini_recipe | {"data": {"name": "mnist", "image_size": 8}}))
    from cfd_studio.gui import beginnings

    monkeypatch.setattr(beginnings, "presets", lambda: {"mini": source})
    asked: list[ExecutionRequest] = []
    monkeypatch.setattr(desk.window.controller, "create", lambda *given: asked.append(given[2]))
    desk.click(desk.window.sidebar.new)
    new = desk.window.new_run
    desk.wait(lambda: desk.window.pages.currentWidget() is new)
    new.machine.images.set_text("/data/mnist")
    desk.click(new.start)
    assert asked[0].data_folder == "/data/mnist"
    desk.wait(lambda: load_settings().image_folders == {"mnist": "/data/mnist"})
    assert "data_folder" not in load_settings().model_dump()
