"""What a feature space shows of many images: streamed through it, measured, compared with what it shows of others."""

import hashlib
import math
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cfd_studio.engine.audience import Audience
from cfd_studio.engine.portions import MOST, images_at_once
from cfd_studio.engine.spaces import Look, Space
from cfd_studio.metrics.frechet import FeatureStatistics, frechet_distance
from cfd_studio.metrics.inception import inception_score, kernel_distance
from cfd_studio.metrics.manifold import NEIGHBOURS, Manifold, precision_and_recall
from cfd_studio.protocol.figures import Figure
from cfd_studio.workspace import cache
from cfd_studio.workspace.folders import features_folder

MOST_REAL = 50_000  # real images that samples are compared with: as many as CIFAR-10 has for training
SMALLEST = NEIGHBOURS + 1  # images that can be compared
_HEAD = struct.Struct("<QQd")  # rows, columns, Inception score


class Seen(NamedTuple):
    """What is known of a set of images in one feature space.

    Attributes
    ----------
    statistics : FeatureStatistics
    manifold : Manifold
    score : float or None
        Inception's, None in other spaces.
    population : int or None
        How many images there are, where only some were looked at.
    """

    statistics: FeatureStatistics
    manifold: Manifold
    score: float | None
    population: int | None = None

    @classmethod
    def of(cls, features: Tensor, score: float | None, device: str, on_chunk: Callable[[], None]) -> "Seen":
        """Measure features of shape (N, F) that lie on the CPU, where the result lies too."""
        statistics = FeatureStatistics.of(features.numpy())
        return cls(statistics, Manifold.of(features.to(device), on_chunk=on_chunk).to("cpu"), score)


def look_through(spaces: list[Space], batches: Iterable[Tensor], device: str, audience: Audience) -> list[Look]:
    """Return what every space shows of a stream of images, uint8 of shape (N, C, H, W); at most a chunk is held."""
    looks: list[list[Look]] = [[] for _ in spaces]
    for chunk in _chunks(batches):
        images = chunk.to(device)
        for space, seen in zip(spaces, looks, strict=True):
            with audience.at_work() as between:
                seen.append(space.look(images, between))
    return [
        Look(
            torch.cat([one.features for one in seen]),
            torch.cat([one.logits for one in seen if one.logits is not None]) if seen[0].logits is not None else None,
        )
        for seen in looks
    ]


def see(spaces: list[Space], batches: Iterable[Tensor], device: str, audience: Audience) -> dict[str, Seen]:
    """Measure a stream of images in every space."""
    return {
        space.name: Seen.of(look.features, _score(look), device, audience.poll)
        for space, look in zip(spaces, look_through(spaces, batches, device, audience), strict=True)
    }


def see_real(spaces: list[Space], images: Tensor, key: str, device: str, audience: Audience) -> dict[str, Seen]:
    """Measure real images in every space: all of them, or `MOST_REAL` that are drawn once and for all.

    Parameters
    ----------
    spaces : list of Space
    images : Tensor of uint8, shape (N, C, H, W)
    key : str
        What images of this number are known by.
    device : str
    audience : Audience
    """
    population = len(images) if len(images) > MOST_REAL else None
    return {
        space.name: Seen.of(*_features_of_real(space, images, key, device, audience), device, audience.poll)._replace(
            population=population
        )
        for space in spaces
    }


def _features_of_real(
    space: Space, images: Tensor, key: str, device: str, audience: Audience
) -> tuple[Tensor, float | None]:
    """Return features and Inception score; what takes long is kept in the user's cache."""
    chosen = _chosen(len(images))
    if space.key:
        key = hashlib.sha256(f"{space.key} {key} {len(chosen)} of {len(images)}".encode()).hexdigest()
        if (kept := _remembered(key)) is not None:
            return kept
    (look,) = look_through([space], _told(images, chosen, audience), device, audience)
    score = _score(look)
    if space.key and score is not None:
        head = _HEAD.pack(*look.features.shape, score)
        cache.keep(features_folder(), key, head + look.features.numpy().tobytes())
    return look.features, score


def compare(
    space: str, samples: Seen, real: Seen, reference: str, device: str, on_chunk: Callable[[], None]
) -> Iterator[Figure]:
    """Yield every figure of one set of images against real ones."""
    count = samples.statistics.count
    about = {"space": space, "reference": reference, "samples": count, "reference_samples": real.statistics.count}
    about["reference_population"] = real.population
    yield Figure.model_validate(about | {"value": frechet_distance(samples.statistics, real.statistics)})
    place = "cpu" if device == "mps" else device  # Metal has no float64
    shares = precision_and_recall(samples.manifold.to(place), real.manifold.to(place), on_chunk=on_chunk)
    for metric, share in zip(("precision", "recall"), shares, strict=True):
        yield Figure.model_validate(about | {"metric": metric, "neighbours": NEIGHBOURS, "value": share})
    if samples.score is not None:
        distance = kernel_distance(samples.manifold.points, real.manifold.points, on_chunk=on_chunk)
        yield Figure.model_validate(about | {"metric": "kid", "value": distance})


def scores(seen: dict[str, Seen]) -> Iterator[Figure]:
    """Yield the figures that compare with nothing."""
    for space, one in seen.items():
        if one.score is not None:
            yield Figure(
                metric="inception-score", space=space, reference="", samples=one.statistics.count, value=one.score
            )


def _chunks(batches: Iterable[Tensor]) -> Iterator[Tensor]:
    """Yield the same images in chunks, so that what is seen of one depends on no batch."""
    held: list[Tensor] = []
    count = 0
    for batch in batches:
        size = images_at_once(MOST, *batch.shape[-2:])
        for part in batch.split(size):
            missing = size - count
            held.append(part[:missing])
            count += len(held[-1])
            if count == size:
                yield torch.cat(held)
                held, count = [part[missing:]], len(part) - missing
    if count:
        yield torch.cat(held)


def _chosen(count: int) -> Tensor:
    """Return which of so many real images stand for all, in their order."""
    if count <= MOST_REAL:
        return torch.arange(count)
    order = np.random.Generator(np.random.Philox(key=[0, count])).permutation(count)
    return torch.from_numpy(np.sort(order[:MOST_REAL]))


def _told(images: Tensor, chosen: Tensor, audience: Audience) -> Iterator[Tensor]:
    done = 0
    for part in chosen.split(images_at_once(MOST, *images.shape[-2:])):
        audience.progress(done, len(chosen))
        yield images[part]
        done += len(part)
    audience.progress(done, done)


def _score(look: Look) -> float | None:
    return None if look.logits is None else inception_score(look.logits)


def _remembered(key: str) -> tuple[Tensor, float] | None:
    content = cache.recall(features_folder(), key)
    if content is None or len(content) < _HEAD.size:
        return None
    rows, columns, score = _HEAD.unpack_from(content)
    if not (rows and columns and math.isfinite(score)) or len(content) != _HEAD.size + 4 * rows * columns:
        return None
    features = torch.frombuffer(bytearray(content), dtype=torch.float32, offset=_HEAD.size)
    return (features.view(rows, columns), score) if features.isfinite().all() else None
