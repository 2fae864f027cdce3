"""The only dispatcher: no arguments open the window, a verb goes to the command line."""

import io
import os
import sys
from pathlib import Path


def open_window(*, run: Path | None = None, demo: Path | None = None) -> int:
    """Open the window, on a run or with the demo running in the folder ``demo``; return the exit code."""
    from cfd_studio import studio

    return studio.main(run=run, demo=demo)


def main() -> None:
    """Run the program and exit with its code."""
    if getattr(sys, "frozen", False):
        from multiprocessing import freeze_support

        freeze_support()
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal cannot write must not end the program
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # How long torch's waiting threads spin before they sleep, read when torch loads. The default is for a machine that
    # does nothing else; never spinning costs small networks more than the threads gain.
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    from cfd_studio.cli.app import run_command_line

    sys.exit(run_command_line(sys.argv[1:], open_window))


if __name__ == "__main__":
    main()
