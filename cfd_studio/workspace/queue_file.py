"""The queue on the disk: one small JSON file, kept by one window at a time."""

from pathlib import Path

from filelock import FileLock, Timeout

from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs import notes
from cfd_studio.workspace.folders import data_folder
from cfd_studio.workspace.queue import Queue

LARGEST_QUEUE = 16 * 2**20  # of as many entries as it takes, with the longest of all texts


def queue_file() -> Path:
    """Return where the queue lies: beside the runs, for it must not be lost."""
    return data_folder() / "queue.json"


class QueueFile:
    """Reads and writes the queue.

    Parameters
    ----------
    path : Path, optional
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or queue_file()
        # Taken on one thread and given back on another.
        self._lock = FileLock(self._path.with_name(f".{self._path.name}.lock"), timeout=0, thread_local=False)

    def open(self) -> Queue:
        """Take the queue and return it; a damaged file is kept aside.

        Raises
        ------
        CfdError
            Where another window keeps it, or its folder cannot be written.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise CfdError(
                "The queue is kept by another window of CFD Studio",
                advice="Add runs there; once it is closed, this one takes over.",
            ) from None
        except OSError as error:
            raise CfdError(
                f"the queue cannot be kept ({error.strerror or error})",
                where=str(self._path),
                advice="Runs can be started all the same.",
            ) from None
        return notes.read_or_begin(self._path, Queue, largest=LARGEST_QUEUE)

    def save(self, queue: Queue) -> None:
        """Write the queue whole.

        Raises
        ------
        CfdError
            Where it cannot be written; what the file held before stays.
        """
        try:
            notes.write(self._path, queue)
        except OSError as error:
            raise CfdError(
                f"the queue cannot be written ({error.strerror or error})",
                where=str(self._path),
                advice="It goes on, but the next start of the program may not know of it.",
            ) from None

    def close(self) -> None:
        """Give the queue back to whoever opens it next."""
        self._lock.release()
