"""Quality figures, each of which says what it was measured with."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from cfd_studio.protocol.fields import Count

Metric = Literal["frechet", "precision", "recall", "kid", "inception-score"]
METRIC_WORDS: dict[Metric, str] = {
    "frechet": "Fréchet",
    "precision": "precision",
    "recall": "recall",
    "kid": "KID",
    "inception-score": "Inception score",
}


class Figure(BaseModel):
    """One number and everything needed to know what it means.

    ``metric`` is the Frechet distance (lower is better), or precision or recall (in [0, 1], higher is better) with
    balls that reach as many ``neighbours``. ``space`` is ``pixels`` or names a classifier as in ``judge (mlp, 64
    features)``, ``reference`` the real images compared with, ``samples`` how many images stand on the other side.
    """

    model_config = ConfigDict(frozen=True)

    metric: Metric = "frechet"
    neighbours: Count | None = None
    space: str
    reference: str
    samples: Count
    reference_samples: Count | None = None
    value: float


def find_value(figures: tuple[Figure, ...], space: str, reference: str, metric: Metric = "frechet") -> float | None:
    """Return the value in ``pixels`` or in the features of the classifier of that name, or None."""
    for figure in figures:
        named = figure.space == space or figure.space.startswith(f"{space} (")
        if named and (figure.reference, figure.metric) == (reference, metric):
            return figure.value
    return None


class Judgement(BaseModel):
    """The figures of one model sampled with one number of steps."""

    model_config = ConfigDict(frozen=True)

    stage: str
    sampling_steps: Count
    network_calls: Count
    sampler: str = "ddim"
    seconds_per_image: float
    figures: tuple[Figure, ...]

    def value(self, space: str, reference: str = "held-out", metric: Metric = "frechet") -> float | None:
        """Return the value in ``pixels`` or in the features of the classifier of that name, or None."""
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
