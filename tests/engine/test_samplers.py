"""Sampling a run's models with every sampler that has a name, with guidance, with classes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from cfd_studio.diffusion.guidance import GuidedDenoiser
from cfd_studio.diffusion.samplers import starting_noise
from cfd_studio.engine.distillation import FeatureObjective, ProgressiveObjective
from cfd_studio.engine.gallery import draw
from cfd_studio.engine.loading import load_denoiser, load_objective
from cfd_studio.engine.models import Model, open_models
from cfd_studio.engine.samplers import SAMPLERS
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.plan import resolve
from cfd_studio.protocol.sampling import DDIM, Sampler, SamplerName
from cfd_studio.runs.folder import RunFolder

SHAPE = (1, 8, 8)
MakeRun = Callable[..., RunFolder]


@pytest.fixture
def model(mini_run: MakeRun, mini_recipe: dict[str, Any], random_weights: MakeRun) -> Callable[..., Model]:
    """Return a factory of teachers with random weights; ``network`` as in a config."""

    def make(name: str = "run", **network: Any) -> Model:
        run = random_weights(mini_run(name, network=mini_recipe["network"] | network), "teacher")
        return open_models(run.path, ["teacher"], "cpu")[0]

    return make


def test_every_sampler_that_has_a_name_can_be_had() -> None:
    assert set(SAMPLERS) == set(get_args(SamplerName))


@pytest.mark.parametrize("name", get_args(SamplerName))
def test_images_of_every_sampler_do_not_depend_on_the_batch_nor_on_where_drawing_began(
    name: SamplerName, model: Callable[..., Model]
) -> None:
    sampler = Sampler(name=name, eta=0.6)
    one = model()
    noise = starting_noise(9, 0, 7, SHAPE)
    whole = one.draw(noise, 8, sampler=sampler, seed=9)
    assert whole.network_calls == 8
    assert torch.isfinite(whole.images).all()
    assert whole.images.abs().max() <= 1
    for batch_size in (1, 3):
        parts = draw(one.denoiser, noise, 8, 8, sampler=sampler, seed=9, batch_size=batch_size)
        torch.testing.assert_close(parts.images, whole.images, rtol=1e-4, atol=1e-4)
    later = one.draw(noise[4:], 8, sampler=sampler, seed=9, start=4)
    torch.testing.assert_close(later.images, whole.images[4:], rtol=1e-4, atol=1e-4)
    if name == "ddim":
        assert not torch.allclose(whole.images, one.draw(noise, 8).images, atol=1e-2)
    if name in ("ddim", "ancestral"):
        assert not torch.allclose(whole.images, one.draw(noise, 8, sampler=sampler, seed=10).images, atol=1e-2)


def test_guidance_is_counted_and_weight_one_changes_no_bit(model: Callable[..., Model]) -> None:
    one = model(conditional=True)
    noise, labels = starting_noise(1, 0, 6, SHAPE), one.labels([3, 4], 6)
    plain = one.draw(noise, 4, labels=labels)
    assert plain.network_calls == 4
    assert torch.equal(one.draw(noise, 4, labels=labels, sampler=Sampler(guidance=1.0)).images, plain.images)
    strong = one.draw(noise, 4, labels=labels, sampler=Sampler(guidance=3.0), batch_size=4)
    assert strong.network_calls == 8
    assert not torch.allclose(strong.images, plain.images, atol=1e-2)
    none = one.draw(noise, 4, labels=labels, sampler=Sampler(guidance=0.0)).images
    untold = one.draw(noise, 4, labels=one.labels([-1], 6)).images
    torch.testing.assert_close(none, untold, rtol=1e-4, atol=1e-4)
    # A hidden class stays hidden among others that are guided.
    mixed = one.draw(noise, 4, labels=one.labels([3, -1], 6), sampler=Sampler(guidance=3.0)).images
    torch.testing.assert_close(mixed[1::2], untold[1::2], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(mixed[::2], strong.images[::2], rtol=1e-4, atol=1e-4)


def test_what_cannot_be_guided_or_left_open_is_refused_in_a_sentence(model: Callable[..., Model]) -> None:
    noise, strong = starting_noise(1, 0, 2, SHAPE), Sampler(guidance=2.0)
    with pytest.raises(CfdError, match="cannot be guided: they know of no classes"):
        model("plain").draw(noise, 2, sampler=strong)
    told = model("told", conditional=True, label_dropout=0.0)
    with pytest.raises(CfdError, match="cannot be guided: they never learnt to draw without a class"):
        told.draw(noise, 2, sampler=strong)
    with pytest.raises(CfdError, match=r"never learnt to draw without a class\. Use 0 to 9\."):
        told.labels([2, -1], 2)
    assert told.draw(noise, 2, labels=told.labels([2], 2)).network_calls == 2
    free = model("free", conditional=True, label_dropout=0.1)
    with pytest.raises(CfdError, match="needs a class to guide to"):
        free.draw(noise, 2, labels=free.labels([-1], 2), sampler=strong)
    with pytest.raises(CfdError, match=r"has no class 12\. Use 0 to 9, or -1 for none\."):
        free.labels([1, 12], 2)


def test_a_student_is_not_guided_and_a_config_that_guides_means_its_teacher(
    model: Callable[..., Model], mini_recipe: dict[str, Any]
) -> None:
    student = replace(model(conditional=True), student=True)
    noise, strong = starting_noise(1, 0, 2, SHAPE), Sampler(guidance=2.0)
    with pytest.raises(CfdError, match="a student is not guided"):
        student.draw(noise, 2, sampler=strong)
    mini_recipe["network"]["conditional"] = True
    mini_recipe["evaluation"]["sampler"] = {"guidance": 2.0, "eta": 0.5}
    config = resolve(mini_recipe)
    weights = {stage.id: config.sampler_for(stage).guidance for stage in config.diffusion_stages()}
    assert weights == {"teacher": 2.0, "pd-4": 1.0, "pd-2": 1.0, "cfd-2": 1.0}
    assert config.sampler_for(config.stage("pd-4")).eta == 0.5


def test_classes_are_repeated_and_by_default_drawn_in_turn_wherever_drawing_begins(
    model: Callable[..., Model],
) -> None:
    one = model(conditional=True)
    labels = one.labels([5, 0, 2], 7)
    assert labels is not None
    assert labels.tolist() == [5, 0, 2, 5, 0, 2, 5]
    noise = starting_noise(0, 0, 14, SHAPE)
    whole = one.draw(noise, 1).images
    torch.testing.assert_close(whole[12:], one.draw(noise[12:], 1, start=12).images, rtol=1e-4, atol=1e-4)
    told = one.draw(noise[12:], 1, labels=torch.tensor([2, 3])).images
    torch.testing.assert_close(whole[12:], told, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", [ProgressiveObjective, FeatureObjective])
def test_a_stage_with_guidance_learns_the_guided_teacher_and_the_next_one_its_student(
    kind: type[ProgressiveObjective], mini_run: MakeRun, mini_recipe: dict[str, Any], random_weights: MakeRun
) -> None:
    recipe = mini_recipe["stages"]
    recipe[3] |= {"guidance": 2.5}
    if kind is FeatureObjective:
        recipe[3] |= {"objective": "feature", "classifier": "classifier"}
    run = mini_run(stages=recipe[:4], network=mini_recipe["network"] | {"conditional": True})
    random_weights(run, "classifier", "teacher", "pd-4")
    config = run.config()
    first, second = (load_objective(run, config, config.stage(name), "cpu") for name in ("pd-4", "pd-2"))
    assert isinstance(first, kind)
    assert isinstance(second, kind)
    assert isinstance(first.teacher, GuidedDenoiser)
    assert first.teacher.weight == 2.5
    assert not isinstance(second.teacher, GuidedDenoiser)

    z, t = torch.randn(4, *SHAPE), torch.full((4,), 4)
    labels = torch.tensor([1, 2, -1, 3])
    plain = load_denoiser(run, config, "teacher", "cpu")

    def unguided(labels: Tensor) -> Tensor:
        return ProgressiveObjective(plain.schedule, plain.to_image, plain, 4, 0.1).target(z, t, labels)

    target = first.target(z, t, labels)
    assert first.teacher.network_calls == 4
    assert torch.equal(target[2], unguided(labels)[2])
    assert not torch.equal(target[0], unguided(labels)[0])


def test_ddim_is_what_is_meant_where_nothing_is_said(model: Callable[..., Model]) -> None:
    one, noise = model(), starting_noise(0, 0, 2, SHAPE)
    assert torch.equal(one.draw(noise, 3).images, one.draw(noise, 3, sampler=DDIM, seed=77).images)
