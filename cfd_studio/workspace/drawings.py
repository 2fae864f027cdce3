"""Answers of the sampling session, kept in the user's cache: whoever asks again waits for no network call."""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from cfd_studio.protocol.sampling import SampleAnswer, SampleRequest
from cfd_studio.runs.removal import size_of
from cfd_studio.workspace import cache
from cfd_studio.workspace.folders import drawings_folder

MOST_FILES = 10_000
_LARGEST_SHARE = 4  # one answer takes no more than this part of the room
_SHAPES = {"images": 4, "x_hats": 5, "features": 2, "logits": 2}  # with their dimensions


@dataclass(slots=True)
class Drawings:
    """The answers that are kept, in a bounded room; those that were longest unused go first.

    Attributes
    ----------
    most_mib : int
        Of all of them together; 0 keeps nothing.
    """

    most_mib: int

    def set_room(self, most_mib: int) -> None:
        """Keep more, or less, from now on."""
        self.most_mib = most_mib

    def recall(self, key: str, request: SampleRequest) -> SampleAnswer | None:
        """Return what was kept under a key as the answer to a request; None where nothing sound was."""
        content = cache.recall(drawings_folder(), key, self.most_mib * 2**20) if self.most_mib else None
        return None if content is None else _unpacked(content, request)

    def keep(self, key: str, answer: SampleAnswer) -> None:
        """Keep an answer, unless it would take a large part of the room."""
        room = self.most_mib * 2**20
        content = _packed(answer)
        if len(content) * _LARGEST_SHARE <= room:
            cache.keep(drawings_folder(), key, content, room, MOST_FILES)


def kept_bytes() -> int:
    """Return how much room the kept answers take."""
    return size_of(drawings_folder())


def make_room(most_mib: int) -> None:
    """Delete the answers that were longest unused, until the others fit into a room."""
    cache.prune(drawings_folder(), most_bytes=most_mib * 2**20, most_files=MOST_FILES)


def digest_of(*parts: str) -> str:
    """Return a key: the digest of all that an answer depends on."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _packed(answer: SampleAnswer) -> bytes:
    arrays: dict[str, NDArray[np.generic]] = {
        name: np.ascontiguousarray(array) for name in _SHAPES if (array := getattr(answer, name)) is not None
    }
    arrays["seconds_per_image"] = np.asarray([answer.seconds_per_image])
    arrays["network_calls"] = np.asarray([answer.network_calls])
    arrays["timesteps"] = np.asarray(answer.timesteps, dtype=np.int64)
    return save(arrays)


def _unpacked(content: bytes, request: SampleRequest) -> SampleAnswer | None:
    try:
        arrays = load(content)
        held = {name: arrays[name] for name in _SHAPES if name in arrays}
        (seconds,), (calls,) = arrays["seconds_per_image"].tolist(), arrays["network_calls"].tolist()
        timesteps = tuple(map(int, arrays["timesteps"].tolist()))
    except (SafetensorError, KeyError, ValueError, TypeError):
        return None
    wanted = {"images"} | ({"x_hats"} if request.trajectory else set())
    wanted |= {"features", "logits"} if request.classifier is not None else set()
    if held.keys() != wanted or not _fit(held, request, timesteps) or not math.isfinite(seconds):
        return None
    return SampleAnswer(
        request,
        held["images"],
        float(seconds),
        int(calls),
        held.get("x_hats"),
        timesteps,
        held.get("features"),
        held.get("logits"),
        cached=True,
    )


def _fit(held: dict[str, NDArray[np.generic]], request: SampleRequest, timesteps: tuple[int, ...]) -> bool:
    """Tell whether these are arrays as a session makes them for a request."""
    sound = all(
        array.dtype == np.float32 and array.ndim == _SHAPES[name] and array.size and np.isfinite(array).all()
        for name, array in held.items()
    )
    if not sound or len(timesteps) != (request.sampling_steps if request.trajectory else 0):
        return False
    images = held["images"].shape
    counts = [len(held[name]) for name in ("images", "features", "logits") if name in held]
    estimates = held["x_hats"].shape if "x_hats" in held else (len(timesteps), *images)
    return set(counts) == {request.count} and estimates == (len(timesteps), *images)
