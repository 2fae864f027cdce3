"""Quality figures as a table, for the terminal or as Markdown."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table

from cfd_studio.protocol.figures import FID, FID_IMAGES, INCEPTION, METRIC_WORDS, Metric
from cfd_studio.protocol.study import FigureOverRuns, JudgementOverRuns

# Where nobody looks, lines need not be broken: pipes and files get them whole.
_WIDE = 240


@dataclass(frozen=True, slots=True)
class QualityTable:
    """One row per model, step count and sampler, and the floor; a column per space and metric.

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
        headings = [("", "model"), ("", "steps")]
        if self._several_samplers():
            headings.append(("", "sampler"))
        headings.append(("ms per", "image"))
        headings += [self._heading(space, metric) for space, metric in self._columns()]
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

    def _figures(self) -> list[FigureOverRuns]:
        return [one for judgement in self.judgements for one in judgement.figures if self._shown(one)]

    def _shown(self, figure: FigureOverRuns) -> bool:
        return figure.reference in (self.reference, "")

    def _several_samplers(self) -> bool:
        return len({one.sampler for one in self.judgements}) > 1

    def _columns(self) -> list[tuple[str, Metric]]:
        """Return every space with its metrics, each in a fixed order."""
        found = [(_short(figure.space), figure.metric) for figure in (*self._figures(), *self.floor)]
        spaces = list(dict.fromkeys(space for space, _ in found))
        return [(space, metric) for space in spaces for metric in METRIC_WORDS if (space, metric) in found]

    def _heading(self, space: str, metric: Metric) -> tuple[str, str]:
        if (space, metric) != (INCEPTION, "frechet"):
            return space, METRIC_WORDS[metric]
        figure = next(one for one in self._figures() if (_short(one.space), one.metric) == (space, metric))
        if figure.name == FID:
            return "", FID
        return f"{FID} proxy,", f"{figure.samples:,} against {figure.reference_words}"

    def _sentence(self) -> str:
        figures = self._figures()
        spaces = " and ".join(dict.fromkeys(figure.space for figure in figures))
        neighbours = max(figure.neighbours or 0 for figure in figures)
        samplers = "" if self._several_samplers() else f" of {self.judgements[0].sampler}"
        words = (
            f"{figures[0].samples:,} samples{'' if samplers == ' of ddim' else samplers} against "
            f"{self._real_images(figures)}, in {spaces}: Fréchet distance, lower is better; precision and recall "
            f"({neighbours} neighbours), higher is better."
        )
        words += self._inception_words(figures)
        if self.runs > 1:
            words += f" Mean ± sample standard deviation over {self.runs} runs that differ in their seed."
        return words + self._floor_words()

    def _real_images(self, figures: Sequence[FigureOverRuns]) -> str:
        count = next((one.reference_words for one in figures if one.reference_samples is not None), None)
        real = "training" if self.reference == "train" else self.reference
        return f"the {real} images" if count is None else f"the {count} {real} images"

    def _inception_words(self, figures: Sequence[FigureOverRuns]) -> str:
        distances = [one for one in figures if (_short(one.space), one.metric) == (INCEPTION, "frechet")]
        if not distances:
            return ""
        words = " In Inception's features, KID: lower is better; Inception score: higher is better."
        if distances[0].name != FID:
            words += (
                f" Only {FID_IMAGES:,} samples against the {FID_IMAGES:,} training images of CIFAR-10, with "
                f"torch-fidelity's weights, give what is published as {FID}: the proxy is not comparable with it."
            )
        return words

    def _floor_words(self) -> str:
        floor = next((one for one in self.floor if one.reference == self.reference), None)
        if floor is None:
            return ""
        if self.reference == "train":
            return f" The last row has {floor.samples:,} of the training images against as many others."
        return f" The last row has {floor.samples:,} training images in place of samples."

    def _has_floor(self) -> bool:
        return any(figure.reference == self.reference for figure in self.floor)

    def _rows(self) -> list[list[str]]:
        rows = []
        for one in self.judgements:
            sampler = [one.sampler] if self._several_samplers() else []
            milliseconds = f"{one.seconds_per_image * 1e3:.3g}"
            cells = [one.stage, str(one.sampling_steps), *sampler, milliseconds, *self._cells(one.figures)]
            rows.append(cells + ([str(one.runs)] if self.runs > 1 else []))
        if self._has_floor():
            sampler = [""] if self._several_samplers() else []
            cells = ["real images", "", *sampler, "", *self._cells(self.floor)]
            rows.append(cells + ([str(self.floor[0].runs)] if self.runs > 1 else []))
        return rows

    def _cells(self, figures: Sequence[FigureOverRuns]) -> list[str]:
        found = {(_short(figure.space), figure.metric): figure for figure in figures if self._shown(figure)}
        return [_with_spread(found[column]) if column in found else "" for column in self._columns()]


def _short(space: str) -> str:
    return space.partition(" (")[0]


def _with_spread(figure: FigureOverRuns) -> str:
    """Return the mean with three significant digits, and the deviation with as many decimals; a share has three."""
    share = figure.metric in ("precision", "recall")
    decimals = 3 if share else _decimals(figure.value, 6 if figure.metric == "kid" else 4)
    spread = "" if figure.deviation is None else f" ± {figure.deviation:.{decimals}f}"
    return f"{figure.value:.{decimals}f}{spread}"


def _decimals(value: float, most: int) -> int:
    if not value or not math.isfinite(value):
        return 2
    return min(max(2 - math.floor(math.log10(abs(value))), 0), most)
