"""The append-only story of one job."""

from pathlib import Path
from typing import BinaryIO

from cfd_studio.protocol.events import Event, dump_event, parse_event


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
        Complete lines that this version did not understand.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.skipped = 0

    def read(self, limit: int = 4_000_000) -> list[Event]:
        """Return the events of the next ``limit`` bytes at most; empty where there is nothing new."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._offset)
                block = stream.read(limit)
                end = block.rfind(b"\n") + 1
                while not end and len(block) == limit:  # one line longer than the limit
                    limit *= 2
                    stream.seek(self._offset)
                    block = stream.read(limit)
                    end = block.rfind(b"\n") + 1
        except OSError:
            return []
        self._offset += end
        events = [parse_event(line) for line in block[:end].splitlines()]
        understood = [event for event in events if event is not None]
        self.skipped += len(events) - len(understood)
        return understood
