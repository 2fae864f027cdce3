"""The command line: who carries it out, and how an error is said.

Nothing is imported before it is wanted: neither typer where a window is, nor anything of a verb that is not asked for.
"""

import contextlib
import os
import sys
import time
from collections.abc import Callable

from cfd_studio.protocol.errors import CfdError


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
        return _carry_out(arguments, open_window)
    except CfdError as error:
        return _complain(str(error), error.exit_code)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except KeyboardInterrupt:
        return _complain("interrupted.", 1)
    except Exception as error:
        from cfd_studio.engine.mishaps import explain

        mishap = explain(error, "carrying out the command", "the device", "Close what else uses the memory.")
        return _complain(str(mishap) if mishap else _unexpected(error), 1)


def _carry_out(arguments: list[str], open_window: Callable[..., int]) -> int:
    if not arguments:
        return open_window()
    if arguments[0] == "bench":  # also where the packages are missing that other commands need
        from cfd_studio.cli.bench import main

        return main(arguments[1:])
    from cfd_studio.cli.parser import app

    app(arguments, prog_name="cfd-studio", obj=open_window)
    return 0


def _complain(sentence: str, code: int) -> int:
    with contextlib.suppress(OSError):
        print(f"cfd-studio: {sentence}", file=sys.stderr)
    return code


def _unexpected(error: Exception) -> str:
    """Keep the details of an error in a file, and return the sentence that names it."""
    import traceback

    from cfd_studio.workspace.folders import log_folder

    said = f"an unexpected error ended the command: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
    path = log_folder() / time.strftime(f"error-%Y%m%d-%H%M%S-{os.getpid()}.txt")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:
        return f"{said}."
    return f"{said}. The details are in {path}."
