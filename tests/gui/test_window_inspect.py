"""One image looked at more closely, with the real sampling session."""

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from cfd_studio.diffusion.feature import feature_divergence, prediction_entropy
from cfd_studio.diffusion.samplers import starting_noise
from cfd_studio.engine.extraction import open_classifier
from cfd_studio.engine.models import open_models
from cfd_studio.gui import trajectory_view
from cfd_studio.gui.inspect_choices import FEATURES, TRAJECTORY
from cfd_studio.gui.models.films import film_of
from cfd_studio.gui.run_page import COMPARE, INSPECT, WATCH
from cfd_studio.gui.widgets.film import Film
from cfd_studio.gui.widgets.film_paint import AXIS
from cfd_studio.protocol.sampling import ImageKey, Sampler, SampleRequest
from cfd_studio.runs.folder import RunFolder


def _pictures(film: Film) -> np.ndarray[Any, Any]:
    """Return what a film shows, uint8 of shape (pictures, height, width)."""
    sheet = film.sheet
    assert sheet.bytesPerLine() == 4 * sheet.width()
    pixels = np.frombuffer(sheet.constBits(), np.uint8).reshape(sheet.height(), sheet.width(), 4)[..., 0]
    tiles = pixels.reshape(sheet.height() // film.height, film.height, film.columns, film.width).swapaxes(1, 2)
    return tiles.reshape(-1, film.height, film.width)[: len(film.levels)]


def _inspect(desk: Any, run: RunFolder) -> Any:
    desk.open(run)
    desk.wait(lambda: all(stage.trained for stage in desk.snapshot.stages.values()))
    QTest.keyClick(desk.window, Qt.Key.Key_4, Qt.KeyboardModifier.ControlModifier)
    desk.wait(lambda: desk.page.inspect.isVisible())
    return desk.page.inspect


def test_the_films_of_teacher_and_students_run_under_one_scrubber(
    desk: Any, trained_run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    inspect = _inspect(desk, trained_run)
    view, chart = inspect.trajectory, inspect.trajectory.chart
    desk.wait(lambda: not view.drawing)
    rows = {row.name: row for row in chart.rows}
    assert {name: row.film.levels for name, row in rows.items()} == {
        "teacher": (8, 7, 6, 5, 4, 3, 2, 1),
        "pd-4": (8, 6, 4, 2),
        "pd-2": (8, 4),
        "cfd-2": (8, 4),
    }
    for name, row in rows.items():
        model = open_models(trained_run.path, [name], "cpu")[0]
        drawn = model.draw(starting_noise(0, 0, 1, model.shape), row.steps, trajectory=True)
        assert drawn.x_hats is not None
        expected = np.clip(np.round((drawn.x_hats[:, 0, 0].numpy() + 1) * 127.5), 0, 255)
        np.testing.assert_array_equal(_pictures(row.film), expected)

    def shown() -> dict[str, int]:
        return {row.name: row.film.levels[row.film.newest(chart.level)] for row in chart.rows}

    assert shown() == {"teacher": 1, "pd-4": 2, "pd-2": 4, "cfd-2": 4}
    QTest.mouseClick(chart, Qt.MouseButton.LeftButton, pos=QPoint(round(chart.x_of(5)), 12))
    assert chart.level == 5
    ring = chart.grab().toImage().pixelColor(round(chart.x_of(5)), AXIS - 16)
    assert ring.blue() > ring.red() + 60  # the handle is where it was put
    assert shown() == {"teacher": 5, "pd-4": 6, "pd-2": 8, "cfd-2": 8}
    assert view.words.text().startswith("Level 5:")
    for key, level in ((Qt.Key.Key_Right, 4), (Qt.Key.Key_Left, 5), (Qt.Key.Key_Home, 8), (Qt.Key.Key_Right, 7)):
        QTest.keyClick(chart, key)
        assert chart.level == level
    monkeypatch.setattr(trajectory_view, "PLAY_SECONDS", 0.2)
    QTest.keyClick(chart, Qt.Key.Key_Space)
    assert view.play.text() == "Pause"
    desk.wait(lambda: chart.level == 0)
    desk.wait(lambda: view.play.text() == "Play")

    old = rows["pd-2"].film
    desk.click(inspect.choices.image.after)
    desk.wait(lambda: chart.rows[2].film is not old and not view.drawing)
    assert inspect.choices.image.index.text() == "1"
    assert not np.array_equal(_pictures(chart.rows[2].film), _pictures(old))
    inspect.choices.image.index.set_text("x")
    assert inspect.choices.image.read() is None
    assert inspect.choices.image.index.problem()
    QTest.mouseClick(inspect.choices.models["pd-4"], Qt.MouseButton.LeftButton)
    inspect.choices.image.index.set_text("0")
    desk.wait(lambda: len(chart.rows) == 3 and not view.drawing)
    np.testing.assert_array_equal(_pictures(chart.rows[1].film), _pictures(old))


def test_what_is_drawn_for_inspect_can_be_cancelled_and_ends_with_its_tab(desk: Any, trained_run: RunFolder) -> None:
    desk.open(trained_run)
    desk.wait(lambda: desk.window.session._session is not None)
    inspect, choices = desk.page.inspect, desk.page.inspect.choices
    with desk.window.session._session._turns:  # a job holds the device
        _inspect(desk, trained_run)
        assert inspect.trajectory.drawing
        desk.click(choices.button)
        assert not inspect.trajectory.drawing
        assert choices.button.text() == "Draw"
        desk.click(choices.button)
        assert inspect.trajectory.drawing
        desk.page.tabs.setCurrentIndex(WATCH)
        assert not inspect.trajectory.drawing
    desk.page.tabs.setCurrentIndex(INSPECT)
    desk.wait(lambda: not inspect.trajectory.drawing)
    assert all(row.film is not None for row in inspect.trajectory.chart.rows)
    assert not choices.button.isVisible()
    trained_run.weights("pd-2").write_bytes(b"damaged")
    choices.image.index.set_text("7")
    desk.wait(lambda: inspect.choices.image.index.text() == "7" and "failed" in _states(inspect))
    desk.wait(lambda: not inspect.trajectory.drawing)
    assert _states(inspect).count("failed") == 1
    assert "damaged" in inspect.trajectory.chart.rows[2].tip
    assert choices.button.text() == "Draw"


def _states(inspect: Any) -> list[str]:
    return [row.state for row in inspect.trajectory.chart.rows]


def test_features_are_compared_as_distillation_does_and_the_slider_asks_nobody(
    desk: Any, trained_run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.open(trained_run)
    desk.wait(lambda: all(stage.trained for stage in desk.snapshot.stages.values()))
    desk.page.tabs.setCurrentIndex(COMPARE)
    ancestral = Sampler(name="ancestral")
    request = SampleRequest(trained_run.path, "cfd-2", 2, (ImageKey(0, 0), ImageKey(5, 2)), sampler=ancestral)
    desk.page.look_at(request, 1, "features")
    inspect, features = desk.page.inspect, desk.page.inspect.features
    view = features.sheet
    desk.wait(lambda: inspect.isVisible() and not features.drawing)
    eyes = open_classifier(trained_run.path, "classifier", "cpu", "matched")

    def seen(stage: str, steps: int) -> Any:
        model = open_models(trained_run.path, [stage], "cpu")[0]
        noise = starting_noise(5, 2, 1, model.shape)
        return eyes(model.draw(noise, steps, sampler=ancestral, seed=5, start=2).images)

    teacher, student = seen("pd-4", 4), seen("cfd-2", 2)
    asked: list[Any] = []
    monkeypatch.setattr(desk.window.session, "request", lambda *one, **_: asked.append(one))
    for temperature in (0.9, 0.35, 2.0):
        view.slider.setValue(round(100 * temperature))
        expected = feature_divergence(teacher.features, student.features, temperature).item()
        assert view.divergence.text() == f"{expected:.4f}"
        assert view.temperature.text() == f"Temperature {temperature:.2f}"
        assert view.teacher_entropy.text() == f"{prediction_entropy(teacher.features / temperature).item():.4f}"
        assert view.student_entropy.text() == f"{prediction_entropy(student.features).item():.4f}"
        shares = (teacher.features[0] / temperature).softmax(0).sort(descending=True)
        assert view.bars.pairs.names == [str(index) for index in shares.indices.tolist()]
        np.testing.assert_allclose(view.bars.pairs.first, shares.values, rtol=1e-5)
        np.testing.assert_allclose(view.bars.pairs.second, student.features[0].softmax(0)[shares.indices], rtol=1e-5)
    np.testing.assert_allclose(sorted(view.classes.pairs.second), student.logits[0].softmax(0).sort().values, rtol=1e-5)
    assert asked == []
    monkeypatch.undo()
    assert view.words.text() == (
        "Image 2 of seed 5, ancestral: finished images from the same noise. "
        "Features of classifier (cnn, 8 features), matched input, as cfd-2 was trained."
    )
    desk.click(view.own)
    assert view.temperature.text() == "Temperature 0.90"
    before = view.divergence.text()
    inspect.choices.student.set_text("pd-2")
    desk.wait(lambda: not features.drawing and view.divergence.text() not in ("–", before))
    assert "as cfd-2 was trained" in view.words.text()


@pytest.mark.slow
def test_inspect_says_what_is_missing(desk: Any, mini_run: Any, trained_run: RunFolder) -> None:
    desk.open(mini_run())
    desk.page.tabs.setCurrentIndex(INSPECT)
    inspect = desk.page.inspect
    desk.wait(lambda: inspect.hint.isVisible())
    assert inspect.hint.text().startswith("No model is trained yet.")
    desk.click(inspect.choices.views.button(FEATURES))
    assert inspect.hint.text().startswith("Nothing to compare yet")
    assert not inspect.choices.button.isVisible()
    desk.open(trained_run)
    desk.page.tabs.setCurrentIndex(INSPECT)
    desk.wait(lambda: view_is_full(inspect))
    desk.click(inspect.choices.views.button(TRAJECTORY))
    desk.wait(lambda: not inspect.trajectory.drawing and inspect.trajectory.chart.rows)


@pytest.mark.slow
def test_an_image_of_a_run_beside_the_open_one_is_inspected_until_the_tab_is_left(
    desk: Any, mini_run: Any, trained_run: RunFolder
) -> None:
    own = mini_run()
    desk.open(own)
    desk.page.side_feeds.want("compare", {trained_run.path})
    desk.wait(lambda: trained_run.path in desk.page.side_feeds.snapshots)
    desk.wait(lambda: desk.page.side_feeds.snapshots[trained_run.path].stages["cfd-2"].trained)
    desk.page.look_at(SampleRequest(trained_run.path, "pd-2", 2, (ImageKey(1, 7),)), 0, "trajectory")
    inspect = desk.page.inspect
    desk.wait(lambda: len(inspect.trajectory.chart.rows) == 4 and not inspect.trajectory.drawing)
    assert inspect.choices.other.isVisible()
    assert "trained" in inspect.choices.other.toolTip()
    assert (inspect.choices.image.seed.text(), inspect.choices.image.index.text()) == ("1", "7")
    desk.page.tabs.setCurrentIndex(WATCH)
    desk.page.tabs.setCurrentIndex(INSPECT)
    assert not inspect.choices.other.isVisible()
    assert inspect.hint.text().startswith("No model is trained yet.")


def view_is_full(inspect: Any) -> bool:
    return not inspect.hint.isVisible() and inspect.features.sheet.divergence.text() != "–"


def test_a_film_of_any_length_and_colour_holds_every_estimate_once() -> None:
    for steps, channels in ((1, 1), (3, 3), (1000, 1), (5, 4)):
        x_hats = np.linspace(-1.2, 1.2, steps, dtype=np.float32)[:, None, None, None].repeat(channels, 1)
        film = film_of(x_hats.repeat(2, 2).repeat(3, 3), tuple(range(steps, 0, -1)))
        expected = np.clip(np.round((x_hats[:, 0, 0, 0] + 1) * 127.5), 0, 255)
        np.testing.assert_array_equal(_pictures(film)[:, 0, 0], expected)
        assert (film.width, film.height) == (3, 2)
        assert [film.newest(level) for level in (steps, 1, 0)] == [0, steps - 1, steps - 1]
