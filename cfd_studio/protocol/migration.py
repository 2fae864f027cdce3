"""Configs of older formats in today's words: one pure step per version, applied in memory when a config is read."""

from collections.abc import Callable, Mapping
from typing import Any

from cfd_studio.protocol.config import FORMAT_VERSION
from cfd_studio.protocol.errors import CfdError

Step = Callable[[dict[str, Any]], dict[str, Any]]


def migrate(raw: Any, *, source: str | None = None) -> Any:
    """Return a raw config or recipe as today's version would have written it; the file on the disk stays as it is.

    What is no config, or names no format that ever was, is returned as it came: validation has the sentence for it.
    A recipe that names no format is one of today's.

    Parameters
    ----------
    raw : Any
        What the JSON file holds; never changed.
    source : str, optional
        Named in the error.

    Raises
    ------
    CfdError
        Where it was written by a newer version.
    """
    version = format_version(raw, source=source)
    while version is not None and version < FORMAT_VERSION:
        version += 1
        raw = _STEPS[version](raw) | {"format_version": version}
    return raw


def format_version(raw: Any, *, source: str | None = None) -> int | None:
    """Return the format that a raw config or ``run.json`` names, from 1 on, or None where it names none.

    Raises
    ------
    CfdError
        Where a newer version wrote it.
    """
    version = raw.get("format_version") if isinstance(raw, dict) else None
    if type(version) is not int or version < 1:  # True is an int as well
        return None
    if version > FORMAT_VERSION:
        raise CfdError(
            f"it was made by a newer version (format {version}, this one reads up to {FORMAT_VERSION})",
            where=source,
            advice="Update CFD Studio.",
        )
    return version


def _to_2(raw: dict[str, Any]) -> dict[str, Any]:
    """Write down what format 1 left unsaid, so that a later change of a default changes no old run."""
    whole = {"clip_samples": True, "clip_targets": False} | _with(raw, _UNSAID_IN_1)
    if isinstance(raw.get("stages"), list):
        whole["stages"] = [_stage_to_2(stage) for stage in raw["stages"]]
    return whole


def _to_3(raw: dict[str, Any]) -> dict[str, Any]:
    """Write down what format 2 left unsaid, where the field belongs to something that it had."""
    whole = _with(raw, _UNSAID_IN_2)
    if isinstance(raw.get("stages"), list):
        whole["stages"] = [_stage_to_3(stage) for stage in raw["stages"]]
    return whole


def _to_4(raw: dict[str, Any]) -> dict[str, Any]:
    """Draw no samples along the way, as format 3 did."""
    return _with(raw, _UNSAID_IN_3)


def _with(raw: dict[str, Any], unsaid: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return a config with what its sections left unsaid; a section that it lacks is one of today's."""
    said = {name: {**words, **raw[name]} for name, words in unsaid.items() if isinstance(raw.get(name), dict)}
    return {**raw, **said}


def _stage_to_3(stage: Any) -> Any:
    if not isinstance(stage, dict):
        return stage
    kind = stage.get("kind")
    whole = {**(_UNSAID_OF_STAGES_IN_2.get(kind, {}) if isinstance(kind, str) else {}), **stage}
    if isinstance(stage.get("optimization"), dict):
        whole["optimization"] = {**_OPTIMIZATION_IN_2, **stage["optimization"]}
    return whole


def _stage_to_2(stage: Any) -> Any:
    kind = stage.get("kind") if isinstance(stage, dict) else None
    return {**_UNSAID_OF_STAGES_IN_1.get(kind, {}), **stage} if isinstance(kind, str) else stage


_UNSAID_IN_1: Mapping[str, Mapping[str, Any]] = {
    "schedule": {"clean_end": True},
    "network": {"conditional": False, "label_dropout": 0.1},
}
_MATCHING_IN_1 = {"match": "features", "dataset_weight": 0.0, "entropy_share": 0.75}
_UNSAID_OF_STAGES_IN_1: Mapping[str, Mapping[str, Any]] = {
    "teacher": {"weighting": "truncated-snr"},
    "feature": _MATCHING_IN_1,
    "halving": _MATCHING_IN_1,
}
_UNSAID_IN_2: Mapping[str, Mapping[str, Any]] = {
    "data": {"flip": False},
    "evaluation": {
        "inception": False,
        "most_steps": 8192,
        "sampler": {"name": "ddim", "eta": 0.0, "guidance": 1.0},
    },
    "journal": {"tensorboard": False},
}
_OPTIMIZATION_IN_2 = {"optimizer": "adam", "momentum": 0.9, "nesterov": False, "ema_half_life": None}
_MATCHING_IN_2 = {"classifier_input": "matched", "guidance": 1.0}
_UNSAID_OF_STAGES_IN_2: Mapping[str, Mapping[str, Any]] = {
    "classifier": {
        "source": None,
        "stem": "small",
        "input_size": None,
        "normalization": "none",
        "augmentation": {"crop_padding": 0, "auto_augment": False, "cutout": 0},
        "label_smoothing": 0.0,
        "validation_share": 0.0,
        "keep": "last",
    },
    "teacher": {"source": None},
    "progressive": {"guidance": 1.0},
    "feature": _MATCHING_IN_2,
    "halving": _MATCHING_IN_2,
}
_UNSAID_IN_3: Mapping[str, Mapping[str, Any]] = {"journal": {"samples_every": 0}}
_STEPS: Mapping[int, Step] = {2: _to_2, 3: _to_3, 4: _to_4}  # by the version they lead to
