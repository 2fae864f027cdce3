"""Inception's figures against known answers and against torch-fidelity itself."""

import io
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from cfd_studio.metrics.frechet import FeatureStatistics, frechet_distance
from cfd_studio.metrics.inception import Inception, InceptionError, inception_score, kernel_distance


def _features(seed: int, count: int, features: int = 16) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(count, features)).astype(np.float32))


def test_the_kernel_distance_of_two_points_is_that_of_their_kernel() -> None:
    a, b = torch.zeros(20, 4), torch.zeros(30, 4)
    a[:, 0], b[:, 1] = 2.0, 4.0

    def kernel(product: float) -> float:
        return (product / 4 + 1) ** 3

    assert kernel_distance(a, b) == pytest.approx(kernel(4) + kernel(16) - 2 * kernel(0))
    assert kernel_distance(a, a) == pytest.approx(0, abs=1e-4)


def test_the_kernel_distance_is_unbiased_and_heard_between_subsets() -> None:
    heard: list[int] = []
    near = kernel_distance(_features(0, 300), _features(1, 300), on_chunk=lambda: heard.append(1))
    far = kernel_distance(_features(0, 300), _features(1, 300) + 0.5)
    assert len(heard) == 100
    assert abs(near) < 0.05 < far

    def enough() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        kernel_distance(_features(0, 300), _features(1, 300), on_chunk=enough)


@pytest.mark.parametrize("classes", [1, 5])
def test_the_inception_score_counts_equally_frequent_certain_classes(classes: int) -> None:
    logits = torch.zeros(5000, 1008)
    logits[torch.arange(5000), torch.arange(5000) % classes] = 100.0
    assert inception_score(logits) == pytest.approx(classes, rel=0.02)


def test_an_inception_that_never_decides_scores_one() -> None:
    assert inception_score(torch.zeros(100, 1008)) == pytest.approx(1)
    assert math.isfinite(inception_score(torch.randn(4, 1008)))  # fewer images than parts


def test_other_weights_are_refused_in_a_clause() -> None:
    with pytest.raises(InceptionError, match="holds 1 tensors of another network"):
        Inception({"conv1.weight": torch.zeros(3, 3)}, "cpu")
    with pytest.raises(InceptionError, match="fc is no finite tensor"):
        Inception({"fc": torch.full((1008, 2048), torch.nan)}, "cpu")
    with pytest.raises(InceptionError, match="is no finite tensor"):
        Inception({"epoch": 3}, "cpu")


def test_inception_is_built_without_a_random_number(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    # A job may train in another thread: giving the process-wide generator back afterwards would be too late for it.
    monkeypatch.setattr(torch.random, "fork_rng", None)
    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    with monkeypatch.context() as patch, torch.device("meta"):
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        empty = FeatureExtractorInceptionV3("empty", ["2048"], nothing).state_dict()
    state = {name: torch.ones(tensor.shape) for name, tensor in empty.items() if not name.endswith("tracked")}
    before = torch.get_rng_state()
    inception = Inception(state, "cpu")
    assert torch.equal(torch.get_rng_state(), before)
    assert {tensor.device.type for tensor in inception._network.state_dict().values()} == {"cpu"}
    assert torch.equal(inception._network.state_dict()["fc.weight"], state["fc.weight"])


def test_figures_from_features_are_those_of_torch_fidelity() -> None:
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_isc import isc_features_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric

    a, b = _features(0, 400, 32), _features(1, 300, 32) * 1.2 + 0.3
    theirs = kid_features_to_metric(a, b, kid_subset_size=300, verbose=False)
    assert kernel_distance(a, b) == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-6)
    statistics = [fid_features_to_statistics(features.double()) for features in (a, b)]
    fid = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    ours = [FeatureStatistics.of(features.numpy()) for features in (a, b)]
    assert frechet_distance(*ours) == pytest.approx(fid, rel=1e-6)
    logits = _features(2, 200, 1008)
    assert inception_score(logits) == isc_features_to_metric(logits)["inception_score_mean"]


@pytest.mark.slow
def test_images_are_seen_as_torch_fidelity_sees_them(inception_file: Path) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    images = torch.randint(0, 256, (3, 1, 32, 32), dtype=torch.uint8)
    state = torch.get_rng_state()
    inception = Inception(torch.load(inception_file, weights_only=True), "cpu")
    assert torch.equal(torch.get_rng_state(), state)  # its random beginnings are nobody's business
    seen = inception(images)
    theirs = FeatureExtractorInceptionV3("theirs", ["2048", "logits_unbiased"], str(inception_file))
    for ours, other in zip(seen, theirs(images.expand(-1, 3, -1, -1)), strict=True):
        torch.testing.assert_close(ours, other)
    assert seen.features.shape == (3, 2048)
    assert seen.features.std(0).mean() > 1e-3
