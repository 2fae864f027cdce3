"""Inception's weights: a given file, or the one that torch-fidelity downloads."""

import hashlib
import io
from pathlib import Path

import torch

from cfd_studio.data.checksum import Archive, WrongSumError
from cfd_studio.data.download import download
from cfd_studio.engine.audience import Audience
from cfd_studio.engine.mishaps import out_of_memory
from cfd_studio.interop.archive import load_archive
from cfd_studio.metrics.inception import WEIGHTS_SHA256, Inception, InceptionError, weights_source
from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs.intake import read_bounded, typed_path

LARGEST_FILE = 2**29


def load_inception(file: str, device: str, audience: Audience) -> tuple[Inception, str]:
    """Return the network and the SHA-256 of its file.

    Parameters
    ----------
    file : str
        A person's own; empty for torch-fidelity's, which is downloaded where it is not there yet.
    device : str
    audience : Audience

    Raises
    ------
    CfdError
        Where there is no file and no network, or the file is not one of this network's weights.
    """
    path = typed_path(file) if file else standard_place()
    if not file and not path.exists():
        _download(path, audience)
    try:
        data = read_bounded(path, LARGEST_FILE, follow=True)
    except OSError as error:
        raise CfdError(
            f"cannot be read ({error.strerror or error})", where=str(path), advice="Give another file of the weights."
        ) from None
    digest = hashlib.sha256(data).hexdigest()
    try:
        # torch-fidelity's own is of a format older than archives; what is in it is known.
        known = digest == WEIGHTS_SHA256
        state = torch.load(io.BytesIO(data), weights_only=True) if known else load_archive(data, "cpu")
        if not isinstance(state, dict):
            raise InceptionError("it holds no state dict")
        return Inception(state, device), digest
    except Exception as error:  # torch raises nearly anything on a file that is not its own
        if out_of_memory(error):
            raise
        why = error if isinstance(error, InceptionError | ValueError) else "it is damaged"
        raise CfdError(
            f"is no file of Inception's weights ({why})",
            where=str(path),
            advice=f"Give torch-fidelity's {_name()}" + ("." if file else ", or delete it to have it downloaded anew."),
        ) from None


def standard_place() -> Path:
    """Return where torch-fidelity itself keeps the weights."""
    return Path(torch.hub.get_dir()) / "checkpoints" / _name()


def _name() -> str:
    return weights_source().rpartition("/")[2]


def _download(path: Path, audience: Audience) -> None:
    """Fetch the weights, whole and as they should be, or not at all."""
    published = Archive(path.name, WEIGHTS_SHA256, (weights_source(),), "sha256")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        download(published, path.parent, lambda *_: audience.poll())
    except (OSError, WrongSumError) as error:
        reason = error.strerror or error if isinstance(error, OSError) else "what came is not what was asked for"
        raise CfdError(
            f"Inception's weights cannot be downloaded ({reason})",
            advice=f"Put {path.name} into {path.parent}, or name it with --inception-file.",
        ) from None
