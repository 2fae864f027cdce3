"""Quality figures as a table, for the terminal or as Markdown."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table

from cfd_studio.protocol.figures import METRIC_WORDS, Metric
from cfd_studio.protocol.study import FigureOverRuns, JudgementOverRuns

# Where nobody looks, lines need not be broken: pipes and files get them whole.
_WIDE = 240


@dataclass(frozen=True, slots=True)
class QualityTable:
    """One row per model and step count, and the floor; for every space the Frechet distance, precision and recall.

    Attributes
    ----------
    judgements : sequence of JudgementOverRuns
    floor : sequence of FigureOverRuns
        Real against real.
    reference : str
        The real images whose figures are shown: ``held-out`` or ``train``.
    runs : int
        Over how many runs the figures are taken.
    """

    judgements: Sequence[JudgementOverRuns]
    floor: Sequence[FigureOverRuns]
    reference: str
    runs: int

    def write(self, *, markdown: bool) -> None:
        """Write a sentence about the figures and the table to standard output."""
        console = Console(width=None if sys.stdout.isatty() else _WIDE)
        console.print(self._sentence(), highlight=False, markup=False, soft_wrap=True)
        spaces = self._spaces()
        headings = [("", "model"), ("", "steps"), ("ms per", "image")]
        headings += [(space, word) for space in spaces for word in map(METRIC_WORDS.__getitem__, self._metrics())]
        if self.runs > 1:
            headings.append(("", "runs"))
        if markdown:
            lines = [[f"{space} {word}".strip() for space, word in headings], ["---", *["---:"] * (len(headings) - 1)]]
            lines += self._rows()
            print("", *(f"| {' | '.join(cells)} |" for cells in lines), sep="\n")
            return
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
        for index, (space, word) in enumerate(headings):
            table.add_column(f"{space}\n{word}", justify="right" if index else "left", no_wrap=True)
        for row in self._rows():
            table.add_row(*row, style="dim" if not row[1] else None)
        console.print(table)

    def _spaces(self) -> list[str]:
        figures = [*self.floor, *(figure for one in self.judgements for figure in one.figures)]
        return list(dict.fromkeys(_short(figure.space) for figure in figures))

    def _metrics(self) -> list[Metric]:
        found = {figure.metric for one in self.judgements for figure in one.figures}
        found |= {figure.metric for figure in self.floor}
        return [metric for metric in METRIC_WORDS if metric in found]

    def _sentence(self) -> str:
        figures = [figure for one in self.judgements for figure in one.figures]
        spaces = " and ".join(dict.fromkeys(figure.space for figure in figures))
        real = "training" if self.reference == "train" else self.reference
        neighbours = max(figure.neighbours or 0 for figure in figures)
        words = (
            f"{figures[0].samples:,} samples against the {real} images, in {spaces}: Fréchet distance, lower is "
            f"better; precision and recall ({neighbours} neighbours), higher is better."
        )
        if self.runs > 1:
            words += f" Mean ± sample standard deviation over {self.runs} runs that differ in their seed."
        if self._has_floor():
            words += f" The last row has the {self.floor[0].samples:,} training images in place of samples."
        return words

    def _has_floor(self) -> bool:
        return any(figure.reference == self.reference for figure in self.floor)

    def _rows(self) -> list[list[str]]:
        rows = []
        for one in self.judgements:
            milliseconds = f"{one.seconds_per_image * 1e3:.3g}"
            cells = [one.stage, str(one.sampling_steps), milliseconds, *self._cells(one.figures)]
            rows.append(cells + ([str(one.runs)] if self.runs > 1 else []))
        if self._has_floor():
            cells = ["real images", "", "", *self._cells(self.floor)]
            rows.append(cells + ([str(self.floor[0].runs)] if self.runs > 1 else []))
        return rows

    def _cells(self, figures: Sequence[FigureOverRuns]) -> list[str]:
        found = {
            (_short(figure.space), figure.metric): figure for figure in figures if figure.reference == self.reference
        }
        return [
            _with_spread(found[space, metric]) if (space, metric) in found else ""
            for space in self._spaces()
            for metric in self._metrics()
        ]


def _short(space: str) -> str:
    return space.partition(" (")[0]


def _with_spread(figure: FigureOverRuns) -> str:
    """Return the mean with three significant digits, and the deviation with as many decimals."""
    decimals = 3 if figure.metric != "frechet" else _decimals(figure.value)
    spread = "" if figure.deviation is None else f" ± {figure.deviation:.{decimals}f}"
    return f"{figure.value:.{decimals}f}{spread}"


def _decimals(value: float) -> int:
    if not value or not math.isfinite(value):
        return 2
    return min(max(2 - math.floor(math.log10(abs(value))), 0), 4)
