"""The preset behind the README's table compares like with like, and runs through to its end."""

import json
from pathlib import Path

import pytest

from cfd_studio.cli.app import run_command_line
from cfd_studio.cli.recipes import read_config
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.stages import FeatureStage, ProgressiveStage
from cfd_studio.runs.folder import RunFolder


@pytest.fixture
def study() -> RunConfig:
    return read_config("digits-study", [])


def test_it_shares_teacher_classifiers_and_the_way_of_pd_with_the_demo(study: RunConfig) -> None:
    demo = read_config("digits", [])
    for name in ("judge", "classifier", "teacher", "pd-16", "pd-8", "pd-4", "pd-2", "pd-1"):
        stage, other = study.stage(name), demo.stage(name)
        assert stage.optimization is not None
        assert stage.steps >= other.steps  # the demo is not to take long
        shorter = stage.optimization.model_copy(update={"steps": other.steps})
        assert stage.model_copy(update={"optimization": shorter}) == other
    for part in ("data", "schedule", "prediction", "network", "evaluation"):
        assert getattr(study, part) == getattr(demo, part)


@pytest.mark.parametrize(
    ("parent", "students"),
    [
        ("pd-16", ["pd-8", "cfd-8", "anchored-8"]),
        ("pd-4", ["pd-2", "cfd-pd-2", "anchored-pd-2"]),
        ("pd-2", ["pd-1", "cfd-pd-1", "anchored-pd-1"]),
    ],
)
def test_rivals_have_one_parent_and_one_training(study: RunConfig, parent: str, students: list[str]) -> None:
    pd, cfd, anchored = (study.stage(name) for name in students)
    assert pd.parent == cfd.parent == anchored.parent == parent
    assert pd.optimization == cfd.optimization == anchored.optimization
    assert isinstance(pd, ProgressiveStage)
    assert isinstance(cfd, FeatureStage)
    assert isinstance(anchored, FeatureStage)
    assert (cfd.temperature, cfd.anchor_weight) == (0.9, 0.0)  # as published
    assert anchored.anchor_weight > 0
    only_the_anchor = {"id": cfd.id, "anchor_weight": 0.0}
    assert anchored.model_copy(update=only_the_anchor) == cfd


def test_the_chains_go_from_sixteen_to_one_with_the_settings_of_their_first_student(study: RunConfig) -> None:
    for chain in ("pd", "cfd", "anchored"):
        parent = "pd-16"
        first = study.stage(f"{chain}-8")
        for steps in (8, 4, 2, 1):
            own = {"id": f"{chain}-{steps}", "parent": parent, "sampling_steps": steps}
            assert study.stage(own["id"]) == first.model_copy(update=own)  # type: ignore[arg-type]
            parent = f"{chain}-{steps}"


@pytest.mark.slow
def test_a_shortened_study_of_two_seeds_runs_through_to_its_table(
    tmp_path: Path, study: RunConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    short = ["--set", "stages.teacher.optimization.warmup_steps=0", "--set", "evaluation.samples=64"]
    recipe_ids = ["judge", "classifier", "teacher", "pd", "cfd", "anchored"]
    recipe_ids += [f"{method}-pd-{steps}" for method in ("cfd", "anchored") for steps in (2, 1)]
    for stage in recipe_ids:
        short += ["--set", f"stages.{stage}.optimization.steps=2"]
    runs = [str(tmp_path / f"seed-{seed}") for seed in (0, 1)]
    for seed, run in enumerate(runs):
        arguments = ["train", "digits-study", "--run", run, "--set", f"seed={seed}", "--threads", "1", *short]
        assert run_command_line(arguments, lambda **_: 0) == 0
    assert all(RunFolder(Path(runs[0])).weights(stage.id).exists() for stage in study.stages)
    capsys.readouterr()
    out = tmp_path / "study.json"
    assert run_command_line(["evaluate", *runs, "--own", "--markdown", "--json", str(out)], lambda **_: 0) == 0
    judged = json.loads(out.read_text())["over_runs"]
    assert [one["stage"] for one in judged] == [stage.id for stage in study.diffusion_stages()]
    assert {one["runs"] for one in judged} == {2}
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + len(judged) + 1
