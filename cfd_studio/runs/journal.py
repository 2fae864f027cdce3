"""The append-only story of one job.

A line is whole once its line feed is there; what follows the last line feed is left for later. A journal that was cut
short, emptied or replaced under the same name is noticed, and its reader starts anew. Programs that rotate logs do no
harm beyond what they take away: only ``events.jsonl`` is read, and what was moved to ``events.jsonl.1`` is no longer
part of the picture. Resuming never needs a journal.
"""

import os
from pathlib import Path
from typing import BinaryIO

from cfd_studio.protocol.events import Event, dump_event, parse_event
from cfd_studio.runs.intake import open_bounded

BLOCK = 2**20
LONGEST_LINE = 2**20
_SEAM = 256


class JournalWriter:
    """Appends events to one file; each is visible to readers when `write` returns."""

    def __init__(self, path: Path) -> None:
        self._stream: BinaryIO = path.open("ab", buffering=0)
        self._torn = not _ends_whole(path)

    def write(self, event: Event) -> None:
        """Append one line.

        Raises
        ------
        OSError
            Where it could not be written, or only in part; the next line does not run into what is there of it.
        """
        line = memoryview((b"\n" if self._torn else b"") + dump_event(event))
        while line:
            written = self._stream.write(line)  # may be fewer bytes than asked for
            if written:
                self._torn = line[written - 1] != ord("\n")
                line = line[written:]

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


class JournalReplaced(Exception):  # noqa: N818, it is news and no error
    """What was read is no longer what the file holds."""


class JournalReader:
    """Reads a journal from where it stopped the last time.

    Parameters
    ----------
    path : Path
    offset : int, optional
        Bytes that were read before.
    seam : bytes, optional
        The last of them, by which the file is known again.
    skipped : int, optional
        Lines among them that were not understood.

    Attributes
    ----------
    skipped : int
        Complete lines that this version did not understand, or that are longer than any it writes.
    """

    def __init__(self, path: Path, offset: int = 0, seam: bytes = b"", skipped: int = 0) -> None:
        self._path = path
        self._within_long_line = False
        self.offset = offset
        self.seam = seam
        self.skipped = skipped

    def read(self, limit: int = BLOCK) -> list[Event]:
        """Return the events of the next ``limit`` bytes or so; empty where there is nothing new.

        Raises
        ------
        JournalReplaced
            As `read_block`.
        """
        events: list[Event] = []
        while not events and (block := self.read_block(limit)):
            for line in block.split(b"\n")[:-1]:
                if (event := parse_event(line)) is None:
                    self.skipped += 1
                else:
                    events.append(event)
        return events

    def read_block(self, limit: int = BLOCK) -> bytes:
        """Return the next complete lines, about ``limit`` bytes; empty where there is nothing new.

        Raises
        ------
        JournalReplaced
            Where the file no longer holds what was read before.
        """
        try:
            with open_bounded(self._path) as stream:
                stream.seek(self.offset - len(self.seam))
                if stream.read(len(self.seam)) != self.seam:
                    raise JournalReplaced
                while True:
                    block = stream.read(limit)
                    if b"\n" not in block and len(block) == limit <= LONGEST_LINE:
                        block += stream.read(LONGEST_LINE + 1 - limit)
                    end = block.rfind(b"\n") + 1
                    if end:
                        if whole := self._take(block[:end]):
                            return whole
                        stream.seek(self.offset)
                    elif len(block) < limit:
                        return b""
                    elif limit < LONGEST_LINE:
                        limit *= 2
                        stream.seek(self.offset)
                    else:
                        self._within_long_line = True
                        self._pass(block)
        except OSError:
            return b""

    def _take(self, block: bytes) -> bytes:
        """Return the lines of a block that ends with one, without the end of a line that was too long."""
        self._pass(block)
        if self._within_long_line:
            self._within_long_line = False
            self.skipped += 1
            block = block[block.index(b"\n") + 1 :]
        return block

    def _pass(self, block: bytes) -> None:
        self.offset += len(block)
        self.seam = (self.seam + block[-_SEAM:])[-_SEAM:]


def _ends_whole(path: Path) -> bool:
    with open_bounded(path) as stream:
        return not stream.seek(0, os.SEEK_END) or (stream.seek(-1, os.SEEK_END), stream.read(1))[1] == b"\n"
