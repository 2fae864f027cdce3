"""The columns of the table of figures: what stands in them, and by what they sort."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cfd_studio.gui.models.judged import Entry
from cfd_studio.gui.models.words import metric_value, milliseconds
from cfd_studio.protocol.figures import FID, INCEPTION, Judgement, Metric
from cfd_studio.protocol.measures import Measure

Value = float | str | None
_METRICS: dict[Metric, tuple[str, str]] = {
    "frechet": ("Fréchet", "Fréchet distance {}; lower is better"),
    "kid": ("KID", "Kernel Inception Distance {}; lower is better, and a little below 0 is as good as 0"),
    "inception-score": ("score", "Inception score {}; higher is better, and it knows of no real images"),
    "precision": ("precision", "Share of the samples that lie among the real images {}"),
    "recall": ("recall", "Share of the real images that lie among the samples {}"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes
    ----------
    heading, tip : str
    value : callable
        What an entry is sorted by; None where it has nothing.
    text : callable
        What stands in its cell.
    better : int
        1 where more is better, -1 where less is, 0 where neither.
    """

    heading: str
    tip: str
    value: Callable[[Entry], Value]
    text: Callable[[Entry], str]
    better: int = 0

    @property
    def name(self) -> str:
        """The heading in one line."""
        return self.heading.replace("\n", " ")


def columns_of(entries: Sequence[Entry], measures: Sequence[Measure], judges: frozenset[str]) -> list[Column]:
    """Return the columns that these entries need.

    Parameters
    ----------
    entries : sequence of Entry
    measures : sequence of Measure
    judges : frozenset of str
        Classifiers that judge, and are called so.
    """
    judged = [entry.judgement for entry in entries if entry.judgement is not None]
    several = {
        "run": len({entry.run for entry in entries}) > 1,
        "sampler": len({one.sampler for one in judged}) > 1,
        "samples": len({one.samples for one in judged}) > 1,
    }
    fixed = [
        *([_plain("Run", "Name of the run", lambda entry: entry.run_name)] if several["run"] else []),
        _plain("Stage", "Name of the stage", lambda entry: entry.stage),
        _plain("Kind", "What it is, and its own step count or its held-out accuracy", lambda entry: entry.words),
        _counted("Steps", "Sampling steps asked for", lambda one: one.sampling_steps),
        *([_plain("Sampler", "How it was drawn", _sampler)] if several["sampler"] else []),
        *([_counted("Samples", "Images drawn", lambda one: one.samples)] if several["samples"] else []),
        _counted("Calls", "Network calls counted per image", lambda one: one.network_calls),
        _time(),
    ]
    return [*fixed, *(_measured(measure, entries, judges) for measure in measures)]


def _plain(heading: str, tip: str, text: Callable[[Entry], str]) -> Column:
    return Column(heading, tip, text, text)


def _sampler(entry: Entry) -> str:
    return entry.judgement.sampler if entry.judgement else ""


def _counted(heading: str, tip: str, count: Callable[[Judgement], int]) -> Column:
    def value(entry: Entry) -> Value:
        return count(entry.judgement) if entry.judgement else None

    def text(entry: Entry) -> str:
        return f"{count(entry.judgement):,}" if entry.judgement else ""

    return Column(heading, tip, value, text)


def _time() -> Column:
    def value(entry: Entry) -> Value:
        return entry.judgement.seconds_per_image * 1e3 if entry.judgement else None

    def text(entry: Entry) -> str:
        return milliseconds(entry.judgement.seconds_per_image) if entry.judgement else ""

    return Column("Time per\nimage", "Wall time of the network calls, in batches", value, text)


def _measured(measure: Measure, entries: Sequence[Entry], judges: frozenset[str]) -> Column:
    def text(entry: Entry) -> str:
        value = measure.value(entry.figures)
        return "" if value is None else metric_value(measure.metric, value)

    heading, tip = _heading(measure, entries, judges)
    return Column(heading, tip, lambda entry: measure.value(entry.figures), text, 1 if measure.higher_is_better else -1)


def _heading(measure: Measure, entries: Sequence[Entry], judges: frozenset[str]) -> tuple[str, str]:
    space, metric = measure.space, measure.metric
    word, tip = _METRICS[metric]
    if space == INCEPTION:
        tip = tip.format("in Inception's features")
        names = {figure.name for entry in entries if entry.judgement and (figure := measure.figure(entry.figures))}
        if metric == "frechet" and names:
            return (FID if names == {FID} else f"{FID}\nproxy"), f"{', '.join(sorted(names))}: {tip}"
        return f"Inception,\n{word}", tip
    if space == "pixels":
        return f"Pixels,\n{word}", tip.format("of the pixels" if metric == "frechet" else "in pixels")
    if space in judges:
        return f"Judge,\n{word}", tip.format(f"in the features of the judge “{space}”")
    return f"{space},\n{word}", tip.format(f"in the features of “{space}”")
