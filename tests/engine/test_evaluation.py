"""Judging: streamed, resumed where it was stopped, and in Inception's eyes; every figure says what it is."""

import gc
import math
import os
import pickle
import struct
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from cfd_studio.data.images import DataSet, ImageSet
from cfd_studio.engine import inception, sight, spaces
from cfd_studio.engine.audience import ALONE, Audience
from cfd_studio.engine.datasets import load_data
from cfd_studio.engine.inception import load_inception, standard_place
from cfd_studio.engine.jury import Jury
from cfd_studio.engine.loading import load_denoiser
from cfd_studio.engine.passes import Passes
from cfd_studio.metrics.inception import WEIGHTS_SHA256, Perceived
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.events import JobState
from cfd_studio.protocol.figures import FID, INCEPTION_SPACE, Figure, Judgement
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workspace import cache
from cfd_studio.workspace.folders import features_folder, samples_folder
from cfd_studio.workspace.reel import Reel


def _configured(run: RunFolder, **evaluation: Any) -> RunConfig:
    config = run.config()
    return config.model_copy(update={"evaluation": config.evaluation.model_copy(update=evaluation)})


def _few(data: DataSet, train: int, held_out: int) -> DataSet:
    def first(images: ImageSet, count: int) -> ImageSet:
        return ImageSet(images.images[:count], images.labels[:count])

    return replace(data, train=first(data.train, train), held_out=first(data.held_out, held_out))


def _judge(jury: Jury, run: RunFolder, stage: str = "teacher", steps: int = 8, **how: Any) -> Judgement:
    config = run.config()
    denoiser = load_denoiser(run, config, stage, "cpu")
    return jury.judge(config.stage(stage), denoiser, steps, **how)[0]  # type: ignore[arg-type]


class _Enough(Exception):  # noqa: N818
    pass


def _stopping_after(calls: int) -> Audience:
    heard: list[int] = []

    def poll() -> None:
        heard.append(1)
        if len(heard) > calls:
            raise _Enough

    return Audience(poll=poll)


def test_what_was_drawn_before_a_stop_is_not_drawn_again_and_the_figures_are_the_same(trained_run: RunFolder) -> None:
    config = _configured(trained_run, samples=80)  # five batches of 16, 8 network calls each
    data = load_data(config.data)
    whole_jury = Jury(trained_run, config, data, "cpu")
    whole = _judge(whole_jury, trained_run)
    whole_jury.forget()
    assert list(samples_folder().iterdir()) == []
    with pytest.raises(_Enough):
        _judge(Jury(trained_run, config, data, "cpu"), trained_run, audience=_stopping_after(3 * 8 + 2))
    (reel,) = (path for path in samples_folder().iterdir() if path.suffix != ".lock")
    with reel.open("r+b") as file:
        file.truncate(reel.stat().st_size - 5)  # and killed while it wrote the third batch
    asked: list[int] = []
    jury = Jury(trained_run, config, data, "cpu")
    denoiser = load_denoiser(trained_run, config, "teacher", "cpu")
    judgement, _ = jury.judge(
        config.stage("teacher"),  # type: ignore[arg-type]
        denoiser,
        8,
        audience=Audience(progress=lambda done, total: asked.append(done)),
    )
    assert denoiser.network_calls == 3 * 8
    assert asked[:2] == [16, 32]
    assert asked[-1] == 80
    assert judgement.figures == whole.figures
    assert (judgement.network_calls, judgement.seconds_per_image > 0) == (8, True)
    # Once more, without a single call.
    again, _ = jury.judge(config.stage("teacher"), denoiser, 8)  # type: ignore[arg-type]
    assert denoiser.network_calls == 3 * 8
    assert again.figures == whole.figures
    assert again.seconds_per_image == pytest.approx(judgement.seconds_per_image)
    jury.forget()
    assert list(samples_folder().iterdir()) == []


def test_a_kept_piece_that_is_no_batch_is_drawn_anew(trained_run: RunFolder) -> None:
    config = _configured(trained_run, samples=32)
    data = load_data(config.data)
    with pytest.raises(_Enough):
        _judge(Jury(trained_run, config, data, "cpu"), trained_run, audience=_stopping_after(8 + 2))
    (path,) = (path for path in samples_folder().iterdir() if path.suffix != ".lock")
    path.write_bytes(b"")
    reel = Reel(samples_folder(), path.name)
    reel.append(b"abc")
    reel.close()
    assert path.stat().st_size > 3
    denoiser = load_denoiser(trained_run, config, "teacher", "cpu")
    Jury(trained_run, config, data, "cpu").judge(config.stage("teacher"), denoiser, 8)  # type: ignore[arg-type]
    assert denoiser.network_calls == 2 * 8


def test_other_numbers_of_samples_share_what_is_drawn_and_everything_else_does_not(trained_run: RunFolder) -> None:
    config = _configured(trained_run, samples=48)
    data = load_data(config.data)
    _judge(Jury(trained_run, config, data, "cpu"), trained_run)
    for samples, calls in ((40, 0), (64, 8), (56, 0)):
        denoiser = load_denoiser(trained_run, config, "teacher", "cpu")
        fewer = _configured(trained_run, samples=samples)
        judgement, _ = Jury(trained_run, fewer, data, "cpu").judge(fewer.stage("teacher"), denoiser, 8)  # type: ignore[arg-type]
        assert denoiser.network_calls == calls
        assert {figure.samples for figure in judgement.figures} == {samples}
    for changes in ({"batch_size": 8}, {}):
        other = _configured(trained_run, samples=16, **changes).model_copy(update={} if changes else {"seed": 9})
        denoiser = load_denoiser(trained_run, config, "teacher", "cpu")
        Jury(trained_run, other, data, "cpu").judge(other.stage("teacher"), denoiser, 8)  # type: ignore[arg-type]
        assert denoiser.network_calls > 0
    jury = Jury(trained_run, config, data, "cpu")
    for precision, calls in (("float32", 0), ("bfloat16", 3 * 8)):
        passes = Passes(precision=precision)  # type: ignore[arg-type]
        denoiser = load_denoiser(trained_run, config, "teacher", "cpu", passes)
        jury.judge(config.stage("teacher"), denoiser, 8, precision=precision)  # type: ignore[arg-type]
        assert denoiser.network_calls == calls


def test_the_smaller_evaluation_does_not_take_from_the_larger_what_it_has_drawn(trained_run: RunFolder) -> None:
    data = load_data(trained_run.config().data)
    config = _configured(trained_run, samples=80)
    with pytest.raises(_Enough):
        _judge(Jury(trained_run, config, data, "cpu"), trained_run, audience=_stopping_after(4 * 8))
    jury = Jury(trained_run, _configured(trained_run, samples=20), data, "cpu")
    _judge(jury, trained_run)
    jury.forget()
    denoiser = load_denoiser(trained_run, config, "teacher", "cpu")
    Jury(trained_run, config, data, "cpu").judge(config.stage("teacher"), denoiser, 8)  # type: ignore[arg-type]
    assert denoiser.network_calls == 8


def test_images_are_looked_at_in_chunks_that_depend_on_no_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sight, "MOST", 7)
    images = torch.randint(0, 256, (40, 1, 8, 8), dtype=torch.uint8)
    for sizes in ([40], [1] * 40, [3, 9, 20, 8], [7] * 5 + [5], [14, 26]):
        chunks = list(sight._chunks(images.split(sizes)))
        assert [len(chunk) for chunk in chunks] == [7] * 5 + [5]
        assert torch.equal(torch.cat(chunks), images)


def test_streamed_features_of_gaussians_have_the_distance_of_gaussians() -> None:
    """64 pixels of 8 bits: each half of the images is one normal cloud, so the Frechet distance is known."""
    draw = np.random.default_rng(0)

    def cloud(mean: float, deviation: float) -> Tensor:
        pixels = draw.normal(mean, deviation, size=(3000, 1, 2, 2)).round().clip(0, 255)
        return torch.from_numpy(pixels.astype(np.uint8))

    space = spaces.Space("pixels", spaces._pixels)
    seen = [
        sight.see([space], cloud(*about).split(999), "cpu", ALONE)["pixels"].statistics
        for about in ((120, 10), (140, 20))
    ]
    # In [-1, 1]: four times the squared differences of mean and deviation.
    expected = 4 * ((20 / 127.5) ** 2 + (10 / 127.5) ** 2)
    assert sight.frechet_distance(*seen) == pytest.approx(expected, rel=0.08)


class _Stub:
    """Sees pixels, and five classes of brightness: figures of a network that takes no time."""

    looked = 0

    def __call__(self, images: Tensor, on_chunk: Callable[[], None]) -> Perceived:
        on_chunk()
        _Stub.looked += len(images)
        features = images.flatten(1).float() / 255
        return Perceived(features, 5 * features[:, :5])


@pytest.fixture
def seen_by_stub(monkeypatch: pytest.MonkeyPatch) -> type[_Stub]:
    _Stub.looked = 0
    monkeypatch.setattr(spaces, "load_inception", lambda file, *_: (_Stub(), WEIGHTS_SHA256 if not file else "f" * 64))
    return _Stub


def test_inception_judges_with_all_its_figures_and_real_images_are_looked_at_once(
    trained_run: RunFolder, seen_by_stub: type[_Stub]
) -> None:
    config = _configured(trained_run, inception=True)
    data = load_data(config.data)
    real = len(data.train) + len(data.held_out)
    jury = Jury(trained_run, config, data, "cpu")
    assert seen_by_stub.looked == real
    judgement = _judge(jury, trained_run)
    assert seen_by_stub.looked == real + 32
    metrics = {(one.metric, one.reference) for one in judgement.figures if one.space == INCEPTION_SPACE}
    both = ("frechet", "precision", "recall", "kid")
    assert metrics == {(m, r) for m in both for r in ("held-out", "train")} | {("inception-score", "")}
    train = next(one for one in judgement.figures if (one.space, one.reference) == (INCEPTION_SPACE, "train"))
    assert (train.samples, train.reference_samples) == (32, 1442)
    assert train.name == "FID (32 against 1,442 images, proxy)"
    assert judgement.value("inception", "train", "inception-score") >= 1  # type: ignore[operator]
    # The floor: train against held-out as in every space, and one half of the training images against the other.
    floor = [one for one in jury.floor() if one.space == INCEPTION_SPACE and one.metric == "frechet"]
    assert [(one.reference, one.samples, one.reference_samples) for one in floor] == [
        ("held-out", 1442, 355),
        ("train", 721, 721),
    ]
    assert floor[1].value < train.value
    assert not [one for one in jury.floor() if one.space != INCEPTION_SPACE and one.reference == "train"]
    again = Jury(trained_run, config, data, "cpu")
    assert seen_by_stub.looked == real + 32
    assert again.floor() == jury.floor()


def test_of_more_real_images_than_fit_a_fixed_number_is_compared_with_and_every_figure_says_so(
    trained_run: RunFolder, seen_by_stub: type[_Stub], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = _configured(trained_run, inception=True)
    data = load_data(config.data)
    monkeypatch.setattr(sight, "MOST_REAL", 400)  # fewer than the training images, more than the held-out ones
    looked: list[tuple[int, int]] = []
    audience = Audience(progress=lambda done, total: looked.append((done, total)))
    jury = Jury(trained_run, config, data, "cpu", audience=audience)
    assert seen_by_stub.looked == 400 + 355
    assert {total for _, total in looked} == {400, 355}
    judgement = _judge(jury, trained_run)
    about = {(one.reference, one.reference_samples, one.reference_population) for one in judgement.figures}
    assert about == {("held-out", 355, None), ("train", 400, 1442), ("", None, None)}
    train = next(one for one in judgement.figures if (one.space, one.reference) == (INCEPTION_SPACE, "train"))
    assert train.name == "FID (32 against 400 of 1,442 images, proxy)"
    chosen = sight._chosen(1442)
    assert torch.equal(chosen, sight._chosen(1442))
    assert len(chosen.unique()) == 400
    assert chosen.diff().min() > 0  # in their order: an image file is read once, from its beginning
    assert chosen.double().mean() == pytest.approx(721, abs=60)  # from everywhere: three deviations
    seen = torch.cat(list(sight._told(data.train.images, chosen, ALONE)))
    assert torch.equal(seen, data.train.images[chosen])
    assert torch.equal(sight._chosen(400), torch.arange(400))


def test_what_was_drawn_keeps_no_network_in_memory(trained_run: RunFolder) -> None:
    config = trained_run.config()
    jury = Jury(trained_run, config, load_data(config.data), "cpu")
    denoiser = load_denoiser(trained_run, config, "teacher", "cpu")
    jury.judge(config.stage("teacher"), denoiser, 8)  # type: ignore[arg-type]
    network = weakref.ref(denoiser)
    del denoiser
    gc.collect()
    assert jury.drawn
    assert network() is None


def test_a_damaged_memory_of_real_images_is_made_again_and_other_images_have_their_own(
    trained_run: RunFolder, seen_by_stub: type[_Stub]
) -> None:
    config = _configured(trained_run, inception=True, judge=None)
    data = _few(load_data(config.data), 60, 40)
    floor = Jury(trained_run, config, data, "cpu").floor()
    assert len(list(features_folder().iterdir())) == 2
    for path in features_folder().iterdir():
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    assert Jury(trained_run, config, data, "cpu").floor() == floor
    assert seen_by_stub.looked == 200
    for rows, columns, number in ((0, 0, 0.0), (0, 2048, 1.0), (3, 0, 1.0), (2, 1, math.nan)):
        for path in features_folder().iterdir():
            empty = struct.pack("<QQd", rows, columns, 1.0) + struct.pack("<f", number) * (rows * columns)
            cache.keep(features_folder(), path.name, empty)
        assert Jury(trained_run, config, data, "cpu").floor() == floor
    looked = seen_by_stub.looked
    assert looked == 600
    Jury(trained_run, config, _few(data, 59, 40), "cpu")
    assert seen_by_stub.looked == looked + 59
    other = Jury(trained_run, config, data, "cpu", inception_file="another")
    assert seen_by_stub.looked == looked + 159
    assert {one.space for one in other.floor()} == {
        "inception (Inception-v3 with weights ffffffff, 2048 features)",
        "pixels",
    }


def test_a_handful_of_real_images_leaves_out_what_cannot_be_measured(
    trained_run: RunFolder, seen_by_stub: type[_Stub]
) -> None:
    config = _configured(trained_run, inception=True)
    jury = Jury(trained_run, config, _few(load_data(config.data), 7, 3), "cpu")
    assert {one.reference for one in _judge(jury, trained_run).figures} == {"train", ""}
    assert {one.reference for one in jury.floor()} == {""}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, FID),
        ({"samples": 10_000}, "FID (10,000 against 50,000 images, proxy)"),
        ({"reference_samples": 10_000, "reference": "held-out"}, "FID (50,000 against 10,000 images, proxy)"),
        ({"reference": "held-out"}, "FID (50,000 against 50,000 images, proxy)"),
        ({"reference_population": 1_281_167}, "FID (50,000 against 50,000 of 1,281,167 images, proxy)"),
        (
            {"space": "inception (Inception-v3 with weights 0123abcd, 2048 features)"},
            "FID (50,000 against 50,000 images, proxy)",
        ),
        ({"space": "judge (resnet18, 512 features)"}, "Fréchet"),
        ({"metric": "kid"}, "KID"),
    ],
)
def test_only_what_is_measured_as_published_is_called_fid(changes: dict[str, Any], name: str) -> None:
    about = {"space": INCEPTION_SPACE, "reference": "train", "samples": 50_000, "reference_samples": 50_000}
    figure = Figure(**about | {"value": 3.0} | changes)  # type: ignore[arg-type]
    assert figure.name == name
    assert Figure.model_validate_json(figure.model_dump_json()) == figure
    assert f'"name":"{name}"' in figure.model_dump_json()


class _Bomb:
    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._trace),)


def test_files_that_are_not_inceptions_are_refused_in_a_sentence_and_nothing_in_them_runs(tmp_path: Path) -> None:
    trace = tmp_path / "it-ran"
    torch.save({"fc.weight": torch.zeros(2, 2)}, tmp_path / "another-network.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"fc.weight": _Bomb(trace)}, tmp_path / "bomb.pth")
    (tmp_path / "old-bomb.pth").write_bytes(pickle.dumps(_Bomb(trace)))
    (tmp_path / "text.pth").write_text("not a file of weights")
    (tmp_path / "empty.pth").touch()
    for path in sorted(tmp_path.glob("*.pth")):
        with pytest.raises(CfdError, match="is no file of Inception's weights") as caught:
            load_inception(str(path), "cpu", ALONE)
        assert str(caught.value).startswith(str(path))
        assert "weights-inception-2015-12-05-6726825d.pth" in str(caught.value)
    with pytest.raises(CfdError, match="cannot be read"):
        load_inception(str(tmp_path / "missing.pth"), "cpu", ALONE)
    with pytest.raises(CfdError, match="cannot be read"):
        load_inception(str(tmp_path), "cpu", ALONE)
    assert not trace.exists()


def test_without_a_network_the_sentence_says_which_file_to_put_where(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("Temporary failure in name resolution")

    monkeypatch.setattr(urllib.request, "urlopen", offline)
    with pytest.raises(CfdError) as caught:
        load_inception("", "cpu", ALONE)
    place = standard_place()
    assert str(caught.value) == (
        "Inception's weights cannot be downloaded (Temporary failure in name resolution). Put "
        f"weights-inception-2015-12-05-6726825d.pth into {place.parent}, or name it with --inception-file."
    )
    assert not place.exists()


def test_a_download_is_kept_where_torch_fidelity_looks_and_only_if_it_is_the_right_one(
    monkeypatch: pytest.MonkeyPatch, inception_file: Path
) -> None:
    import hashlib

    monkeypatch.setattr(inception, "weights_source", inception_file.as_uri)
    with pytest.raises(CfdError, match="what came is not what was asked for"):
        load_inception("", "cpu", ALONE)
    assert list(standard_place().parent.iterdir()) == []
    digest = hashlib.sha256(inception_file.read_bytes()).hexdigest()
    monkeypatch.setattr(inception, "WEIGHTS_SHA256", digest)
    with pytest.raises(_Enough):
        load_inception("", "cpu", _stopping_after(0))
    for thread in threading.enumerate():
        if thread.name == "cfd-download":
            thread.join(10)
    assert list(standard_place().parent.iterdir()) == []
    assert load_inception("", "cpu", ALONE)[1] == digest
    assert standard_place().read_bytes() == inception_file.read_bytes()


def test_a_job_that_inception_cannot_judge_ends_before_it_trains(
    mini_run: Callable[..., RunFolder], mini_recipe: dict[str, Any], train: Any, tmp_path: Path
) -> None:
    (tmp_path / "file.pth").write_text("nothing")
    run = mini_run(evaluation=mini_recipe["evaluation"] | {"inception": True})
    from cfd_studio.engine.job import run_job
    from cfd_studio.protocol.execution import ExecutionRequest

    request = ExecutionRequest(device="cpu", threads=1, inception_file=str(tmp_path / "file.pth"))
    ended = run_job(run, request)
    assert ended.state is JobState.FAILED
    assert "is no file of Inception's weights" in ended.sentence
    assert not run.weights("judge").exists()
    ended = train(run)  # a file that is none is not remembered: where a better one belongs is said instead
    assert "Put weights-inception" in ended.sentence


def test_a_job_in_other_processes_is_told_the_file(tmp_path: Path) -> None:
    from cfd_studio.protocol.execution import ExecutionRequest
    from cfd_studio.workers.process import resume_command
    from cfd_studio.workers.torchrun import torchrun_command

    for command in (resume_command, torchrun_command):
        words = command(RunFolder(tmp_path), ExecutionRequest(inception_file="weights.pth"))
        assert words[words.index("--inception-file") + 1] == "weights.pth"
        assert "--inception-file" not in command(RunFolder(tmp_path), ExecutionRequest())


@pytest.mark.slow
def test_random_inception_judges_end_to_end(trained_run: RunFolder, inception_file: Path) -> None:
    config = _configured(trained_run, inception=True, samples=24)
    jury = Jury(trained_run, config, _few(load_data(config.data), 40, 16), "cpu", inception_file=str(inception_file))
    judgement = _judge(jury, trained_run, "pd-2", 2)
    values = {one.metric: one.value for one in judgement.figures if one.space.startswith("inception (")}
    assert values.keys() == {"frechet", "precision", "recall", "kid", "inception-score"}
    assert all(np.isfinite(value) for value in values.values())
    # Real digits are more like real digits than those of a model that was hardly trained.
    (floor,) = (one for one in jury.floor() if (one.reference, one.metric) == ("train", "frechet"))
    assert 0 < floor.value < judgement.value("inception", "train")  # type: ignore[operator]


_KILLED = """
import os, signal, sys
from pathlib import Path
from cfd_studio.engine.audience import Audience
from cfd_studio.engine.loading import load_denoiser
from cfd_studio.engine.datasets import load_data
from cfd_studio.engine.jury import Jury
from cfd_studio.runs.folder import RunFolder
heard = []
def poll():
    heard.append(1)
    if len(heard) > 11:
        os.kill(os.getpid(), signal.SIGKILL)
run = RunFolder(Path(sys.argv[1]))
config = run.config()
jury = Jury(run, config, load_data(config.data), "cpu")
jury.judge(config.stage("teacher"), load_denoiser(run, config, "teacher", "cpu"), 8, audience=Audience(poll=poll))
"""


@pytest.mark.slow
def test_a_killed_evaluation_goes_on_where_it_was(trained_run: RunFolder) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, str(trained_run.path)], env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert killed.returncode == -9
    config = trained_run.config()
    denoiser = load_denoiser(trained_run, config, "teacher", "cpu")
    jury = Jury(trained_run, config, load_data(config.data), "cpu")
    judgement, _ = jury.judge(config.stage("teacher"), denoiser, 8)  # type: ignore[arg-type]
    assert denoiser.network_calls == 8  # one of two batches
    quality = trained_run.quality("teacher")
    assert quality is not None
    assert judgement.figures == quality.judgements[0].figures
