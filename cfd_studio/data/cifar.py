"""CIFAR-10 and CIFAR-100 as they are published: an archive of pickled arrays.

A pickle may do anything. Here it may make arrays and nothing else, and it is opened only after its MD5 sum was found to
be the published one.
"""

import codecs
import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from cfd_studio.data.checksum import Archive, check
from cfd_studio.data.published_splits import MissingError, Split, Splits
from cfd_studio.data.source import DataError

_ALLOWED = {
    "_reconstruct": np.empty(0).__reduce__()[0],
    "ndarray": np.ndarray,
    "dtype": np.dtype,
    "encode": codecs.encode,
}


def archives(kind: Any) -> tuple[Archive, ...]:
    """Return the one archive of a class of torchvision."""
    return (Archive(kind.filename, kind.tgz_md5, (kind.url,)),)


def read(kind: Any, folder: Path) -> Splits:
    """Read training and test images from a folder that holds the archive, or what was unpacked from it.

    Parameters
    ----------
    kind : type
        ``CIFAR10`` or ``CIFAR100`` of torchvision, which knows names and sums.
    folder : Path

    Raises
    ------
    MissingError
        Where the folder holds neither.
    DataError
        Where a file is not the published one.
    """
    about = (kind.meta["filename"], kind.meta["md5"])
    wanted = dict([*kind.train_list, *kind.test_list, about])
    contents = _unpacked(folder, kind.base_folder, wanted) or _packed(folder / kind.filename, kind.tgz_md5, wanted)
    train = _split([contents[name] for name, _ in kind.train_list], folder)
    test = _split([contents[name] for name, _ in kind.test_list], folder)
    return Splits(train, test, tuple(_plain(contents[about[0]], folder)[kind.meta["key"]]))


def _unpacked(folder: Path, inner: str, wanted: dict[str, str]) -> dict[str, bytes] | None:
    for place in (folder / inner, folder):
        if all((place / name).is_file() for name in wanted):
            for name, md5 in wanted.items():
                check(place / name, md5)
            return {name: (place / name).read_bytes() for name in wanted}
    return None


def _packed(archive: Path, md5: str, wanted: dict[str, str]) -> dict[str, bytes]:
    if not archive.is_file():
        raise MissingError
    check(archive, md5)
    contents = {}
    with tarfile.open(archive, "r|gz") as tar:
        for member in tar:
            name = member.name.rpartition("/")[2]
            if name in wanted and (stream := tar.extractfile(member)):
                contents[name] = stream.read()
    if lacking := wanted.keys() - contents.keys():
        raise DataError(f"lacks {', '.join(sorted(lacking))}", archive, "Put the published archive in its place.")
    return contents


def _split(batches: list[bytes], folder: Path) -> Split:
    read = [_plain(batch, folder) for batch in batches]
    images = np.concatenate([batch["data"] for batch in read]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    labels = np.concatenate([batch.get("fine_labels", batch.get("labels")) for batch in read])
    return Split(images, labels.astype(np.int64))


def _plain(content: bytes, folder: Path) -> dict[str, Any]:
    try:
        return _ArraysOnly(io.BytesIO(content), encoding="latin1").load()
    except pickle.UnpicklingError as error:
        raise DataError(
            f"holds a pickle that is more than arrays ({error})", folder, "Use the published one."
        ) from None


class _ArraysOnly(pickle.Unpickler):
    """Knows no names but those that arrays need."""

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] not in ("numpy", "_codecs") or name not in _ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return _ALLOWED[name]
