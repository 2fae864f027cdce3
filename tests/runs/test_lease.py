"""One trainer per run."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from filelock import FileLock

from cfd_studio.protocol.errors import CfdError, JobError
from cfd_studio.protocol.events import JobState
from cfd_studio.runs import atomic
from cfd_studio.runs import lease as module
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import Lease, current_holder
from cfd_studio.runs.pulse import Holder, is_alive
from cfd_studio.runs.status import JobStatus

MakeRun = Callable[..., RunFolder]


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def _hold(run: RunFolder, process: subprocess.Popen[bytes] | None = None, **changes: object) -> Holder:
    """Write a lease as another process would have."""
    someone = psutil.Process(process.pid if process else os.getpid())
    holder = Holder(
        epoch=4,
        token="theirs",
        host=os.uname().nodename,
        pid=someone.pid,
        process_started=someone.create_time(),
    ).model_copy(update=changes)
    atomic.write_bytes(run.path / ".lease.epoch", str(holder.epoch).encode())
    atomic.write_bytes(run.path / "lease.json", holder.model_dump_json().encode())
    return holder


def test_a_lease_is_taken_checked_and_given_back(mini_run: MakeRun) -> None:
    run = mini_run()
    lease = Lease.acquire(run)
    assert current_holder(run) == lease.holder
    assert lease.holder.pid == os.getpid()
    lease.check()
    lease.release()
    assert current_holder(run) is None
    lease.release()
    assert Lease.acquire(run).holder.epoch == lease.holder.epoch + 1


def test_a_second_trainer_is_refused_in_this_process_and_beside_another(
    mini_run: MakeRun, sleeper: subprocess.Popen[bytes]
) -> None:
    mine, theirs = mini_run("mine"), mini_run("theirs")
    first = Lease.acquire(mine)
    with pytest.raises(CfdError, match="another trainer is working") as caught:
        Lease.acquire(mine)
    assert caught.value.exit_code == 2
    first.check()
    holder = _hold(theirs, sleeper)
    with pytest.raises(CfdError, match=f"process {sleeper.pid}"):
        Lease.acquire(theirs)
    assert current_holder(theirs) == holder


def test_a_dead_holder_is_taken_over_with_a_higher_epoch_and_may_save_no_more(
    mini_run: MakeRun, sleeper: subprocess.Popen[bytes]
) -> None:
    run = mini_run()
    holder = _hold(run, sleeper)
    old = Lease(run.path / "lease.json", holder)
    old.check()
    sleeper.kill()
    sleeper.wait()
    new = Lease.acquire(run)
    assert new.holder.epoch > holder.epoch
    with pytest.raises(JobError, match="took this run over"):
        old.check()
    old.release()
    assert current_holder(run) == new.holder
    new.check()


@pytest.mark.skipif(sys.platform == "win32", reason="no such state of a process there")
def test_a_killed_trainer_whose_parent_has_not_noticed_counts_as_dead(
    mini_run: MakeRun, sleeper: subprocess.Popen[bytes]
) -> None:
    # In a container without an init, killed processes stay in the table as zombies.
    run = mini_run()
    _hold(run, sleeper)
    sleeper.kill()
    while psutil.Process(sleeper.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert Lease.acquire(run).holder.epoch == 5


def test_a_pid_used_again_by_somebody_else_is_no_holder(mini_run: MakeRun) -> None:
    run = mini_run()
    _hold(run, process_started=psutil.Process().create_time() - 1000)
    assert Lease.acquire(run).holder.epoch == 5


def test_a_holder_on_another_host_lives_as_long_as_its_heartbeat_moves(mini_run: MakeRun) -> None:
    run = mini_run()
    job = run.new_job("train")
    holder = _hold(run, host="elsewhere")
    stop = threading.Event()

    def beat() -> None:
        count = 0
        while not stop.wait(0.02):
            count += 1
            status = JobStatus(state=JobState.RUNNING, heartbeat=count)
            atomic.write_bytes(job.status, status.model_dump_json().encode())

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        time.sleep(0.1)
        with pytest.raises(CfdError, match="elsewhere"):
            Lease.acquire(run, patience=2)
    finally:
        stop.set()
        thread.join()
    assert not is_alive(run, holder, patience=0.3)
    assert Lease.acquire(run, patience=0.3).holder.epoch == 5


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"epoch": 1}'])
def test_a_damaged_lease_is_nobodys(mini_run: MakeRun, content: bytes) -> None:
    run = mini_run()
    (run.path / "lease.json").write_bytes(content)
    Lease.acquire(run).check()


def test_many_at_once_and_one_gets_it(mini_run: MakeRun) -> None:
    run = mini_run()
    won: list[Lease] = []
    refused: list[CfdError] = []
    start = threading.Barrier(8)

    def attempt() -> None:
        start.wait()
        try:
            won.append(Lease.acquire(run))
        except CfdError as error:
            refused.append(error)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(refused)) == (1, 7)
    won[0].check()


def _refusing(error: OSError, times: int = 1000) -> Callable[[Path, int], bytes]:
    left = iter(range(times))

    def read(path: Path, limit: int) -> bytes:
        if next(left, None) is not None:
            raise error
        return path.read_bytes()

    return read


def test_whatever_became_of_a_lease_its_old_holder_hears_the_right_sentence(
    mini_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = mini_run()
    lease = Lease.acquire(run)
    path = run.path / "lease.json"

    def told() -> str:
        with pytest.raises(JobError) as caught:
            lease.check()
        assert caught.value.exit_code == 1
        return str(caught.value).removeprefix(f"{run.path}: ")

    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    assert told() == (
        "somebody changed lease.json, and another trainer may have begun. Nothing more was saved by this one; resume "
        "the run where nobody else works on it."
    )
    path.unlink()
    assert told() == (
        "somebody deleted lease.json, and another trainer may have begun. Nothing more was saved by this one; resume "
        "the run where nobody else works on it."
    )
    path.write_bytes(whole.replace(lease.holder.token.encode(), b"theirs").replace(b'"pid": ', b'"pid": 99'))
    assert told() == (
        f"another trainer took this run over (process 99{os.getpid()} on {os.uname().nodename}). "
        "Nothing more was saved by this one."
    )
    path.write_bytes(whole)
    lease.check()
    with monkeypatch.context() as patch:
        patch.setattr(module, "read_bounded", _refusing(PermissionError(13, "Permission denied")))
        assert told() == (
            "lease.json cannot be read (Permission denied), and another trainer may have begun. "
            "Nothing more was saved by this one; resume the run once its folder can be read."
        )
        patch.setattr(module, "read_bounded", _refusing(OSError(5, "Input/output error"), times=2))
        lease.check()  # a share that was away for a moment
    shutil.rmtree(run.path)
    assert told() == (
        "the run folder was deleted or moved while a job worked on it. Nothing more was saved by this one."
    )


def test_giving_back_what_is_gone_makes_nothing_again(mini_run: MakeRun) -> None:
    run = mini_run()
    lease = Lease.acquire(run)
    shutil.rmtree(run.path)
    lease.release()
    assert not run.path.exists()


def test_a_lease_that_cannot_be_read_is_not_taken_over(mini_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = mini_run()
    holder = _hold(run)
    with monkeypatch.context() as patch:
        patch.setattr(module, "read_bounded", _refusing(PermissionError(13, "Permission denied")))
        with pytest.raises(
            CfdError, match=r"the run cannot be taken \(Permission denied\)\. To train, its folder must"
        ):
            Lease.acquire(run)
    assert current_holder(run) == holder


@pytest.mark.parametrize("failing", [".lease.epoch", "lease.json"])
def test_a_run_on_a_full_or_read_only_disk_is_not_taken(
    mini_run: MakeRun, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    run = mini_run()
    write = atomic.write_bytes

    def full(path: Path, data: bytes) -> None:
        if path.name == failing:
            raise OSError(28, "No space left on device")
        write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "write_bytes", full)
        with pytest.raises(CfdError, match=r"the run cannot be taken \(No space left on device\)"):
            Lease.acquire(run)
    assert current_holder(run) is None
    Lease.acquire(run).check()


def test_a_lock_that_somebody_sits_on_is_not_waited_for_without_end(
    mini_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = mini_run()
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.2)
    with FileLock(run.path / module.LOCK), pytest.raises(CfdError, match="another trainer has just started"):
        Lease.acquire(run)


@pytest.mark.parametrize("content", [b"", b"1", b"12", b"x\n", b"\xff\n"])
def test_an_epoch_file_that_was_cut_short_never_lowers_the_epoch(mini_run: MakeRun, content: bytes) -> None:
    run = mini_run()
    _hold(run, epoch=120, process_started=1.0)
    (run.path / ".lease.epoch").write_bytes(content)
    assert Lease.acquire(run).holder.epoch == 121
    assert (run.path / ".lease.epoch").read_bytes() == b"121\n"
