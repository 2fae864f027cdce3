"""What a config costs: every kind of work is tried once, the sums are right, and nothing is left behind."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile

import pytest
import torch
from safetensors.torch import load_file

from cfd_studio.cli.recipes import read_config
from cfd_studio.data.images import ImageSet
from cfd_studio.engine import datasets, loop
from cfd_studio.engine import estimate as estimating
from cfd_studio.engine.estimate import estimate
from cfd_studio.engine.rehearsal import Rehearsal
from cfd_studio.engine.trainer import Trainer
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.execution import ExecutionPlan, ExecutionRequest
from cfd_studio.protocol.plan import resolve, set_values
from cfd_studio.protocol.stages import Stage
from cfd_studio.runs.folder import RunFolder

MakeConfig = Callable[..., RunConfig]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(estimating, "SPAN", 0.0)
    monkeypatch.setattr(estimating, "PATIENCE", {"cpu": 0.0})
    monkeypatch.setattr(estimating, "choose_threads", lambda *_: 1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def teacher_only(mini_recipe: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return a recipe of one stage, whose batches may grow to their size."""
    monkeypatch.setattr(estimating, "PATIENCE", {"cpu": 60.0})
    mini_recipe["stages"] = mini_recipe["stages"][2:3]
    mini_recipe["evaluation"] = {"samples": 16, "batch_size": 16}
    return mini_recipe


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the ids of the stages that are made ready, in order."""
    made: list[str] = []
    trainer = Rehearsal.trainer

    def noted(rehearsal: Rehearsal, stage: Stage) -> Trainer:
        made.append(stage.id)
        return trainer(rehearsal, stage)

    monkeypatch.setattr(Rehearsal, "trainer", noted)
    return made


def test_each_stage_is_there_and_each_kind_of_work_is_tried_once(mini_config: MakeConfig, tried: list[str]) -> None:
    config = mini_config()
    found = estimate(config, "cpu")
    assert found.device == "cpu"
    assert [(one.stage, one.images) for one in found.stages] == [(one.id, one.images) for one in config.stages]
    assert all(one.seconds > 0 and one.memory > 0 for one in found.stages)
    assert tried == ["judge", "classifier", "teacher", "pd-4", "cfd-2"]  # pd-2 costs what pd-4 does
    by_id = {one.stage: one for one in found.stages}
    assert by_id["pd-4"].seconds == by_id["pd-2"].seconds
    assert found.seconds == pytest.approx(sum(one.seconds for one in found.stages) + found.evaluation_seconds)


def test_time_goes_with_the_steps_of_a_stage(mini_recipe: dict[str, Any], tried: list[str]) -> None:
    mini_recipe["stages"][3]["overrides"] = {"2": {"optimization": {"steps": 36, "learning_rate": 0.5}}}
    by_id = {one.stage: one for one in estimate(resolve(mini_recipe), "cpu").stages}
    assert by_id["pd-2"].seconds == pytest.approx(3 * by_id["pd-4"].seconds)
    assert "pd-2" not in tried


def test_another_batch_or_an_average_is_another_kind_of_work(mini_recipe: dict[str, Any], tried: list[str]) -> None:
    mini_recipe["stages"][3] |= {
        "sampling_steps": [4, 2, 1],
        "overrides": {"2": {"optimization": {"batch_size": 3}}, "1": {"optimization": {"ema_decay": 0.9}}},
    }
    mini_recipe["stages"] = mini_recipe["stages"][2:4]
    mini_recipe["evaluation"] = {"samples": 16}
    estimate(resolve(mini_recipe), "cpu")
    assert tried == ["teacher", "pd-4", "pd-2", "pd-1"]


def test_a_small_network_is_timed_with_the_one_thread_that_its_job_takes(
    mini_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted: list[int] = []
    monkeypatch.setattr(estimating, "choose_threads", lambda threads, *_: wanted.append(threads) or 1)
    estimate(mini_config(), "cpu")
    estimate(mini_config(), "cpu", fast="idle_core=off")
    assert wanted == [1, 0]


def test_what_is_drawn_for_the_judges_is_counted_in_network_calls(mini_config: MakeConfig) -> None:
    # Own steps and those at 1 and 2: the teacher 8 + 2 + 1, pd-4 4 + 2 + 1, pd-2 and cfd-2 2 + 1 each.
    assert estimating._drawn_calls(mini_config()) == 32 * (11 + 7 + 3 + 3)


def test_neither_images_nor_weights_of_others_are_needed(
    mini_recipe: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "load_data", lambda *_: pytest.fail("no images are to be read"))
    mini_recipe["data"] = {"name": "folder", "image_size": 16}
    teacher = mini_recipe["stages"][2]
    del teacher["optimization"]
    teacher["source"] = {"kind": "run", "path": "/somewhere/else", "stage": "teacher"}
    by_id = {one.stage: one for one in estimate(resolve(mini_recipe), "cpu").stages}
    assert (by_id["teacher"].images, by_id["teacher"].seconds, by_id["teacher"].memory) == (0, 0.0, 0)
    assert by_id["pd-4"].seconds > 0


def test_a_stage_holds_weights_gradients_two_moments_and_the_average(mini_config: MakeConfig) -> None:
    config = mini_config()
    rehearsal = Rehearsal(config, ExecutionPlan(device="cpu", threads=1))
    for stage_id, copies in (("teacher", 5), ("pd-4", 5), ("judge", 4)):  # pd-4 has no average, but a frozen teacher
        trainer = rehearsal.trainer(config.stage(stage_id))
        trainer.step()
        weights = sum(4 * weight.numel() for weight in trainer.state.network.parameters())
        held = rehearsal.held(config.stage(stage_id), trainer.state)
        assert copies * weights <= held < copies * weights * 1.05 + 20_000


def test_activations_grow_with_the_batch_and_weights_do_not(teacher_only: dict[str, Any]) -> None:
    memory = {}
    for batch in (4, 16, 64):
        raw = set_values(teacher_only, [("stages.teacher.optimization.batch_size", batch)])
        memory[batch] = estimate(resolve(raw), "cpu").memory
    assert (memory[64] - memory[16]) / (memory[16] - memory[4]) == pytest.approx(4, rel=0.05)


def test_a_batch_that_would_take_long_is_scaled_up(
    teacher_only: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    step = Trainer.step

    def noted(trainer: Trainer) -> None:
        sizes.append(trainer.state.batches._batch_size)
        step(trainer)

    monkeypatch.setattr(Trainer, "step", noted)
    config = resolve(teacher_only)
    whole = estimate(config, "cpu").memory
    assert sizes == [2, 8, 16, 16]
    sizes.clear()
    monkeypatch.setattr(estimating, "PATIENCE", {"cpu": 0.0})
    scaled = estimate(config, "cpu")
    assert sizes == [2, 2]
    assert scaled.memory == pytest.approx(whole, rel=0.05)


def test_where_the_whole_batch_does_not_fit_the_largest_that_does_is_scaled_up(
    teacher_only: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    step, config = Trainer.step, resolve(teacher_only)
    whole = estimate(config, "cpu").memory

    def small(trainer: Trainer) -> None:
        if trainer.state.batches._batch_size > 8:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.")
        step(trainer)

    monkeypatch.setattr(Trainer, "step", small)
    assert estimate(config, "cpu").memory == pytest.approx(whole, rel=0.05)


def test_it_ends_between_two_steps_and_leaves_nothing(mini_config: MakeConfig, tmp_path: Path) -> None:
    class EnoughError(Exception):
        pass

    asked = 0

    def enough() -> None:
        nonlocal asked
        asked += 1
        if asked == 5:
            raise EnoughError

    with pytest.raises(EnoughError):
        estimate(mini_config(), "cpu", on_step=enough)
    assert asked == 5
    assert not list(tmp_path.iterdir())


def test_it_takes_turns_and_draws_no_number_that_others_would_have_drawn(mini_config: MakeConfig) -> None:
    depth, turns = 0, 0

    @contextmanager
    def turn() -> Iterator[None]:
        nonlocal depth, turns
        depth, turns = depth + 1, turns + 1
        assert depth == 1
        yield
        depth -= 1

    class Turn:
        def __enter__(self) -> None:
            self._inner = turn()
            self._inner.__enter__()

        def __exit__(self, *error: Any) -> None:
            self._inner.__exit__(*error)

    before = torch.get_rng_state()
    estimate(mini_config(), "cpu", turn=Turn(), on_step=lambda: None if depth == 0 else pytest.fail("within a turn"))
    assert turns > 10
    assert torch.equal(torch.get_rng_state(), before)


def test_random_images_have_the_shape_of_the_data_set() -> None:
    for name, shape, classes in (("cifar10-paper", (3, 32, 32), 10), ("imagenet64", (3, 64, 64), 10)):
        images = Rehearsal(read_config(name, []), ExecutionPlan(device="cpu", threads=1)).images
        assert isinstance(images.train, ImageSet)
        assert (images.train.shape, images.classes) == (shape, classes)


@pytest.mark.slow
def test_time_is_that_of_a_real_training_within_a_factor_of_one_and_a_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cfd_studio.engine.job import run_job
    from cfd_studio.protocol.events import JobState, StageTrained
    from cfd_studio.runs.folder import RunFolder
    from cfd_studio.runs.journal import JournalReader

    # Both clocks count what this thread computes, on one thread: others may use the machine.
    monkeypatch.setattr(estimating, "time", SimpleNamespace(perf_counter=time.thread_time))
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=time.thread_time))
    monkeypatch.setattr(estimating, "SPAN", 0.2)
    monkeypatch.setattr(estimating, "PATIENCE", {"cpu": 0.5})
    short = ["stages.pd.sampling_steps=[16, 8]", "stages.cfd.sampling_steps=[4]", "evaluation.samples=16"]
    short += [
        f"stages.{name}.optimization.steps={steps}"
        for name, steps in (("judge", 200), ("classifier", 60), ("teacher", 100), ("pd", 60), ("cfd", 60))
    ]
    config = read_config("digits", short)
    estimated = {one.stage: one.seconds for one in estimate(config, "cpu").stages}
    run = RunFolder.create(tmp_path / "run", config)
    assert run_job(run, ExecutionRequest(device="cpu", threads=1)).state is JobState.FINISHED
    said = JournalReader(run.jobs()[0].journal).read()
    ratios = {one.stage: estimated[one.stage] / one.seconds for one in said if isinstance(one, StageTrained)}
    assert set(ratios) == set(estimated)
    assert all(1 / 1.5 < ratio < 1.5 for ratio in ratios.values()), ratios


# Peaks of memory are not taken back, so the step of two images comes first: what it holds besides is there for both.
_MEASURED = """
import re, sys
import torch
from cfd_studio.cli.recipes import read_config
from cfd_studio.data.batches import Batches
from cfd_studio.engine.rehearsal import Rehearsal
from cfd_studio.protocol.execution import ExecutionPlan

torch.set_num_threads(1)
config = read_config("image-folder-32", sys.argv[2:])
stage = config.stage(sys.argv[1])
peaks = []
trainer = Rehearsal(config, ExecutionPlan(device="cpu", threads=1)).trainer(stage)
for size in (2, stage.optimization.batch_size):
    trainer.state.batches = Batches(len(trainer.data.train), size, 0)
    for _ in range(2):
        trainer.step()
    peaks.append(int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024)
print(peaks[1] - peaks[0])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("stage", ["teacher", "pd-4", "cfd-4"])
def test_memory_grows_with_the_batch_as_that_of_a_process_does_within_a_factor_of_one_and_a_half(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = stage.partition("-")[0]
    settings = {batch: [f"stages.{name}.optimization.batch_size={batch}"] for batch in (2, 64)}
    environment = os.environ | {"MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", _MEASURED, stage, *settings[64]]
    grown = []
    for _ in range(2):  # what an allocator leaves unused by chance is not needed: it makes a tenth between two runs
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
        assert ended.returncode == 0, ended.stderr
        grown.append(int(ended.stdout))
    monkeypatch.setattr(estimating, "PATIENCE", {"cpu": 2.0})
    small, large = (
        next(
            one.memory
            for one in estimate(
                read_config("image-folder-32", settings[batch]), "cpu", precision="float32", fast="off"
            ).stages
            if one.stage == stage
        )
        for batch in (2, 64)
    )
    ratio = min(grown) / (large - small)
    print(stage, large, ratio)
    assert 1 / 1.5 < ratio < 1.5


def test_disk_is_that_of_the_tensors_which_a_finished_run_keeps(trained_run: RunFolder) -> None:
    stages = trained_run.path / "stages"
    stored = sum(tensor.nbytes for path in stages.glob("*/*.safetensors") for tensor in load_file(path).values())
    for path in stages.glob("*/checkpoints/*/state.pt"):
        stored += sum(entry.file_size for entry in ZipFile(path).infolist() if "/data/" in entry.filename)
    assert estimate(trained_run.config(), "cpu").disk == pytest.approx(stored, rel=0.02)
