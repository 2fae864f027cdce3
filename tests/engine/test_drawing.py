"""Drawing and judging: same noise, same images; figures that mean what they say."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cfd_studio.data.images import to_float, to_uint8
from cfd_studio.diffusion.ddim import ddim
from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.prediction import x_from_x
from cfd_studio.diffusion.samplers import sample, sampling_levels, starting_noise
from cfd_studio.diffusion.schedule import NoiseSchedule
from cfd_studio.engine import execution
from cfd_studio.engine.audience import Audience
from cfd_studio.engine.build import derive_seed
from cfd_studio.engine.datasets import load_data
from cfd_studio.engine.evaluation import halvings, judged_steps
from cfd_studio.engine.execution import choose_device, choose_threads
from cfd_studio.engine.gallery import draw, tile, to_pixels, write_strip
from cfd_studio.engine.jury import Jury
from cfd_studio.engine.loading import load_denoiser
from cfd_studio.metrics.frechet import FeatureStatistics, frechet_distance
from cfd_studio.metrics.manifold import NEIGHBOURS, Manifold, precision_and_recall
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.events import JobState
from cfd_studio.protocol.figures import find_value
from cfd_studio.runs.folder import RunFolder


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_images_do_not_depend_on_the_batch_and_calls_are_counted_per_image(
    trained_run: RunFolder, batch_size: int
) -> None:
    denoiser = load_denoiser(trained_run, trained_run.config(), "teacher", "cpu")
    noise = starting_noise(3, 0, 7, (1, 8, 8))
    drawn = draw(denoiser, noise, 8, 4, batch_size=batch_size)
    expected = sample(denoiser, noise, sampling_levels(8, 8, 4), ddim())
    torch.testing.assert_close(drawn.images, expected, rtol=1e-4, atol=1e-5)
    assert drawn.network_calls == 4
    assert drawn.seconds_per_image > 0
    assert drawn.images.abs().max() <= 1


def test_the_caller_is_heard_outside_its_turn_and_may_end_early() -> None:
    from cfd_studio.engine.turns import Turns

    turns = Turns()
    heard: list[bool] = []

    def on_call() -> None:
        heard.append(turns._taken)
        if len(heard) == 3:
            raise KeyError

    denoiser = Denoiser(lambda z, t: z, x_from_x, NoiseSchedule.cosine(8))  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        draw(denoiser, torch.randn(2, 1, 4, 4), 8, 8, turn=turns, on_call=on_call)
    assert heard == [False] * 3
    assert not turns._taken


def test_pixels_tiles_and_strips(tmp_path: Path) -> None:
    images = torch.stack([torch.full((1, 2, 2), value) for value in (-1.0, 0.0, 1.0)])
    assert to_pixels(images).shape == (3, 2, 2, 3)
    sheet = tile(images, 2, 77)
    assert sheet.shape == (5, 5, 3)
    assert sheet[0, 0, 0] == 0
    assert sheet[0, 4, 0] == 128
    assert sheet[3, 0, 0] == 255
    assert sheet[2, 2, 0] == sheet[4, 4, 0] == 77
    write_strip(tmp_path / "a" / "strip.png", images, 3)
    assert Image.open(tmp_path / "a" / "strip.png").size == (8, 2)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["strip.png"]


def _drawn(run: RunFolder, stage: str, steps: int) -> torch.Tensor:
    """Return the images that a jury of the miniature run must have judged: 32, in batches of 16, rounded to 8 bits."""
    denoiser = load_denoiser(run, run.config(), stage, "cpu")
    noise = starting_noise(derive_seed(run.config().seed, "evaluation"), 0, 32, (1, 8, 8))
    return to_uint8(draw(denoiser, noise, steps, steps, batch_size=16).images)


def test_the_jury_measures_what_it_says(trained_run: RunFolder) -> None:
    config = trained_run.config()
    data = load_data(config.data)
    jury = Jury(trained_run, config, data, "cpu")
    denoiser = load_denoiser(trained_run, config, "pd-2", "cpu")
    judgement, first = jury.judge(config.stage("pd-2"), denoiser, 2)  # type: ignore[arg-type]
    images = _drawn(trained_run, "pd-2", 2)
    assert torch.equal(first, images[:8])
    sampled = FeatureStatistics.of(to_float(images).flatten(1).numpy())
    for reference, real in (("held-out", data.held_out), ("train", data.train)):
        expected = frechet_distance(sampled, FeatureStatistics.of(to_float(real.images).flatten(1).numpy()))
        assert judgement.value("pixels", reference) == pytest.approx(expected, rel=1e-6)
    counts = {(figure.reference, figure.samples, figure.reference_samples) for figure in judgement.figures}
    assert counts == {("held-out", 32, len(data.held_out)), ("train", 32, len(data.train))}
    quality = trained_run.quality("pd-2")
    assert quality is not None
    assert quality.judgements[0].figures == judgement.figures
    # Real against real stands below any untrained model.
    floor = find_value(jury.floor(), "pixels", "held-out")
    assert all(figure.samples == len(data.train) for figure in jury.floor())
    assert 0 < floor < judgement.value("pixels")  # type: ignore[operator]


def test_precision_and_recall_of_every_space_and_of_the_floor(trained_run: RunFolder) -> None:
    config = trained_run.config()
    data = load_data(config.data)
    jury = Jury(trained_run, config, data, "cpu")
    polled: list[int] = []
    denoiser = load_denoiser(trained_run, config, "pd-4", "cpu")
    audience = Audience(poll=lambda: polled.append(1))
    judgement, _ = jury.judge(config.stage("pd-4"), denoiser, 4, audience=audience)  # type: ignore[arg-type]
    assert len(polled) > 2 * 4  # between the network calls of two batches, and while measuring

    def seen(images: torch.Tensor) -> Manifold:
        return Manifold.of(to_float(images).flatten(1))

    images = _drawn(trained_run, "pd-4", 4)
    for reference, real in (("held-out", data.held_out), ("train", data.train)):
        expected = precision_and_recall(seen(images), seen(real.images))
        measured = judgement.value("pixels", reference, "precision"), judgement.value("pixels", reference, "recall")
        assert measured == expected
        assert judgement.value("judge", reference, "precision") is not None
    floor = jury.floor()
    found = find_value(floor, "pixels", "held-out", "precision"), find_value(floor, "pixels", "held-out", "recall")
    assert found == precision_and_recall(seen(data.train.images), seen(data.held_out.images))
    assert min(found) > 0.8  # type: ignore[type-var,operator]  # both are real
    assert {figure.neighbours for figure in judgement.figures if figure.metric != "frechet"} == {NEIGHBOURS}


@pytest.mark.slow
def test_a_resnet18_is_trained_and_judges(mini_recipe: dict[str, Any], mini_run: Any, train: Any) -> None:
    stages = mini_recipe["stages"][:3]
    stages[0] |= {"architecture": "resnet18", "optimization": {"steps": 2, "batch_size": 8, "learning_rate": 0.001}}
    run = mini_run(stages=stages, journal={"checkpoint_every": 1})
    assert train(run).state is JobState.FINISHED
    quality = run.quality("teacher")
    assert {figure.space for figure in quality.floor} == {"judge (resnet18, 512 features)", "pixels"}
    assert quality.judgements[0].value("judge", metric="recall") is not None


def test_judging_touches_no_global_generator(trained_run: RunFolder) -> None:
    config = trained_run.config()
    jury = Jury(trained_run, config, load_data(config.data), "cpu")
    denoiser = load_denoiser(trained_run, config, "pd-2", "cpu")
    before = torch.get_rng_state()
    jury.judge(config.stage("pd-2"), denoiser, 1)  # type: ignore[arg-type]
    assert torch.equal(torch.get_rng_state(), before)


def test_a_model_is_judged_at_its_own_steps_first_and_never_beyond(mini_config: Callable[..., Any]) -> None:
    config = mini_config()
    assert judged_steps(config, 8) == [8, 2, 1]
    assert judged_steps(config, 1) == [1]
    assert judged_steps(config, 8, every_halving=True) == [8, 4, 2, 1]
    assert list(halvings(12)) == [12, 6, 3]
    fewer = config.model_copy(update={"evaluation": config.evaluation.model_copy(update={"most_steps": 4})})
    assert judged_steps(fewer, 8) == [4, 2, 1]
    assert judged_steps(fewer, 8, every_halving=True) == [4, 2, 1]
    assert judged_steps(fewer, 2) == [2, 1]


def test_seeds_are_derived_from_every_part_and_fit_every_generator() -> None:
    seeds = [derive_seed(*parts) for parts in ((0,), (1,), (0, "a"), (0, "b"), ("0a",), (0, "a", ""), ("0", "a"))]
    assert len(set(seeds)) == 6  # a number and its text are the same part
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert derive_seed(3, "teacher", "noise") == derive_seed(3, "teacher", "noise")


def test_a_wanted_number_of_threads_is_taken_and_none_is_measured() -> None:
    assert choose_threads(1, "cpu", lambda: pytest.fail("nothing is built either")) == 1
    steps: list[int] = []
    assert choose_threads(0, "cpu", lambda: lambda: steps.append(1)) >= 1
    assert steps
    torch.set_num_threads(1)


def test_whoever_measures_the_threads_listens_before_every_step_and_times_a_long_one_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(execution.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(execution, "available_cores", lambda: 4)
    done: list[str] = []

    def measure(seconds: float) -> int:
        def step() -> None:
            now[0] += seconds / torch.get_num_threads()
            done.append("step")

        def pause() -> None:
            now[0] += 100 * torch.get_num_threads()  # nobody's work
            done.append("poll")

        done.clear()
        return choose_threads(0, "cpu", lambda: step, poll=pause)

    assert measure(80.0) == 4
    assert done == ["poll", "step"] * 3
    assert measure(0.01) == 4
    assert done == ["poll", "step"] * 30
    torch.set_num_threads(1)


def test_devices_are_checked() -> None:
    assert choose_device("cpu") == "cpu"
    assert choose_device("auto") in ("cpu", "cuda:0", "mps")
    if torch.cuda.is_available():
        with pytest.raises(CfdError, match="CUDA devices"):
            choose_device("cuda:99")
    else:
        with pytest.raises(CfdError, match="no usable CUDA device"):
            choose_device("cuda:0")


def test_on_cuda_nothing_is_rounded_to_tf32_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)  # as torch has it
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert choose_device("cuda") == "cuda:0"
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


def test_a_picture_holds_what_the_tensor_holds() -> None:
    images = to_float(torch.randint(0, 256, (5, 1, 8, 8), dtype=torch.uint8))
    np.testing.assert_array_equal(to_pixels(images)[..., 0], to_uint8(images)[:, 0].numpy())
