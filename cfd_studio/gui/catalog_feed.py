"""Keeps the list of runs current from a thread of its own."""

import logging
import threading
from pathlib import Path

from cfd_studio.runs.catalog import RunSummary, list_runs, summarize
from cfd_studio.runs.pulse import Pulse

POLL_SECONDS = 2.0
_LOG = logging.getLogger(__name__)


class CatalogFeed:
    """Lists the runs below a folder, and those opened elsewhere.

    Parameters
    ----------
    root : Path
    opened : tuple of Path
        Run folders outside of it; those that are gone are left out.
    """

    def __init__(self, root: Path, opened: tuple[Path, ...] = ()) -> None:
        self._root = root
        self._opened = opened
        self._lock = threading.Lock()
        self._pulse = Pulse()
        self._newest: list[RunSummary] | None = None
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._follow, name="cfd-catalog", daemon=True)
        self._thread.start()

    def take(self) -> list[RunSummary] | None:
        """Return the newest list, or None where nothing changed since the last call."""
        with self._lock:
            newest, self._newest = self._newest, None
        return newest

    def watch(self, opened: tuple[Path, ...]) -> None:
        """Choose the run folders outside the root, and list at once."""
        self._opened = opened
        self._wake.set()

    def nudge(self) -> None:
        """List at once."""
        self._wake.set()

    def close(self) -> None:
        """End the thread."""
        self._closing = True
        self._wake.set()
        self._thread.join(10)

    def _follow(self) -> None:
        seen: list[RunSummary] | None = None
        while not self._closing:
            try:
                runs = self._list()
            except Exception:
                _LOG.exception("listing the runs failed")
                runs = seen or []
            if runs != seen:
                seen = runs
                with self._lock:
                    self._newest = list(runs)
            self._wake.wait(POLL_SECONDS)
            self._wake.clear()

    def _list(self) -> list[RunSummary]:
        runs = list_runs(self._root, self._pulse)
        listed = {run.path for run in runs}
        others = [path for path in self._opened if path not in listed and (path / "run.json").is_file()]
        elsewhere = [summarize(path, self._pulse) for path in others]
        return sorted([*runs, *elsewhere], key=lambda run: run.begun, reverse=True)
