"""The published data sets, from files in their own formats; and what happens where those are not to be had."""

import functools
import http.server
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cfd_studio.data.checksum import Archive, WrongSumError
from cfd_studio.data.decoding import decode
from cfd_studio.data.download import download
from cfd_studio.data.published import PUBLISHED, published_images
from cfd_studio.data.source import DataError, Source, unwatched

Cifar10 = Callable[..., tuple[Path, np.ndarray, np.ndarray]]
Small = tuple[Path, np.ndarray, np.ndarray]


def _decoded(source: Source, side: int = 32, channels: int = 3) -> np.ndarray:
    """Return all images, rows before channels."""
    return np.stack([np.asarray(image) for image in decode(source, side, channels)]).transpose(0, 2, 3, 1)


def _open(name: str, folder: Path | None, cache: Path | None = None) -> Source:
    return published_images(name, folder, cache or Path("nowhere"), unwatched)


def test_cifar10_is_read_from_its_archive(cifar10: Cifar10) -> None:
    archive, images, labels = cifar10()
    source = _open("cifar10", archive.parent)
    assert (_decoded(source) == images).all()
    assert (source.labels == labels).all()
    assert source.held_out.tolist() == [False] * 50 + [True] * 10
    assert source.class_names == tuple(f"class {i}" for i in range(10))


@pytest.mark.parametrize("inside", [False, True])
def test_cifar10_is_read_from_what_was_unpacked(cifar10: Cifar10, inside: bool) -> None:
    import tarfile

    archive, images, _ = cifar10()
    with tarfile.open(archive) as tar:
        tar.extractall(archive.parent, filter="data")
    archive.unlink()
    folder = archive.parent / "cifar-10-batches-py"
    assert (_decoded(_open("cifar10", folder if inside else folder.parent)) == images).all()


def test_the_way_cifar10_is_read_agrees_with_torchvision(cifar10: Cifar10) -> None:
    import tarfile

    from torchvision.datasets import CIFAR10

    archive, _, _ = cifar10()
    source = _open("cifar10", archive.parent)
    with tarfile.open(archive) as tar:
        tar.extractall(archive.parent, filter="data")
    theirs = [CIFAR10(archive.parent, train=train) for train in (True, False)]
    assert (_decoded(source) == np.concatenate([one.data for one in theirs])).all()
    assert source.labels.tolist() == [label for one in theirs for label in one.targets]


def test_cifar100_has_its_fine_classes(cifar100: Small) -> None:
    folder, images, labels = cifar100
    source = _open("cifar100", folder)
    assert (_decoded(source) == images).all()
    assert (source.labels == labels).all()
    assert len(source.class_names) == 100
    assert source.held_out.sum() == 10


def test_mnist_comes_in_its_own_size_or_in_another(mnist: Small) -> None:
    folder, images, labels = mnist
    source = _open("mnist", folder)
    assert (_decoded(source, 28, 1)[..., 0] == images).all()
    assert (source.labels == labels).all()
    assert source.class_names == tuple("0123456789")
    assert source.held_out.sum() == 5
    larger = _decoded(source, 32, 3)
    assert larger.shape == (35, 32, 32, 3)
    assert (larger[..., 0] == larger[..., 2]).all()


def test_svhn_counts_its_noughts_as_noughts(svhn: Small) -> None:
    folder, images, labels = svhn
    source = _open("svhn", folder)
    assert (_decoded(source) == images).all()
    assert (source.labels == labels).all()
    assert source.held_out.sum() == 4


def test_a_wrong_checksum_names_the_file_and_both_sums(cifar10: Cifar10) -> None:
    archive, _, _ = cifar10()
    content = bytearray(archive.read_bytes())
    content[-1] ^= 1
    archive.write_bytes(content)
    with pytest.raises(WrongSumError, match="instead of") as refusal:
        _open("cifar10", archive.parent)
    assert refusal.value.where == archive


def test_a_wrong_checksum_of_an_unpacked_file_is_found_before_it_is_unpickled(cifar100: Small, tmp_path: Path) -> None:
    (tmp_path / "cifar-100-python" / "train").write_bytes(b"cos\nsystem\n(S'touch " + bytes(tmp_path / "x") + b"'\ntR.")
    with pytest.raises(WrongSumError):
        _open("cifar100", tmp_path)
    assert not (tmp_path / "x").exists()


class _Evil:
    def __init__(self, *call: Any) -> None:
        self._call = call

    def __reduce__(self) -> tuple[Any, ...]:
        return self._call[0], self._call[1:]


@pytest.mark.parametrize(("call", "name"), [((os.mkdir, "evil"), "mkdir"), ((np.save, "evil.npy", 1), "numpy.save")])
def test_a_pickle_that_is_more_than_arrays_is_refused_even_with_the_right_sum(
    cifar10: Cifar10, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: tuple[Any, ...], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    archive, _, _ = cifar10(extra={"more": _Evil(*call)})
    with pytest.raises(DataError, match=name):
        _open("cifar10", archive.parent)
    assert not list(tmp_path.glob("evil*"))


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_folder_without_the_files_is_told_which_belong_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not hold") as refusal:
        _open(name, tmp_path)
    assert any(kind in refusal.value.advice for kind in (".tar.gz", "-ubyte.gz", ".mat"))
    assert name != "svhn" or "Put train_32x32.mat and test_32x32.mat there" in refusal.value.advice


# Downloads ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Return a folder, and the address under which it is served."""
    served = tmp_path / "served"
    served.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            if "hangs" in self.path:
                time.sleep(2)
            else:
                super().do_GET()

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(served))
    ) as listening:
        listening.daemon_threads = True
        listening.block_on_close = False
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield served, f"http://127.0.0.1:{listening.server_address[1]}"
        listening.shutdown()
        thread.join()


def test_cifar10_is_downloaded_with_progress_into_the_cache(
    cifar10: Cifar10, server: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import CIFAR10

    served, address = server
    archive, images, _ = cifar10(served)
    monkeypatch.setattr(CIFAR10, "url", f"{address}/{archive.name}")
    seen = []
    source = published_images("cifar10", None, tmp_path / "cache", lambda *what: seen.append(what))
    assert (_decoded(source) == images).all()
    assert {(doing, unit) for doing, _, _, unit in seen} == {("downloading", "MB")}
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [archive.name]
    # Nobody asks for it twice.
    archive.unlink()
    assert (_decoded(_open("cifar10", None, tmp_path / "cache")) == images).all()


def test_a_download_of_something_else_is_refused_and_leaves_nothing(server: tuple[Path, str], tmp_path: Path) -> None:
    served, address = server
    (served / "file").write_bytes(b"<html>Not here</html>")
    archive = Archive("file", "0" * 32, (f"{address}/file",))
    with pytest.raises(WrongSumError) as refusal:
        download(archive, tmp_path, unwatched)
    assert refusal.value.where == tmp_path / "file"
    assert not list(tmp_path.glob("*file"))


def test_a_damaged_file_in_the_cache_is_downloaded_again(
    mnist: Small, server: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import MNIST

    _, images, _ = mnist
    served, address = server
    cache = tmp_path / "cache"
    cache.mkdir()
    for name, _ in MNIST.resources:
        (tmp_path / name).rename(served / name)
        (cache / name).write_bytes((served / name).read_bytes())
    (cache / "train-images-idx3-ubyte.gz").write_bytes(b"half")
    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:1/", f"{address}/"])  # the first does not answer
    assert (_decoded(_open("mnist", None, cache), 28, 1)[..., 0] == images).all()


def test_offline_a_sentence_says_which_file_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import SVHN

    split_list = {name: ["http://127.0.0.1:1/" + file, file, md5] for name, (_, file, md5) in SVHN.split_list.items()}
    monkeypatch.setattr(SVHN, "split_list", split_list)
    with pytest.raises(DataError, match="could not be downloaded") as refusal:
        _open("svhn", None, tmp_path)
    assert "train_32x32.mat" in refusal.value.advice
    assert "--data" in refusal.value.advice
    assert refusal.value.where == tmp_path


class _StopError(Exception):
    pass


def test_a_download_that_hangs_is_given_up_at_once(server: tuple[Path, str], tmp_path: Path) -> None:
    _, address = server

    def stop(*_: object) -> None:
        raise _StopError

    began = time.monotonic()
    with pytest.raises(_StopError):
        download(Archive("hangs", "0" * 32, (f"{address}/hangs",)), tmp_path, stop)
    assert time.monotonic() - began < 1
