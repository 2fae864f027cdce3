"""Sharing by turns: one at a time, first come, first served, nobody starves."""

import threading
import time

import pytest

from cfd_studio.engine.turns import Turns


def test_only_one_has_the_turn() -> None:
    turns, inside, worst = Turns(), [0], [0]

    def work() -> None:
        for _ in range(200):
            with turns:
                inside[0] += 1
                worst[0] = max(worst[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert worst == [1]
    with turns:
        pass


def test_whoever_waits_longest_goes_next() -> None:
    turns, order = Turns(), []
    threads = []

    def take(name: int) -> None:
        with turns:
            order.append(name)

    with turns:
        for name in range(8):
            threads.append(threading.Thread(target=take, args=(name,)))
            threads[-1].start()
            deadline = time.monotonic() + 10
            while len(turns._waiting) != name + 1:
                assert time.monotonic() < deadline
                time.sleep(0.001)
    for thread in threads:
        thread.join(10)
    assert order == list(range(8))


def test_a_busy_trainer_lets_a_sampler_in_after_one_step_each_time() -> None:
    turns, stop, steps = Turns(), threading.Event(), [0]

    def train() -> None:
        while not stop.is_set():
            with turns:
                steps[0] += 1
                time.sleep(0.002)

    trainer = threading.Thread(target=train)
    trainer.start()
    waits = []
    try:
        for _ in range(20):
            before = steps[0]
            with turns:
                waits.append(steps[0] - before)
            time.sleep(0.001)
    finally:
        stop.set()
        trainer.join(10)
    assert max(waits) <= 2  # the step under way, and at most one that began before the wish was heard
    assert steps[0] > 5


def test_an_error_gives_the_turn_back() -> None:
    turns = Turns()
    with pytest.raises(KeyError), turns:
        raise KeyError
    with turns:
        pass
