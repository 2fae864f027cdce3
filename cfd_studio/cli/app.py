"""The command line: verbs, help, and how an error is said."""

import contextlib
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup

from cfd_studio import __version__
from cfd_studio.cli import (
    compare,
    demo,
    estimate,
    evaluate,
    export,
    import_checkpoint,
    options,
    presets,
    report,
    runs,
    sample,
    status,
    train,
)
from cfd_studio.engine.mishaps import explain
from cfd_studio.protocol.errors import CfdError
from cfd_studio.workspace.folders import log_folder


class _Commands(TyperGroup):
    """The commands; a file that ends early is no person who went away, which is what typer takes an EOFError for."""

    def invoke(self, context: Any) -> Any:
        """Carry out a command."""
        try:
            return super().invoke(context)
        except EOFError as error:
            raise RuntimeError(str(error) or "a file ends too early") from error


app = typer.Typer(
    name="cfd-studio",
    cls=_Commands,
    help="Train a diffusion teacher and distil it into a student that draws an image in 4, 2 or 1 network calls.\n\n"
    "Without a command the window opens. Exit codes: 0 done, 1 the job ended early, 2 bad input.",
    epilog="Start here: cfd-studio demo",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("open")(demo.open_run)
app.command("presets")(presets.presets)
app.command("options")(options.list_options)
app.command("estimate")(estimate.estimate_cost)
app.command("train")(train.train)
app.command("resume")(train.resume)
app.command("status")(status.status)
app.command("runs")(runs.runs)
app.command("sample")(sample.sample)
app.command("compare")(compare.compare)
app.command("evaluate")(evaluate.evaluate)
app.command("import")(import_checkpoint.import_checkpoint)
app.command("export")(export.export)
app.command("report")(report.report)


@app.callback(invoke_without_command=True)
def _root(context: typer.Context, version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    if version:
        typer.echo(f"CFD Studio {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        raise typer.Exit(context.obj())


def run_command_line(arguments: list[str], open_window: Callable[..., int]) -> int:
    """Carry out a command and return its exit code; whatever goes wrong becomes one sentence on stderr.

    Parameters
    ----------
    arguments : list of str
        Without the program's name.
    open_window : callable
        Opens the window; the command line does not know how.
    """
    try:
        app(arguments, prog_name="cfd-studio", obj=open_window)
    except CfdError as error:
        return _complain(str(error), error.exit_code)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except KeyboardInterrupt:
        return _complain("interrupted.", 1)
    except Exception as error:
        mishap = explain(error, "carrying out the command", "the device", "Close what else uses the memory.")
        return _complain(str(mishap) if mishap else _unexpected(error), 1)
    return 0


def _complain(sentence: str, code: int) -> int:
    with contextlib.suppress(OSError):
        print(f"cfd-studio: {sentence}", file=sys.stderr)
    return code


def _unexpected(error: Exception) -> str:
    """Keep the details of an error in a file, and return the sentence that names it."""
    said = f"an unexpected error ended the command: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
    path = log_folder() / time.strftime(f"error-%Y%m%d-%H%M%S-{os.getpid()}.txt")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:
        return f"{said}."
    return f"{said}. The details are in {path}."
