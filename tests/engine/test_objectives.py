"""What each kind of stage minimises, on networks whose answer is known."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from cfd_studio.data.augment import Augment, cutout
from cfd_studio.data.images import ImageSet, to_float
from cfd_studio.diffusion import weighting
from cfd_studio.diffusion.denoiser import Denoiser
from cfd_studio.diffusion.feature import feature_divergence
from cfd_studio.diffusion.prediction import x_from_v, x_from_x
from cfd_studio.diffusion.progressive import two_step_target
from cfd_studio.diffusion.schedule import NoiseSchedule, cosine_alpha_bar
from cfd_studio.diffusion.weighting import truncated_snr, weighted_squared_errors
from cfd_studio.engine import objectives
from cfd_studio.engine.batch import Batch
from cfd_studio.engine.classification import MEASURED_AT_ONCE, ClassifierObjective
from cfd_studio.engine.distillation import FeatureObjective, ProgressiveObjective
from cfd_studio.engine.objectives import (
    HELD_OUT_CHUNK,
    MOST_HELD_OUT,
    DiffusionObjective,
    TeacherObjective,
    Terms,
)
from cfd_studio.networks.classifiers import Classified, ConvolutionalClassifier, PerceptronClassifier
from cfd_studio.networks.inputs import ClassifierInput
from cfd_studio.protocol.stages import FeatureMatching


class _Network(nn.Module):
    """A small network that listens to the level and remembers which ones it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(16, 16)
        self.levels: list[int] = []

    def forward(self, z: Tensor, level: Tensor) -> Tensor:
        self.levels += level.tolist()
        return (self.body(z.flatten(1)) + level[:, None].float().sin()).view_as(z)


@pytest.fixture
def schedule() -> NoiseSchedule:
    return NoiseSchedule.cosine(16)


@pytest.fixture
def images() -> Tensor:
    return torch.rand(64, 1, 4, 4) * 2 - 1


LABELS = torch.zeros(64, dtype=torch.int64)


def _teacher(schedule: NoiseSchedule) -> Denoiser:
    return Denoiser(_Network().eval().requires_grad_(False), x_from_v, schedule)


def _terms(
    objective: DiffusionObjective, network: nn.Module, images: Tensor, seed: int, labels: Tensor = LABELS
) -> Terms:
    batch = objective.draw(images, labels, torch.Generator().manual_seed(seed))
    return objective.terms(network, batch, lambda mean: mean)


def _compare(objective: DiffusionObjective, model: Denoiser, images: Tensor, z: Tensor, t: Tensor) -> Terms:
    return objective.compare(model, Batch(images), z, t, lambda mean: mean).terms


def _feature(schedule: NoiseSchedule, teacher: Denoiser, anchor_weight: float, **how: object) -> FeatureObjective:
    torch.manual_seed(5)
    classifier = PerceptronClassifier(16, 10, 8, 0.5).eval().requires_grad_(False)
    matching = FeatureMatching.model_validate({"temperature": 0.9, "anchor_weight": anchor_weight} | how)
    return FeatureObjective(schedule, x_from_v, teacher, 4, classifier=classifier, matching=matching)


def test_a_teacher_that_knows_the_answer_has_no_loss(schedule: NoiseSchedule, images: Tensor) -> None:
    # An x prediction of the true image: the network is told what the batch was.
    objective = TeacherObjective(schedule, x_from_x)
    terms = _terms(objective, lambda z, t: images, images, 0)  # type: ignore[arg-type]
    assert terms["denoising"] == 0


def test_the_teachers_loss_is_the_truncated_snr_error(schedule: NoiseSchedule, images: Tensor) -> None:
    objective = TeacherObjective(schedule, x_from_x)
    z, t = torch.randn_like(images), 1 + torch.arange(64) % 16
    terms = _compare(objective, Denoiser(lambda z, t: 0 * z, x_from_x, schedule), images, z, t)  # type: ignore[arg-type]
    expected = (torch.maximum(schedule.snr(t), torch.ones(64)) * images.square().flatten(1).mean(1)).mean()
    torch.testing.assert_close(terms["denoising"], expected)


@pytest.mark.parametrize("own_steps", [16, 8, 2, 1])
def test_each_model_sees_exactly_its_own_levels_by_their_base_grid_index(
    schedule: NoiseSchedule, images: Tensor, own_steps: int
) -> None:
    student = _Network()
    teacher = _teacher(schedule)
    objective = (
        TeacherObjective(schedule, x_from_v)
        if own_steps == 16
        else ProgressiveObjective(schedule, x_from_v, teacher, own_steps)
    )
    for seed in range(4):
        _terms(objective, student, images, seed)
    stride = 16 // own_steps
    assert set(student.levels) == set(range(stride, 17, stride))
    if own_steps < 16:
        assert isinstance(teacher.network, _Network)
        assert set(teacher.network.levels) == set(range(stride // 2, 17, stride // 2))


def test_the_draw_comes_from_the_generator_alone(schedule: NoiseSchedule, images: Tensor) -> None:
    objective = TeacherObjective(schedule, x_from_v)
    network = _Network()
    before = torch.get_rng_state()
    values = [_terms(objective, network, images, seed)["denoising"] for seed in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), before)
    assert values[0] == values[1] != values[2]


def test_a_student_that_predicts_the_target_has_no_loss_and_lands_where_its_teacher_lands(
    images: Tensor,
) -> None:
    schedule = NoiseSchedule(cosine_alpha_bar(16), dtype=torch.float64)
    teacher = Denoiser(_Network().double(), x_from_v, schedule)
    objective = ProgressiveObjective(schedule, x_from_x, teacher, 4)
    t = 4 * (1 + torch.arange(64) % 4)
    z = torch.randn(64, 1, 4, 4, dtype=torch.float64)
    perfect = Denoiser(lambda z, t: objective.target(z, t), x_from_x, schedule)  # type: ignore[arg-type]
    assert _compare(objective, perfect, images.double(), z, t)["distillation"] == 0
    assert torch.equal(objective.target(z, t), two_step_target(teacher, z, t, t - 2, t - 4))


def test_a_student_whose_steps_do_not_halve_is_a_mistake(schedule: NoiseSchedule) -> None:
    for own_steps in (3, 16):
        with pytest.raises(AssertionError):
            ProgressiveObjective(schedule, x_from_v, _teacher(schedule), own_steps)


@pytest.mark.parametrize("anchor_weight", [0.25, 1.0, 30.0])
def test_anchored_cfd_is_the_feature_loss_plus_the_weighted_pd_loss(
    schedule: NoiseSchedule, images: Tensor, anchor_weight: float
) -> None:
    teacher, student = _teacher(schedule), _Network()
    feature = _feature(schedule, teacher, anchor_weight)
    terms = _terms(feature, student, images, 3)
    plain = _terms(_feature(schedule, teacher, 0.0), student, images, 3)
    pixel = _terms(ProgressiveObjective(schedule, x_from_v, teacher, 4), student, images, 3)
    assert list(plain) == ["feature"]
    assert list(terms) == ["feature", "anchor"]
    torch.testing.assert_close(terms["feature"], plain["feature"])
    torch.testing.assert_close(terms["anchor"], anchor_weight * pixel["distillation"])


def test_the_feature_loss_compares_the_classifiers_features_of_target_and_estimate(
    schedule: NoiseSchedule, images: Tensor
) -> None:
    teacher = _teacher(schedule)
    objective = _feature(schedule, teacher, 0.0)
    student = Denoiser(_Network(), x_from_v, schedule)
    t = 4 * (1 + torch.arange(64) % 4)
    z = torch.randn_like(images)
    classifier = objective._classifier
    expected = feature_divergence(classifier(objective.target(z, t)).features, classifier(student(z, t)).features, 0.9)
    torch.testing.assert_close(_compare(objective, student, images, z, t)["feature"], expected)


def test_the_gradient_of_cfd_reaches_the_student_and_nothing_frozen(schedule: NoiseSchedule, images: Tensor) -> None:
    teacher, student = _teacher(schedule), _Network()
    objective = _feature(schedule, teacher, 1.0)
    torch.stack(list(_terms(objective, student, images, 0).values())).sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in student.parameters())
    assert all(parameter.grad is None for parameter in teacher.network.parameters())
    assert all(parameter.grad is None for parameter in objective._classifier.parameters())


def test_neither_the_target_nor_the_classifiers_input_is_clipped(schedule: NoiseSchedule, images: Tensor) -> None:
    far = Denoiser(lambda z, t: torch.full_like(z, 7.0), x_from_x, schedule)  # type: ignore[arg-type]
    objective = ProgressiveObjective(schedule, x_from_x, far, 4)
    t = torch.full((64,), 8)
    torch.testing.assert_close(objective.target(torch.randn_like(images), t), torch.full_like(images, 7.0))


def test_held_out_levels_are_spread_evenly(schedule: NoiseSchedule) -> None:
    network = _Network()
    data = ImageSet(torch.randint(0, 256, (40, 1, 4, 4), dtype=torch.uint8), torch.zeros(40, dtype=torch.int64))
    loss = TeacherObjective(schedule, x_from_v).held_out(network, data, 3)
    assert loss.accuracy is None
    assert sorted(network.levels) == sorted(1 + i % 16 for i in range(40))
    assert TeacherObjective(schedule, x_from_v).held_out(network, data, 4).loss != loss.loss


def _held_out_at_once(objective: DiffusionObjective, network: nn.Module, data: ImageSet, seed: int) -> float:
    """Return the loss on all images in one pass, the levels in turn."""
    x, count = to_float(data.images), len(data.images)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed))
    levels = (1 + torch.arange(count) % objective.own_steps) * objective.stride
    with torch.no_grad():
        terms = objective.terms(network, Batch(x, None, levels, noise), lambda mean: mean)
    return float(torch.stack(list(terms.values())).sum())


def _pixels(count: int) -> ImageSet:
    return ImageSet(torch.randint(0, 256, (count, 1, 4, 4), dtype=torch.uint8), torch.zeros(count, dtype=torch.int64))


@pytest.mark.parametrize("count", [40, 355, HELD_OUT_CHUNK])
def test_a_small_held_out_set_is_compared_at_once_bit_by_bit(schedule: NoiseSchedule, count: int) -> None:
    network, data = _Network(), _pixels(count)
    for objective in (_feature(schedule, _teacher(schedule), 1.0), TeacherObjective(schedule, x_from_v)):
        assert objective.held_out(network, data, 3).loss == _held_out_at_once(objective, network, data, 3)


def test_of_a_large_held_out_set_the_first_images_are_compared_in_chunks(schedule: NoiseSchedule) -> None:
    seen: list[int] = []

    class Counting(_Network):
        def forward(self, z: Tensor, level: Tensor) -> Tensor:
            seen.append(len(z))
            return super().forward(z, level)

    network, data = Counting(), _pixels(5000)
    objective = TeacherObjective(schedule, x_from_v)
    loss = objective.held_out(network, data, 3).loss
    assert seen == [HELD_OUT_CHUNK] * (MOST_HELD_OUT // HELD_OUT_CHUNK)
    first = ImageSet(data.images[:MOST_HELD_OUT], data.labels[:MOST_HELD_OUT])
    assert loss == pytest.approx(_held_out_at_once(objective, network, first, 3), rel=0.05)  # other noise
    seen.clear()
    objective.held_out(network, _pixels(HELD_OUT_CHUNK + 7), 3)
    assert seen == [HELD_OUT_CHUNK, 7]


def test_a_short_last_chunk_counts_as_many_images_as_it_has(schedule: NoiseSchedule) -> None:
    data = _pixels(HELD_OUT_CHUNK + 10)
    data.images[HELD_OUT_CHUNK:] = 255
    objective = TeacherObjective(schedule, x_from_x, weighting=weighting.constant)
    black = lambda z, t: torch.full_like(z, -1.0)  # noqa: E731
    data.images[:HELD_OUT_CHUNK] = 0
    loss = objective.held_out(black, data, 0).loss  # type: ignore[arg-type]
    assert loss == pytest.approx(4.0 * 10 / (HELD_OUT_CHUNK + 10))


def test_few_held_out_images_still_meet_every_part_of_a_long_base_grid() -> None:
    network = _Network()
    TeacherObjective(NoiseSchedule.cosine(8192), x_from_v).held_out(network, _pixels(64), 3)
    assert sorted(network.levels) == list(range(1, 8193, 128))


def test_a_classifier_is_measured_by_cross_entropy_and_accuracy() -> None:
    network = PerceptronClassifier(16, 4, 8, 0.0).eval()
    data = ImageSet(torch.randint(0, 256, (40, 1, 4, 4), dtype=torch.uint8), torch.arange(40) % 4)
    measured = ClassifierObjective().held_out(network, data, 0)
    logits = network(data.images.float() / 127.5 - 1).logits
    log_p = logits - logits.logsumexp(1, keepdim=True)
    assert measured.loss == pytest.approx(-log_p[torch.arange(40), data.labels].mean().item(), rel=1e-5)
    assert measured.accuracy == pytest.approx((logits.argmax(1) == data.labels).float().mean().item())


def test_held_out_images_go_through_in_parts_as_if_in_one() -> None:
    classifier = PerceptronClassifier(16, 10, 8, 0.0).eval()
    count = 2 * MEASURED_AT_ONCE + 7
    data = ImageSet(torch.randint(0, 256, (count, 1, 4, 4), dtype=torch.uint8), torch.randint(10, (count,)))
    sizes: list[int] = []
    classifier.register_forward_pre_hook(lambda _, fed: sizes.append(len(fed[0])))
    measured = ClassifierObjective(label_smoothing=0.3).held_out(classifier, data, 0)
    assert sizes == [MEASURED_AT_ONCE, MEASURED_AT_ONCE, 7]
    logits = classifier(to_float(data.images)).logits
    assert measured.loss == pytest.approx(float(torch.nn.functional.cross_entropy(logits, data.labels).detach()))
    assert measured.accuracy == pytest.approx(float((logits.argmax(1) == data.labels).float().mean()))


def test_label_smoothing_spreads_its_share_over_all_classes(images: Tensor) -> None:
    classifier = PerceptronClassifier(16, 10, 8, 0.0).eval()
    labels = torch.arange(64) % 10
    smoothed = ClassifierObjective(label_smoothing=0.2).terms(classifier, Batch(images, labels), lambda mean: mean)
    nats = -classifier(images).logits.log_softmax(1)
    expected = 0.8 * nats.gather(1, labels[:, None]).mean() + 0.2 * nats.mean()
    torch.testing.assert_close(smoothed["cross-entropy"], expected)


def test_a_classifier_is_shown_augmented_images_and_their_own_classes(images: Tensor) -> None:
    objective = ClassifierObjective(Augment(cutout=2))
    labels = torch.arange(64) % 10
    batch = objective.draw(images, labels, torch.Generator().manual_seed(0))
    assert torch.equal(batch.images, cutout(images, 2, torch.Generator().manual_seed(0)))
    assert batch.labels is labels


def test_the_last_level_gives_finite_losses_in_float32() -> None:
    schedule = NoiseSchedule.cosine(1024)
    teacher = Denoiser(_Network(), x_from_v, schedule)
    t = torch.full((8,), 1024)
    z = torch.randn(8, 1, 4, 4)
    for own_steps in (512, 4, 1):
        target = ProgressiveObjective(schedule, x_from_v, teacher, own_steps).target(z, t)
        assert torch.isfinite(weighted_squared_errors(torch.zeros_like(z), target, truncated_snr(schedule, t))).all()


@pytest.mark.parametrize(
    ("name", "weight"),
    [("snr", lambda snr: snr), ("constant", torch.ones_like), ("snr_plus_one", lambda snr: snr + 1)],
)
def test_a_teacher_may_weigh_its_levels_otherwise(
    schedule: NoiseSchedule, images: Tensor, name: str, weight: Callable[[Tensor], Tensor]
) -> None:
    objective = TeacherObjective(schedule, x_from_x, weighting=getattr(weighting, name))
    z, t = torch.randn_like(images), 1 + torch.arange(64) % 16
    terms = _compare(objective, Denoiser(lambda z, t: 0 * z, x_from_x, schedule), images, z, t)  # type: ignore[arg-type]
    expected = (weight(schedule.snr(t)) * images.square().flatten(1).mean(1)).mean()
    torch.testing.assert_close(terms["denoising"], expected)


def test_the_reference_schedule_trains_its_noisy_level_zero_too(images: Tensor) -> None:
    network = _Network()
    objective = TeacherObjective(NoiseSchedule.cosine(16, clean_end=False), x_from_v)
    for seed in range(6):
        assert torch.isfinite(_terms(objective, network, images, seed)["denoising"])
    assert set(network.levels) == set(range(17))


def test_clipped_targets_lie_in_the_range_of_images(schedule: NoiseSchedule, images: Tensor) -> None:
    far = Denoiser(lambda z, t: torch.full_like(z, 7.0), x_from_x, schedule)  # type: ignore[arg-type]
    objective = ProgressiveObjective(schedule, x_from_x, far, 4, clip_targets=True)
    target = objective.target(torch.randn_like(images), torch.full((64,), 8))
    torch.testing.assert_close(target, torch.ones_like(images))


def test_the_logits_variant_compares_logits(schedule: NoiseSchedule, images: Tensor) -> None:
    objective = _feature(schedule, _teacher(schedule), 0.0, match="logits")
    student = Denoiser(_Network(), x_from_v, schedule)
    t, z = 4 * (1 + torch.arange(64) % 4), torch.randn_like(images)
    classifier = objective._classifier
    expected = feature_divergence(classifier(objective.target(z, t)).logits, classifier(student(z, t)).logits, 0.9)
    torch.testing.assert_close(_compare(objective, student, images, z, t)["feature"], expected)


def test_the_dataset_oriented_loss_is_the_papers(schedule: NoiseSchedule, images: Tensor) -> None:
    objective = _feature(schedule, _teacher(schedule), 0.0, dataset_weight=0.3, entropy_share=0.75)
    student = Denoiser(_Network(), x_from_v, schedule)
    t, z = 4 * (1 + torch.arange(64) % 4), torch.randn_like(images)
    terms = _compare(objective, student, images, z, t)
    p = objective._classifier(student(z, t)).logits.softmax(1)
    pbar = p.mean(0)
    torch.testing.assert_close(terms["entropy"], 0.3 * 0.75 * -(p * p.log()).sum(1).mean())
    torch.testing.assert_close(terms["diversity"], 0.3 * 0.25 * (pbar * pbar.log()).sum())
    assert objective.gathers
    assert not _feature(schedule, _teacher(schedule), 0.0, dataset_weight=0.3, entropy_share=1.0).gathers
    alone = _feature(schedule, _teacher(schedule), 0.0, entropy_share=0.5)
    assert list(_compare(alone, student, images, z, t)) == ["feature"]


class _Told(_Network):
    def forward(self, z: Tensor, level: Tensor, labels: Tensor | None = None) -> Tensor:
        assert labels is not None
        self.labels = labels
        return super().forward(z, level)


class _Device(PerceptronClassifier):
    """A classifier on the meta device that remembers where what it is fed lies."""

    def __init__(self) -> None:
        with torch.device("meta"):
            super().__init__(16, 4, 8, 0.0)
        self.fed: list[str] = []

    def forward(self, x: Tensor) -> Classified:
        self.fed.append(x.device.type)
        return super().forward(x)


def test_images_that_lie_on_the_host_are_measured_on_the_networks_device_part_by_part() -> None:
    network, data = _Device(), _pixels(MEASURED_AT_ONCE + 1)
    with pytest.raises(RuntimeError, match=r"item\(\)"):  # all is computed; the meta device has no numbers to read
        ClassifierObjective().held_out(network, data, 0)
    assert network.fed == ["meta", "meta"]


@pytest.mark.parametrize(("side", "resized", "at_once"), [(4, None, 1000), (64, None, 250), (4, 64, 250)])
def test_of_large_images_a_classifier_is_shown_fewer_at_once(side: int, resized: int | None, at_once: int) -> None:
    classifier = ConvolutionalClassifier(1, 4, 2, 0.0).eval()
    classifier.input = ClassifierInput(1, resized)
    sizes: list[int] = []
    classifier.body.register_forward_pre_hook(lambda _, fed: sizes.append(len(fed[0])))
    images = torch.zeros(1010, 1, side, side, dtype=torch.uint8)
    ClassifierObjective().held_out(classifier, ImageSet(images, torch.zeros(1010, dtype=torch.int64)), 0)
    assert sizes == [at_once] * (1010 // at_once) + [1010 % at_once]


def test_of_large_images_a_denoiser_is_shown_fewer_at_once_and_others_get_in_between(schedule: NoiseSchedule) -> None:
    heard: list[int] = []
    network = lambda z, t: (heard.append(len(z)), z)[1]  # noqa: E731
    data = ImageSet(torch.zeros(300, 1, 64, 64, dtype=torch.uint8), torch.zeros(300, dtype=torch.int64))
    objective = TeacherObjective(schedule, x_from_x)
    objective.held_out(network, data, 0, lambda: heard.append(0))  # type: ignore[arg-type]
    assert heard == [128, 0, 128, 0, 44]


def test_a_classifiers_measurement_is_left_where_somebody_says_so() -> None:
    class Enough(Exception):  # noqa: N818
        pass

    def enough() -> None:
        raise Enough

    network = PerceptronClassifier(16, 4, 8, 0.0).eval()
    shown: list[int] = []
    network.register_forward_pre_hook(lambda _, fed: shown.append(len(fed[0])))
    with pytest.raises(Enough):
        ClassifierObjective().held_out(network, _pixels(3 * MEASURED_AT_ONCE), 0, enough)
    assert shown == [MEASURED_AT_ONCE]


def test_a_conditional_student_and_its_teacher_hear_the_same_classes_some_of_them_hidden(
    schedule: NoiseSchedule, images: Tensor
) -> None:
    teacher, student = _Told(), _Told()
    objective = ProgressiveObjective(schedule, x_from_v, Denoiser(teacher, x_from_v, schedule), 4, 0.5)
    labels = torch.arange(64) % 10
    _terms(objective, student, images, 0, labels)
    hidden = student.labels == -1
    assert 16 < hidden.sum() < 48
    assert torch.equal(student.labels[~hidden], labels[~hidden])
    assert torch.equal(teacher.labels, student.labels)
    data = ImageSet(torch.zeros(64, 1, 4, 4, dtype=torch.uint8), labels)
    objective.held_out(student, data, 0)
    assert torch.equal(student.labels, labels)


def test_a_target_that_was_foreseen_changes_no_bit_and_is_shared_out_with_its_images(
    schedule: NoiseSchedule, images: Tensor
) -> None:
    teacher, student = _teacher(schedule), _Network()
    pixels, features = ProgressiveObjective(schedule, x_from_v, teacher, 4), _feature(schedule, teacher, 1.0)
    for objective in (pixels, features):
        batch = objective.draw(images, LABELS, torch.Generator().manual_seed(0))
        foreseen, calls = objective.foresee(batch), teacher.network_calls
        found = objective.terms(student, foreseen, lambda mean: mean)
        shares = [objective.terms(student, share, lambda mean: mean) for share in foreseen.shares(2)]
        assert teacher.network_calls == calls
        assert found == objective.terms(student, batch, lambda mean: mean)
        for name, term in found.items():
            torch.testing.assert_close((shares[0][name] + shares[1][name]) / 2, term)


def test_a_teacher_is_asked_once_what_it_makes_of_the_held_out_images(
    schedule: NoiseSchedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher, student, data = _teacher(schedule), _Network(), _pixels(20)
    objective = ProgressiveObjective(schedule, x_from_v, teacher, 4)
    first = objective.held_out(student, data, 3)
    assert teacher.network_calls == 2
    assert objective.held_out(student, data, 3) == first
    assert teacher.network_calls == 2
    fresh = ProgressiveObjective(schedule, x_from_v, teacher, 4)
    assert objective.held_out(student, data, 4) == fresh.held_out(student, data, 4) != first
    assert objective.held_out(student, _pixels(12), 4) != first
    monkeypatch.setattr(objectives, "MOST_KEPT", 20 * 16 - 1)  # too many to be kept
    assert fresh.held_out(student, data, 3) == fresh.held_out(student, data, 3) == first
