"""Data sets that the tests write themselves, in the formats in which the real ones are published."""

import gzip
import hashlib
import io
import pickle
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _images(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def _rows(images: np.ndarray) -> np.ndarray:
    return images.transpose(0, 3, 1, 2).reshape(len(images), -1)


@pytest.fixture
def cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Path, np.ndarray, np.ndarray]]:
    """Return a function that writes a small CIFAR-10 archive, and makes torchvision know its sums.

    It returns the archive, all images (N, 32, 32, 3), the last ten of them for the test, and all labels.
    """
    from torchvision.datasets import CIFAR10

    def write(folder: Path | None = None, extra: dict[str, Any] | None = None) -> tuple[Path, np.ndarray, np.ndarray]:
        images, labels = _images(60, 1), np.arange(60) % 10
        names = [name for name, _ in (*CIFAR10.train_list, *CIFAR10.test_list)]
        files = {
            name: {
                "batch_label": name,
                "labels": labels[10 * i : 10 * i + 10].tolist(),
                "data": _rows(images[10 * i : 10 * i + 10]),
                **(extra or {}),
            }
            for i, name in enumerate(names)
        }
        files["batches.meta"] = {"label_names": [f"class {i}" for i in range(10)], "num_vis": 3072}
        contents = {name: pickle.dumps(value, protocol=2) for name, value in files.items()}
        archive = (folder or tmp_path) / "cifar-10-python.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            for name, content in contents.items():
                entry = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        monkeypatch.setattr(CIFAR10, "tgz_md5", _md5(archive.read_bytes()))
        monkeypatch.setattr(CIFAR10, "train_list", [[name, _md5(contents[name])] for name in names[:5]])
        monkeypatch.setattr(CIFAR10, "test_list", [[names[5], _md5(contents[names[5]])]])
        monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": _md5(contents["batches.meta"])})
        return archive, images, labels

    return write


@pytest.fixture
def cifar100(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, np.ndarray, np.ndarray]:
    """Return an unpacked CIFAR-100 of 40 training and 10 test images, all images, and all fine labels."""
    from torchvision.datasets import CIFAR100

    images, labels = _images(50, 2), np.arange(50) * 2
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    sums = {}
    for name, part in (("train", slice(0, 40)), ("test", slice(40, 50))):
        value = {"fine_labels": labels[part].tolist(), "coarse_labels": [0] * 50, "data": _rows(images[part])}
        sums[name] = _md5(pickle.dumps(value, protocol=2))
        (folder / name).write_bytes(pickle.dumps(value, protocol=2))
    about = pickle.dumps({"fine_label_names": [f"fine {i}" for i in range(100)]}, protocol=2)
    (folder / "meta").write_bytes(about)
    monkeypatch.setattr(CIFAR100, "train_list", [["train", sums["train"]]])
    monkeypatch.setattr(CIFAR100, "test_list", [["test", sums["test"]]])
    monkeypatch.setattr(CIFAR100, "meta", {**CIFAR100.meta, "md5": _md5(about)})
    return tmp_path, images, labels


@pytest.fixture
def mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, np.ndarray, np.ndarray]:
    """Return a folder with the four files of an MNIST of 30 training and 5 test images, all images, all labels."""
    from torchvision.datasets import MNIST

    images = np.random.default_rng(3).integers(0, 256, (35, 28, 28), dtype=np.uint8)
    labels = (np.arange(35) % 10).astype(np.uint8)
    resources = []
    for name, values in (
        ("train-images-idx3-ubyte.gz", images[:30]),
        ("train-labels-idx1-ubyte.gz", labels[:30]),
        ("t10k-images-idx3-ubyte.gz", images[30:]),
        ("t10k-labels-idx1-ubyte.gz", labels[30:]),
    ):
        header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
        content = gzip.compress(header + values.tobytes(), mtime=0)
        (tmp_path / name).write_bytes(content)
        resources.append((name, _md5(content)))
    monkeypatch.setattr(MNIST, "resources", resources)
    return tmp_path, images, labels


@pytest.fixture
def svhn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, np.ndarray, np.ndarray]:
    """Return a folder with the two files of an SVHN, all images (N, 32, 32, 3), and all labels from 0."""
    from scipy.io import savemat
    from torchvision.datasets import SVHN

    images, labels = _images(24, 4), np.arange(24) % 10
    split_list = dict(SVHN.split_list)
    for split, part in (("train", slice(0, 20)), ("test", slice(20, 24))):
        url, name, _ = split_list[split]
        digits = np.where(labels[part] == 0, 10, labels[part])  # SVHN writes a nought as 10
        savemat(tmp_path / name, {"X": images[part].transpose(1, 2, 3, 0), "y": digits[:, None].astype(np.uint8)})
        split_list[split] = [url, name, _md5((tmp_path / name).read_bytes())]
    monkeypatch.setattr(SVHN, "split_list", split_list)
    return tmp_path, images, labels
