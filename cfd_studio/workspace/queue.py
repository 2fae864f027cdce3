"""Runs that wait for their turn: their order, what is asked for each, and how it went."""

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from cfd_studio.protocol.errors import printable
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.protocol.fields import Words

MOST_ENTRIES = 500
LONGEST_NAME = 200
LONGEST_SENTENCE = 4096
EntryState = Literal["waiting", "running", "interrupted", "failed", "stopped"]
# What begins as soon as it may: an interrupted run goes on from its newest checkpoint.
READY: frozenset[EntryState] = frozenset({"waiting", "interrupted"})


def _whole(path: Path) -> Path:
    if not path.is_absolute() or "\0" in str(path):
        raise ValueError("a run in the queue is named by its whole path")
    str(path).encode()  # a name that is no UTF-8 goes into no JSON file, and the error is one of values
    return path


class QueueEntry(Words):
    """One run in the queue; it leaves the queue when it is finished.

    ``not_before`` is a time of day as `time.time` counts it, 0 for as soon as its device is free. ``sentence`` says
    how the last attempt went.
    """

    id: str = Field(default_factory=lambda: uuid.uuid4().hex, pattern=r"^[0-9a-f]{32}$")
    path: Annotated[Path, AfterValidator(_whole)]
    name: str = Field("", max_length=LONGEST_NAME)
    request: ExecutionRequest = ExecutionRequest()
    state: EntryState = "waiting"
    sentence: str = Field("", max_length=LONGEST_SENTENCE)
    not_before: float = Field(0.0, ge=0, le=2**40)

    @property
    def ready(self) -> bool:
        """Whether it begins once its time has come and its device is free."""
        return self.state in READY


class Queue(Words):
    """Entries in the order in which they begin. Every change makes a new queue."""

    version: Literal[1] = 1
    entries: tuple[QueueEntry, ...] = Field((), max_length=MOST_ENTRIES)

    @model_validator(mode="after")
    def _once(self) -> "Queue":
        if any(len({getattr(entry, name) for entry in self.entries}) < len(self.entries) for name in ("id", "path")):
            raise ValueError("a run stands in the queue once")
        return self

    def find(self, id: str) -> QueueEntry | None:  # noqa: A002, it is the field's name
        """Return an entry, or None where it is gone."""
        return next((entry for entry in self.entries if entry.id == id), None)

    def of_run(self, path: Path) -> QueueEntry | None:
        """Return the entry of a run, or None."""
        return next((entry for entry in self.entries if entry.path == path), None)

    def in_state(self, *states: EntryState) -> tuple[QueueEntry, ...]:
        """Return the entries in one of these states."""
        return tuple(entry for entry in self.entries if entry.state in states)

    @property
    def ready(self) -> tuple[QueueEntry, ...]:
        """The entries that are still to begin."""
        return tuple(entry for entry in self.entries if entry.ready)

    def with_entry(self, entry: QueueEntry) -> "Queue":
        """Return the queue with an entry at its end; the one of the same run makes way."""
        others = tuple(other for other in self.entries if other.path != entry.path)
        return Queue(entries=(*others, entry))

    def without(self, *ids: str) -> "Queue":
        """Return the queue without some entries."""
        return Queue(entries=tuple(entry for entry in self.entries if entry.id not in ids))

    def changed(self, id: str, **changes: object) -> "Queue":  # noqa: A002
        """Return the queue with one entry changed; one that is gone stays gone."""
        return self._mapped(lambda entry: entry.model_copy(update=changes) if entry.id == id else entry)

    def told(self, id: str, state: EntryState, sentence: str = "") -> "Queue":  # noqa: A002
        """Return the queue with what became of an entry."""
        return self.changed(id, state=state, sentence=printable(sentence)[:LONGEST_SENTENCE])

    def moved(self, id: str, place: int) -> "Queue":  # noqa: A002
        """Return the queue with an entry at another place, counted from 0."""
        entry = self.find(id)
        if entry is None:
            return self
        others = [other for other in self.entries if other.id != id]
        others.insert(max(place, 0), entry)
        return Queue(entries=tuple(others))

    def _mapped(self, change: Callable[[QueueEntry], QueueEntry]) -> "Queue":
        return Queue(entries=tuple(change(entry) for entry in self.entries))


def next_time(hour: int, minute: int, now: float | None = None) -> float:
    """Return the next moment at which the clock shows this time."""
    now = time.time() if now is None else now
    today = time.localtime(now)
    moment = time.mktime((today.tm_year, today.tm_mon, today.tm_mday, hour, minute, 0, 0, 0, -1))
    if moment <= now:  # the day after, whose length need not be 24 hours
        moment = time.mktime((today.tm_year, today.tm_mon, today.tm_mday + 1, hour, minute, 0, 0, 0, -1))
    return moment
