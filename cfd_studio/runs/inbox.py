"""Commands for a living job: small files, dropped whole and taken once."""

import contextlib
import time
from pathlib import Path

from cfd_studio.protocol.commands import Command
from cfd_studio.runs import atomic

LARGEST_COMMAND = 4096


def drop(inbox: Path, command: Command) -> None:
    """Leave a command for the job that reads this inbox."""
    atomic.write_bytes(inbox / f"{time.time_ns():020d}-{command.id}.json", command.model_dump_json().encode())


def take(inbox: Path) -> tuple[list[Command], list[str]]:
    """Take all commands, oldest first.

    Returns
    -------
    commands : list of Command
    strangers : list of str
        Names of files that are no command; they are removed as well.
    """
    commands: list[Command] = []
    strangers: list[str] = []
    try:
        names = sorted(entry.name for entry in inbox.iterdir() if entry.name.endswith(".json") and not entry.is_dir())
    except OSError:
        return commands, strangers
    for name in names:
        if name.startswith(atomic.PARTIAL):
            continue
        path = inbox / name
        try:
            if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST_COMMAND:
                raise ValueError
            commands.append(Command.model_validate_json(path.read_bytes()))
        except (OSError, ValueError):
            strangers.append(name)
        with contextlib.suppress(OSError):  # a folder stays where it is
            path.unlink()
    return commands, strangers
