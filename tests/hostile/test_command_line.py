"""Hostile run folders and files, given to every verb: one sentence, exit code 2, and nothing happens outside."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfd_studio.cli.app import run_command_line
from cfd_studio.protocol.events import JobStarted, Logged, LossLogged, dump_event
from cfd_studio.runs.folder import RunFolder

VERBS: dict[str, list[str]] = {
    "open": ["open", "{run}"],
    "status": ["status", "{run}"],
    "resume": ["resume", "{run}", "--device", "cpu", "--threads", "1"],
    "sample": ["sample", "{run}", "--stage", "pd-4", "--out", "{tmp}/x.npz", "--count", "2", "--device", "cpu"],
    "compare": ["compare", "{run}", "--stages", "pd-4", "--out", "{tmp}/x.png", "--count", "2", "--device", "cpu"],
    "evaluate": ["evaluate", "{run}", "--json", "{tmp}/x.json", "--device", "cpu"],
    "demo": ["demo", "--headless", "--run", "{run}"],
}


def _call(verb: str, run: Path, tmp: Path) -> int:
    from cfd_studio.runs.mirror import RunMirror

    def window(*, run: Path) -> int:  # what the window reads when it opens a run
        return int(not RunMirror(RunFolder.open(run)).refresh())

    return run_command_line([part.format(run=run, tmp=tmp) for part in VERBS[verb]], window)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _unreadable(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00[" * 100)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _link(path: Path) -> None:
    shutil.copy(path, path.parent.parent / "copy")
    path.unlink()
    path.symlink_to(path.parent.parent / "copy")


HARM: dict[str, Callable[[Path], None]] = {"folder": _folder, "bytes": _unreadable, "pipe": _pipe, "link": _link}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("verb", VERBS)
def test_a_run_whose_config_was_harmed_is_one_sentence(
    verb: str, harm: str, trained_run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    HARM[harm](trained_run.path / "config.json")
    assert _call(verb, trained_run.path, tmp_path) == 2
    said = capsys.readouterr().err.strip()
    assert "config.json" in said or "no run folder" in said
    assert len([line for line in said.splitlines() if line.startswith("cfd-studio: ")]) == 1
    assert "Traceback" not in said


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("verb", "harm"), [*(("sample", harm) for harm in HARM), ("compare", "bytes"), ("evaluate", "bytes")]
)
def test_weights_that_were_harmed_are_one_sentence(
    verb: str, harm: str, trained_run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    HARM[harm](trained_run.weights("pd-4"))
    assert _call(verb, trained_run.path, tmp_path) == 2
    said = capsys.readouterr().err.strip()
    assert "weights.safetensors" in said
    assert "Traceback" not in said
    assert not list(tmp_path.glob("x.*"))


@pytest.mark.parametrize(
    "harm", ["bytes", *(pytest.param(harm, marks=pytest.mark.slow) for harm in ("folder", "pipe", "link"))]
)
def test_a_resume_on_a_harmed_checkpoint_fails_with_the_sentence_and_the_advice_helps(
    harm: str, trained_run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from cfd_studio.engine.checkpoint import checkpoints

    stage = trained_run.stage("cfd-2")
    shutil.copy(trained_run.weights("cfd-2"), tmp_path / "before")
    trained_run.weights("cfd-2").unlink()
    newest = checkpoints(stage)[-1]
    HARM[harm](newest / "state.pt")
    assert _call("resume", trained_run.path, tmp_path) == 2
    said = capsys.readouterr().err
    assert f"Delete the folder {newest.name} and resume" in " ".join(said.split())
    assert "Traceback" not in said
    shutil.rmtree(newest)
    assert _call("resume", trained_run.path, tmp_path) == 0
    assert trained_run.weights("cfd-2").read_bytes() == (tmp_path / "before").read_bytes()


def test_a_journal_of_lies_is_shown_without_a_stumble(
    trained_run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loss = json.loads(
        dump_event(LossLogged(stage="pd-4", step=1, loss=1, gradient_norm=1, learning_rate=1, images_per_second=1))
    )
    lies: list[dict[str, Any]] = [
        loss | {"step": 10**400}, loss | {"step": -1}, loss | {"time": 1e300}, loss | {"time": "NaN"},
        loss | {"terms": {f"t{n}": 1.0 for n in range(1000)}}, loss | {"loss": "Infinity"}, loss | {"stage": "../../x"},
        *(loss | {"step": n, "terms": {f"t{n}-{k}": 1.0 for k in range(16)}} for n in range(200)),
    ]  # fmt: skip
    lies += [{"kind": "checkpoint", "stage": "pd-4", "step": step} for step in (3, 1, 10**30, 2, 2)]
    with trained_run.jobs()[-1].journal.open("ab") as journal:
        journal.write(dump_event(JobStarted(job=2, device="$(rm -rf /)")) + dump_event(Logged(text="\x1b[2J[bold]")))
        journal.writelines(json.dumps(lie).encode() + b"\n" for lie in lies)
    assert _call("status", trained_run.path, tmp_path) == 0
    assert _call("open", trained_run.path, tmp_path) == 0
    from cfd_studio.runs.mirror import MOST_TERMS, RunMirror

    mirror = RunMirror(trained_run)
    mirror.refresh()
    assert len(mirror.stages["pd-4"].terms) <= MOST_TERMS
    assert mirror.skipped >= 5


@pytest.mark.slow
def test_names_that_no_terminal_can_take_are_spelt_out(tmp_path: Path, mini_config: Callable[..., Any]) -> None:
    """Through a real process, whose output has the strictest encoding there is."""
    root = Path(os.fsdecode(bytes(tmp_path / "runs") + b"\xff\x1b[2J"))
    RunFolder.create(root / "one", mini_config(name="a \x1b[2J \u202e name"))
    (root / "two").mkdir()
    (root / "two" / "run.json").write_text("{}")
    environment = os.environ | {"PYTHONIOENCODING": "ascii:strict", "COLUMNS": "300"}
    for arguments in (["runs", root], ["status", root / "one"], ["status", root / "two"], ["train", root / "x.json"]):
        done = subprocess.run(
            [sys.executable, "-m", "cfd_studio", *arguments, *(["--run", root] if arguments[0] == "train" else [])],
            capture_output=True, timeout=100, check=False, env=environment,
        )  # fmt: skip
        assert b"Traceback" not in done.stderr, done.stderr
        assert b"\x1b" not in done.stdout + done.stderr
        assert done.returncode in (0, 2)


@pytest.mark.parametrize(
    "setting",
    [
        "seed=1e400", "seed=NaN", "seed=" + "9" * 4301, "name=\ud800", "name=\x1b[2J" + "x" * 100, "stages=[]",
        "stages.teacher.id=../x", "stages.cfd.parent=/etc", "network.multipliers=[" + "9" * 4299 + "]",
        "stages." + "9" * 5000 + ".id=x", "stages.pd.sampling_steps=" + str([4] * 100_000), "a" * 100_000 + "=1",
        "evaluation.sampling_steps=[" + "9" * 4300 + "]", "network.channels=" + "[" * 100_000, "a." * 5000 + "a=1",
    ],
    ids=range(15),
)  # fmt: skip
def test_a_hostile_value_is_a_sentence(
    setting: str, tmp_path: Path, mini_recipe: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.json").write_text(json.dumps(mini_recipe))
    arguments = ["train", str(tmp_path / "r.json"), "--run", str(tmp_path / "new"), "--set", setting]
    code = run_command_line(arguments, _call)
    said = capsys.readouterr().err
    assert code == 2
    assert said.startswith("cfd-studio: ")
    assert "Traceback" not in said
    assert len(said) < 5000
    assert all(line.isprintable() for line in said.splitlines())
    assert not (tmp_path / "new").exists()
