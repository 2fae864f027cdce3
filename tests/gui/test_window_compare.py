"""The sampling panel, with the real sampling session."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QSize

from cfd_studio.gui.models.comparison import ColumnKey, ModelKey
from cfd_studio.gui.models.pictures import arrangement, block_image
from cfd_studio.gui.models.quality import quality
from cfd_studio.gui.run_page import COMPARE, WATCH
from cfd_studio.gui.widgets import dialogs
from cfd_studio.gui.widgets.grid_layout import SCROLL_BAR, Heading
from cfd_studio.gui.widgets.lens import Lens
from cfd_studio.gui.widgets.picture_dialog import PictureDialog
from cfd_studio.gui.widgets.sample_grid import SampleGrid
from cfd_studio.protocol.plan import resolve
from cfd_studio.protocol.sampling import DDIM, SampleAnswer, Sampler, SampleRequest
from cfd_studio.runs.folder import RunFolder


def _compare(desk: Any, run: RunFolder) -> Any:
    desk.open(run)
    desk.page.tabs.setCurrentIndex(COMPARE)
    return desk.page.compare


def _choose(compare: Any, stages: list[str], steps: list[int]) -> None:
    compare.choices.choose([ModelKey(compare._snapshot.path, stage) for stage in stages], steps)


def _cells(compare: Any) -> dict[tuple[str, int], Any]:
    """Return the cells of a grid of one run and one sampler by stage and step count."""
    return {(model.stage, column.sampling_steps): cell for (model, column), cell in compare.grid.cells.items()}


def test_generate_fills_the_grid(desk: Any, trained_run: RunFolder, tmp_path: Path, monkeypatch: Any) -> None:
    compare = _compare(desk, trained_run)
    assert [key.stage for key in compare.choices.models.chosen()] == ["teacher", "pd-4", "pd-2", "cfd-2"]
    _choose(compare, ["teacher", "pd-2"], [4, 1])
    desk.click(compare.choices.generate)
    desk.wait(lambda: not compare.drawing)
    cells = _cells(compare)
    done = {key for key, cell in cells.items() if cell.state == "done"}
    assert done == {("teacher", 8), ("teacher", 4), ("teacher", 1), ("pd-2", 2), ("pd-2", 1)}
    assert {key for key, cell in cells.items() if cell.state == "blank"} == {("pd-2", 8), ("pd-2", 4)}
    assert "made for 2 steps" in cells["pd-2", 4].tip
    assert {key for key, cell in cells.items() if cell.own} == {("teacher", 8), ("pd-2", 2)}
    assert cells["teacher", 8].note.startswith("Fréchet ")
    assert cells["teacher", 8].note.endswith(" · judge")
    assert quality(desk.snapshot, "teacher", 3).note == "Fréchet –"
    assert "ms · 8 calls" in cells["teacher", 8].caption
    assert cells["teacher", 8].image.size().width() == 4 * 8
    compare.grid.enlarged.emit(ModelKey(trained_run.path, "teacher"), ColumnKey(8, DDIM))
    dialog = desk.window.findChild(PictureDialog)
    assert dialog is not None
    assert dialog.isVisible()
    dialog.accept()
    target = tmp_path / "grid.png"
    monkeypatch.setattr(dialogs, "choose_target", lambda *_: target)
    desk.click(compare.bar.save)
    desk.wait(target.exists)


def test_five_columns_fit_into_a_small_window(qtbot: Any) -> None:
    grid = SampleGrid(Lens())
    qtbot.addWidget(grid)
    grid.set_shape([Heading(row, "") for row in range(9)], [Heading(column, "") for column in range(5)])
    grid.set_room(QSize(720, 400))
    assert grid.height() > 400
    assert grid.width() <= 720 - SCROLL_BAR


def test_same_noise_gives_the_same_images_again(desk: Any, trained_run: RunFolder) -> None:
    compare = _compare(desk, trained_run)
    _choose(compare, ["pd-2"], [])
    desk.click(compare.choices.generate)
    desk.wait(lambda: not compare.drawing)
    first = _cells(compare)["pd-2", 2].image
    compare.choices.seed.set_text("1")
    desk.click(compare.choices.generate)
    assert _cells(compare)["pd-2", 2].state == "waiting"
    assert _cells(compare)["pd-2", 2].image == first  # stays until it is replaced
    desk.wait(lambda: not compare.drawing)
    assert _cells(compare)["pd-2", 2].image != first
    compare.choices.seed.set_text("0")
    desk.click(compare.choices.generate)
    desk.wait(lambda: not compare.drawing)
    assert _cells(compare)["pd-2", 2].image == first


def test_generate_while_training_and_paused(desk: Any, mini_recipe: dict[str, Any], mini_run: Any) -> None:
    stages = mini_recipe["stages"]
    stages[3]["optimization"]["steps"] = 100_000  # the first student; the teacher is trained by then
    compare = _compare(desk, mini_run(stages=stages))
    assert not compare.choices.generate.isEnabled()
    assert compare.hint.text().startswith("No model is trained yet.")
    desk.page.tabs.setCurrentIndex(WATCH)
    desk.train_until("pd-4")
    desk.page.tabs.setCurrentIndex(COMPARE)
    _choose(compare, ["teacher"], [1])
    desk.click(compare.choices.generate)
    desk.wait(lambda: not compare.drawing)
    assert _cells(compare)["teacher", 8].image is not None
    assert desk.snapshot.state == "running"
    step = desk.snapshot.stages["pd-4"].step
    desk.wait(lambda: desk.snapshot.stages["pd-4"].step > step)
    desk.click(desk.header.pause)
    desk.wait_state("paused")
    compare.choices.seed.set_text("5")
    desk.click(compare.choices.generate)
    desk.wait(lambda: not compare.drawing)
    assert desk.snapshot.state == "paused"


def test_cancel_keeps_what_is_drawn(desk: Any, trained_run: RunFolder) -> None:
    compare = _compare(desk, trained_run)
    compare.choices.count.set_text("256")
    _choose(compare, ["teacher", "pd-4", "pd-2"], [8, 4, 2, 1])
    desk.click(compare.choices.generate)
    assert compare.drawing
    desk.click(compare.choices.cancel)
    assert not compare.drawing
    assert not compare.choices.cancel.isEnabled()
    assert {cell.state for cell in compare.grid.cells.values()} <= {"idle", "done", "blank"}
    before = dict(compare.grid.cells)
    desk.qtbot.wait(500)
    assert compare.grid.cells == before  # nothing that was dropped arrives


@pytest.mark.parametrize(
    ("seed", "count", "wrong"), [("x", "8", "seed"), ("-1", "8", "seed"), ("0", "0", "count"), ("0", "1e9", "count")]
)
def test_numbers_are_checked_beside_their_field(
    desk: Any, trained_run: RunFolder, seed: str, count: str, wrong: str
) -> None:
    compare = _compare(desk, trained_run)
    compare.choices.seed.set_text(seed)
    compare.choices.count.set_text(count)
    desk.click(compare.choices.generate)
    assert not compare.drawing
    assert getattr(compare.choices, wrong).problem()
    other = {"seed": "count", "count": "seed"}[wrong]
    assert not getattr(compare.choices, other).problem()


def test_the_block_holds_every_image_in_order() -> None:
    images = np.linspace(-1, 1, 6, dtype=np.float32)[:, None, None, None] * np.ones((1, 1, 2, 2), np.float32)
    block = block_image(images)
    columns, rows = arrangement(6)
    assert (block.width(), block.height()) == (2 * columns, 2 * rows)
    for index in range(6):
        shade = block.pixelColor(index % columns * 2, index // columns * 2).red()
        assert shade == round(index * 255 / 5)


class _Recorder:
    """A session that answers at once with grey images, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[SampleRequest] = []

    def request(self, request: SampleRequest, answer: Any, *, owner: str = "") -> None:
        self.asked.append(request)
        images = np.zeros((request.count, 1, 8, 8), dtype=np.float32)
        answer(SampleAnswer(request, images, seconds_per_image=0.001, network_calls=2 * request.sampling_steps))

    def cancel(self, owner: str | None = None) -> None: ...


def _draw(desk: Any, compare: Any) -> list[SampleRequest]:
    compare.drawings.session.asked.clear()
    desk.click(compare.choices.generate)
    desk.wait(lambda: not compare.drawing)
    return list(compare.drawings.session.asked)


def test_only_what_has_a_meaning_for_the_models_can_be_chosen(
    desk: Any, trained_run: RunFolder, mini_run: Any, mini_recipe: dict[str, Any]
) -> None:
    fields = _compare(desk, trained_run).choices.sampler
    assert all(chip.isVisible() for chip in fields.names.values())
    assert fields.eta.isVisible()
    assert not fields.guidance.isVisible()
    assert not fields.label.isVisible()
    fields.names["dpm-solver++"].click()
    assert fields.eta.isVisible()
    fields.names["ddim"].click()
    assert not fields.eta.isVisible()
    network = mini_recipe["network"] | {"conditional": True}
    _compare(desk, mini_run("guided", network=network | {"label_dropout": 0.1}))
    assert fields.guidance.isVisible()
    assert [fields.label.combo.itemText(index) for index in range(3)] == ["in turn", "none", "0"]
    assert fields.label.combo.count() == 12
    _compare(desk, mini_run("conditional", network=network | {"label_dropout": 0.0}))
    assert not fields.guidance.isVisible()
    assert fields.label.combo.findText("none") < 0


def test_sampler_eta_guidance_and_class_reach_the_session_and_the_tooltip(
    desk: Any, trained_run: RunFolder, mini_recipe: dict[str, Any], tmp_path: Path
) -> None:
    raw = mini_recipe | {"network": mini_recipe["network"] | {"conditional": True}}
    (trained_run.path / "config.json").write_text(resolve(raw).model_dump_json())
    compare = _compare(desk, trained_run)
    compare.drawings.session = _Recorder()
    _choose(compare, ["teacher"], [])
    fields = compare.choices.sampler
    assert [(one.sampler, one.label) for one in _draw(desk, compare)] == [(Sampler(), None)]
    cell = _cells(compare)["teacher", 8]
    assert "seed 0, ddim\n16 network calls" in cell.tip
    assert cell.note != "Fréchet –"
    fields.eta.set_text("0.5")
    fields.guidance.set_text("2")
    fields.label.set_text("7")
    assert [(one.sampler, one.label) for one in _draw(desk, compare)] == [(Sampler(eta=0.5, guidance=2.0), 7)]
    cell = _cells(compare)["teacher", 8]
    assert "ddim, eta 0.5, guidance 2, class 7" in cell.tip
    # The figures were measured with another sampler: they are not this picture's.
    assert cell.note == "Fréchet –"
    assert "measured with ddim" in cell.tip
    fields.label.set_text("none")
    fields.names["ddim"].click()
    fields.names["ancestral"].click()
    assert _draw(desk, compare) == []
    assert "Guidance needs a class" in _cells(compare)["teacher", 8].tip
    fields.guidance.set_text("1")
    assert [(one.sampler, one.label) for one in _draw(desk, compare)] == [(Sampler(name="ancestral"), -1)]
    assert "no class" in _cells(compare)["teacher", 8].tip
    fields.label.set_text("3")
    for row, wrong in ((fields.guidance, "-1"), (fields.label, "10"), (fields.label, "dog")):
        good = row.text()
        row.set_text(wrong)
        compare.drawings.session.asked.clear()
        compare.choices.generate.click()
        assert row.problem()
        assert not compare.drawings.session.asked
        row.set_text(good)
    assert len(_draw(desk, compare)) == 1
