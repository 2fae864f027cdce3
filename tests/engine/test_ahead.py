"""A batch made ready ahead is the batch that would have been drawn, and nobody can tell from the state."""

import math
import threading
import time
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from cfd_studio.data.batches import Batches
from cfd_studio.engine import ahead
from cfd_studio.engine.ahead import REST, TRIAL, Ahead
from cfd_studio.engine.batch import Batch
from cfd_studio.engine.state import TrainingState
from cfd_studio.protocol.optimization import Optimization


def _state() -> TrainingState:
    optimization = Optimization.model_validate({"steps": 10, "batch_size": 4, "learning_rate": 0.1})
    return TrainingState.fresh(nn.Linear(2, 2), optimization, Batches(10, 4, seed=3), seed=5)


class _Bench:
    """A state whose batches are drawn from it, and completed with twice their noise."""

    def __init__(self, pause: float = 0.0) -> None:
        self.pause = pause
        self.state = _state()
        self.threads: list[str] = []
        self.ahead = Ahead(self.state, self.draw, self.complete)

    def draw(self) -> Batch:
        rows = next(self.state.batches)
        return Batch(rows[:, None].float(), noise=torch.randn(len(rows), 1, generator=self.state.generator))

    def complete(self, batch: Batch) -> Batch:
        self.threads.append(threading.current_thread().name)
        now = time.thread_time()
        while time.thread_time() < now + 1e-4:  # work enough to be timed
            pass
        time.sleep(self.pause)
        assert batch.noise is not None
        return replace(batch, target=2 * batch.noise)


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no other process decide a test."""
    monkeypatch.setattr(ahead, "CROWDED", math.inf)


def _told(state: TrainingState) -> tuple[Tensor, int]:
    return state.generator.get_state(), state.batches.position


def test_batches_and_the_state_between_them_are_those_of_drawing_in_time() -> None:
    early, in_time = _Bench(), _Bench()
    for step in range(6):
        batch, wanted = early.ahead.take(last=step == 5), in_time.draw()
        torch.testing.assert_close(batch.images, wanted.images, rtol=0, atol=0)
        assert wanted.noise is not None
        torch.testing.assert_close(batch.target, 2 * wanted.noise, rtol=0, atol=0)
        for found, expected in zip(_told(early.state), _told(in_time.state), strict=True):
            assert torch.equal(torch.as_tensor(found), torch.as_tensor(expected))
    assert len(early.threads) == 6, "after the last batch none is begun"
    assert set(early.threads) == {"cfd-ahead_0"}
    early.ahead.close()
    assert not any(thread.name.startswith("cfd-ahead") for thread in threading.enumerate())
    in_time.ahead.close()


def test_a_stream_that_is_replaced_takes_the_batch_begun_from_the_old_one_with_it() -> None:
    bench = _Bench()
    bench.ahead.take(last=False)
    bench.state.batches = Batches(10, 7, seed=3)
    assert len(bench.ahead.take(last=True)) == 7
    bench.ahead.close()


def test_what_goes_wrong_ahead_is_told_in_the_step_that_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = _Bench()

    def fail(_: Batch) -> Batch:
        raise MemoryError("too little")

    monkeypatch.setattr(bench.ahead, "_foresee", fail)
    with pytest.raises(MemoryError):
        bench.ahead.take(last=True)
    bench.ahead.close()


def test_where_others_need_the_core_batches_are_drawn_in_time_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "CROWDED", 20.0)
    crowded, in_time = _Bench(pause=0.01), _Bench()
    for step in range(TRIAL + REST + 1):
        batch, wanted = crowded.ahead.take(last=False), in_time.draw()
        assert torch.equal(batch.images, wanted.images)
        assert (batch.target is None) == (TRIAL <= step < TRIAL + REST)
    assert crowded.ahead._waiting is not None
    crowded.ahead._waiting.batch.result()  # the newest is still being computed
    assert len(crowded.threads) == TRIAL + 2, "then it is tried again"
    crowded.ahead.close()
    in_time.ahead.close()
