"""Fetching a published file, with progress, in a way that can be given up at any moment."""

import contextlib
import http.client
import shutil
import threading
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from cfd_studio.data.checksum import Archive, WrongSumError, check
from cfd_studio.data.source import Watch

_PIECE = 2**16
_LOOK_SECONDS = 0.1
_SILENCE_SECONDS = 30.0
_SPARE_BYTES = 2**28


def download(archive: Archive, folder: Path, watch: Watch) -> None:
    """Put a published file into a folder; it appears there whole and checked, or not at all.

    Parameters
    ----------
    archive : Archive
    folder : Path
    watch : Watch
        Asked ten times a second: a connection that hangs holds nobody up.

    Raises
    ------
    OSError
        Where no source answers or the disk is full.
    WrongSumError
        Where what came is not the published file.
    """
    failure: Exception | None = None
    for url in archive.urls:
        fetch = _Fetch(archive, url, folder)
        fetch.start()
        try:
            while fetch.is_alive():
                watch("downloading", fetch.done >> 20, fetch.total >> 20, "MB")
                fetch.join(_LOOK_SECONDS)
        finally:
            fetch.unwanted.set()
        if fetch.failure is None:
            return
        failure = fetch.failure
    assert failure is not None
    raise failure


class _Fetch(threading.Thread):
    """Fetches from one place. It may hang for a while after nobody wants it any more, and then leaves nothing behind.

    Attributes
    ----------
    done, total : int
        Bytes; the total is 0 as long as nobody said it.
    failure : Exception or None
    unwanted : threading.Event
    """

    def __init__(self, archive: Archive, url: str, folder: Path) -> None:
        super().__init__(name="cfd-download", daemon=True)
        self._archive = archive
        self._url = url
        self._folder = folder
        self.done = self.total = 0
        self.failure: Exception | None = None
        self.unwanted = threading.Event()

    def run(self) -> None:
        partial = self._folder / f".partial-{uuid.uuid4().hex}-{self._archive.name}"
        try:
            self._fetch(partial)
            check(partial, self._archive.digest, self._archive.algorithm)
            partial.replace(self._folder / self._archive.name)
        except WrongSumError as error:
            self.failure = WrongSumError(error.what, self._folder / self._archive.name, error.advice)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
            self.failure = OSError(getattr(error, "errno", None), str(reason))
        finally:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)

    def _fetch(self, partial: Path) -> None:
        request = urllib.request.Request(self._url, headers={"User-Agent": "cfd-studio"})
        with urllib.request.urlopen(request, timeout=_SILENCE_SECONDS) as answer, partial.open("wb") as stream:
            size = answer.headers.get("Content-Length") or ""
            self.total = int(size) if size.isdecimal() and len(size) < 16 else 0
            room = shutil.disk_usage(self._folder).free - _SPARE_BYTES
            while piece := answer.read(_PIECE):
                if self.unwanted.is_set():
                    raise OSError("nobody wants it any more")
                self.done += len(piece)
                if self.done > room:
                    raise OSError("the disk is nearly full")
                stream.write(piece)
