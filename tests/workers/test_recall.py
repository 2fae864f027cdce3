"""What was drawn once is answered at once, and only while it is still the answer."""

import queue
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from cfd_studio.engine.turns import Turns
from cfd_studio.protocol.sampling import SampleAnswer, Sampler, SampleRequest, in_a_row
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workers.lazy import LazyWorkers
from cfd_studio.workspace import cache
from cfd_studio.workspace.drawings import Drawings
from cfd_studio.workspace.folders import drawings_folder


@pytest.fixture
def turns() -> Turns:
    return Turns()


@pytest.fixture
def session(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> Iterator[LazyWorkers]:
    monkeypatch.setattr("cfd_studio.engine.turns.Turns", lambda: turns)
    made = LazyWorkers(niceness=0, drawings=Drawings(16))
    yield made
    made.close()
    assert not [one.name for one in threading.enumerate() if one.name.startswith("cfd-sampl")]


def _wish(run: RunFolder, stage: str = "cfd-2", **changes: Any) -> SampleRequest:
    values = {"sampling_steps": 2, "keys": in_a_row(5, 3), "device": "cpu"} | changes
    return SampleRequest(run=run.path, stage=stage, **values)


def _ask(session: LazyWorkers, request: SampleRequest) -> SampleAnswer:
    answers: queue.Queue[SampleAnswer] = queue.Queue()
    session.request(request, answers.put)
    return answers.get(timeout=60)


def _files() -> list[Path]:
    return sorted(drawings_folder().iterdir()) if drawings_folder().exists() else []


def test_an_answer_is_kept_whole_and_given_again_while_the_device_is_busy(
    session: LazyWorkers, turns: Turns, trained_run: RunFolder
) -> None:
    wish = _wish(trained_run, trajectory=True, classifier="classifier")
    first = _ask(session, wish)
    assert first.error is None
    assert not first.cached
    with turns:  # whoever trains holds the device
        busy: queue.Queue[SampleAnswer] = queue.Queue()
        session.request(_wish(trained_run, "teacher"), busy.put)
        again = _ask(session, wish)
        assert busy.empty()
    assert again.cached
    for name in ("images", "x_hats", "features", "logits"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))
        assert getattr(again, name).dtype == np.float32
    costs = [(one.seconds_per_image, one.network_calls, one.timesteps) for one in (first, again)]
    assert costs[0] == costs[1]
    assert not busy.get(timeout=60).cached


def test_whatever_the_answer_depends_on_is_drawn_anew(
    session: LazyWorkers, trained_run: RunFolder, mini_run: Callable[..., RunFolder], random_weights: Any
) -> None:
    wish = _wish(trained_run)
    assert not _ask(session, wish).cached
    assert _ask(session, wish).cached
    moved = RunFolder(trained_run.path.with_name("moved"))
    shutil.copytree(trained_run.path, moved.path)
    assert _ask(session, replace(wish, run=moved.path)).cached  # where a run lies does not count, what it holds does
    for change in (
        {"stage": "pd-2"},
        {"sampling_steps": 1},
        {"keys": in_a_row(5, 3, start=1)},
        {"keys": in_a_row(5, 2)},
        {"sampler": Sampler(name="ancestral")},
        {"trajectory": True},
        {"classifier": "classifier"},
        {"classifier": "judge"},
        {"classifier": "judge", "classifier_input": "as-reference"},
    ):
        answer = _ask(session, replace(wish, **change))  # type: ignore[arg-type]
        assert answer.error is None
        assert not answer.cached, change
    shutil.copy(trained_run.weights("pd-2"), trained_run.weights("cfd-2"))
    assert not _ask(session, wish).cached
    other = random_weights(mini_run("other", clip_samples=False), "teacher")
    same = random_weights(mini_run("same"), "judge")
    shutil.copytree(other.path / "stages", same.path / "stages", dirs_exist_ok=True)
    assert not _ask(session, _wish(other, "teacher")).cached
    assert not _ask(session, _wish(same, "teacher")).cached  # the same weights, clipped


def test_a_damaged_or_forged_entry_counts_for_nothing(session: LazyWorkers, trained_run: RunFolder) -> None:
    wish = _wish(trained_run)
    first = _ask(session, wish)
    (entry,) = _files()
    arrays = load(entry.read_bytes()[32:])

    def forge(**changed: Any) -> bytes:
        return save({name: array for name, array in (arrays | changed).items() if array is not None})

    images = arrays["images"]
    forgeries = [
        b"",
        b"\0" * 40,
        forge(images=None),
        forge(images=images[:1]),
        forge(images=images.astype(np.float64)),
        forge(images=images[:, 0]),
        forge(images=np.full_like(images, np.nan)),
        forge(x_hats=images),
        forge(seconds_per_image=np.zeros(2)),
        forge(timesteps=np.arange(2)),
    ]
    for content in forgeries:
        cache.keep(drawings_folder(), entry.name, content)  # with a digest that fits
        answer = _ask(session, wish)
        assert not answer.cached
        np.testing.assert_array_equal(answer.images, first.images)
    entry.write_bytes(entry.read_bytes()[:-1])
    assert not _ask(session, wish).cached
    assert _ask(session, wish).cached


def test_without_room_everything_is_drawn_each_time(trained_run: RunFolder) -> None:
    session = LazyWorkers(niceness=0, drawings=Drawings(0))
    assert [_ask(session, _wish(trained_run)).cached for _ in range(2)] == [False, False]
    session.close()
    assert _files() == []


def test_who_cancels_gets_nothing_and_others_get_theirs(
    session: LazyWorkers, turns: Turns, trained_run: RunFolder
) -> None:
    answers: queue.Queue[SampleAnswer] = queue.Queue()
    with turns:
        for seed in range(6):
            owner = "ours" if seed % 2 else "theirs"
            session.request(_wish(trained_run, keys=in_a_row(seed, 1)), answers.put, owner=owner)
        session.cancel("theirs")
    drawn = {answers.get(timeout=60).request.keys[0].seed for _ in range(3)}
    assert drawn == {1, 3, 5}
    assert _ask(session, _wish(trained_run, "teacher")).error is None
    assert answers.empty()


def test_what_was_drawn_before_does_not_wait_for_torch(
    session: LazyWorkers, trained_run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish = _wish(trained_run, device="auto")
    first = _ask(session, wish)
    loading = threading.Event()
    load = LazyWorkers._load

    def slowly(workers: LazyWorkers) -> None:
        loading.wait(60)
        load(workers)

    monkeypatch.setattr(LazyWorkers, "_load", slowly)
    started = LazyWorkers(niceness=0, drawings=Drawings(16))
    started.load()
    again = _ask(started, wish)
    assert again.cached
    np.testing.assert_array_equal(again.images, first.images)
    answers: queue.Queue[SampleAnswer] = queue.Queue()
    for seed, owner in ((7, "theirs"), (8, "ours")):
        started.request(_wish(trained_run, keys=in_a_row(seed, 1)), answers.put, owner=owner)
        assert _ask(started, wish).cached  # in the order of asking: the one before was passed on
    started.cancel("theirs")
    assert answers.empty()
    loading.set()
    assert answers.get(timeout=60).request.keys[0].seed == 8
    started.close()
    assert answers.empty()
