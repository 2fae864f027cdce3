"""Who counts as alive: a process that can be looked at, a heart that can only be listened to."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from cfd_studio.protocol.events import JobState
from cfd_studio.runs import atomic, pulse, status
from cfd_studio.runs.catalog import run_state
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import Lease
from cfd_studio.runs.pulse import LONGEST_GAP, STALE_SECONDS, Holder, Pulse, is_alive
from cfd_studio.runs.status import QUIET_PHASES, JobStatus, StatusWriter, read_status

MakeRun = Callable[..., RunFolder]


@dataclass
class Elsewhere:
    """A run that a trainer on another host works on, and a clock that only this test moves."""

    run: RunFolder
    holder: Holder
    now: float = 1000.0
    seen: Pulse = field(init=False)

    def __post_init__(self) -> None:
        self.seen = Pulse(lambda: self.now)

    def say(self, **fields: object) -> None:
        status = JobStatus(state=JobState.RUNNING, **fields)
        atomic.write_bytes(self.run.jobs()[-1].status, status.model_dump_json().encode())

    def after(self, seconds: float, every: float = 2.0) -> str:
        """Return what a reader that looks every two seconds sees in the end."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(self.now + every, end)
            state, _ = run_state(self.run, self.seen)
        return state

    def waited_for(self, patience: float = STALE_SECONDS) -> tuple[bool, float]:
        """Return what a second trainer finds, and how long that takes."""
        began = self.now

        def sleep(seconds: float) -> None:
            self.now += seconds

        alive = is_alive(self.run, self.holder, patience=patience, clock=lambda: self.now, sleep=sleep)
        return alive, self.now - began


@pytest.fixture
def elsewhere(mini_run: MakeRun) -> Elsewhere:
    run = mini_run()
    holder = Lease.acquire(run).holder.model_copy(update={"host": "another-host"})
    atomic.write_bytes(run.path / "lease.json", holder.model_dump_json().encode())
    run.new_job("train")
    there = Elsewhere(run, holder)
    there.say(heartbeat=5)
    return there


def test_silence_of_thirty_seconds_is_death_to_a_reader_and_to_a_second_trainer_alike(elsewhere: Elsewhere) -> None:
    assert elsewhere.after(STALE_SECONDS - 2) == "running"
    assert elsewhere.after(6) == "lost"
    alive, waited = elsewhere.waited_for()
    assert not alive
    assert STALE_SECONDS <= waited < STALE_SECONDS + 2


@pytest.mark.parametrize("phase", ["loading"])
def test_a_compile_of_three_minutes_is_no_death_to_either(
    elsewhere: Elsewhere, phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "HEARTBEAT_SECONDS", 1e6)  # a heart that cannot beat
    writer = StatusWriter(elsewhere.run.jobs()[-1].status)
    writer.update(at_once=True, state=JobState.RUNNING, phase=phase)
    assert elsewhere.after(180) == "running"
    assert elsewhere.after(QUIET_PHASES[phase] - 180 - 2) == "running"
    assert elsewhere.after(6) == "lost"
    alive, waited = elsewhere.waited_for()
    assert not alive
    assert waited >= QUIET_PHASES[phase]
    writer.update(at_once=True, phase="training")  # the patience ends with the phase
    assert elsewhere.after(2) == "running"
    assert elsewhere.after(STALE_SECONDS + 2) == "lost"
    writer.close()


def test_a_heartbeat_is_heard_at_once(elsewhere: Elsewhere) -> None:
    said = iter(range(6, 100))

    def sleep(seconds: float) -> None:
        elsewhere.now += seconds
        elsewhere.say(heartbeat=next(said))

    began = elsewhere.now
    assert is_alive(elsewhere.run, elsewhere.holder, clock=lambda: elsewhere.now, sleep=sleep)
    assert elsewhere.now - began < 2


def test_a_reader_that_was_asleep_calls_nobody_lost_when_it_wakes(elsewhere: Elsewhere) -> None:
    assert elsewhere.after(10) == "running"
    elsewhere.now += 8 * 3600  # the lid was shut
    assert run_state(elsewhere.run, elsewhere.seen)[0] == "running"
    assert elsewhere.after(STALE_SECONDS - 2) == "running"
    elsewhere.say(heartbeat=6)
    assert elsewhere.after(STALE_SECONDS - 2) == "running"
    assert elsewhere.after(6) == "lost"


def test_a_second_trainer_that_was_asleep_while_it_waited_counts_anew(elsewhere: Elsewhere) -> None:
    naps = iter([1.0, 1.0, 4000.0])

    def sleep(seconds: float) -> None:
        elsewhere.now += next(naps, seconds)

    began = elsewhere.now
    assert not is_alive(elsewhere.run, elsewhere.holder, clock=lambda: elsewhere.now, sleep=sleep)
    assert elsewhere.now - began >= 4002 + STALE_SECONDS


def test_a_reader_that_looks_seldom_never_judges(elsewhere: Elsewhere) -> None:
    assert elsewhere.after(3600, every=LONGEST_GAP + 1) == "running"


def test_a_status_that_cannot_be_read_is_silence(elsewhere: Elsewhere) -> None:
    elsewhere.say(heartbeat=5, quiet_seconds=60)
    assert elsewhere.after(20) == "running"
    elsewhere.run.jobs()[-1].status.write_bytes(b"{")
    assert elsewhere.after(36) == "starting"
    assert elsewhere.after(10) == "lost"


def test_a_trainer_on_another_host_that_has_made_no_job_yet_is_waited_for(elsewhere: Elsewhere) -> None:
    (elsewhere.run.jobs()[-1].status).unlink()
    (elsewhere.run.jobs()[-1].inbox).rmdir()
    elsewhere.run.jobs()[-1].path.rmdir()

    def sleep(seconds: float) -> None:
        elsewhere.now += seconds
        if not elsewhere.run.jobs():
            elsewhere.run.new_job("train")
            elsewhere.say(heartbeat=1)

    assert is_alive(elsewhere.run, elsewhere.holder, clock=lambda: elsewhere.now, sleep=sleep)


@pytest.mark.parametrize("quiet", ["1e9", "-1", '"NaN"', "NaN", "1e999"])
def test_nobody_can_ask_for_endless_patience(tmp_path: Path, quiet: str) -> None:
    (tmp_path / "status.json").write_text(f'{{"state": "running", "quiet_seconds": {quiet}}}')
    assert read_status(tmp_path / "status.json") is None


def test_on_this_host_the_living_process_decides_however_long_its_heart_stands_still(mini_run: MakeRun) -> None:
    run = mini_run()
    lease = Lease.acquire(run)
    run.new_job("train")
    now = 0.0
    seen = Pulse(lambda: now)
    for _ in range(400):
        now += 2
        assert run_state(run, seen)[0] == "starting"
    assert is_alive(run, lease.holder)


@pytest.mark.parametrize("jump", [-86_400.0, -90.0, 90.0, 86_400.0])
@pytest.mark.skipif(not Path("/proc/sys/kernel/random/boot_id").exists(), reason="no boot id on this system")
def test_setting_the_clock_kills_no_living_holder(
    mini_run: MakeRun, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    run = mini_run()
    holder = Lease.acquire(run).holder
    boot_time, create_time = psutil.boot_time, psutil.Process.create_time
    # The kernel reckons the moment of the boot back from the time of day, and psutil every start from that.
    monkeypatch.setattr(psutil, "boot_time", lambda: boot_time() + jump)
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: create_time(process) + jump)
    assert is_alive(run, holder)
    monkeypatch.setattr(pulse, "_boot_id", lambda: "after the next boot")
    assert not is_alive(run, holder)


def test_a_process_number_used_again_is_another_process(mini_run: MakeRun) -> None:
    run = mini_run()
    holder = Lease.acquire(run).holder
    assert holder.pid == os.getpid()
    earlier = {"seconds_after_boot": holder.seconds_after_boot - 50, "process_started": holder.process_started - 50}
    assert not is_alive(run, holder.model_copy(update=earlier))


def test_the_time_of_day_plays_no_part_in_a_heartbeat(elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([1e9, 1.0, 2e9, 5.0] * 100)
    monkeypatch.setattr("time.time", lambda: next(moments))
    assert elsewhere.after(STALE_SECONDS - 2) == "running"
    assert elsewhere.after(6) == "lost"
