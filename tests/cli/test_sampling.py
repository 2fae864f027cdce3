"""``sample`` and ``compare`` with samplers, guidance and classes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cfd_studio.cli.app import run_command_line
from cfd_studio.diffusion.samplers import starting_noise
from cfd_studio.engine.models import open_models
from cfd_studio.engine.sheet import HEADER, MARGIN
from cfd_studio.protocol.sampling import Sampler
from cfd_studio.runs.folder import RunFolder


def call(*arguments: str | Path) -> int:
    def no_window(**_: Any) -> int:
        raise AssertionError("no command here may open a window")

    return run_command_line([str(argument) for argument in arguments], no_window)


@pytest.fixture
def conditional_run(
    mini_run: Callable[..., RunFolder], mini_recipe: dict[str, Any], random_weights: Callable[..., RunFolder]
) -> RunFolder:
    """Return a run whose teacher listens to its class."""
    run = mini_run("conditional", network=mini_recipe["network"] | {"conditional": True})
    return random_weights(run, "teacher")


def test_sample_draws_with_the_sampler_the_guidance_and_the_classes_it_is_told(
    tmp_path: Path, conditional_run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x.npz"
    model = open_models(conditional_run.path, ["teacher"], "cpu")[0]
    noise = starting_noise(5, 0, 7, (1, 8, 8))
    cases: list[tuple[list[str], Sampler, list[int] | None]] = [
        ([], Sampler(), None),
        (["--label", "-1"], Sampler(), [-1]),
        (["--sampler", "ddim", "--eta", "0.5"], Sampler(eta=0.5), None),
        (["--sampler", "ancestral", "--labels", "3,1"], Sampler(name="ancestral"), [3, 1]),
        (["--sampler", "dpm-solver++", "--guidance", "2"], Sampler(name="dpm-solver++", guidance=2.0), None),
        (["--reference-sampler", "--labels", "4"], Sampler(name="reference"), [4]),
    ]
    pictures = []
    for options, sampler, classes in cases:
        common = ("--stage", "teacher", "--steps", "8,4", "--count", "7", "--seed", "5", "--device", "cpu")
        assert call("sample", conditional_run.path, *common, *options, "--out", out) == 0
        said = capsys.readouterr().err
        assert f"teacher, {sampler}, 8 steps: {16 if sampler.guidance != 1 else 8} network calls" in said
        with np.load(out, allow_pickle=False) as arrays:
            for steps in (8, 4):
                drawn = model.draw(noise, steps, sampler=sampler, seed=5, labels=model.labels(classes, 7)).images
                np.testing.assert_array_equal(arrays[f"x_{steps}"], drawn.numpy())
            pictures.append(arrays["x_8"].tobytes())
    assert len(set(pictures)) == len(cases)


def test_fresh_noise_follows_the_seed_also_where_a_file_holds_the_start(tmp_path: Path, trained_run: RunFolder) -> None:
    np.save(tmp_path / "noise.npy", starting_noise(0, 0, 3, (1, 8, 8)).numpy())
    images = []
    for seed in ("1", "1", "2"):
        options = ("--stage", "teacher", "--sampler", "ancestral", "--steps", "4", "--seed", seed)
        files = ("--noise", tmp_path / "noise.npy", "--out", tmp_path / "x.npz")
        assert call("sample", trained_run.path, *options, *files) == 0
        images.append(np.load(tmp_path / "x.npz")["x_4"])
    assert np.array_equal(images[0], images[1])
    assert not np.array_equal(images[0], images[2])


def test_compare_has_a_row_for_every_model_and_sampler(tmp_path: Path, trained_run: RunFolder) -> None:
    def cells(*options: str) -> np.ndarray[Any, Any]:
        out = tmp_path / "sheet.png"
        common = ("--stages", "teacher,pd-4", "--steps", "4", "--count", "4", "--device", "cpu")
        assert call("compare", trained_run.path, "--out", out, *common, *options) == 0
        return np.asarray(Image.open(out).convert("L"), dtype=int)

    one, two = cells(), cells("--sampler", "ddim,dpm-solver++")
    rows = one[MARGIN + HEADER : -MARGIN]
    assert len(two) - len(one) == pytest.approx(len(rows), abs=40)  # gaps between rows and the margin below
    step = (len(two) - 2 * MARGIN - HEADER) // 4
    images = [two[MARGIN + HEADER + row * step :][:100, 160:250] for row in range(4)]
    assert all((image < 250).any() for image in images)
    assert not np.array_equal(images[0], images[1])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--sampler", "euler"], "--sampler: 'euler' is not known here; use 'ddim', 'ancestral', 'dpm-solver++' or"),
        (["--eta", "1.5"], "--eta: 1.5 is too large; use 1.0 or less"),
        (["--eta", "nan"], "--eta: "),
        (["--guidance", "-1"], "--guidance: -1.0 is too small; use 0.0 or more"),
        (["--guidance", "2"], "the models of this run cannot be guided: they know of no classes. Use guidance 1."),
        (["--labels", "1"], "model 'teacher' knows of no classes"),
        (["--labels", "one"], "--labels: 'one' is no list of classes"),
        (["--labels", ","], "--labels: ',' is no list of classes"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_sentence(
    options: list[str], said: str, tmp_path: Path, trained_run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("sample", trained_run.path, "--stage", "teacher", *options, "--out", tmp_path / "x.npz") == 2
    assert call("compare", trained_run.path, "--stages", "teacher", *options, "--out", tmp_path / "x.png") == 2
    first, second = capsys.readouterr().err.splitlines()
    assert said in first
    assert said in second
    assert not list(tmp_path.glob("x.*"))


def test_two_samplers_at_once_are_refused(
    tmp_path: Path, trained_run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--sampler", "ancestral", "--reference-sampler")
    assert call("sample", trained_run.path, *options, "--out", tmp_path / "x.npz") == 2
    assert "Leave one out" in capsys.readouterr().err
