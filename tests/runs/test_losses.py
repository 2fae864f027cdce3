"""The short way from a line to columns gives what the long one gives, and is taken."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.events import Event, HeldOutLogged, Logged, LossLogged, dump_event, parse_event
from cfd_studio.runs import losses as module
from cfd_studio.runs.fold import Fold
from cfd_studio.runs.losses import LossRun, read_lines

_floats = st.floats() | st.sampled_from([0.1, 1e-310, 5e-324, 1.7976931348623157e308, 123456789012345680.0, -0.0])
_losses = st.builds(
    LossLogged,
    time=st.floats(0, 2e9),
    stage=st.sampled_from(["teacher", "pd-4", "pd-2", "stranger", "Judge", 'a"b']),
    step=st.integers(0, 30) | st.integers(0, 2**53),
    loss=_floats,
    terms=st.dictionaries(st.sampled_from(["feature", "anchor", "gradient norm", "ä", 'x"y', ""]), _floats, max_size=3),
    gradient_norm=_floats,
    learning_rate=_floats,
    images_per_second=_floats,
)
_events = _losses | st.builds(HeldOutLogged, stage=st.just("pd-4"), step=st.integers(0, 30), loss=_floats)
_raw = st.sampled_from(
    [
        b"",
        b"{}",
        b"\r",
        b'{"kind":"loss"}',
        b'{"time":1,"kind":"loss","stage":"pd-4","step":7,"loss":1,"gradient_norm":1,"learning_rate":1}',
    ]
)


def _slow(block: bytes) -> list[Event | LossRun | None]:
    events = [parse_event(line) for line in block.split(b"\n")[:-1]]
    return [LossRun.of(event) if isinstance(event, LossLogged) else event for event in events]


def _both(config: RunConfig, told: Callable[[Fold], Any], block: bytes) -> None:
    seen = []
    for events in (read_lines(block), _slow(block)):
        fold = Fold(config)
        strangers = 0
        for event in events:
            if event is None:
                strangers += 1
            else:
                fold.fold(event)
        seen.append((told(fold), strangers))
    # -0.0 may lose its sign on either way: JSON's -0 is an integer to some.
    assert str(seen[0]).replace("-0.0", "0.0") == str(seen[1]).replace("-0.0", "0.0")


@pytest.fixture
def config(mini_config: Callable[..., RunConfig]) -> RunConfig:
    return mini_config()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(_events.map(dump_event) | _raw.map(lambda line: line + b"\n"), max_size=12))
def test_both_ways_fold_to_the_same_curves(config: RunConfig, told: Callable[[Fold], Any], lines: list[bytes]) -> None:
    _both(config, told, b"".join(lines))


_LINE = dump_event(
    LossLogged(
        time=1785500000.25,
        stage="cfd-2",
        step=1234,
        loss=0.5,
        terms={"feature": 0.25, "anchor": 1e-7},
        gradient_norm=1.5,
        learning_rate=3e-05,
        images_per_second=4000.0,
    )
)


def test_a_line_changed_in_any_byte_reads_alike_on_both_ways(config: RunConfig, told: Callable[[Fold], Any]) -> None:
    changed = [
        _LINE[:at] + new + _LINE[at + 1 :]
        for at in range(len(_LINE) - 1)
        for new in (b"", b"0", b"9", b"-", b"e", b".", b",", b'"', b"}", b"{", b" ", b"\xff", b"\\")
    ]
    for line in changed:
        _both(config, told, line)


numbers = "0 1 -1 00 01 1. .5 1e5 1E+5 1e-05 1e 1e+ +1 0x1 1_0 NaN Infinity -Infinity 1e99 1e999 -1e400 nan null true"
numbers += f" 1{'0' * 30} 0.{'1' * 40} 1{'0' * 400} 0.1e-400 " + '"1" "NaN" [1] 12345678901234567890.5 9007199254740993'


@pytest.mark.parametrize("number", numbers.split())
@pytest.mark.parametrize("field", ["step", "loss", "gradient_norm", "learning_rate", "time", "terms"])
def test_every_spelling_of_a_number_reads_alike_on_both_ways(
    config: RunConfig, told: Callable[[Fold], Any], number: str, field: str
) -> None:
    words = {key: json.dumps(value, separators=(",", ":")) for key, value in json.loads(_LINE).items()}
    words[field] = f'{{"feature":{number},"feature":{number}}}' if field == "terms" else number
    line = "{" + ",".join(f'"{key}":{value}' for key, value in words.items()) + "}\n"
    _both(config, told, line.encode())


def test_what_is_written_goes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    # Fails as soon as the event gets a field of a type that the pattern has no form for.
    monkeypatch.setattr(module, "parse_event", lambda line: pytest.fail(f"the long way for {line!r}"))
    plain = LossLogged(stage="pd-16", step=1, loss=2.5, gradient_norm=0.1, learning_rate=1e-05, images_per_second=1.0)
    several = plain.model_copy(update={"step": 2, "terms": {"feature": 0.5, "dataset loss": 2.0}})
    runs = list(read_lines(dump_event(plain) * 1 + dump_event(several)))
    assert [run.steps.tolist() for run in runs if isinstance(run, LossRun)] == [[1.0, 2.0]]
    words = json.loads(dump_event(plain))
    del words["gradient_norms"]  # as format 1 wrote it
    (old,) = read_lines(json.dumps(words, separators=(",", ":")).encode() + b"\n")
    assert isinstance(old, LossRun)
    assert old.losses.tolist() == [2.5]


def test_a_long_run_of_losses_is_a_few_columns() -> None:
    lines = [
        dump_event(
            LossLogged(stage="teacher", step=at, loss=at / 7, gradient_norm=1, learning_rate=1, images_per_second=at)
        )
        for at in range(1, 5001)
    ]
    lines.insert(2500, dump_event(Logged(text="half-way")))
    told = list(read_lines(b"".join(lines)))
    runs = [one for one in told if isinstance(one, LossRun)]
    assert len(told) < 30
    assert [step for run in runs for step in run.steps] == list(range(1, 5001))
    assert [loss for run in runs for loss in run.losses] == [at / 7 for at in range(1, 5001)]
    assert runs[-1].images_per_second[-1] == 5000.0


@pytest.mark.parametrize("steps", [[3, 3], [3, 3, 3, 4], [5, 4, 3], [1, 2, 2, 1, 9], [7, 1, 7, 7]])
def test_steps_that_stand_still_or_go_back_read_alike_on_both_ways(
    config: RunConfig, told: Callable[[Fold], Any], steps: list[int]
) -> None:
    words = json.loads(_LINE)
    lines = [json.dumps(words | {"step": step, "loss": at}, separators=(",", ":")) for at, step in enumerate(steps)]
    _both(config, told, "".join(f"{line}\n" for line in lines).encode())


@pytest.mark.parametrize("names", [15, 16, 17])
def test_a_loss_of_many_terms_reads_alike_on_both_ways(
    config: RunConfig, told: Callable[[Fold], Any], names: int
) -> None:
    words = json.loads(_LINE) | {"terms": {f"term {number}": 0.5 for number in range(names)}}
    _both(config, told, json.dumps(words, separators=(",", ":")).encode() + b"\n")
