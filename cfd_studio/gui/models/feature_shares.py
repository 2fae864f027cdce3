"""How a classifier's features share one image out, and what sharpening the teacher's shares does; plain numpy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Shares = NDArray[np.float64]


def shares(features: NDArray[np.float32], temperature: float = 1.0) -> Shares:
    """Return ``softmax(features / temperature)``, shape (F,), in float64."""
    return np.exp(_log_shares(features, temperature))


def divergence(teacher: NDArray[np.float32], student: NDArray[np.float32], temperature: float) -> float:
    """Return ``KL(softmax(teacher / temperature) || softmax(student))`` of one image, in nats.

    That is `cfd_studio.diffusion.feature.feature_divergence` of a batch of one (Sun et al. 2023).
    """
    log_p, log_q = _log_shares(teacher, temperature), _log_shares(student, 1.0)
    return float(np.sum(np.exp(log_p) * (log_p - log_q)))


def entropy(features: NDArray[np.float32], temperature: float = 1.0) -> float:
    """Return the entropy of `shares`, in nats."""
    log_p = _log_shares(features, temperature)
    return float(-np.sum(np.exp(log_p) * log_p))


def _log_shares(features: NDArray[np.float32], temperature: float) -> Shares:
    scaled = features.astype(np.float64) / temperature
    scaled -= scaled.max()
    return np.asarray(scaled - np.log(np.exp(scaled).sum()))


@dataclass(frozen=True, slots=True)
class Ranking:
    """The largest shares of the teacher, and the student's of the same features.

    Attributes
    ----------
    order : ndarray of int
        Features from the teacher's largest share on; sharpening keeps their order.
    teacher, student : ndarray of float64
        Their shares.
    others : int
        How many features are left out.
    teacher_others, student_others : float
        What these have together.
    """

    order: NDArray[np.int64]
    teacher: Shares
    student: Shares
    others: int
    teacher_others: float
    student_others: float


def ranked(teacher: NDArray[np.float32], student: NDArray[np.float32], temperature: float, most: int) -> Ranking:
    """Rank the features of one image by the teacher's share."""
    order = np.argsort(-teacher, kind="stable")
    head, tail = order[:most], order[most:]
    p, q = shares(teacher, temperature), shares(student)
    return Ranking(head, p[head], q[head], len(tail), float(p[tail].sum()), float(q[tail].sum()))
