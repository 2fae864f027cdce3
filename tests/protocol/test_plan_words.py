"""Fast paths as text, in words, and in files from before there was a choice."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from cfd_studio.protocol.execution import ExecutionPlan, ExecutionRequest
from cfd_studio.protocol.fast_paths import UNCHOSEN, FastPaths, read_wishes, values_of, write_wishes
from cfd_studio.protocol.wording import plan_words, wishes_words
from cfd_studio.workspace.queue import Queue
from cfd_studio.workspace.settings import Settings

NAMES = list(FastPaths.model_fields)


def _wishes(names: list[str], pick: Any) -> dict[str, Any]:
    text = ", ".join(f"{name}={pick(some.sampled_from(values_of(name)))}" for name in names)
    return read_wishes(text)


@given(some.data())
def test_wishes_come_back_from_their_text(data: Any) -> None:
    names = data.draw(some.one_of(some.just(NAMES), some.lists(some.sampled_from(NAMES), unique=True)))
    wishes = _wishes(names, data.draw)
    assert read_wishes(write_wishes(wishes)) == wishes
    assert ExecutionRequest(fast=write_wishes(wishes)).fast_wishes == wishes


def test_wishes_are_said_in_words() -> None:
    for text, words in {
        "": "",
        "off": "none",
        "off, compilation=default": "none but compiled",
        "off, channels_last=all, fused_attention=on": "none but channels last (all), fused attention",
        "compilation=cuda-graphs, background_saving=off": "compiled (cuda-graphs), background saving off",
        "channels_last=none": "channels last off",
    }.items():
        assert wishes_words(read_wishes(text)) == words


def test_what_a_job_takes_is_said_where_it_is_not_plain() -> None:
    plan = ExecutionPlan(device="cpu", threads=1)
    assert plan_words(plan) == "cpu with 1 thread"
    several = {"threads": 2, "precision": "bfloat16", "processes": 3, "accumulation": 4}
    fast = FastPaths(channels_last="frozen", compilation="default", fused_optimizer=False)
    assert plan_words(plan.model_copy(update={**several, "fast": fast})) == (
        "cpu with 2 threads, bfloat16, students in float32, 3 processes, batches in 4 parts, channels last (frozen), "
        "compiled, fused optimizer off"
    )
    assert plan_words(plan.model_copy(update={"fast": FastPaths.none()})) == "cpu with 1 thread, no fast paths"


def test_plans_that_differ_are_not_said_alike() -> None:
    plans = [ExecutionPlan(device="cpu", threads=1, fast=FastPaths.none())]
    for name in NAMES:
        for value in values_of(name):
            wished = UNCHOSEN.model_copy(update=read_wishes(f"{name}={value}"))
            plans.append(ExecutionPlan(device="cpu", threads=1, fast=wished))
    assert len({plan_words(plan) for plan in plans}) == len({plan.model_dump_json() for plan in plans})


@pytest.mark.parametrize("text", ["wings=on", "channels_last", "compilation=on", "fused_attention=2"])
def test_a_wrong_wish_is_told_where_it_is_written_down(text: str) -> None:
    for model in (ExecutionRequest, Settings):
        with pytest.raises(ValueError, match=r"fast path|can be"):
            model(fast=text)


def test_files_from_before_there_was_a_choice_are_read_and_mean_what_they_meant() -> None:
    plan = ExecutionPlan.model_validate_json('{"device": "cpu", "threads": 2, "processes": 1, "accumulation": 1}')
    assert (plan.precision, plan.fast) == ("float32", UNCHOSEN)
    old = {"device": "cuda:0", "threads": 1, "worker": "thread", "processes": 1, "accumulation": 0}
    asked = ExecutionRequest(device="cuda:0", threads=1, worker="thread")
    assert Settings.model_validate_json(json.dumps(old | {"theme": "dark"})).request == asked
    entry = {"id": "a" * 32, "path": "/runs/a", "request": old}
    assert Queue.model_validate_json(json.dumps({"entries": [entry]})).entries[0].request == asked
