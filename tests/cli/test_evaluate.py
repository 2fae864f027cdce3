"""`cfd-studio evaluate`: one run, and several that differ only in seed."""

import json
import shutil
import statistics
from pathlib import Path
from typing import Any

import pytest

from cfd_studio.cli.app import run_command_line
from cfd_studio.cli.quality_table import QualityTable
from cfd_studio.protocol.figures import Figure
from cfd_studio.protocol.study import JudgementOverRuns, figures_over_runs
from cfd_studio.runs.folder import RunFolder


def call(*arguments: str | Path) -> int:
    return run_command_line([str(argument) for argument in arguments], lambda **_: 0)


def _sibling(run: RunFolder, folder: str, **changes: Any) -> Path:
    """Return a copy of a run that says it had another config: its weights are the same."""
    path = run.path.parent / folder
    shutil.copytree(run.path, path)
    config = json.loads((path / "config.json").read_text()) | changes
    (path / "config.json").write_text(json.dumps(config))
    return path


def test_several_runs_become_one_table_of_mean_and_spread(
    trained_run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The same weights drawn from another seed's noise: what differs is what the noise does.
    runs = [trained_run.path, *(_sibling(trained_run, f"s{seed}", seed=seed, name=f"S {seed}") for seed in (4, 5))]
    out = tmp_path / "figures.json"
    assert call("evaluate", *runs, "--own", "--json", out) == 0
    printed = capsys.readouterr().out
    content = json.loads(out.read_text())
    assert [run["seed"] for run in content["runs"]] == [3, 4, 5]
    assert [run["path"] for run in content["runs"]] == [str(run) for run in runs]
    for place, stage in enumerate(("teacher", "pd-4", "pd-2", "cfd-2")):
        over = content["over_runs"][place]
        assert (over["stage"], over["runs"]) == (stage, 3)
        for number, figure in enumerate(over["figures"]):
            values = [run["stages"][place]["judgements"][0]["figures"][number]["value"] for run in content["runs"]]
            assert figure["value"] == pytest.approx(statistics.mean(values))
            assert figure["deviation"] == pytest.approx(statistics.stdev(values))
    assert "over 3 runs" in printed
    assert printed.count(" ± ") > 4 * 6
    assert len([line for line in printed.splitlines() if line.startswith("cfd-2")]) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": 4, "prediction": "x"}, "they differ in prediction. Give runs that differ only in seed and name."),
        ({}, "has the seed 3 of "),
    ],
)
def test_other_experiments_and_copies_are_refused(
    changes: dict[str, Any], said: str, trained_run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    other = _sibling(trained_run, "other", **changes)
    assert call("evaluate", trained_run.path, other) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(f"cfd-studio: {other}: ")
    assert said in errors


def test_markdown_is_a_table_that_a_readme_can_hold(trained_run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("evaluate", trained_run.path, "--markdown", "--against", "train") == 0
    sentence, _, *table = capsys.readouterr().out.rstrip("\n").splitlines()
    assert "32 samples against the 1,442 training images" in sentence
    assert len({line.count("|") for line in table}) == 1
    assert all(line.startswith("| ") and line.endswith(" |") for line in table)
    assert [line.split(" | ")[0] for line in table[2:]] == [
        f"| {name}" for name, counts in (("teacher", 4), ("pd-4", 3), ("pd-2", 2), ("cfd-2", 2)) for _ in range(counts)
    ]


def _table(**values: float | list[float]) -> QualityTable:
    runs = max(len(value) if isinstance(value, list) else 1 for value in values.values())
    figures = figures_over_runs(
        [
            [
                Figure(
                    metric=metric,  # type: ignore[arg-type]
                    space="judge (mlp, 8 features)",
                    reference="held-out",
                    samples=10,
                    value=value[run] if isinstance(value, list) else value,
                )
                for metric, value in values.items()
            ]
            for run in range(runs)
        ]
    )
    judgement = JudgementOverRuns(stage="pd-1", sampling_steps=1, runs=runs, seconds_per_image=0.002, figures=figures)
    return QualityTable([judgement], [], "held-out", runs)


def test_cells_have_three_digits_and_the_spread_as_many_decimals(capsys: pytest.CaptureFixture[str]) -> None:
    _table(frechet=[283.0, 285.0], precision=[0.7, 0.8], recall=[0.5, 0.5]).write(markdown=True)
    assert capsys.readouterr().out.splitlines()[-1] == (
        "| pd-1 | 1 | 2 | 284 ± 1 | 0.750 ± 0.071 | 0.500 ± 0.000 | 2 |"
    )
    _table(frechet=2.7149, precision=1.0, recall=0.0).write(markdown=True)
    assert capsys.readouterr().out.splitlines()[-1] == "| pd-1 | 1 | 2 | 2.71 | 1.000 | 0.000 |"


def test_a_run_judged_before_there_was_precision_has_no_columns_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    _table(frechet=0.0123).write(markdown=True)
    assert capsys.readouterr().out.splitlines()[-1] == "| pd-1 | 1 | 2 | 0.0123 |"
