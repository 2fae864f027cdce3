"""The parts of the comparison that need no window: pictures, the lens, the grid, what is drawn first."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QTest

from cfd_studio.gui.bridge import Bridge
from cfd_studio.gui.drawings import Drawings
from cfd_studio.gui.models.pictures import block_image, difference
from cfd_studio.gui.sampler_fields import SamplerFields
from cfd_studio.gui.widgets.cell import Cell, Tiles, draw_block
from cfd_studio.gui.widgets.fitted_area import FittedArea
from cfd_studio.gui.widgets.grid_layout import Heading
from cfd_studio.gui.widgets.lens import Lens
from cfd_studio.gui.widgets.sample_grid import SampleGrid
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.data import DataConfig
from cfd_studio.protocol.sampling import DDIM, SampleAnswer, Sampler, SampleRequest, in_a_row


def _grey(*shades: float, side: int = 2, channels: int = 1) -> NDArray[np.float32]:
    return np.asarray(shades, np.float32)[:, None, None, None] * np.ones((1, channels, side, side), np.float32)


def test_the_difference_of_two_cells_is_what_its_numbers_say() -> None:
    first, second = _grey(-1, 0, channels=3), _grey(-1, 0, channels=3)
    equal = difference(first, second)
    assert equal is not None
    assert (equal.mean, equal.largest, equal.signal_to_noise) == (0.0, 0.0, math.inf)
    second[1, 0, 0, 1] = 1.0  # half of the range, in one of three channels of one of eight pixels
    apart = difference(first, second)
    assert apart is not None
    assert apart.mean == pytest.approx(0.5 / 24)
    assert apart.largest == pytest.approx(0.5 / 3)
    assert apart.signal_to_noise == pytest.approx(10 * math.log10(24 / 0.25))
    shades = [[apart.heat.pixelColor(x, y).lightness() for x in range(4)] for y in range(2)]
    assert max(max(row) for row in shades) == shades[0][3] > 100  # second image, upper right
    assert sum(shade < 10 for row in shades for shade in row) == 7
    assert difference(first, _grey(0, 0)) is None  # colour against grey


def test_the_lens_keeps_what_lies_below_the_pointer_and_stays_on_the_image() -> None:
    lens = Lens()
    at = QPointF(0.25, 0.5)
    lens.magnify(4, at)
    part = lens.part()
    assert part.x() + 0.25 * part.width() == pytest.approx(0.25)
    assert part.width() == pytest.approx(1.25**-4)
    lens.drag(QPointF(50, -50))
    assert lens.part().left() == pytest.approx(0)
    assert lens.part().bottom() == pytest.approx(1)
    assert all(lens.take_key(key) for key in (Qt.Key.Key_Plus, Qt.Key.Key_Minus, Qt.Key.Key_0))
    assert (lens.zoom, lens.centre) == (1.0, QPointF(0.5, 0.5))
    assert not lens.take_key(Qt.Key.Key_A)


def test_every_image_of_a_block_is_seen_in_the_same_place_whatever_its_size() -> None:
    lens = Lens()
    lens.look(2, QPointF(0.75, 0.25))  # the upper right quarter
    for side in (2, 8):
        images = _grey(-1, -1, side=side)
        images[0, 0, : side // 2, side // 2 :] = 1
        images[1, 0, side // 2 :, : side // 2] = 1
        canvas = QImage(200, 100, QImage.Format.Format_RGB32)
        painter = QPainter(canvas)
        tiles = Tiles.fit(canvas.rect(), 2, 2)
        draw_block(painter, Cell("done", block_image(images), 2, 2), tiles, lens)
        painter.end()
        for x, shade in ((10, 255), (85, 255), (110, 0), (185, 0)):
            assert canvas.pixelColor(x, 10).red() == canvas.pixelColor(x, 85).red() == shade
    assert tiles.at(QPoint(150, 50)) == 1
    assert tiles.share(QPointF(150, 25)) == QPointF(0.5, 0.25)
    assert Tiles.fit(canvas.rect(), 2, 2, only=1).at(QPoint(100, 50)) == 1


def test_a_class_is_found_by_its_number_or_by_its_name(
    qtbot: Any, mini_config: Callable[..., RunConfig], mini_recipe: dict[str, Any]
) -> None:
    fields = SamplerFields()
    qtbot.addWidget(fields)
    network = mini_recipe["network"] | {"conditional": True}
    digits = mini_config(network=network)
    fields.show_runs([digits, digits.model_copy(update={"data": DataConfig(name="cifar100")})])
    assert fields.label.combo.count() == 102  # of the run that knows of more
    assert not fields.label.isHidden()
    for text, label in (("in turn", None), ("none", -1), ("3", 3), ("3 bear", 3), ("Oak Tree", 52), ("99", 99)):
        fields.label.set_text(text)
        assert fields.read() == ((DDIM,), label)
    for wrong in ("100", "oak", "-1", ""):
        fields.label.set_text(wrong)
        assert fields.read() is None
        assert fields.label.problem()
    fields.choose((Sampler(eta=0.5), Sampler(name="ancestral")), 52)
    assert fields.label.text() == "52 oak tree"
    assert fields.read() == ((Sampler(eta=0.5), Sampler(name="ancestral")), 52)
    fields.show_runs([mini_config()])
    assert fields.label.isHidden()
    assert fields.read() == ((Sampler(eta=0.5), Sampler(name="ancestral")), None)


@pytest.fixture
def grid(qtbot: Any) -> SampleGrid:
    """Return a grid of 20 rows and 6 columns, most of it out of sight."""
    made = SampleGrid(Lens())
    area = FittedArea(made)
    qtbot.addWidget(area)
    area.resize(500, 300)
    made.set_room(QSize(500, 300))
    made.set_shape([Heading(row, str(row)) for row in range(20)], [Heading(column, "") for column in range(6)])
    for key in made.places():
        made.set_cell(key, Cell("done", block_image(_grey(1, 0, -1)), 2, 3))
    area.show()
    qtbot.waitExposed(area)
    made.area = area
    return made


def test_cells_are_marked_by_clicks_and_keys_and_an_image_is_picked_in_all(grid: SampleGrid) -> None:
    left = Qt.MouseButton.LeftButton
    place = grid.cell_rect((0, 0)).topLeft() + QPoint(60, 20)
    QTest.mouseClick(grid, left, Qt.KeyboardModifier.NoModifier, place)
    QTest.mouseClick(grid, left, Qt.KeyboardModifier.ShiftModifier, grid.cell_rect((1, 1)).center())
    assert grid.marks == [(0, 0), (1, 1)]
    QTest.keyClick(grid, Qt.Key.Key_1)
    assert grid.marks == [(1, 1), None]  # no cell is both
    QTest.keyClick(grid, Qt.Key.Key_Left)
    QTest.keyClick(grid, Qt.Key.Key_2)
    assert grid.marks == [(1, 1), (1, 0)]
    QTest.keyClick(grid, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    before = grid.picked
    QTest.keyClick(grid, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert grid.picked == before - 1
    grid.set_alone(True)
    assert len(grid.tiles((5, 5)).shown) == 1
    grid.set_shape(grid.rows[:1], grid.columns)
    assert grid.marks == [None, None]


def test_headings_stay_in_sight_and_are_no_cells(grid: SampleGrid) -> None:
    seen = grid.keys_in_sight()
    assert (0, 0) in seen
    assert (19, 5) not in seen
    grid.area.verticalScrollBar().setValue(500)
    grid.area.horizontalScrollBar().setValue(200)
    assert grid.origin() == QPoint(200, 500)
    assert (0, 0) not in grid.keys_in_sight()
    QTest.mouseClick(grid, Qt.MouseButton.LeftButton, pos=grid.origin() + QPoint(60, 150))
    assert grid.marks == [None, None]
    whole = grid.picture()
    assert QSize(whole.width(), whole.height()) / whole.devicePixelRatio() == grid.size()


class _Queue:
    """A session that keeps what it is asked, newest last."""

    def __init__(self) -> None:
        self.waiting: dict[str, tuple[SampleRequest, Any]] = {}

    def request(self, request: SampleRequest, answer: Any, *, owner: str = "") -> None:
        self.waiting[owner] = (request, answer)

    def cancel(self, owner: str | None = None) -> None:
        self.waiting.pop(owner or "", None)

    def serve(self) -> str:
        """Answer the newest."""
        request, answer = self.waiting.pop(list(self.waiting)[-1])
        answer(SampleAnswer(request, np.zeros((request.count, 1, 2, 2), np.float32)))
        return request.stage


def test_what_comes_into_sight_is_drawn_first_and_what_is_dropped_never_comes(qtbot: Any) -> None:
    queue, bridge = _Queue(), Bridge()
    drawings = Drawings(queue, bridge, "test")
    came: list[str] = []
    drawings.arrived.connect(lambda place, *_: came.append(place))
    wishes = {name: SampleRequest(Path("run"), name, 1, in_a_row(0, 2)) for name in "abcde"}
    drawings.ask(list(wishes.items()))
    assert queue.serve() == "a"
    drawings.hurry(["e", "gone"])
    assert [queue.serve(), queue.serve()] == ["e", "b"]
    late = next(iter(queue.waiting.values()))
    assert set(drawings.cancel()) == {"a", "b", "c", "d", "e"}  # none was handed over yet
    late[1](SampleAnswer(late[0], np.zeros((2, 1, 2, 2), np.float32)))
    qtbot.wait(10)
    assert not came
    assert not queue.waiting
    drawings.ask([("a", wishes["a"])])
    queue.serve()
    qtbot.waitUntil(lambda: came == ["a"])
    assert drawings.has("a", wishes["a"])
    assert not drawings.has("a", wishes["b"])
