"""`cfd-studio evaluate`: one run, and several that differ only in seed."""

import gc
import json
import shutil
import statistics
import weakref
from pathlib import Path
from typing import Any

import pytest

from cfd_studio.cli.app import run_command_line
from cfd_studio.cli.quality_table import QualityTable
from cfd_studio.protocol.figures import INCEPTION_SPACE, Figure
from cfd_studio.protocol.study import JudgementOverRuns, figures_over_runs
from cfd_studio.runs.evaluations import Evaluations
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


def _rows(printed: str) -> list[list[str]]:
    lines = [line for line in printed.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_students_at_their_own_steps_stand_beside_the_teacher_with_every_step_count_and_sampler(
    trained_run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figures.json"
    arguments = ["--own", "--steps", "4,2,1", "--sampler", "ddim,dpm-solver++", "--samples", "16", "--json", out]
    assert call("evaluate", trained_run.path, "--markdown", *arguments) == 0
    heading, _, *rows, floor = _rows(capsys.readouterr().out)
    assert heading[:4] == ["model", "steps", "sampler", "ms per image"]
    assert [tuple(row[:3]) for row in rows] == [
        *(("teacher", steps, "ddim") for steps in "421"),
        *(("teacher", steps, "dpm-solver++") for steps in "421"),
        ("pd-4", "4", "ddim"),
        ("pd-2", "2", "ddim"),
        ("cfd-2", "2", "ddim"),
    ]
    assert floor[:3] == ["real images", "", ""]
    teacher = json.loads(out.read_text())[0]
    assert [one["sampler"] for one in teacher["judgements"]] == ["ddim"] * 3 + ["dpm-solver++"] * 3
    assert {figure["samples"] for one in teacher["judgements"] for figure in one["figures"]} == {16}
    assert {figure["name"] for figure in teacher["floor"]} == {"Fréchet", "precision", "recall"}


def test_one_model_at_the_steps_it_can_do(trained_run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("evaluate", trained_run.path, "--markdown", "--stage", "pd-4, cfd-2", "--steps", "4,2") == 0
    heading, _, *rows, _ = _rows(capsys.readouterr().out)
    assert heading[:3] == ["model", "steps", "ms per image"]  # no column for one sampler
    assert [tuple(row[:2]) for row in rows] == [("pd-4", "4"), ("pd-4", "2"), ("cfd-2", "2")]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--stage", "judge"], "the run has no model 'judge'. It has teacher, pd-4, pd-2, cfd-2."),
        (["--stage", "pd-2", "--steps", "8,4"], "no model can draw with 8 or 4 steps"),
        (["--steps", "0"], "--steps: '0' is no list of step counts"),
        (["--sampler", "euler"], "--sampler: "),
        (["--eta", "2"], "--eta: "),
        (["--guidance", "3"], "evaluation.sampler.guidance: only a class-conditional network can be guided"),
        (["--samples", "3"], "evaluation.samples: "),
        (["--inception-file", "missing.pth"], "missing.pth: cannot be read"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_is_drawn(
    options: list[str], said: str, trained_run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("evaluate", trained_run.path, *options) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_a_training_that_inception_is_to_judge_says_at_once_that_its_file_is_none(
    mini_run: Any, mini_recipe: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = mini_run(evaluation=mini_recipe["evaluation"] | {"inception": True})
    assert call("resume", run.path, "--threads", "1", "--device", "cpu", "--inception-file", tmp_path / "none.pth") == 2
    assert "none.pth: cannot be read (No such file or directory)" in capsys.readouterr().err
    assert not run.weights("judge").exists()


def test_what_was_drawn_for_a_command_that_was_stopped_is_kept_and_then_removed(
    trained_run: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cfd_studio.engine.jury import Jury
    from cfd_studio.workspace.folders import samples_folder

    judge = Jury.judge

    def stopped(jury: Jury, stage: Any, *arguments: Any, **more: Any) -> Any:
        if stage.id == "pd-2":
            raise KeyboardInterrupt
        return judge(jury, stage, *arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Jury, "judge", stopped)
        assert call("evaluate", trained_run.path, "--own") != 0
    assert len([path for path in samples_folder().iterdir() if path.suffix != ".lock"]) == 2
    assert call("evaluate", trained_run.path, "--own") == 0
    assert list(samples_folder().iterdir()) == []


def test_one_run_at_a_time_is_in_memory_and_nothing_drawn_is_left_behind(
    trained_run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cfd_studio.engine.jury import Jury
    from cfd_studio.workspace.folders import samples_folder

    juries: weakref.WeakSet[Jury] = weakref.WeakSet()
    alive: list[int] = []
    begin = Jury.__init__

    def counted(jury: Jury, *arguments: Any, **options: Any) -> None:
        gc.collect()
        alive.append(len(juries))
        juries.add(jury)
        begin(jury, *arguments, **options)

    monkeypatch.setattr(Jury, "__init__", counted)
    other = _sibling(trained_run, "other", seed=4)
    assert call("evaluate", trained_run.path, other, "--stage", "cfd-2", "--own") == 0
    assert alive == [0, 0]
    assert list(samples_folder().iterdir()) == []


def _seen_by_inception(samples: int, real: int, reference: str = "train") -> QualityTable:
    about: dict[str, Any] = {"space": INCEPTION_SPACE, "samples": samples, "reference_samples": real}
    figures = [
        Figure(metric="frechet", reference=reference, value=3.0, **about),
        Figure(metric="kid", reference=reference, value=0.00123, **about),
        Figure(metric="inception-score", reference="", value=9.123, **about),
        Figure(metric="recall", space="pixels", reference=reference, samples=samples, value=0.5),
    ]
    over = figures_over_runs([figures])
    judgement = JudgementOverRuns(stage="cfd-4", sampling_steps=4, runs=1, seconds_per_image=0.002, figures=over)
    return QualityTable([judgement], [], reference, 1)


def test_fid_is_called_so_only_with_the_published_counts(capsys: pytest.CaptureFixture[str]) -> None:
    _seen_by_inception(50_000, 50_000).write(markdown=True)
    sentence, *_ = capsys.readouterr().out.splitlines()
    assert "50,000 samples against the 50,000 training images" in sentence
    assert "proxy" not in sentence
    _seen_by_inception(50_000, 50_000).write(markdown=True)
    heading, _, row = _rows(capsys.readouterr().out)
    assert heading[3:] == ["FID", "inception KID", "inception Inception score", "pixels recall"]
    assert row[3:] == ["3.00", "0.00123", "9.12", "0.500"]
    for samples, real, reference in ((10_000, 50_000, "train"), (50_000, 10_000, "held-out")):
        table = _seen_by_inception(samples, real, reference)
        table.write(markdown=True)
        printed = capsys.readouterr().out
        assert "the proxy is not comparable with it" in printed
        assert _rows(printed)[0][3] == f"FID proxy, {samples:,} against {real:,}"


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


def test_figures_are_kept_in_the_run_on_request_and_a_report_shows_them(trained_run: RunFolder, tmp_path: Path) -> None:
    assert call("evaluate", trained_run.path, "--stage", "cfd-2", "--own", "--samples", "16") == 0
    assert trained_run.evaluations() == []
    assert call("evaluate", trained_run.path, "--stage", "cfd-2", "--own", "--samples", "16", "--keep") == 0
    evaluations = Evaluations(trained_run)
    evaluations.refresh()
    quality = evaluations.joined("cfd-2", trained_run.quality("cfd-2"))
    assert quality is not None
    assert [one.way for one in quality.judgements] == [(2, "ddim", 32), (1, "ddim", 32), (2, "ddim", 16)]
    assert call("report", trained_run.path, "--out", tmp_path / "report.html") == 0
    assert "<td>16, ddim</td>" in (tmp_path / "report.html").read_text()
