"""The table of figures: Frechet distance, precision and recall beside each other, against either set of real images."""

from typing import Any

from PySide6.QtGui import QGuiApplication

from cfd_studio.gui.models.figures_table import FIRST_FIGURE, HEADINGS
from cfd_studio.gui.models.words import figure_lines, metric_value
from cfd_studio.gui.run_page import COMPARE
from cfd_studio.protocol.figures import Figure, Judgement
from cfd_studio.runs.folder import RunFolder

FIGURES = COMPARE + 1


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
    desk.page.tabs.setCurrentIndex(FIGURES)
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
    assert {line.count("\t") for line in (heading, *rows)} == {len(HEADINGS) - 1}
    desk.click(held_out)
    assert shown() == _row(trained_run, "held-out")


def test_every_cell_can_be_read_in_a_window_of_1280(desk: Any, trained_run: RunFolder) -> None:
    desk.open(trained_run)
    desk.page.tabs.setCurrentIndex(FIGURES)
    view = desk.page.figures.view
    desk.wait(lambda: view.model().rowCount() > 5)
    desk.qtbot.wait(50)
    assert desk.window.width() == 1280
    assert view.horizontalScrollBar().maximum() == 0
    for column in range(view.model().columnCount()):
        assert view.sizeHintForColumn(column) <= view.columnWidth(column), HEADINGS[column]
        assert view.horizontalHeader().sectionSizeHint(column) <= view.columnWidth(column), HEADINGS[column]


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
