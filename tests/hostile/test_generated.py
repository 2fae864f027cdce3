"""Words that nobody ever wrote, drawn by hypothesis: each is understood, passed over, or refused in a sentence."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cfd_studio.protocol import strict_json
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import printable
from cfd_studio.protocol.events import dump_event, parse_event
from cfd_studio.protocol.plan import resolve, set_values
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.mirror import RunMirror

NUMBERS = st.integers() | st.floats() | st.sampled_from([2**53, 2**53 + 1, 10**29, -1, 0])
TEXTS = st.text(max_size=20) | st.sampled_from(["teacher", "pd-4", "judge", "..", "NaN", "cuda:0", "info"])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
KINDS = st.sampled_from(
    ["job-started", "stage-started", "phase", "loss", "held-out", "checkpoint", "stage-trained", "stage-judged",
     "command", "log", "job-ended", "news"]
)  # fmt: skip
FIELDS = (
    "stage", "step", "loss", "terms", "gradient_norm", "learning_rate", "images_per_second", "accuracy", "seconds",
    "job", "device", "total_steps", "phase", "quality", "command", "verb", "refused", "level", "text", "state", "time",
    "sentence", "exit_code", "details",
)  # fmt: skip
SENSIBLE = {
    "stage": "teacher", "step": 1, "loss": 0.5, "gradient_norm": 1.0, "learning_rate": 0.1, "images_per_second": 9.0,
    "job": 1, "device": "cpu", "total_steps": 9, "phase": "training", "seconds": 1.0, "command": "x", "verb": "save",
    "quality": {"stage": "teacher"}, "text": "hello", "state": "finished", "sentence": "Done.",
}  # fmt: skip
PATHS = st.sampled_from(
    ["seed", "name", "stages", "stages.teacher", "stages.pd.sampling_steps", "stages.cfd.classifier", "network",
     "network.multipliers", "network.attention_levels", "network.norm_groups", "schedule.num_timesteps", "evaluation",
     "evaluation.judge", "evaluation.sampling_steps", "journal.log_every", "data.name", "stages.0.optimization.steps"]
)  # fmt: skip
_FEW = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

_CONFIGS: list[RunConfig] = []


def _whole(make: Callable[..., RunConfig]) -> RunConfig:
    """Return the miniature's config, resolved once."""
    if not _CONFIGS:
        _CONFIGS.append(make())
    return _CONFIGS[0]


@_FEW
@given(st.lists(st.tuples(KINDS, st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4)), max_size=8))
def test_no_journal_line_upsets_a_mirror(
    mini_config: Callable[..., RunConfig], tmp_path: Path, said: list[tuple[str, dict[str, Any]]]
) -> None:
    run, config = RunFolder(tmp_path / "run"), _whole(mini_config)
    if not run.path.exists():
        RunFolder.create(run.path, config).new_job("train")
    lines = [json.dumps(SENSIBLE | fields | {"kind": kind}).encode() for kind, fields in said]
    run.jobs()[0].journal.write_bytes(b"".join(line + b"\n" for line in lines))
    mirror = RunMirror(run, config)
    mirror.refresh()
    understood = [event for event in map(parse_event, lines) if event is not None]
    assert mirror.skipped == len(lines) - len(understood)
    assert all(parse_event(dump_event(event)) for event in understood)
    for stage in mirror.stages.values():
        assert (np.diff(stage.loss.steps) > 0).all()
        assert stage.step >= 0


@_FEW
@given(PATHS, JSON)
def test_no_value_in_a_config_gets_past_its_field(
    mini_recipe: dict[str, Any], verdict: Callable[[Callable[[], Any]], Any], path: str, value: Any
) -> None:
    config = verdict(lambda: resolve(set_values(copy.deepcopy(mini_recipe), [(path, value)])))
    if isinstance(config, RunConfig):
        assert resolve(strict_json.loads(config.model_dump_json())) == config


@given(st.text() | JSON.map(json.dumps))
def test_strict_json_is_json(text: str) -> None:
    try:
        value = strict_json.loads(text)
    except ValueError:
        return
    assert strict_json.loads(json.dumps(value, allow_nan=False)) == value


@given(st.text(st.characters(codec=None)))
def test_whatever_is_printed_is_one_line_that_can_be_written(text: str) -> None:
    assert printable(text).isprintable()
    printable(text).encode()
