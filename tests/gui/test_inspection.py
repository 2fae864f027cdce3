"""What is offered first where one image is looked at more closely."""

from pathlib import Path
from typing import Any

from cfd_studio.gui.models.inspection import MOST_ROWS, Subject, contrasts, few_step_models
from cfd_studio.gui.models.snapshot import RunSnapshot, StageSnapshot
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.sampling import ImageKey, Sampler


def _snapshot(config: RunConfig, *untrained: str) -> RunSnapshot:
    stages = {stage.id: StageSnapshot(stage.id, 0, trained=stage.id not in untrained) for stage in config.stages}
    return RunSnapshot(Path("run"), config, stages=stages)


def test_the_models_the_pairs_and_the_guidance_that_are_offered(mini_config: Any, mini_recipe: dict[str, Any]) -> None:
    config = mini_config()
    assert few_step_models(_snapshot(config)) == ["teacher", "pd-4", "pd-2", "cfd-2"]
    assert few_step_models(_snapshot(config, "pd-4", "pd-2", "cfd-2")) == ["teacher"]
    own, *borrowed = contrasts(_snapshot(config))
    assert (own.student, own.teacher, own.classifier, own.of) == ("cfd-2", "pd-4", "classifier", "cfd-2")
    assert own.matching.temperature == 0.9
    assert [(one.student, one.teacher, one.of) for one in borrowed] == [
        ("pd-4", "teacher", "cfd-2"),
        ("pd-2", "pd-4", "cfd-2"),
    ]
    assert [one.student for one in contrasts(_snapshot(config, "pd-4"))] == []
    assert contrasts(_snapshot(config, "classifier")) == []

    stages = mini_recipe["stages"]
    rivals = [stages[-1] | {"id": f"rival-{index}"} for index in range(MOST_ROWS)]
    for rival in rivals:
        rival["sampling_steps"] = [2, 1]
    crowded = few_step_models(_snapshot(mini_config(stages=stages + rivals)))
    assert crowded == ["teacher", *(f"rival-{index}-1" for index in range(MOST_ROWS))]

    stages[3]["guidance"] = 2.0
    network = mini_recipe["network"] | {"conditional": True, "label_dropout": 0.1}
    guided = mini_config(stages=stages, network=network)
    pairs = {one.student: one.guidance for one in contrasts(_snapshot(guided))}
    assert pairs == {"pd-4": 2.0, "pd-2": 1.0, "cfd-2": 1.0}
    subject = Subject(Path("run"), ImageKey(3, 4), Sampler(guidance=2.0), label=7)
    wishes = {stage.id: subject.request(guided, stage) for stage in guided.diffusion_stages()}
    assert wishes["teacher"].sampler.guidance == 2
    assert wishes["pd-4"].sampler.guidance == 1
    assert (wishes["cfd-2"].sampling_steps, wishes["cfd-2"].keys, wishes["cfd-2"].label) == (2, (ImageKey(3, 4),), 7)
    assert subject.words == "image 4 of seed 3, ddim, guidance 2, class 7"
