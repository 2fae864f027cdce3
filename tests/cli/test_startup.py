"""The command line answers at once: nothing is imported that its answer does not need."""

import inspect
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cfd_studio.cli.app import run_command_line
from cfd_studio.cli.verbs import VERBS

ROOT = Path(__file__).parents[2]
_HEAVY = (
    "torch",
    "numpy",
    "pydantic",
    "rich",
    "PySide6",
    "cfd_studio.engine",
    "cfd_studio.runs",
    "cfd_studio.protocol.config",
)
_COMMAND = """
import json, sys
from cfd_studio.cli.app import run_command_line
run_command_line(sys.argv[1:], print)
print()
print(json.dumps(sorted(sys.modules)))
"""


def _modules(*arguments: str) -> set[str]:
    """Return what a command has imported when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", _COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_what_asks_for_no_verb_imports_none(option: str) -> None:
    places = {f"cfd_studio.cli.{verb.place.partition(':')[0]}" for verb in VERBS.values()}
    assert not _modules(option) & {*_HEAVY, *places}


def test_the_window_is_opened_without_a_parser() -> None:
    assert not _modules() & {*_HEAVY, "typer", "cfd_studio.cli.parser"}


def test_listing_presets_needs_no_arrays_and_no_torch() -> None:
    assert not _modules("presets") & {"torch", "numpy", "cfd_studio.cli.train"}


@pytest.mark.parametrize("name", VERBS)
def test_the_listing_says_what_the_command_says_of_itself(name: str) -> None:
    documented = inspect.getdoc(VERBS[name].load())
    assert documented is not None
    assert VERBS[name].summary == " ".join(documented.partition("\n\n")[0].split())


def test_a_verb_that_there_is_not_is_likened_to_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["trian"], print) == 2
    assert "Did you mean 'train'?" in capsys.readouterr().err


def test_each_verb_shows_its_own_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name, verb in VERBS.items():
        assert run_command_line([name, "-h"], print) == 0
        said = capsys.readouterr().out
        assert said.casefold().startswith(f"usage: cfd-studio {name} ")
        assert verb.summary in " ".join(said.split())


def _seconds(code: str, *arguments: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, timeout=60, check=True, cwd=ROOT)
    return time.perf_counter() - begun


@pytest.mark.slow
def test_the_help_costs_little_more_than_typer_itself() -> None:
    """Measured: 0.9 to 1.2 times as long as ``import typer`` alone; it was 5 to 10 times with all verbs imported."""
    ours, bare = "import runpy; runpy.run_module('cfd_studio', run_name='__main__')", "import typer"
    pairs = [(_seconds(ours, "--help"), _seconds(bare)) for _ in range(9)]
    assert statistics.median(one / other for one, other in pairs) < 2.5
