"""The Frechet distance between two sets of features."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FeatureStatistics:
    """Mean, shape (F,), and covariance, shape (F, F), of features, in float64."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    count: int

    @classmethod
    def of(cls, features: NDArray[np.floating]) -> "FeatureStatistics":
        """Measure features of shape (N, F), N at least 2."""
        assert features.ndim == 2
        assert len(features) >= 2
        mean = features.mean(axis=0, dtype=np.float64)
        return cls(mean, np.atleast_2d(np.cov(features, rowvar=False, dtype=np.float64)), len(features))


def frechet_distance(a: FeatureStatistics, b: FeatureStatistics) -> float:
    """Return ``|mean_a - mean_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2))`` (Heusel et al. 2017, eq. 6).

    The trace of the root is taken from the symmetric form ``(C_a^(1/2) C_b C_a^(1/2))^(1/2)``, whose eigenvalues are
    real and not negative also where a covariance is singular.
    """
    from scipy import linalg

    values, vectors = linalg.eigh(a.covariance)
    root_a = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    inner = linalg.eigvalsh(root_a @ b.covariance @ root_a)
    trace_root = np.sqrt(np.clip(inner, 0, None)).sum()
    difference = a.mean - b.mean
    distance = difference @ difference + np.trace(a.covariance) + np.trace(b.covariance) - 2 * trace_root
    return float(max(distance, 0.0))
