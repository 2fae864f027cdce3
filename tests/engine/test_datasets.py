"""Images of a run: decoded once, the same for everybody, and refused where they are not what they were."""

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cfd_studio.data.images import DataSet
from cfd_studio.engine import controls, datasets, decoded
from cfd_studio.engine.datasets import load_data, load_run_data
from cfd_studio.engine.job import run_job
from cfd_studio.protocol.commands import Command, Verb
from cfd_studio.protocol.data import DataConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.events import Event, JobEnded, JobState, Logged, PhaseEntered
from cfd_studio.protocol.execution import ExecutionPlan, ExecutionRequest
from cfd_studio.runs import inbox
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.status import read_status
from cfd_studio.workspace.folders import data_sets_folder

MakeRun = Callable[..., RunFolder]
EventsOf = Callable[..., list[Event]]
FOLDER = DataConfig(name="folder", image_size=16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return 40 noisy images of two colours in two sub-folders."""
    draw = np.random.default_rng(0)
    for index in range(40):
        colour = ("blue", "red")[index % 2]
        pixels = draw.integers(0, 100, (20, 24, 3), dtype=np.uint8)
        pixels[..., 2 * (colour == "blue")] += 150
        (tmp_path / "images" / colour).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "images" / colour / f"{index}.png")
    return tmp_path / "images"


@pytest.fixture
def decodings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return a list that grows with every folder that images are decoded into."""
    seen: list[Path] = []
    write = datasets.write_decoded

    def counted(folder: Path, *how: Any) -> None:
        seen.append(folder)
        write(folder, *how)

    monkeypatch.setattr(datasets, "write_decoded", counted)
    return seen


def _same(one: DataSet, other: DataSet) -> bool:
    return one.key == other.key and all(
        torch.equal(a.images, b.images) and torch.equal(a.labels, b.labels)
        for a, b in ((one.train, other.train), (one.held_out, other.held_out))
    )


def _load(folder: Path, **changes: Any) -> DataSet:
    return load_data(FOLDER.model_copy(update=changes), str(folder))


# The cache ------------------------------------------------------------------------------------------------------------


def test_a_folder_becomes_bytes_of_one_size_in_a_fixed_split(folder: Path) -> None:
    data = _load(folder)
    assert data.train.images.dtype == torch.uint8
    assert data.train.shape == (3, 16, 16)
    assert (len(data.train), len(data.held_out)) == (36, 4)
    assert data.held_out.labels.tolist() == [0, 0, 1, 1]
    assert data.class_names == ("blue", "red")
    assert data.classes == 2
    assert data.flip
    brightest = data.train.images.float().mean((2, 3)).argmax(1)
    assert torch.equal(brightest, torch.where(data.train.labels == 0, 2, 0))


def test_the_second_time_nothing_is_decoded(folder: Path, decodings: list[Path]) -> None:
    first, second = _load(folder), _load(folder)
    assert len(decodings) == 1
    assert _same(first, second)
    assert _load(folder, flip=False).flip is False
    assert len(decodings) == 1, "how they are used makes no other bytes of them"


def test_what_decides_the_bytes_decides_where_they_are_kept(folder: Path, decodings: list[Path]) -> None:
    keys = [
        _load(folder).key,
        _load(folder, image_size=24).key,
        _load(folder, channels=1).key,
        _load(folder, held_out_share=0.25).key,
    ]
    path = folder / "red" / "1.png"
    pixels = np.asarray(Image.open(path)).copy()
    pixels[10, 12] ^= 255
    Image.fromarray(pixels).save(path)
    keys.append(_load(folder).key)
    path.rename(folder / "blue" / "1.png")
    keys.append(_load(folder).key)
    assert len(set(keys)) == len(keys) == len(decodings)


def test_the_same_images_have_the_same_key_wherever_they_lie(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    assert _same(_load(folder), _load(tmp_path / "copy"))


def test_an_array_is_kept_as_well(tmp_path: Path, decodings: list[Path]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (30, 12, 12), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", images=images, labels=np.arange(30) % 3)
    config = DataConfig(name="arrays", image_size=12, channels=1)
    data = [load_data(config, str(tmp_path / "a.npz")) for _ in range(2)][1]
    assert len(decodings) == 1
    assert data.classes == 3
    assert not data.flip
    together = np.concatenate([data.train.images.numpy(), data.held_out.images.numpy()])[:, 0]
    assert {image.tobytes() for image in together} == {image.tobytes() for image in images}


@pytest.mark.parametrize(
    "name", ["about.json", "train-images.npy", "train-labels.npy", "held-out-images.npy", "held-out-labels.npy"]
)
@pytest.mark.parametrize("harm", ["bit", "cut", "gone"])
def test_a_damaged_cache_is_made_again(folder: Path, decodings: list[Path], name: str, harm: str) -> None:
    first = _load(folder)
    key = first.key
    file = decodings[0] / name
    content = bytearray(file.read_bytes())
    del first  # and with it the map of the file
    match harm:
        case "bit":
            content[-9] ^= 1
            file.write_bytes(content)
        case "cut":
            file.write_bytes(content[:-1])
        case _:
            file.unlink()
    assert _load(folder).key == key
    assert len(decodings) == 2


@pytest.mark.parametrize("harm", ["empty", "an archive", "pipe", "file", "dangling link", "partial link"])
def test_strange_things_in_place_of_the_cache_are_replaced(
    folder: Path, decodings: list[Path], tmp_path: Path, harm: str
) -> None:
    key = _load(folder).key
    entry = decodings[0]
    labels = entry / "train-labels.npy"
    match harm:
        case "empty":
            labels.write_bytes(b"")
        case "an archive":
            labels.unlink()
            np.savez(tmp_path / "a.npz", labels=np.zeros(3))
            shutil.move(tmp_path / "a.npz", labels)
        case "pipe":
            if not hasattr(os, "mkfifo"):
                pytest.skip("no pipes here")
            labels.unlink()
            os.mkfifo(labels)
        case _:
            shutil.rmtree(entry)
            (tmp_path / "mine").mkdir()
            (tmp_path / "mine" / "kept").touch()
            if harm == "file":
                entry.write_bytes(b"x")
            elif harm == "dangling link":
                entry.symlink_to(tmp_path / "nowhere")
            else:
                entry.with_name(f".partial-{entry.name}").symlink_to(tmp_path / "mine")
    assert _load(folder).key == key
    assert len(decodings) == 2
    assert harm != "partial link" or (tmp_path / "mine" / "kept").exists()
    assert _load(folder).key == key
    assert len(decodings) == 2


def test_what_is_written_to_the_images_never_reaches_the_cache(folder: Path, decodings: list[Path]) -> None:
    _load(folder).train.images.zero_()
    assert _load(folder).train.images.any()
    assert len(decodings) == 1


def test_an_interrupted_decoding_leaves_nothing_and_is_begun_anew(folder: Path, decodings: list[Path]) -> None:
    def interrupt(doing: str, done: int, total: int, unit: str) -> None:
        if doing == "caching" and done == 17:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_data(FOLDER, str(folder), interrupt)
    assert [path.suffix for path in (data_sets_folder() / "decoded").iterdir()] in ([], [".lock"])
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("cfd-decode")]
    assert len(_load(folder).train) == 36


def test_what_a_killed_process_left_is_in_nobodys_way(folder: Path, decodings: list[Path]) -> None:
    _load(folder)
    entry = decodings[0]
    shutil.move(entry, entry.with_name(f".partial-{entry.name}"))
    assert len(_load(folder).train) == 36
    assert not entry.with_name(f".partial-{entry.name}").exists()


def test_two_at_the_same_time_decode_once(folder: Path, decodings: list[Path]) -> None:
    waited, found = threading.Event(), []

    def slowly(doing: str, done: int, total: int, unit: str) -> None:
        if doing == "caching":
            assert waited.wait(10)

    def meanwhile(doing: str, done: int, total: int, unit: str) -> None:
        if doing == "waiting":
            waited.set()

    first = threading.Thread(target=lambda: found.append(load_data(FOLDER, str(folder), slowly)))
    first.start()
    while not decodings:
        time.sleep(0.01)
    found.append(load_data(FOLDER, str(folder), meanwhile))
    first.join()
    assert len(decodings) == 1
    assert _same(*found)


def test_a_disk_without_room_is_noticed_before_anything_is_decoded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoded, "SPARE_BYTES", 2**60)
    with pytest.raises(CfdError, match="the disk has no room"):
        _load(folder)


# Unreadable files -----------------------------------------------------------------------------------------------------


def _many(folder: Path, good: int, bad: int) -> Path:
    folder.mkdir()
    for index in range(good):
        Image.new("RGB", (16, 16), (index, 0, 0)).save(folder / f"{index}.bmp")
    for index in range(bad):
        (folder / f"{50 + index}-bad.bmp").write_bytes(b"no picture")
    return folder


def test_less_than_one_of_a_hundred_may_be_unreadable_and_is_listed(tmp_path: Path) -> None:
    data = _load(_many(tmp_path / "a", 200, 1))
    assert len(data.train) + len(data.held_out) == 200
    assert data.unreadable == ("50-bad.bmp",)
    assert _load(tmp_path / "a").unreadable == data.unreadable, "also where they come from the cache"


def test_one_of_a_hundred_is_too_many(tmp_path: Path) -> None:
    with pytest.raises(CfdError, match=r"2 of 200 images.*50-bad.bmp holds no picture; 51-bad.bmp"):
        _load(_many(tmp_path / "a", 198, 2))
    with pytest.raises(CfdError, match=r"7 of 207 images.*; 54-bad.bmp holds no picture; \.\.\.\)"):
        _load(_many(tmp_path / "b", 200, 7))


def test_too_few_images_to_hold_any_out_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CfdError, match="holds 5 images, too few"):
        _load(_many(tmp_path / "a", 5, 0))


@pytest.mark.parametrize(
    ("name", "place", "words"),
    [
        ("folder", "", "where the images lie"),
        ("folder", "/nowhere", "is no folder"),
        ("arrays", "/nowhere.npz", "is no .npz or .npy file"),
        ("cifar10", "/nowhere", "is no folder"),
    ],
)
def test_a_place_where_nothing_is_gets_a_sentence(name: Any, place: str, words: str) -> None:
    with pytest.raises(CfdError, match=words):
        load_data(DataConfig(name=name, image_size=32), place)


def test_published_images_in_the_cache_are_found_by_their_name_alone(
    tmp_path: Path, decodings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cfd_studio.data.source import Source

    def source(*_: Any) -> Source:
        images = list(np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8))
        labels = np.arange(20) % 10
        return Source(tmp_path, labels, labels == 9, tuple("abcdefghij"), lambda: iter(images), str)

    monkeypatch.setattr(datasets, "published_images", source)
    config = DataConfig(name="cifar10")
    first = load_data(config, str(tmp_path))
    assert _same(first, load_data(config))
    assert first.flip
    assert len(decodings) == 1


def test_no_images_have_a_shape_all_the_same() -> None:
    data = load_data(DataConfig(name="none", image_size=64, channels=1))
    assert data.train.shape == (1, 64, 64)
    assert len(data.train) == len(data.held_out) == data.classes == 0


# Jobs -----------------------------------------------------------------------------------------------------------------

_ON_FOLDER = {"name": "folder", "image_size": 16, "held_out_share": 0.2}


@pytest.fixture
def short_run(mini_run: MakeRun, mini_recipe: dict[str, Any]) -> MakeRun:
    """Return a factory of runs on a folder that train a judge and a teacher for a few steps."""

    def make(name: str = "run", stages: tuple[int, ...] = (0, 2), **changes: Any) -> RunFolder:
        chosen = [mini_recipe["stages"][index] for index in stages]
        for stage in chosen:
            stage["optimization"] = {"steps": 3, "batch_size": 8, "learning_rate": 0.001}
        judge = {"judge": "judge"} if 0 in stages else {}
        evaluation = {"samples": 16, "sampling_steps": [1], "batch_size": 16, **judge}
        return mini_run(name, data=_ON_FOLDER, stages=chosen, evaluation=evaluation, **changes)

    return make


def _train(run: RunFolder, folder: Path | str = "") -> JobEnded:
    return run_job(run, ExecutionRequest(device="cpu", threads=1, data_folder=str(folder)))


def _plan(run: RunFolder) -> ExecutionPlan:
    plan = run.jobs()[-1].read_plan()
    assert plan is not None
    return plan


def test_a_run_on_a_folder_trains_to_its_end_and_knows_its_images_again(
    short_run: MakeRun, folder: Path, events_of: EventsOf, monkeypatch: pytest.MonkeyPatch, decodings: list[Path]
) -> None:
    (folder / "red" / "broken.png").write_bytes(b"")
    monkeypatch.setattr(decoded, "UNREADABLE_IN", 10)
    run = short_run()
    monkeypatch.chdir(folder.parent)
    ended = _train(run, "images")  # wherever it is resumed from
    assert ended.state is JobState.FINISHED, ended.details or ended.sentence
    assert (_plan(run).data_folder, _plan(run).data_key) == (str(folder), _load(folder, held_out_share=0.2).key)
    phases = [event.phase for event in events_of(run) if isinstance(event, PhaseEntered) and event.stage is None]
    assert phases == ["loading", "listing", "caching", "checking", "loading"]
    said = [event.text for event in events_of(run) if isinstance(event, Logged)]
    assert any("1 image could not be read and was left out: red/broken.png." in text for text in said)
    run.weights("teacher").unlink()
    monkeypatch.chdir("/")
    assert _train(run).state is JobState.FINISHED
    assert len(decodings) == 1
    assert _plan(run).data_folder == str(folder)
    assert len(load_run_data(run, run.config()).train) == 32


def test_a_run_does_not_go_on_with_other_images(short_run: MakeRun, folder: Path) -> None:
    run = short_run()
    assert _train(run, folder).state is JobState.FINISHED
    Image.new("RGB", (16, 16)).save(folder / "red" / "1.png")
    for ended in (_train(run), _train(run, folder)):
        assert ended.state is JobState.FAILED
        assert ended.exit_code == 2
        assert "not the images that the run was begun with" in ended.sentence
    with pytest.raises(CfdError, match="not the images"):
        load_run_data(run, run.config())


@pytest.mark.parametrize("case", ["classifier", "conditional"])
def test_images_without_classes_are_refused_where_a_stage_needs_them(
    short_run: MakeRun, mini_recipe: dict[str, Any], folder: Path, case: str
) -> None:
    network = {**mini_recipe["network"], "conditional": case == "conditional"}
    run = short_run(stages=(0, 2) if case == "classifier" else (2,), network=network)
    ended = _train(run, folder / "red")
    assert ended.state is JobState.FAILED
    assert ended.exit_code == 2
    assert "the images have no classes" in ended.sentence
    assert not (run.stage("teacher") / "checkpoints").exists()


def test_images_without_classes_train_a_model_that_asks_for_none(short_run: MakeRun, folder: Path) -> None:
    run = short_run(stages=(2,))
    ended = _train(run, folder / "red")
    assert ended.state is JobState.FINISHED, ended.details or ended.sentence


def test_a_stop_is_answered_while_images_are_decoded(
    short_run: MakeRun, folder: Path, monkeypatch: pytest.MonkeyPatch, events_of: EventsOf
) -> None:
    monkeypatch.setattr(controls, "POLL_SECONDS", 0.0)
    run, seen = short_run(), []
    decode = decoded.decode

    def and_stop(*what: Any) -> Any:
        for index, image in enumerate(decode(*what)):
            seen.append(index)
            if index == 5:
                inbox.drop(run.jobs()[-1].inbox, Command(verb=Verb.STOP_KEEP))
            yield image

    monkeypatch.setattr(decoded, "decode", and_stop)
    assert _train(run, folder).state is JobState.STOPPED
    assert seen[-1] == 5
    status = read_status(run.jobs()[-1].status)
    assert status is not None
    assert (status.phase, status.total, status.unit) == ("caching", 40, "images")
    assert status.counted == f"{status.done} of 40 images"
    monkeypatch.setattr(decoded, "decode", decode)
    assert run.jobs()[-1].read_plan() is None, "it ended before there was a plan"
    assert _train(run).state is JobState.FINISHED, "and where the images lie is known all the same"


def test_images_that_do_not_fit_on_the_device_train_to_the_same_weights(
    short_run: MakeRun, folder: Path, fingerprints: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the CPU every image is mapped; a copy in the memory makes no difference."""
    mapped, copied = short_run("mapped"), short_run("copied")
    assert _train(mapped, folder).state is JobState.FINISHED
    monkeypatch.setattr(
        DataSet, "to", lambda data, _, training: DataSet(**{**_fields(data), "train": _copy(data.train)})
    )
    assert _train(copied, folder).state is JobState.FINISHED
    assert fingerprints(mapped) == fingerprints(copied)


def _fields(data: DataSet) -> dict[str, Any]:
    return {name: getattr(data, name) for name in DataSet.__dataclass_fields__}


def _copy(images: Any) -> Any:
    return type(images)(images.images.clone(), images.labels.clone())
