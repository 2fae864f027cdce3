"""Commands for a living job: small files, dropped whole and taken once, in the order they were dropped."""

import os
import re
import time
from pathlib import Path

from cfd_studio.protocol.commands import Command
from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs import atomic
from cfd_studio.runs.intake import read_bounded

LARGEST_COMMAND = 4096
TAKEN_AT_ONCE = 100
LISTED_AT_ONCE = 2000
_NUMBER = re.compile(r"([0-9]+)-")


def drop(inbox: Path, command: Command) -> None:
    """Leave a command for the job that reads this inbox, behind those that lie there.

    Raises
    ------
    CfdError
        Where the inbox is a link.
    OSError
        Where it cannot be written.
    """
    if inbox.is_symlink():
        raise CfdError("is a link, and no command leaves its run", where=str(inbox), advice="Remove the link.")
    newest = max((_number(name) for name in os.listdir(inbox)), default=0)  # noqa: PTH208, names are enough
    number = max(time.time_ns(), newest + 1)  # where the clock was set back, a later command must not overtake
    atomic.write_bytes(inbox / f"{number:020d}-{command.id}.json", command.model_dump_json().encode())


class Inbox:
    """The job's side of the folder. A look costs about a millisecond, however much lies there.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: list[str] = []
        self._looks_to_pass = 0
        self._stuck: set[str] = set()

    def take(self) -> tuple[list[Command], list[str]]:
        """Take commands, oldest first: all of them, or some where a flood of files lies there.

        Returns
        -------
        commands : list of Command
        strangers : list of str
            Names of files that are no command; they are removed as well.
        """
        commands: list[Command] = []
        strangers: list[str] = []
        self._waiting = self._waiting or self._list()
        taken, self._waiting = self._waiting[:TAKEN_AT_ONCE], self._waiting[TAKEN_AT_ONCE:]
        for name in taken:
            path = self._folder / name
            try:
                commands.append(Command.model_validate_json(read_bounded(path, LARGEST_COMMAND)))
            except FileNotFoundError:
                continue
            except (OSError, ValueError):
                strangers.append(name)
            try:
                path.unlink()
            except OSError:  # what cannot be removed is taken once all the same
                self._stuck.add(name)
        return commands, strangers

    def _list(self) -> list[str]:
        """Return the names of what may be commands, oldest first; a long list is made the more rarely."""
        if self._looks_to_pass:
            self._looks_to_pass -= 1
            return []
        try:
            if self._folder.is_symlink():
                return []
            with os.scandir(self._folder) as entries:
                found = list(entries)
        except OSError:
            return []
        self._looks_to_pass = len(found) // LISTED_AT_ONCE
        names = [
            entry.name
            for entry in found
            if entry.name.endswith(".json")
            and not entry.name.startswith(atomic.PARTIAL)
            and not entry.is_dir(follow_symlinks=False)
            and entry.name not in self._stuck
        ]
        return sorted(names, key=lambda name: (_number(name), name))


def _number(name: str) -> int:
    found = _NUMBER.match(name)
    return int(found[1]) if found else 0
