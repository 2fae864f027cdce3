"""What can be compared: a metric in a feature space, against one set of real images."""

from collections.abc import Iterable
from dataclasses import dataclass

from cfd_studio.protocol.figures import FID, INCEPTION, METRIC_WORDS, Figure, Metric, find, named

HIGHER_IS_BETTER: frozenset[Metric] = frozenset({"precision", "recall", "inception-score"})
METRICS: tuple[Metric, ...] = ("frechet", "kid", "inception-score", "precision", "recall")  # as columns stand


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric in the feature space of that name, compared with one set of real images."""

    space: str
    metric: Metric
    reference: str

    def figure(self, figures: tuple[Figure, ...]) -> Figure | None:
        """Return the figure among these, or None."""
        return find(figures, self.space, self.reference, self.metric)

    def value(self, figures: tuple[Figure, ...]) -> float | None:
        """Return the value among these, or None."""
        figure = self.figure(figures)
        return None if figure is None else figure.value

    @property
    def higher_is_better(self) -> bool:
        """Whether more is better."""
        return self.metric in HIGHER_IS_BETTER

    @property
    def words(self) -> str:
        """What it is called: ``Judge: Fréchet``."""
        metric = FID if (self.space, self.metric) == (INCEPTION, "frechet") else METRIC_WORDS[self.metric]
        return f"{self.space[:1].upper()}{self.space[1:]}: {metric}"


def measures_of(figures: Iterable[Figure], main_space: str, reference: str) -> list[Measure]:
    """Return what was measured against these real images, the main space first."""
    known = list(figures)
    spaces = dict.fromkeys((main_space, INCEPTION, *(figure.space.split(" (")[0] for figure in known)))
    return [
        Measure(space, metric, reference)
        for space in spaces
        for metric in METRICS
        if any(named(one.space, space) and one.metric == metric and one.reference in (reference, "") for one in known)
    ]
