"""The append-only story of one job."""

from pathlib import Path
from typing import BinaryIO

from cfd_studio.protocol.events import Event, dump_event, parse_event
from cfd_studio.runs.intake import open_bounded

LONGEST_LINE = 2**20
_PIECES = 64  # of a line too long that are passed over in one go


class JournalWriter:
    """Appends events to one file; each is visible to readers when `write` returns."""

    def __init__(self, path: Path) -> None:
        self._stream: BinaryIO = path.open("ab", buffering=0)

    def write(self, event: Event) -> None:
        """Append one line."""
        self._stream.write(dump_event(event))

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


class JournalReader:
    """Reads a journal from where it stopped the last time; a line without its end is left for later.

    Attributes
    ----------
    skipped : int
        Complete lines that this version did not understand, or that were too long to be an event.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._in_long_line = False
        self.skipped = 0

    def read(self, limit: int = 4_000_000) -> list[Event]:
        """Return the events of the next ``limit`` bytes, more or less; empty where there is nothing new.

        A line longer than 1 MiB is no event: it is passed over in pieces and never held in memory.
        """
        try:
            with open_bounded(self._path) as stream:
                stream.seek(self._offset)
                for _ in range(_PIECES):
                    block = stream.read(limit)
                    if b"\n" not in block and len(block) == limit <= LONGEST_LINE:
                        block += stream.read(LONGEST_LINE + 1 - limit)
                    end = block.rfind(b"\n") + 1
                    if end or len(block) <= LONGEST_LINE:
                        break
                    self._offset += len(block)
                    self._in_long_line = True
        except OSError:
            return []
        self._offset += end
        lines = block[:end].splitlines()
        if lines and self._in_long_line:
            self._in_long_line, lines[0] = False, b""  # the end of a line that was passed over
        events = [parse_event(line) if len(line) <= LONGEST_LINE else None for line in lines]
        understood = [event for event in events if event is not None]
        self.skipped += len(events) - len(understood)
        return understood
