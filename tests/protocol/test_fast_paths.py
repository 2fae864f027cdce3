import pytest
from pydantic import ValidationError

from cfd_studio.protocol.execution import ExecutionPlan, ExecutionRequest
from cfd_studio.protocol.fast_paths import UNCHOSEN, FastPaths, read_wishes, values_of, write_wishes


def test_wishes_are_read_and_written():
    wishes = read_wishes("channels_last=all, folded_normalization = on,compilation=cuda-graphs, fused_optimizer=off")
    assert wishes == {
        "channels_last": "all",
        "folded_normalization": True,
        "compilation": "cuda-graphs",
        "fused_optimizer": False,
    }
    assert read_wishes(write_wishes(wishes)) == wishes
    assert read_wishes("") == {}


def test_off_means_every_path_and_what_follows_is_an_exception():
    wishes = read_wishes("off, data_on_device=on")
    assert set(wishes) == set(FastPaths.model_fields)
    assert FastPaths(**wishes) == FastPaths.none().model_copy(update={"data_on_device": True})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("warp=9", "'warp=9' is no fast path; write off, or NAME=VALUE with one of channels_last,"),
        ("fused_attention", "'fused_attention' is no fast path"),
        ("compilation=sometimes", "compilation cannot be sometimes; it can be off, default, cuda-graphs"),
        ("deferred_reading=maybe", "deferred_reading cannot be maybe; it can be off, on"),
    ],
)
def test_what_cannot_be_wished_for_is_told(text, told):
    with pytest.raises(ValidationError, match=told.replace("(", r"\(")):
        ExecutionRequest(fast=text)


def test_every_path_can_be_switched():
    for name in FastPaths.model_fields:
        for value in values_of(name):
            read = read_wishes(f"{name}={value}")
            assert list(read) == [name]
            assert write_wishes(read) == f"{name}={value}"


def test_a_plan_of_before_there_was_a_choice_is_what_was_done_then():
    old = '{"device": "cpu", "threads": 2, "precision": "float32", "processes": 1, "accumulation": 1}'
    plan = ExecutionPlan.model_validate_json(old)
    assert (plan.precision, plan.fast) == ("float32", UNCHOSEN)
    assert (UNCHOSEN.compilation, UNCHOSEN.channels_last, UNCHOSEN.folded_normalization) == ("off", "none", False)
