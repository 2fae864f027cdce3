"""A zip for whoever is to find out what went wrong: what the program and a run say, and nothing of the person.

It holds no environment variables; home, user and host are taken out of every text.
"""

import getpass
import importlib.metadata
import json
import os
import platform
import re
import socket
import sys
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil

from cfd_studio import __version__
from cfd_studio.runs import atomic
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.intake import LARGEST_CONFIG, LARGEST_NOTE, open_bounded, read_bounded
from cfd_studio.runs.outputs import check_output, writing

TAIL_BYTES = 256 * 1024
MOST_JOBS = 5
_PIECE = 2**20
_PACKAGES = ("torch", "torchvision", "PySide6-Essentials", "pyqtgraph", "numpy", "pydantic", "safetensors")
_GPUS = Path("/proc/driver/nvidia/gpus")
_HEAVY = (".png", ".npz", ".safetensors")


def write_bundle(target: Path, run: Path | None, error: str, *, heavy: bool = False) -> Path:
    """Write the bundle and return where it lies.

    Parameters
    ----------
    target : Path
    run : Path or None
        The run that was open.
    error : str
        What the window said, with its details.
    heavy : bool, optional
        Whether the images and weights of the run come along.

    Raises
    ------
    CfdError
        Where it cannot be written.
    """
    check_output(target)
    clean = Redaction()
    with writing(target), atomic.opened(target) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("error.txt", clean(error))
        bundle.writestr("machine.json", clean(json.dumps(_machine(), indent=2)))
        for name, text in _texts(run) if run is not None else ():
            bundle.writestr(name, clean(text))
        for name, path in _heavy_files(run) if heavy and run is not None else ():
            _copy(bundle, name, path)
    return target


class Redaction:
    """Takes the home folder, the user's name and the host's name out of a text."""

    def __init__(self) -> None:
        home = str(Path.home())
        self._homes = [home, home.replace("\\", "\\\\"), home.replace("\\", "/")]
        names = {_user(): "~", socket.gethostname(): "host"}
        words = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True) if name)
        self._words = re.compile(rf"(?<![\w.-])({words})(?![\w-])") if words else None
        self._names = names

    def __call__(self, text: str) -> str:
        """Return the text without them."""
        for home in self._homes:
            text = re.sub(rf"{re.escape(home)}(?![\w.-])", "~", text)
        return self._words.sub(lambda found: self._names[found[0]], text) if self._words else text


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # nobody the system knows
        return ""


def _machine() -> dict[str, object]:
    memory = psutil.virtual_memory()
    return {
        "cfd-studio": __version__,
        "python": sys.version,
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory.total / 2**30, 1),
        "memory_free_gib": round(memory.available / 2**30, 1),
        "gpus": list(_gpus()),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _gpus() -> Iterator[str]:
    for folder in _GPUS.glob("*/information"):
        try:
            model = re.search(r"^Model:\s*(.+)$", folder.read_text(errors="replace"), re.MULTILINE)
        except OSError:
            continue
        if model:
            yield model[1].strip()


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    """Yield name and text of what a run says: all of its small files, the ends of its long ones."""
    run = RunFolder(path)
    for name in ("run.json", "config.json"):
        yield from _text(name, partial(read_bounded, path / name, LARGEST_CONFIG))
    for job in run.jobs()[-MOST_JOBS:]:
        at = f"jobs/{job.path.name}"
        for name in ("request.json", "job.json", "status.json"):
            yield from _text(f"{at}/{name}", partial(read_bounded, job.path / name, LARGEST_NOTE))
        for name in ("log.txt", "events.jsonl"):
            yield from _text(f"{at}/{name}", partial(_tail, job.path / name))
    for output in sorted(path.glob("output-*.txt"))[-MOST_JOBS:]:
        yield from _text(output.name, partial(_tail, output))


def _text(name: str, read: "partial[bytes]") -> Iterator[tuple[str, str]]:
    try:
        yield name, read().decode(errors="replace")
    except FileNotFoundError:
        return
    except OSError as error:
        yield f"{name}.missing.txt", f"It cannot be read: {error.strerror or error}."


def _tail(path: Path) -> bytes:
    with open_bounded(path) as stream:
        stream.seek(max(0, os.fstat(stream.fileno()).st_size - TAIL_BYTES))
        return stream.read(TAIL_BYTES)


def _heavy_files(run: Path) -> Iterator[tuple[str, Path]]:
    """Yield the images and weights that a run made or took in; no link is followed."""
    for top in (top for top in ("stages", "imports") if not (run / top).is_symlink()):
        for folder, _, names in os.walk(run / top, followlinks=False):
            for name in sorted(names):
                path = Path(folder, name)
                if path.suffix in _HEAVY and "checkpoints" not in path.parts:
                    yield path.relative_to(run).as_posix(), path


def _copy(bundle: zipfile.ZipFile, name: str, path: Path) -> None:
    try:
        source = open_bounded(path)
    except OSError:
        return
    info = zipfile.ZipInfo(name)  # stored as they are: neither pictures nor weights become smaller
    with source, bundle.open(info, "w", force_zip64=True) as target:
        while piece := source.read(_PIECE):
            target.write(piece)
