"""Journal lines: what is written is read, what is new is skipped."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cfd_studio.protocol.commands import Command, Verb
from cfd_studio.protocol.errors import CfdError, ConfigError, JobError, Problem
from cfd_studio.protocol.events import (
    CheckpointSaved,
    CommandAnswered,
    Event,
    HeldOutLogged,
    JobEnded,
    JobStarted,
    JobState,
    Logged,
    LossLogged,
    PhaseEntered,
    StageJudged,
    StageStarted,
    StageTrained,
    dump_event,
    parse_event,
)
from cfd_studio.protocol.figures import Figure, Judgement, StageQuality, find_value

_FIGURE = Figure(space="pixels", reference="held-out", samples=10, value=1.5)
_JUDGEMENT = Judgement(
    stage="teacher",
    sampling_steps=4,
    network_calls=4,
    seconds_per_image=0.1,
    figures=(
        _FIGURE,
        Figure(space="judge (mlp, 8 features)", reference="train", samples=10, value=0.5),
    ),
)
EVENTS: list[Event] = [
    JobStarted(job=1, device="cpu", stage="teacher", step=4),
    StageStarted(stage="teacher", step=0, total_steps=10),
    PhaseEntered(phase="training", stage="teacher"),
    LossLogged(
        stage="teacher",
        step=5,
        loss=0.25,
        terms={"feature": 0.1, "anchor": 0.15},
        gradient_norm=1.0,
        learning_rate=1e-3,
        images_per_second=100.0,
    ),
    HeldOutLogged(stage="classifier", step=5, loss=0.2, accuracy=0.9),
    CheckpointSaved(stage="teacher", step=5),
    StageTrained(stage="teacher", step=10, seconds=3.5),
    StageJudged(quality=StageQuality(stage="teacher", judgements=(_JUDGEMENT,), floor=(_FIGURE,))),
    CommandAnswered(command="0" * 32, verb=Verb.SAVE, refused="no"),
    Logged(level="warning", text="two\nlines, a \r and an ä\u2028"),
    JobEnded(state=JobState.FAILED, sentence="It broke.", details="Traceback\n  ..."),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_an_event_is_one_line_and_comes_back(event: Event) -> None:
    line = dump_event(event)
    assert line.endswith(b"\n")
    assert len(line.splitlines()) == 1
    assert parse_event(line) == event


def test_unknown_fields_are_ignored_and_unknown_kinds_skipped() -> None:
    raw = json.loads(dump_event(EVENTS[0]))
    assert parse_event(json.dumps(raw | {"colour": "red"})) == EVENTS[0]
    assert parse_event(json.dumps(raw | {"kind": "job-dreamt"})) is None
    assert parse_event(json.dumps({"kind": "loss"})) is None


@given(st.binary(max_size=60))
def test_no_line_of_bytes_raises(line: bytes) -> None:
    parse_event(line)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_loss_that_is_not_finite_survives_the_journal(value: float) -> None:
    event = EVENTS[3].model_copy(update={"loss": value})
    back = parse_event(dump_event(event))
    assert isinstance(back, LossLogged)
    assert back.loss == value or (math.isnan(value) and math.isnan(back.loss))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_any_text_stays_on_its_line(text: str) -> None:
    event = Logged(text=text)
    assert len(dump_event(event).splitlines()) == 1
    assert parse_event(dump_event(event)) == event


def test_states_know_whether_they_are_an_end() -> None:
    assert {state for state in JobState if state.ended} == {JobState.FINISHED, JobState.STOPPED, JobState.FAILED}


def test_commands_forbid_what_they_do_not_know() -> None:
    command = Command(verb=Verb.PAUSE)
    assert Command.model_validate_json(command.model_dump_json()) == command
    assert Command(verb=Verb.PAUSE).id != command.id
    for wrong in ({"verb": "explode"}, {"verb": "pause", "id": "../../x"}, {"verb": "pause", "force": True}, {}):
        with pytest.raises(ValidationError):
            Command.model_validate(wrong)


def test_a_judgement_finds_its_figures_by_space_and_reference() -> None:
    assert _JUDGEMENT.value("pixels") == 1.5
    assert _JUDGEMENT.value("judge", "train") == 0.5
    assert _JUDGEMENT.value("judge") is None


def test_errors_are_sentences() -> None:
    error = CfdError("is no run", where="/here", advice="Choose another.")
    assert str(error) == "/here: is no run. Choose another."
    assert str(CfdError("It broke.")) == "It broke."
    assert error.exit_code == 2
    assert JobError("x").exit_code == 1
    both = ConfigError([Problem("a.b", "is wrong"), Problem("", "no path")], source="f.json")
    assert str(both).splitlines()[1:] == ["  a.b: is wrong", "  no path"]


def test_a_figure_is_found_by_the_whole_name_of_its_space() -> None:
    figures = (
        Figure(space="pixels-mlp (mlp, 8 features)", reference="held-out", samples=2, value=1.0),
        Figure(space="pixels", reference="held-out", samples=2, value=2.0),
    )
    assert find_value(figures, "pixels", "held-out") == 2.0
    assert find_value(figures, "pixels-mlp", "held-out") == 1.0
    assert find_value(figures, "pixels-mlp", "train") is None


def test_a_figure_is_found_by_its_metric() -> None:
    same = {"space": "pixels", "reference": "held-out", "samples": 2}
    figures = (
        Figure(metric="precision", neighbours=3, value=0.75, **same),
        Figure(value=2.0, **same),
        Figure(metric="recall", neighbours=3, value=0.5, **same),
    )
    assert find_value(figures, "pixels", "held-out") == 2.0
    assert find_value(figures, "pixels", "held-out", "precision") == 0.75
    assert find_value(figures, "pixels", "held-out", "recall") == 0.5
    assert find_value(figures[:2], "pixels", "held-out", "recall") is None


def test_figures_written_before_there_was_a_second_metric_are_frechet_distances() -> None:
    figure = {"metric": "frechet", "space": "pixels", "reference": "held-out", "samples": 2, "value": 2.5}
    assert Figure.model_validate(figure) == Figure(space="pixels", reference="held-out", samples=2, value=2.5)
    assert Figure.model_validate(figure).neighbours is None
