"""What the tests of journals share: everything that a mirror tells, as plain values."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from cfd_studio.runs.fold import Fold
from cfd_studio.runs.series import Series

Told = Callable[[Fold], dict[str, Any]]


@pytest.fixture(scope="session")
def told() -> Told:
    """Return a function that gives all that a fold or mirror tells; NaN reads as its name, so that it equals itself."""

    def plain(value: Any) -> Any:
        if isinstance(value, Series):
            return [value.steps.tolist(), [repr(one) for one in value.values.tolist()]]
        return {key: plain(item) for key, item in value.items()} if isinstance(value, dict) else value

    def of(fold: Fold) -> dict[str, Any]:
        stages = {
            stage.id: {field.name: plain(getattr(stage, field.name)) for field in dataclasses.fields(stage)}
            for stage in fold.stages.values()
        }
        return {
            "stages": stages,
            "log": list(fold.log),
            "log_count": fold.log_count,
            "answers": fold.answers,
            "phase": fold.phase,
            "job": fold.job,
            "ended": fold.ended,
            "skipped": getattr(fold, "skipped", 0),
        }

    return of
