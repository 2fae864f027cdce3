"""Two trainers and one run, with real processes: who wins, who is told, and what each saves."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import Lease, current_holder
from cfd_studio.runs.pulse import is_alive
from cfd_studio.runs.status import read_status

MakeRun = Callable[..., RunFolder]

# Takes the run at a given moment, and once it holds it, "saves" every 20 ms until it is told not to.
TRAINER = """
import sys, time
from pathlib import Path
from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs import status
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import Lease

status.HEARTBEAT_SECONDS = 0.05
run, name, rounds = RunFolder(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
try:
    lease = Lease.acquire(run)
    print(f"holds {lease.holder.epoch}", flush=True)
    writer = status.StatusWriter(run.new_job("train").status)
    for count in range(rounds):
        time.sleep(0.02)
        lease.check()
        (run.path / "stages" / f"saved-{name}-{count:05d}").touch()
    writer.close()
    lease.release()
except CfdError as error:
    print(f"told {error.exit_code} {error}", flush=True)
"""


# Takes one run after the other, each at a given moment, and holds those that it won.
RACER = """
import sys
from pathlib import Path
from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import Lease

print("ready", flush=True)
for line in sys.stdin:
    try:
        print(f"holds {Lease.acquire(RunFolder(Path(line.strip()))).holder.epoch}", flush=True)
    except CfdError as error:
        print(f"told {error.exit_code} {error}", flush=True)
"""


class Trainer:
    def __init__(self, run: RunFolder, name: str, rounds: int = 10_000) -> None:
        self.name, self.run = name, run
        self.process = subprocess.Popen(
            [sys.executable, "-c", TRAINER, str(run.path), name, str(rounds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.hears() == "ready"

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def hears(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def saved(self) -> int:
        return len(list((self.run.path / "stages").glob(f"saved-{self.name}-*")))


@pytest.fixture
def trainer() -> Iterator[Callable[..., Trainer]]:
    made: list[Trainer] = []

    def make(run: RunFolder, name: str, rounds: int = 10_000) -> Trainer:
        made.append(Trainer(run, name, rounds))
        return made[-1]

    yield make
    for one in made:
        one.process.kill()
        one.process.communicate()


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_of_trainers_that_start_at_the_same_moment_exactly_one_wins(mini_run: MakeRun) -> None:
    racers = [
        subprocess.Popen([sys.executable, "-c", RACER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]

    def hear(racer: subprocess.Popen[str]) -> str:
        assert racer.stdout is not None
        return racer.stdout.readline().strip()

    try:
        assert [hear(racer) for racer in racers] == ["ready"] * 3
        winners = set()
        for number in range(20):
            run = mini_run(f"run-{number}")
            for racer in racers:
                assert racer.stdin is not None
                racer.stdin.write(f"{run.path}\n")
            for racer in racers[number % 3 :] + racers[: number % 3]:
                racer.stdin.flush()  # type: ignore[union-attr]
            said = [hear(racer) for racer in racers]
            assert sorted(one[:7] for one in said) == ["holds 1", "told 2 ", "told 2 "], said
            refused = [one for one in said if one.startswith("told")]
            assert all("another trainer " in one and "Wait for it, or stop it first." in one for one in refused)
            winners.add(said.index("holds 1"))
        assert len(winners) > 1
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()


def test_a_killed_holder_is_taken_over_at_once_and_a_lock_it_held_is_free(
    mini_run: MakeRun, trainer: Callable[..., Trainer]
) -> None:
    run = mini_run()
    first = trainer(run, "first")
    first.go()
    assert first.hears() == "holds 1"
    _until(lambda: first.saved() > 2)
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    began = time.monotonic()
    lease = Lease.acquire(run)
    assert time.monotonic() - began < 5
    assert lease.holder.epoch == 2
    lease.check()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no such signal here")
def test_a_holder_elsewhere_that_fell_asleep_is_taken_over_and_when_it_wakes_it_saves_no_more(
    mini_run: MakeRun, trainer: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = mini_run()
    sleeper = trainer(run, "sleeper")
    sleeper.go()
    assert sleeper.hears() == "holds 1"
    _until(lambda: sleeper.saved() > 2)
    monkeypatch.setattr("socket.gethostname", lambda: "another-host")
    with pytest.raises(CfdError, match="another trainer is working on this run"):
        Lease.acquire(run, patience=2)
    sleeper.process.send_signal(signal.SIGSTOP)
    _until(lambda: "T" in Path(f"/proc/{sleeper.process.pid}/stat").read_text().split(")")[1].split()[0])
    before = sleeper.saved()
    lease = Lease.acquire(run, patience=0.5)
    assert (lease.holder.epoch, lease.holder.host) == (2, "another-host")
    second = run.new_job("train")
    sleeper.process.send_signal(signal.SIGCONT)
    assert sleeper.hears() == (
        f"told 1 {run.path}: another trainer took this run over (process {os.getpid()} on another-host). "
        "Nothing more was saved by this one."
    )
    assert sleeper.saved() <= before + 1  # one that had been checked before it fell asleep
    sleeper.process.wait(10)
    lease.check()
    assert run.jobs()[-1] == second
    assert current_holder(run) == lease.holder


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no such signal here")
def test_a_holder_of_this_host_that_is_asleep_keeps_its_run(mini_run: MakeRun, trainer: Callable[..., Trainer]) -> None:
    run = mini_run()
    sleeper = trainer(run, "sleeper")
    sleeper.go()
    assert sleeper.hears() == "holds 1"
    sleeper.process.send_signal(signal.SIGSTOP)
    holder = current_holder(run)
    assert holder is not None
    assert is_alive(run, holder)
    with pytest.raises(CfdError, match=f"process {sleeper.process.pid}"):
        Lease.acquire(run)
    sleeper.process.send_signal(signal.SIGCONT)


@pytest.mark.slow
def test_two_commands_that_resume_one_run_at_the_same_moment(mini_run: MakeRun) -> None:
    run = mini_run()
    command = [sys.executable, "-m", "cfd_studio", "resume", str(run.path), "--device", "cpu", "--threads", "1"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in "ab"]
    said = [one.communicate(timeout=250)[1] for one in both]
    codes = [one.returncode for one in both]
    assert sorted(codes) == [0, 2], said
    assert "another trainer" in "".join(said[codes.index(2)].split("\n"))
    assert "Traceback" not in "".join(said)
    status = read_status(run.jobs()[-1].status)
    assert status is not None
    assert status.state == "finished"
