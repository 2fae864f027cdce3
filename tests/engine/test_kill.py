"""Killed without a word at any moment and resumed, a run ends bitwise where it would have ended."""

import json
import multiprocessing
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from cfd_studio.engine.job import run_job
from cfd_studio.protocol.events import JobState
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.plan import resolve
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.mirror import RunMirror
from cfd_studio.runs.status import read_status

Fingerprints = Callable[[RunFolder], dict[str, str]]
JOURNAL_BYTES = 20_000  # of the miniature run: work is measured in what it says, not in seconds of a busy machine


class _Life(Protocol):
    """A process that trains: alive, killed, or over."""

    def alive(self) -> bool: ...

    def kill(self) -> None: ...

    def finish(self) -> int | None: ...


class _Forked:
    """A job in a process forked from one that has imported everything already: born in a moment."""

    def __init__(self, run: RunFolder) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["cfd_studio.engine.job", "sklearn.datasets", "scipy.linalg", "torch._dynamo"])
        self._process = context.Process(target=run_job, args=(run, ExecutionRequest(device="cpu", threads=1)))
        self._process.start()

    def alive(self) -> bool:
        return self._process.is_alive()

    def kill(self) -> None:
        self._process.kill()
        self._process.join(30)

    def finish(self) -> int | None:
        self._process.join(200)
        return self._process.exitcode


class _Resumed:
    """`cfd-studio resume`, as a person would start it."""

    def __init__(self, run: RunFolder) -> None:
        command = [sys.executable, "-m", "cfd_studio", "resume", str(run.path), "--device", "cpu", "--threads", "1"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(30)

    def finish(self) -> int | None:
        return self._process.wait(300)


def _said(run: RunFolder) -> int:
    return sum(job.journal.stat().st_size for job in run.jobs() if job.journal.exists())


def _kill_and_resume(run: RunFolder, live: Callable[[RunFolder], _Life], kills: int, seed: int) -> int:
    """Train with up to ``kills`` deaths spread over the work by a seeded draw; return how many hit a working job."""
    draw = random.Random(seed)
    hits = 0
    for left in range(kills, 0, -1):
        jobs, before = len(run.jobs()), _said(run)
        life = live(run)
        deadline = time.monotonic() + 120
        while life.alive() and len(run.jobs()) == jobs and time.monotonic() < deadline:
            time.sleep(0.002)
        share = draw.uniform(0, 2 * (JOURNAL_BYTES - before) / (left + 1))
        while life.alive() and _said(run) - before < share and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(draw.uniform(0, 0.03))
        hit = life.alive()
        life.kill()
        hits += hit
        if not hit:
            break
    assert live(run).finish() == 0
    return hits


def _check(run: RunFolder, reference: RunFolder, fingerprints: Fingerprints) -> None:
    assert fingerprints(run) == fingerprints(reference)
    status = read_status(run.jobs()[-1].status)
    assert status is not None
    assert status.state is JobState.FINISHED
    mirror, whole = RunMirror(run), RunMirror(reference)
    mirror.refresh()
    whole.refresh()
    assert mirror.skipped == 0
    for stage_id, stage in mirror.stages.items():
        ours, theirs = run.quality(stage_id), reference.quality(stage_id)
        assert ours is not None
        assert theirs is not None
        assert [one.figures for one in ours.judgements] == [one.figures for one in theirs.judgements]
        steps = stage.loss.steps.tolist()
        assert steps == sorted(set(steps))
        # A held-out loss is a function of the weights alone, so the curve has no seam.
        seen = dict(zip(stage.held_out.steps.tolist(), stage.held_out.values.tolist(), strict=True))
        full = whole.stages[stage_id].held_out
        assert seen == dict(zip(full.steps.tolist(), full.values.tolist(), strict=True))
    assert not [path for path in run.path.rglob(".partial-*") if path.is_dir()]


@pytest.mark.skipif("forkserver" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
@pytest.mark.parametrize(("kills", "seed"), [(4, 1), (4, 2)])
def test_killed_at_several_moments_and_resumed_the_weights_are_bitwise_those_of_one_go(
    mini_run: Callable[..., RunFolder], trained_run: RunFolder, fingerprints: Fingerprints, kills: int, seed: int
) -> None:
    run = mini_run()
    assert _kill_and_resume(run, _Forked, kills, seed) >= 3
    assert len(run.jobs()) >= 4
    _check(run, trained_run, fingerprints)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [3, 4])
def test_the_command_line_killed_twelve_times_and_resumed_ends_with_the_same_weights(
    tmp_path: Path, mini_recipe: dict[str, Any], trained_run: RunFolder, fingerprints: Fingerprints, seed: int
) -> None:
    run = RunFolder.create(tmp_path / "killed", resolve(json.loads(json.dumps(mini_recipe))))
    assert _kill_and_resume(run, _Resumed, 12, seed) >= 6
    _check(run, trained_run, fingerprints)
