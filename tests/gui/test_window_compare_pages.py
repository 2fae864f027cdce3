"""Comparing in the real window: several runs and samplers, two cells, pages of images, favourites, a sheet."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from cfd_studio.gui.compare_bar import BROWSE, GRID, PAIR
from cfd_studio.gui.models.comparison import ColumnKey, ModelKey, Place
from cfd_studio.gui.run_page import COMPARE, INSPECT
from cfd_studio.gui.widgets import dialogs
from cfd_studio.protocol.sampling import DDIM, ImageKey, Sampler, in_a_row
from cfd_studio.protocol.sheets import Sheet
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workspace.favourites import load_favourites

DPM = Sampler(name="dpm-solver++")


def _compare(desk: Any, run: RunFolder) -> Any:
    desk.open(run)
    desk.page.tabs.setCurrentIndex(COMPARE)
    return desk.page.compare


def _generate(desk: Any, compare: Any) -> None:
    desk.click(compare.choices.generate)
    desk.wait(lambda: not compare.drawing)


def _tick(compare: Any, *keys: ModelKey) -> None:
    for key, tick in compare.choices.models.ticks.items():
        if tick.isEnabled() and tick.isChecked() != (key in keys):
            tick.click()


def _click(compare: Any, place: Place, key: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    spot = compare.grid.tiles(place).rect(1).center().toPoint()
    QTest.mouseClick(compare.grid, Qt.MouseButton.LeftButton, key, spot)


def test_models_of_two_runs_and_two_samplers_stand_in_one_grid(
    desk: Any, trained_run: RunFolder, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(trained_run.path, other)
    shutil.rmtree(other / "stages" / "pd-2")  # and so it has a model that cannot be drawn
    compare = _compare(desk, trained_run)
    here, there = ModelKey(trained_run.path, "pd-4"), ModelKey(other, "pd-4")
    _tick(compare, here)
    _generate(desk, compare)
    first = dict(compare.drawings.answers)
    assert len(first) == 3  # 4, 2 and 1 steps
    desk.window.open_run(other)  # both are in the list now, and the first is opened again
    compare = _compare(desk, trained_run)
    desk.wait(lambda: compare.choices.models.menu().actions()[0].isEnabled())
    _tick(compare, here)
    _generate(desk, compare)
    first = dict(compare.drawings.answers)
    compare.choices.models.menu().actions()[0].trigger()
    desk.wait(lambda: there in compare.choices.models.ticks)
    _tick(compare, here, there)
    desk.click(compare.choices.sampler.names["dpm-solver++"])
    _generate(desk, compare)
    grid, answers = compare.grid, compare.drawings.answers
    assert [row.key for row in grid.rows] == [here, there]
    assert [row.third for row in grid.rows] == ["Miniature", "Miniature"]
    columns = [ColumnKey(steps, sampler) for steps in (8, 4, 2, 1) for sampler in (DDIM, DPM)]
    assert [column.key for column in grid.columns] == columns
    assert all(answers[place] is answer for place, answer in first.items())  # what was there was not drawn anew
    assert len(answers) == 12
    for column in columns[2:]:
        one, two = answers[here, column], answers[there, column]
        assert np.array_equal(one.images, two.images)
        assert one.request.sampler == column.sampler
    assert grid.cells[there, columns[0]].state == "blank"
    assert compare.results()[0].quality.startswith("Fréchet ")
    assert [cell.quality for cell in compare.results() if cell.sampler == DPM] == [""] * 6

    sheet = Sheet.model_validate_json(compare.sheet().model_dump_json())
    pictures = {place: cell.image for place, cell in grid.cells.items()}
    compare.choices.models.menu().actions()[0].trigger()  # away with it
    desk.wait(lambda: [row.key for row in grid.rows] == [here])
    assert {cell.model.run for cell in compare.results()} == {str(trained_run.path)}
    compare.choices.sampler.names["ddim"].click()
    compare.restore(sheet)
    desk.wait(lambda: len(compare.drawings.answers) == 12 and not compare.drawing)
    assert {place: cell.image for place, cell in grid.cells.items()} == pictures
    assert compare.sheet() == sheet
    shutil.rmtree(other)
    compare.reset()
    compare.show_snapshot(desk.snapshot)
    compare.restore(sheet)
    desk.wait(lambda: len(compare.drawings.answers) == 6 and not compare.drawing)
    assert [row.key for row in grid.rows] == [here]


@pytest.fixture
def drawn(desk: Any, trained_run: RunFolder) -> tuple[Any, Place, Place]:
    """Return the panel with cells drawn, and two of them."""
    compare = _compare(desk, trained_run)
    teacher, student = ModelKey(trained_run.path, "teacher"), ModelKey(trained_run.path, "pd-2")
    compare.choices.choose([teacher, student], [2])
    _generate(desk, compare)
    return compare, (teacher, ColumnKey(8, DDIM)), (student, ColumnKey(2, DDIM))


def _other_views(desk: Any, compare: Any, first: Place) -> None:
    """Look at what the menu of a cell offers."""
    compare.grid.pick(3)
    asked: list[tuple[Any, ...]] = []
    compare.inspect_wanted.connect(lambda *wish: asked.append(wish))
    actions = {action.text(): action for action in compare.verbs.menu(first).actions()}
    actions["Trajectory…"].trigger()
    actions["Features…"].trigger()
    assert [(request.stage, request.sampling_steps, index, view) for request, index, view in asked] == [
        ("teacher", 8, 3, "trajectory"),
        ("teacher", 8, 3, "features"),
    ]
    assert desk.page.tabs.currentIndex() == INSPECT
    desk.page.tabs.setCurrentIndex(COMPARE)
    before = compare.drawings.answers[first]
    actions["Draw again"].trigger()
    desk.wait(lambda: not compare.drawing)
    assert compare.drawings.answers[first] is not before
    actions["Browse more images"].trigger()
    assert compare.browse_page.isVisible()


def test_two_cells_are_compared_pixel_by_pixel_and_lead_on_to_other_views(desk: Any, drawn: Any) -> None:
    compare, first, second = drawn
    assert not compare.bar.pages[PAIR].isEnabled()
    _click(compare, first)
    _click(compare, second, Qt.KeyboardModifier.ShiftModifier)
    assert compare.grid.picked == 1
    QTest.keyClick(compare.grid, Qt.Key.Key_C)
    page = compare.pair_page
    assert page.isVisible()
    desk.click(compare.bar.pages[GRID])
    desk.click(compare.bar.pages[PAIR])
    assert page.view.hasFocus()
    assert page.heads[0].toolTip().startswith("A   teacher · 8 steps · ddim")
    assert "8 calls" in page.details[0].toolTip()
    assert page.which.text() == "seed 0, image 1"
    desk.wait(lambda: page.difference is not None)
    one, two = (compare.drawings.answers[place].images for place in (first, second))
    assert page.difference.mean == pytest.approx(np.abs(one[1] - two[1]).mean() / 2, rel=1e-5)
    seen = {}
    for look, button in page.looks.items():
        desk.click(button)
        desk.wait(lambda: page.difference is not None)
        page.view.repaint()
        seen[look] = page.view.grab().toImage()
    assert len({bytes(image.constBits()) for image in seen.values()}) == 4
    assert page.scale.isVisible()
    assert len({seen["difference"].pixel(x, 200) for x in range(0, seen["difference"].width(), 5)}) > 3
    desk.click(page.looks["blink"])
    page.speed.setValue(page.speed.minimum())
    desk.wait(lambda: page.view.second_shown)
    desk.click(page.looks["slider"])
    QTest.keyClick(page.view, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert page.view.split == pytest.approx(0.48)
    QTest.mouseClick(page.view, Qt.MouseButton.LeftButton, pos=QPoint(page.view.width() // 2, 20))
    assert page.view.split == pytest.approx(0.5, abs=0.01)
    QTest.keyClick(page.view, Qt.Key.Key_Right)
    assert page.which.text() == "seed 0, image 2"
    desk.click(page.every)
    desk.wait(lambda: page.difference is not None)
    assert page.difference.mean == pytest.approx(np.abs(one - two).mean() / 2, rel=1e-5)
    desk.click(page.swap)
    assert page.heads[1].toolTip().startswith("B   teacher")
    QTest.keyClick(page.view, Qt.Key.Key_Plus)
    assert compare.lens.zoom == 1.25  # of the grid as well
    desk.click(compare.bar.pages[GRID])
    assert compare.bar.whole.text() == "125 %"
    assert compare.sheet().view.pair is not None
    _other_views(desk, compare, first)


def test_favourites_are_starred_kept_drawn_alone_and_cleared(desk: Any, drawn: Any, monkeypatch: Any) -> None:
    compare, first, _ = drawn
    assert not compare.choices.only_favourites.isEnabled()
    _click(compare, first)
    QTest.keyClick(compare.grid, Qt.Key.Key_S)
    assert compare.grid.cells[first].stars == {1}
    desk.click(compare.bar.pages[BROWSE])
    page = compare.browse_page
    desk.wait(lambda: not page.drawings.open)
    assert page.wall.cell.count == 64
    assert page.wall.hasFocus()
    assert page.model.currentText() == "teacher · 8 steps · ddim"
    assert page.wall.cell.stars == {1}
    QTest.keyClick(page.wall, Qt.Key.Key_PageDown)
    desk.wait(lambda: page.chosen_key() == ImageKey(0, 64))
    QTest.keyClick(page.wall, Qt.Key.Key_Right)
    QTest.keyClick(page.wall, Qt.Key.Key_S)
    page.seed.set_text("9")
    desk.wait(lambda: page.chosen_key() == ImageKey(9, 1))
    assert page.drawings.answers["page"].request.keys == in_a_row(9, 64)
    desk.click(page.star)
    desk.click(page.starred)
    wanted = (ImageKey(0, 1), ImageKey(0, 65), ImageKey(9, 1))
    desk.wait(lambda: page.drawings.answers["page"].request.keys == wanted)
    compare.choices.only_favourites.click()
    _generate(desk, compare)
    assert page.isHidden()
    assert {answer.request.keys for answer in compare.drawings.answers.values()} == {wanted}
    assert compare.grid.cells[first].stars == {0, 1, 2}
    desk.wait(lambda: load_favourites().image_keys == wanted)
    assert compare.sheet().image_keys == wanted
    desk.click(compare.bar.pages[BROWSE])
    monkeypatch.setattr(dialogs, "ask", lambda *_, **__: False)
    desk.click(page.clear)
    assert compare.favourites.keys == wanted
    monkeypatch.setattr(dialogs, "ask", lambda *_, **__: True)
    desk.click(page.clear)
    assert page.words.text().startswith("No favourites yet")
    desk.wait(lambda: not load_favourites().keys)
    assert not compare.choices.only_favourites.isChecked()
