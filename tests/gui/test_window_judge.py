"""The judge: every figure in plot and table, whose selections are one, and more of them on request."""

import csv
import io
import shutil
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication

from cfd_studio.gui.evaluate_dialog import EvaluateDialog
from cfd_studio.gui.models.words import figure_lines, metric_value
from cfd_studio.gui.run_page import COMPARE, JUDGE
from cfd_studio.gui.widgets import dialogs
from cfd_studio.protocol.errands import Errand, ErrandAnswer, EvaluateErrand
from cfd_studio.protocol.events import StageJudged
from cfd_studio.protocol.figures import INCEPTION_SPACE, Figure, Judgement
from cfd_studio.protocol.sampling import DDIM, Sampler
from cfd_studio.protocol.wishes import Wishes
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.journal import JournalWriter

FIRST_FIGURE = 5  # after stage, kind, steps, calls and time


def _opened(desk: Any, run: RunFolder) -> Any:
    desk.open(run)
    desk.page.tabs.setCurrentIndex(JUDGE)
    desk.wait(lambda: desk.page.judge.order.rowCount() > 5)
    return desk.page.judge


def _shown(panel: Any) -> list[list[str]]:
    """Return the cells of the table as they are seen."""
    model = panel.view.model()
    return [
        [model.index(row, column).data() for column in range(model.columnCount())] for row in range(model.rowCount())
    ]


def _row(run: RunFolder, reference: str) -> list[str]:
    """Return what the row of pd-2 at its own steps must show."""
    quality = run.quality("pd-2")
    assert quality is not None
    return [
        metric_value(metric, quality.judgements[0].value(space, reference, metric))  # type: ignore[arg-type]
        for space in ("judge", "pixels")
        for metric in ("frechet", "precision", "recall")
    ]


def test_the_figures_turn_to_the_training_images_and_leave_as_text(
    desk: Any, trained_run: RunFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    panel = _opened(desk, trained_run)
    held_out, training = panel.bar.references.buttons()

    def figures() -> list[str]:
        return next(row for row in _shown(panel) if row[0] == "pd-2")[FIRST_FIGURE:]

    assert held_out.isChecked()
    assert figures() == _row(trained_run, "held-out")
    assert _shown(panel)[-1][0] == "floor"
    assert all(_shown(panel)[-1][FIRST_FIGURE:])
    floor = panel.plot.floor
    assert floor is not None
    desk.click(training)
    assert figures() == _row(trained_run, "train") != _row(trained_run, "held-out")
    assert panel.plot.floor is None  # the training images cannot be compared with themselves
    panel.bar.exports["copy"].trigger()
    heading, *rows = QGuiApplication.clipboard().text().splitlines()
    assert heading.split("\t")[FIRST_FIGURE] == "Judge, Fréchet, train"
    assert {line.count("\t") for line in (heading, *rows)} == {panel.table.columnCount() - 1}
    desk.click(held_out)
    assert panel.plot.floor == floor

    panel.filter.setText("PD pd-2")  # what is saved is what is shown
    for ending in ("csv", "md"):
        monkeypatch.setattr(dialogs, "choose_target", lambda *_, ending=ending: tmp_path / f"table.{ending}")
        panel.bar.exports["csv" if ending == "csv" else "markdown"].trigger()
        desk.wait((tmp_path / f"table.{ending}").exists)
    names, *rows = csv.reader(io.StringIO((tmp_path / "table.csv").read_text()))
    assert [row[names.index("Stage")] for row in rows] == [row[0] for row in _shown(panel)] == ["pd-2", "pd-2", "floor"]
    quality = trained_run.quality("pd-2")
    assert quality is not None
    assert float(rows[0][names.index("Judge, Fréchet, held-out")]) == quality.judgements[0].value("judge")
    assert (tmp_path / "table.md").read_text().splitlines()[2].startswith("| pd-2 | PD · 2 steps | 2 | 2 | ")


def _readable(panel: Any) -> None:
    view = panel.view
    assert panel.window().width() == 1280
    for column in range(view.model().columnCount()):
        assert view.sizeHintForColumn(column) <= view.columnWidth(column), column
        assert view.horizontalHeader().sectionSizeHint(column) <= view.columnWidth(column), column


def test_every_cell_can_be_read_in_a_window_of_1280(desk: Any, trained_run: RunFolder) -> None:
    panel = _opened(desk, trained_run)
    desk.qtbot.wait(50)
    _readable(panel)
    assert panel.view.horizontalScrollBar().maximum() == 0


def _place(panel: Any, key: object) -> QPoint:
    """Return where a point of the plot lies in its widget."""
    at = next(at for at, dot in enumerate(panel.plot.dots) if dot.key == key)
    position = panel.plot.scatter.points()[at].pos()
    return panel.plot.view.mapFromScene(panel.plot.view.getPlotItem().getViewBox().mapViewToScene(position))


def test_plot_and_table_are_selected_as_one_and_lead_to_the_samples(desk: Any, trained_run: RunFolder) -> None:
    panel = _opened(desk, trained_run)
    view, plot = panel.view, panel.plot.view.viewport()
    entry = next(one for one in panel.order.shown() if one.stage == "cfd-2" and one.own)
    desk.qtbot.waitExposed(panel)
    desk.qtbot.mouseMove(plot, _place(panel, entry.key))
    desk.wait(lambda: panel.card.read_out.text().startswith("cfd-2 · 2 steps, ddim · 2 calls"))
    desk.qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=_place(panel, entry.key))
    desk.wait(lambda: panel.chosen() == [entry])
    other = next(one for one in panel.order.shown() if one.stage == "teacher" and one.own)
    keys = Qt.KeyboardModifier.ControlModifier
    desk.qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, keys, _place(panel, other.key))
    desk.wait(lambda: panel.plot.chosen == {entry.key, other.key})

    # Numbers sort as numbers, and the floor stays below them, whichever way.
    heading = view.horizontalHeader()
    for order in (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder):
        click = QPoint(heading.sectionViewportPosition(4) + 10, 10)
        desk.qtbot.mouseClick(heading.viewport(), Qt.MouseButton.LeftButton, pos=click)
        assert heading.sortIndicatorOrder() == order
        times = [one.judgement.seconds_per_image for one in panel.order.shown() if one.judgement]
        assert times == sorted(times, reverse=order == Qt.SortOrder.DescendingOrder)
        assert panel.order.shown()[-1].kind == "floor"
        assert {one.key for one in panel.chosen()} == {entry.key, other.key}
    best = [panel.table.entries[row] for row in range(panel.table.rowCount()) if panel.table.is_best(row, FIRST_FIGURE)]
    distances = [one.judgement.value("judge") for one in panel.table.entries if one.judgement]
    assert [one.judgement.value("judge") for one in best if one.judgement] == [min(distances)]
    # Nothing lies below the frontier.
    (front,) = panel.plot.lines
    for dot in panel.plot.dots:
        assert any(x <= dot.x and y <= dot.y for x, y in front.places)

    desk.qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=_place(panel, entry.key))
    desk.qtbot.mouseDClick(plot, Qt.MouseButton.LeftButton, pos=_place(panel, entry.key))
    desk.qtbot.mouseRelease(plot, Qt.MouseButton.LeftButton, pos=_place(panel, entry.key))
    desk.wait(lambda: desk.page.tabs.currentIndex() == COMPARE)
    desk.wait(lambda: not desk.page.compare.drawing)
    assert [key.stage for key in desk.page.compare.choices.models.chosen()] == ["cfd-2"]
    assert desk.page.compare.choices.chosen_steps() == [2]


def test_more_is_evaluated_on_request_and_stands_beside_the_rest(desk: Any, trained_run: RunFolder) -> None:
    from cfd_studio.engine.measuring import evaluate_run
    from cfd_studio.engine.turns import Turns

    def measure(errand: Errand) -> ErrandAnswer:
        assert isinstance(errand, EvaluateErrand)
        run = RunFolder(errand.run)
        return ErrandAnswer(errand, evaluate_run(run, errand.wishes, "cpu", turns=Turns(), poll=lambda: None))

    panel = _opened(desk, trained_run)
    before = len(panel.order.shown())
    desk.errands.reply = measure
    desk.errands.let_go.clear()
    desk.click(panel.bar.evaluate)
    desk.wait(lambda: desk.window.findChild(EvaluateDialog) is not None)
    dialog = desk.window.findChild(EvaluateDialog)
    for name in ("teacher", "pd-4", "pd-2"):
        desk.click(dialog.models[name])
    dialog.steps.set_text("2, x")
    assert not dialog.accepting.isEnabled()
    assert "Use numbers" in dialog.steps.problem()
    dialog.steps.set_text("2")
    dialog.samples.set_text("16")
    desk.click(dialog.samplers["dpm-solver++"])
    desk.click(dialog.accepting)
    assert panel.evaluation.isVisible()
    assert not panel.bar.evaluate.isEnabled()
    desk.errands.let_go.set()
    desk.wait(lambda: not panel.evaluation.isVisible())
    solver = Sampler(name="dpm-solver++")
    wishes = Wishes(stages=("cfd-2",), steps=(2,), samples=16, samplers=(DDIM, solver))
    assert desk.errands.asked == [EvaluateErrand(trained_run.path, wishes, "cpu")]
    assert desk.window.banner.sentence.text() == "1 model of “Miniature” measured in 2 ways."
    desk.wait(lambda: len(panel.order.shown()) == before + 2)
    names = [column.name for column in panel.table.columns]
    assert names[:6] == ["Stage", "Kind", "Steps", "Sampler", "Samples", "Calls"]
    added = [row[:5] for row in _shown(panel) if row[4] == "16"]
    assert added == [["cfd-2", "CFD · 2 steps", "2", name, "16"] for name in ("ddim", "dpm-solver++")]

    # A second one is cancelled; what is there stays.
    desk.errands.let_go.clear()
    desk.click(panel.bar.evaluate)
    desk.wait(lambda: any(one.isVisible() for one in desk.window.findChildren(EvaluateDialog)))
    dialog = next(one for one in desk.window.findChildren(EvaluateDialog) if one.isVisible())
    desk.click(dialog.accepting)
    desk.click(panel.evaluation.cancel)
    assert desk.errands.cancelled == 1
    assert panel.bar.evaluate.isEnabled()
    assert len(panel.order.shown()) == before + 2


def test_another_run_stands_beside_the_open_one_and_says_whose_models_they_are(
    desk: Any, trained_run: RunFolder
) -> None:
    other = trained_run.path.parent / "other"
    shutil.copytree(trained_run.path, other)
    (other / "config.json").write_text((other / "config.json").read_text().replace("Miniature", "=Other"))
    panel = _opened(desk, trained_run)
    alone = len(panel.plot.dots)
    panel.bar.known_runs = lambda: [(trained_run.path, "Miniature"), (other, "=Other")]
    menu = panel.bar.runs.menu()
    menu.aboutToShow.emit()
    assert [action.text() for action in menu.actions()] == ["=Other"]
    menu.actions()[0].trigger()
    desk.wait(lambda: len(panel.plot.dots) == 2 * alone)
    assert {row[0] for row in _shown(panel)} == {"Miniature", "=Other"}
    assert [line.quiet for line in panel.plot.lines] == [False, True]
    panel.bar.exports["copy"].trigger()  # a name that a spreadsheet would take for a formula
    assert "\n'=Other\t" in QGuiApplication.clipboard().text()
    assert not any("\n=" in line for line in QGuiApplication.clipboard().text().splitlines())
    menu.aboutToShow.emit()
    menu.actions()[0].trigger()
    desk.wait(lambda: len(panel.plot.dots) == alone)
    assert not desk.window.side_feeds.snapshots


def _also_seen_by_inception(run: RunFolder) -> None:
    """Give every judgement and floor of a run figures of Inception, as a run has that asks for them."""
    for stage in run.config().diffusion_stages():
        quality = run.quality(stage.id)
        assert quality is not None

        def more(samples: int) -> tuple[Figure, ...]:
            about: dict[str, Any] = {"space": INCEPTION_SPACE, "samples": samples, "reference_samples": 355}
            values = {"frechet": 123.4, "precision": 0.512, "recall": 0.498, "kid": 0.00123}
            figures = [
                Figure(metric=metric, reference=reference, value=value, **about)
                for reference in ("held-out", "train")
                for metric, value in values.items()
            ]
            return (*figures, Figure(metric="inception-score", reference="", value=9.123, **about))

        judgements = tuple(one.model_copy(update={"figures": (*one.figures, *more(32))}) for one in quality.judgements)
        run.write_quality(quality.model_copy(update={"judgements": judgements, "floor": (*quality.floor, *more(1442))}))
        replay = StageJudged(quality=run.quality(stage.id))
        JournalWriter(run.jobs()[-1].journal).write(replay)


def test_columns_of_inception_are_there_where_it_judged_and_the_proxy_is_called_one(
    desk: Any, trained_run: RunFolder
) -> None:
    _also_seen_by_inception(trained_run)
    panel = _opened(desk, trained_run)
    _readable(panel)
    words = [column.name for column in panel.table.columns]
    assert words[FIRST_FIGURE + 3 : FIRST_FIGURE + 8] == [
        "FID proxy",
        "Inception, KID",
        "Inception, score",
        "Inception, precision",
        "Inception, recall",
    ]
    assert "FID (32 against 355 images, proxy)" in panel.table.columns[FIRST_FIGURE + 3].tip
    row = next(row for row in _shown(panel) if row[0] == "pd-2")
    assert row[FIRST_FIGURE + 3 : FIRST_FIGURE + 8] == ["123", "0.00123", "9.12", "0.512", "0.498"]
    assert _shown(panel)[-1][0] == "floor"
    panel.bar.measure.setCurrentText("Inception: KID")  # which may be below 0
    assert panel.plot.log_y is False
    assert panel.plot.scatter.points()[-1].pos().y() == 0.00123


def test_a_tooltip_has_one_line_per_space_and_reference() -> None:
    figures = tuple(
        Figure(metric=metric, space=space, reference="held-out", samples=2000, value=0.5)  # type: ignore[arg-type]
        for space in ("judge (mlp, 8 features)", "pixels")
        for metric in ("frechet", "precision", "recall")
    )
    judgement = Judgement(stage="pd-1", sampling_steps=1, network_calls=1, seconds_per_image=1.0, figures=figures)
    assert figure_lines(judgement) == [
        f"Fréchet 0.500, precision 0.500, recall 0.500 in {space}, 2,000 samples against held-out images"
        for space in ("judge (mlp, 8 features)", "pixels")
    ]
