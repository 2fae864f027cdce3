"""The table of figures: Frechet distance, precision and recall beside each other, against either set of real images."""

from typing import Any

from PySide6.QtGui import QGuiApplication

from cfd_studio.gui.models.figures_table import FIRST_FIGURE
from cfd_studio.gui.models.words import figure_lines, metric_value
from cfd_studio.gui.run_page import COMPARE
from cfd_studio.protocol.events import StageJudged
from cfd_studio.protocol.figures import INCEPTION_SPACE, Figure, Judgement
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.journal import JournalWriter

JUDGE = COMPARE + 1


def _row(run: RunFolder, reference: str) -> list[str]:
    """Return what the row of pd-2 at its own steps must show."""
    quality = run.quality("pd-2")
    assert quality is not None
    return [
        metric_value(metric, quality.judgements[0].value(space, reference, metric))  # type: ignore[arg-type]
        for space in ("judge", "pixels")
        for metric in ("frechet", "precision", "recall")
    ]


def test_the_table_turns_to_the_training_images_and_back(desk: Any, trained_run: RunFolder) -> None:
    desk.open(trained_run)
    desk.page.tabs.setCurrentIndex(JUDGE)
    panel = desk.page.figures
    held_out, training = panel.references.buttons()

    def shown() -> list[str]:
        row = next(row for row in panel.table.rows if row[0] == "pd-2")
        return list(row[FIRST_FIGURE:])

    assert held_out.isChecked()
    assert shown() == _row(trained_run, "held-out")
    assert panel.table.rows[-1][0] == "floor"
    assert all(panel.table.rows[-1][FIRST_FIGURE:])
    desk.click(training)
    assert not held_out.isChecked()
    assert shown() == _row(trained_run, "train") != _row(trained_run, "held-out")
    assert panel.table.rows[-1][0] != "floor"  # the training images cannot be compared with themselves
    desk.click(panel.copy)
    heading, *rows = QGuiApplication.clipboard().text().splitlines()
    assert heading.split("\t")[FIRST_FIGURE] == "Judge, Fréchet, train"
    assert {line.count("\t") for line in (heading, *rows)} == {len(panel.table.headings) - 1}
    desk.click(held_out)
    assert shown() == _row(trained_run, "held-out")


def _readable(desk: Any) -> None:
    view = desk.page.figures.view
    desk.wait(lambda: view.model().rowCount() > 5)
    desk.qtbot.wait(50)
    assert desk.window.width() == 1280
    for column, (heading, _) in enumerate(view.model().headings):
        assert view.sizeHintForColumn(column) <= view.columnWidth(column), heading
        assert view.horizontalHeader().sectionSizeHint(column) <= view.columnWidth(column), heading


def test_every_cell_can_be_read_in_a_window_of_1280(desk: Any, trained_run: RunFolder) -> None:
    desk.open(trained_run)
    desk.page.tabs.setCurrentIndex(JUDGE)
    _readable(desk)
    assert desk.page.figures.view.horizontalScrollBar().maximum() == 0


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
    desk.open(trained_run)
    desk.page.tabs.setCurrentIndex(JUDGE)
    _readable(desk)
    table = desk.page.figures.table
    words = [heading.replace("\n", " ") for heading, _ in table.headings]
    assert words[FIRST_FIGURE + 3 : FIRST_FIGURE + 8] == [
        "FID proxy",
        "Inception, KID",
        "Inception, score",
        "Inception, precision",
        "Inception, recall",
    ]
    assert "FID (32 against 355 images, proxy)" in table.headings[FIRST_FIGURE + 3][1]
    row = next(row for row in table.rows if row[0] == "pd-2")
    assert row[FIRST_FIGURE + 3 : FIRST_FIGURE + 8] == ("123", "0.00123", "9.12", "0.512", "0.498")
    assert table.rows[-1][0] == "floor"


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
