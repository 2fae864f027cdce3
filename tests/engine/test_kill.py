"""Killed without a word at any moment and resumed, a run ends bitwise where it would have ended.

`pytest -m slow -s tests/engine/test_kill.py` kills a run of a minute's work fifty times and prints where each kill hit.
"""

import json
import multiprocessing
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest

from cfd_studio.protocol.events import JobState
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


# What a process that knows nothing of these tests is told to do.
TRAIN = """
from cfd_studio.engine import job, saving
from cfd_studio.protocol.execution import ExecutionRequest

if behind:
    saving.SMALL_WEIGHTS = 0
job.run_job(run, ExecutionRequest(device="cpu", threads=1))
"""


class _Forked:
    """A job in a process forked from one that has imported everything already: born in a moment.

    Parameters
    ----------
    run : RunFolder
    behind : bool, optional
        Whether checkpoints are written behind the training however small they are.
    """

    def __init__(self, run: RunFolder, behind: bool = False) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["cfd_studio.engine.job", "sklearn.datasets", "scipy.linalg", "torch._dynamo"])
        self._process = context.Process(target=exec, args=(TRAIN, {"run": run, "behind": behind}))
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
@pytest.mark.parametrize(("kills", "seed", "behind"), [(4, 1, False), (4, 2, True)])
def test_killed_at_several_moments_and_resumed_the_weights_are_bitwise_those_of_one_go(
    mini_run: Callable[..., RunFolder],
    trained_run: RunFolder,
    fingerprints: Fingerprints,
    kills: int,
    seed: int,
    behind: bool,
) -> None:
    run = mini_run()
    assert _kill_and_resume(run, partial(_Forked, behind=behind), kills, seed) >= 3
    assert len(run.jobs()) >= 4
    _check(run, trained_run, fingerprints)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [3])
def test_the_command_line_killed_twelve_times_and_resumed_ends_with_the_same_weights(
    tmp_path: Path, mini_recipe: dict[str, Any], trained_run: RunFolder, fingerprints: Fingerprints, seed: int
) -> None:
    run = RunFolder.create(tmp_path / "killed", resolve(json.loads(json.dumps(mini_recipe))))
    assert _kill_and_resume(run, _Resumed, 12, seed) >= 6
    _check(run, trained_run, fingerprints)


# Fifty deaths, aimed --------------------------------------------------------------------------------------------------

KILLS = 50
PATIENCE = 120.0  # seconds to wait for the moment that was aimed at, before the kill falls where it falls


def _aims(stages: int, draw: random.Random) -> list[str]:
    """Return what to aim at: in each stage some moments of its training, then its evaluation, then what follows."""
    within = ["checkpoint"] * 14 + ["anywhere"] * (KILLS - 14 - 2 * stages + 1)
    draw.shuffle(within)
    aims: list[str] = []
    for stage in range(stages):
        aims += [*within[stage::stages], "evaluating", "stage change"]
    return aims[:-1]  # after the last stage there is nothing


def _recipe(mini: dict[str, Any]) -> dict[str, Any]:
    """Return the miniature tree with more stages and more steps: about a minute on one thread."""
    recipe: dict[str, Any] = json.loads(json.dumps(mini))
    steps = {"classifier": 300, "teacher": 700, "halving": 220}
    for stage in recipe["stages"]:
        stage["optimization"] |= {"steps": steps[stage["kind"]], "batch_size": 32}
        if stage["id"] == "pd":
            stage["sampling_steps"] = [8, 4, 2]
        if stage["id"] == "cfd":
            stage |= {"sampling_steps": [4, 2, 1], "parent": "pd-8", "dataset_weight": 0.05, "entropy_share": 0.5}
    recipe["schedule"]["num_timesteps"] = 16
    recipe["network"] |= {"channels": 16, "conditional": True}
    recipe["evaluation"]["samples"] = 300
    recipe["journal"] |= {"log_every": 5, "held_out_every": 20, "checkpoint_every": 20}
    return recipe


def _events(run: RunFolder) -> Iterator[dict[str, Any]]:
    """Yield the complete lines of the newest job."""
    data = run.jobs()[-1].journal.read_bytes()
    for line in data[: data.rfind(b"\n") + 1].splitlines():
        yield json.loads(line)


def _partial_checkpoints(run: RunFolder) -> set[Path]:
    return {path for path in run.path.glob("stages/*/checkpoints/.partial-*") if path.is_dir()}


def _moment(run: RunFolder, before: set[Path]) -> str:
    """Return what the newest job was doing when it last said anything, or when it died."""
    if _partial_checkpoints(run) - before:
        return "checkpoint"
    worked = False
    moment = "starting"
    for event in _events(run):
        match event["kind"]:
            case "phase" if event["phase"] == "evaluating":
                moment = "evaluating"
            case "stage-trained" | "stage-judged":
                moment = "stage change"
            case "phase" if event["phase"] == "loading" and event.get("stage") and worked:
                moment = "stage change"
            case "stage-started" | "loss" | "held-out" | "checkpoint":
                moment, worked = "training", True
    return moment


def _steps_done(run: RunFolder) -> int:
    mirror = RunMirror(run)
    mirror.refresh()
    return sum(stage.step for stage in mirror.stages.values())


def _kill_once(run: RunFolder, aim: str, share: int) -> str:
    """Let the run live for ``share`` optimizer steps, wait for the moment, kill; return where it hit."""
    jobs, done, before = len(run.jobs()), _steps_done(run) if run.jobs() else 0, _partial_checkpoints(run)
    life = _Forked(run, behind=True)
    while life.alive() and (len(run.jobs()) == jobs or not run.jobs()[-1].journal.exists()):
        time.sleep(0.002)
    while life.alive() and _steps_done(run) < done + share:
        time.sleep(0.01)
    deadline = time.monotonic() + PATIENCE
    while aim != "anywhere" and life.alive() and _moment(run, before) != aim and time.monotonic() < deadline:
        time.sleep(0.0003)
    assert life.alive(), "the run ended before all kills were spent; give it more steps"
    life.kill()
    return _moment(run, before)


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.skipif("forkserver" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
def test_killed_fifty_times_a_run_ends_bitwise_where_it_would_have_ended(
    tmp_path: Path, mini_recipe: dict[str, Any], fingerprints: Callable[[RunFolder], dict[str, str]]
) -> None:
    config = resolve(_recipe(mini_recipe))
    left_in_peace, killed = (RunFolder.create(tmp_path / name, config) for name in ("peace", "killed"))
    began = time.monotonic()
    assert _Forked(left_in_peace).finish() == 0
    print(f"\nleft in peace: {time.monotonic() - began:.0f} s, {len(config.stages)} stages")

    draw = random.Random(2211_12039)
    total = sum(stage.optimization.steps for stage in config.stages)
    hits: Counter[str] = Counter()
    aims = _aims(len(config.stages), draw)
    assert len(aims) == KILLS
    for number, aim in enumerate(aims, 1):
        share = draw.randrange(25) if aim in ("anywhere", "checkpoint") else 0
        moment = _kill_once(killed, aim, share)
        hits[moment] += 1
        print(f"kill {number:2}: aimed at {aim:12}, hit {moment:12} at {_steps_done(killed):5} of {total} steps")
    assert _Forked(killed, behind=True).finish() == 0
    print(dict(hits))
    assert hits["checkpoint"] >= 5
    assert hits["stage change"] >= 5
    assert hits["evaluating"] >= 5

    assert fingerprints(killed) == fingerprints(left_in_peace)
    ours, theirs = RunMirror(killed), RunMirror(left_in_peace)
    ours.refresh()
    theirs.refresh()
    assert ours.skipped == 0
    for stage_id, stage in ours.stages.items():
        whole = theirs.stages[stage_id]
        for name in ("loss", "held_out", "learning_rate"):
            mine, other = getattr(stage, name), getattr(whole, name)
            assert mine.steps.tolist() == other.steps.tolist(), (stage_id, name)
            assert mine.values.tolist() == other.values.tolist(), (stage_id, name)
        assert stage.state == whole.state == "done"
        assert stage.quality is not None
        assert whole.quality is not None
        assert [one.figures for one in stage.quality.judgements] == [one.figures for one in whole.quality.judgements]
    assert not _partial_checkpoints(killed)
