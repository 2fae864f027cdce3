"""Quality figures, each of which says what it was measured with."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, computed_field

from cfd_studio.protocol.fields import Count

Metric = Literal["frechet", "precision", "recall", "kid", "inception-score"]
METRIC_WORDS: dict[Metric, str] = {
    "frechet": "Fréchet",
    "precision": "precision",
    "recall": "recall",
    "kid": "KID",
    "inception-score": "Inception score",
}


INCEPTION = "inception"
INCEPTION_SPACE = f"{INCEPTION} (Inception-v3, 2048 features)"  # with torch-fidelity's weights
FID = "FID"
MOST_JUDGEMENTS = 1000  # of one stage
FID_IMAGES = 50_000  # on either side, of what is published as the FID of CIFAR-10


class Figure(BaseModel):
    """One number and everything needed to know what it means.

    ``metric`` is the Frechet distance or the kernel distance (lower is better), the Inception score (from 1, higher is
    better), or precision or recall (in [0, 1], higher is better) with balls that reach as many ``neighbours``.
    ``space`` is ``pixels``, or names a classifier as in ``judge (mlp, 64 features)``, or is Inception's. ``reference``
    names the real images compared with, of which there are ``reference_samples``; it is empty for the Inception score,
    which knows of none. Where only some of the real images are compared with, ``reference_population`` is how many
    there are. ``samples`` is how many images stand on the other side.
    """

    model_config = ConfigDict(frozen=True)

    metric: Metric = "frechet"
    neighbours: Count | None = None
    space: str
    reference: str
    samples: Count
    reference_samples: Count | None = None
    reference_population: Count | None = None
    value: float

    @computed_field  # type: ignore[prop-decorator]
    @property
    def name(self) -> str:
        """What the figure may be called: FID only where it is measured as published ones are."""
        if self.metric != "frechet" or not named(self.space, INCEPTION):
            return METRIC_WORDS[self.metric]
        against = (self.space, self.reference, self.samples, self.reference_samples, self.reference_population)
        if against == (INCEPTION_SPACE, "train", FID_IMAGES, FID_IMAGES, None):
            return FID
        return f"{FID} ({self.samples:,} against {self.reference_words} images, proxy)"

    @property
    def reference_words(self) -> str:
        """How many real images are compared with: ``1,442``, or ``50,000 of 1,281,167``."""
        of = f" of {self.reference_population:,}" if self.reference_population else ""
        return f"{self.reference_samples or 0:,}{of}"


def named(space: str, name: str) -> bool:
    """Tell whether a space is the one of that name: ``pixels``, ``inception``, or a classifier's."""
    return space == name or space.startswith(f"{name} (")


def find(figures: tuple[Figure, ...], space: str, reference: str, metric: Metric = "frechet") -> Figure | None:
    """Return the figure in the space of that name, or None; one that compares with nothing fits every reference."""
    for figure in figures:
        if named(figure.space, space) and figure.metric == metric and figure.reference in (reference, ""):
            return figure
    return None


def find_value(figures: tuple[Figure, ...], space: str, reference: str, metric: Metric = "frechet") -> float | None:
    """Return the value in the space of that name, or None."""
    figure = find(figures, space, reference, metric)
    return None if figure is None else figure.value


class Judgement(BaseModel):
    """The figures of one model sampled with one number of steps."""

    model_config = ConfigDict(frozen=True)

    stage: str
    sampling_steps: Count
    network_calls: Count
    sampler: str = "ddim"
    seconds_per_image: float
    figures: tuple[Figure, ...]

    @property
    def samples(self) -> int:
        """How many images were drawn for the figures."""
        return max((figure.samples for figure in self.figures), default=0)

    @property
    def way(self) -> tuple[int, str, int]:
        """Sampling steps, sampler and samples: figures that differ in one of them are not comparable."""
        return self.sampling_steps, self.sampler, self.samples

    def value(self, space: str, reference: str = "held-out", metric: Metric = "frechet") -> float | None:
        """Return the value in the space of that name, or None."""
        return find_value(self.figures, space, reference, metric)


class StageQuality(BaseModel):
    """Everything measured at the end of one stage; ``quality.json`` of its folder.

    ``floor`` is real against real: what a perfect model could reach with these images. ``accuracies`` are held-out
    accuracies in [0, 1] of the classifiers trained so far.
    """

    model_config = ConfigDict(frozen=True)

    stage: str
    judgements: tuple[Judgement, ...] = ()
    floor: tuple[Figure, ...] = ()
    accuracies: dict[str, float] = {}

    @property
    def headline(self) -> Judgement | None:
        """The judgement at the model's own steps, or at the most at which it is judged; None for a classifier."""
        return next(iter(self.judgements), None)

    def joined(self, later: "StageQuality") -> "StageQuality":
        """Return these figures with those of a later evaluation: what was measured again is replaced, the rest added.

        Judgements beyond `MOST_JUDGEMENTS` are left out.
        """
        judgements = {one.way: one for one in self.judgements}
        for one in later.judgements:
            before = judgements.get(one.way)
            if before is None and len(judgements) >= MOST_JUDGEMENTS:
                continue
            figures = _newest(before.figures if before else (), one.figures)
            judgements[one.way] = one.model_copy(update={"figures": figures})
        changes = {
            "judgements": tuple(judgements.values()),
            "floor": _newest(self.floor, later.floor),
            "accuracies": self.accuracies | later.accuracies,
        }
        return self.model_copy(update=changes)


def _newest(old: tuple[Figure, ...], new: tuple[Figure, ...]) -> tuple[Figure, ...]:
    figures = {(one.metric, one.space, one.reference, one.samples): one for one in (*old, *new)}
    return tuple(figures.values())
