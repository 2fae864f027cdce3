"""What is wrong between the fields of a config is said at the field that can be mended."""

from typing import Any

import pytest

from cfd_studio.protocol.errors import ConfigError
from cfd_studio.protocol.plan import resolve, set_values
from cfd_studio.protocol.stages import FeatureStage, ProgressiveStage

Raw = dict[str, Any]
IMAGENET = {"kind": "imagenet"}


def _with(raw: Raw, *assignments: tuple[str, Any]) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        resolve(set_values(raw, list(assignments)))
    return {problem.path: problem.message for problem in caught.value.problems}


def _import_classifier(raw: Raw, **more: Any) -> Raw:
    """Let the classifier to distil with be one of ImageNet's."""
    raw["stages"][1] = {
        "kind": "classifier",
        "id": "classifier",
        "architecture": "resnet18",
        "stem": "imagenet",
        "source": IMAGENET,
        **more,
    }
    return raw


def test_an_image_folder_must_say_how_large_its_images_are(mini_recipe: Raw) -> None:
    assert "say which, 16 to 256" in _with(mini_recipe, ("data.name", "folder"))["data.image_size"]
    small = _with(mini_recipe, ("data.name", "folder"), ("data.image_size", 8))
    assert "use 16 to 256" in small["data.image_size"]
    assert resolve(set_values(mini_recipe, [("data", {"name": "folder", "image_size": 16})])).data.side == 16


@pytest.mark.parametrize(
    ("name", "side", "depth", "flips"),
    [("digits", 8, 1, False), ("cifar10", 32, 3, True), ("svhn", 32, 3, False), ("fashion-mnist", 28, 1, False)],
)
def test_a_known_data_set_needs_no_size_and_flips_as_suits_it(
    mini_recipe: Raw, name: str, side: int, depth: int, flips: bool
) -> None:
    data = resolve(set_values(mini_recipe, [("data.name", name)])).data
    assert (data.side, data.depth, data.flips) == (side, depth, flips)
    assert resolve(set_values(mini_recipe, [("data.name", name), ("data.flip", not flips)])).data.flips is not flips


def test_mnist_may_be_resized_for_a_network_that_halves_often(mini_recipe: Raw) -> None:
    deep = [("data.name", "mnist"), ("network.multipliers", [1, 1, 1, 1])]
    assert "28x28 too often" in _with(mini_recipe, *deep)["network.multipliers"]
    assert resolve(set_values(mini_recipe, [*deep, ("data.image_size", 32)])).data.side == 32


def test_a_stage_is_trained_or_has_a_source_and_never_both_or_neither(mini_recipe: Raw) -> None:
    del mini_recipe["stages"][1]["optimization"]
    assert "give it a source" in _with(mini_recipe)["stages.classifier.optimization"]
    assert resolve(_import_classifier(mini_recipe)).stage("classifier").steps == 0
    both = _import_classifier(mini_recipe, optimization={"steps": 1, "batch_size": 2, "learning_rate": 0.1})
    assert "remove one of the two" in _with(both)["stages.classifier.optimization"]


def test_weights_for_imagenet_fit_networks_of_imagenet_only(mini_recipe: Raw) -> None:
    assert "stem imagenet" in _with(_import_classifier(mini_recipe, stem="small"))["stages.classifier.stem"]
    assert "stem imagenet" in _with(_import_classifier(mini_recipe, architecture="cnn"))["stages.classifier.stem"]


def test_the_dataset_oriented_loss_is_refused_where_the_logits_mean_other_classes(mini_recipe: Raw) -> None:
    _import_classifier(mini_recipe)
    problems = _with(mini_recipe, ("stages.cfd.dataset_weight", 0.003))
    assert "do not mean the classes of digits" in problems["stages.cfd-2.dataset_weight"]
    mini_recipe["stages"][1]["source"] = {"kind": "run", "path": "elsewhere", "stage": "classifier"}
    mini_recipe["stages"][1] |= {"stem": "small", "classes_of": "mnist"}
    assert "stages.cfd-2.dataset_weight" in _with(mini_recipe, ("stages.cfd.dataset_weight", 0.003))
    mini_recipe["stages"][1]["classes_of"] = "digits"
    assert resolve(set_values(mini_recipe, [("stages.cfd.dataset_weight", 0.003)]))


def test_guidance_needs_classes_and_a_network_that_draws_without_them(mini_recipe: Raw) -> None:
    path, wish = "stages.pd-4.guidance", ("stages.pd.guidance", 2)
    assert "class-conditional" in _with(mini_recipe, wish)[path]
    told = [wish, ("network.conditional", True), ("network.label_dropout", 0)]
    assert "label_dropout" in _with(mini_recipe, *told)[path]
    assert "evaluation.sampler.guidance" in _with(mini_recipe, ("evaluation.sampler.guidance", 3))
    config = resolve(set_values(mini_recipe, told[:2]))
    weights = [stage.guidance for stage in config.stages if isinstance(stage, ProgressiveStage)]
    assert weights == [2, 1], "the first student learns it by heart, the others learn it from that one"


def test_students_of_a_halving_may_have_values_of_their_own(mini_recipe: Raw) -> None:
    mini_recipe["stages"][3]["overrides"] = {"4": {"id": "first"}, "2": {"optimization": {"steps": 99}}}
    mini_recipe["stages"][4]["parent"] = "first"
    first, last = (one for one in resolve(mini_recipe).stages if isinstance(one, ProgressiveStage))
    assert (first.id, last.id, last.parent) == ("first", "pd-2", "first")
    assert (first.steps, last.steps, last.optimization.batch_size) == (12, 99, 16)


def test_values_for_a_student_that_is_not_there_and_misspelt_ones_are_refused(mini_recipe: Raw) -> None:
    mini_recipe["stages"][3]["overrides"] = {"3": {"optimization": {"steps": 99}}}
    assert "no student of it has 3 steps" in _with(mini_recipe)["stages.pd.overrides"]
    mini_recipe["stages"][3]["overrides"] = {"2": {"optimisation": {"steps": 99}}}
    assert "did you mean 'optimization'?" in _with(mini_recipe)["stages.pd-2.optimisation"]


def test_an_imported_teacher_may_have_been_made_for_fewer_steps_than_the_grid_has_levels(mini_recipe: Raw) -> None:
    source = {"kind": "run", "path": "elsewhere", "stage": "pd-4"}
    mini_recipe["stages"][2] = {"kind": "teacher", "id": "teacher", "source": source, "sampling_steps": 4}
    mini_recipe["stages"][3]["sampling_steps"] = [2]
    mini_recipe["stages"][4] |= {"parent": "pd-2", "sampling_steps": [1]}
    config = resolve(mini_recipe)
    assert [config.own_steps(stage) for stage in config.diffusion_stages()] == [4, 2, 1]
    mini_recipe["stages"][2]["sampling_steps"] = 3
    assert "does not divide the 8 levels" in _with(mini_recipe)["stages.teacher.sampling_steps"]


def test_a_teacher_that_is_trained_visits_every_level(mini_recipe: Raw) -> None:
    assert "leave it empty" in _with(mini_recipe, ("stages.teacher.sampling_steps", 4))["stages.teacher.sampling_steps"]


def test_nothing_is_trained_without_images(mini_recipe: Raw) -> None:
    problems = _with(mini_recipe, ("data", {"name": "none", "image_size": 8, "channels": 1}))
    assert "cannot be trained without images" in problems["data.name"]


@pytest.mark.parametrize(
    ("setting", "value", "path", "says"),
    [
        ("stages.classifier.keep", "best", "stages.classifier.validation_share", "give them a share"),
        ("stages.classifier.augmentation.auto_augment", True, "stages.classifier.augmentation.auto_augment", "colour"),
        ("stages.judge.input_size", 16, "stages.judge.input_size", "leave it empty"),
        ("stages.teacher.optimization.ema_half_life", 1e5, "stages.teacher.optimization.ema_half_life", "one empty"),
    ],
)
def test_settings_that_contradict_each_other_are_told_apart(
    mini_recipe: Raw, setting: str, value: Any, path: str, says: str
) -> None:
    assert says in _with(mini_recipe, (setting, value))[path]


def test_half_a_life_of_images_is_half_the_weight(mini_recipe: Raw) -> None:
    mini_recipe["stages"][2]["optimization"] |= {"ema_decay": None, "ema_half_life": 160.0, "batch_size": 16}
    optimization = resolve(mini_recipe).stage("teacher").optimization
    assert optimization is not None
    assert optimization.average_decay is not None
    assert optimization.average_decay**10 == pytest.approx(0.5)  # ten steps of 16 images


def test_a_judge_may_be_left_out(mini_recipe: Raw) -> None:
    del mini_recipe["evaluation"]["judge"]
    config = resolve(mini_recipe)
    assert config.evaluation.main_space == "pixels"
    assert resolve(set_values(mini_recipe, [("evaluation.inception", True)])).evaluation.main_space == "inception"


def test_a_section_that_a_recipe_leaves_out_can_be_set_field_by_field(mini_recipe: Raw) -> None:
    paths = [
        ("evaluation.sampler.eta", 0.5),
        ("stages.classifier.augmentation.cutout", 4),
        ("stages.cfd.classifier_input", "as-reference"),
    ]
    config = resolve(set_values(mini_recipe, paths))
    assert config.evaluation.sampler.eta == 0.5
    student = config.stage("cfd-2")
    assert isinstance(student, FeatureStage)
    assert student.classifier_input == "as-reference"
