"""What the window computes of features is what distillation computes of them."""

from itertools import product

import numpy as np
import pytest
import torch

from cfd_studio.diffusion.feature import feature_divergence, prediction_entropy
from cfd_studio.gui.models.feature_shares import divergence, entropy, ranked


def test_shares_divergence_and_entropy_are_those_of_the_loss() -> None:
    for temperature, size, scale in product((0.05, 0.9, 1.0, 3.0), (2, 64, 1920), (1.0, 40.0)):
        teacher, student = (scale * torch.rand(1, size) for _ in range(2))
        p, q = teacher[0].numpy(), student[0].numpy()
        exact = feature_divergence(teacher.double(), student.double(), temperature).item()
        assert divergence(p, q, temperature) == pytest.approx(exact, rel=1e-9, abs=1e-12)
        assert entropy(p, temperature) == pytest.approx(prediction_entropy(teacher.double() / temperature).item())
        ranking = ranked(p, q, temperature, 24)
        assert ranking.others == max(size - 24, 0)
        assert ranking.teacher.sum() + ranking.teacher_others == pytest.approx(1)
        assert ranking.student.sum() + ranking.student_others == pytest.approx(1)
        assert (np.diff(ranking.teacher) <= 0).all()
