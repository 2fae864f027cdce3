"""What was costly to compute and may be computed again: files in the user's cache, each with its digest.

Nothing depends on it: a file that is damaged, a link, or too large is as good as none, and a disk that takes nothing
makes the next time as costly as this one.
"""

import contextlib
import hashlib
from pathlib import Path

from cfd_studio.runs import atomic
from cfd_studio.runs.intake import read_bounded

MOST_BYTES = 8 * 2**30
MOST_FILES = 256
_DIGEST = 32


def recall(folder: Path, key: str, most_bytes: int = MOST_BYTES) -> bytes | None:
    """Return what was kept under a key, or None.

    Parameters
    ----------
    folder : Path
    key : str
        Hexadecimal digits: the digest of all that the content depends on.
    most_bytes : int, optional
        A larger file is as good as none.
    """
    try:
        content = read_bounded(folder / key, most_bytes)
        (folder / key).touch()  # whoever is needed goes last
    except OSError:
        return None
    digest, body = content[:_DIGEST], content[_DIGEST:]
    return body if hashlib.sha256(body).digest() == digest else None


def keep(folder: Path, key: str, content: bytes, most_bytes: int = MOST_BYTES, most_files: int = MOST_FILES) -> None:
    """Keep something whole or not at all; what was longest unused makes room, as in `prune`."""
    if len(content) + _DIGEST > most_bytes:
        return
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        atomic.write_bytes(folder / key, hashlib.sha256(content).digest(), content)
    prune(folder, key, most_bytes, most_files)


def prune(folder: Path, newest: str = "", most_bytes: int = MOST_BYTES, most_files: int = MOST_FILES) -> None:
    """Remove the files that were longest unused, until so many bytes and files are left; never the newest, if named."""
    with contextlib.suppress(OSError):
        files = [(path.lstat(), path) for path in folder.iterdir() if path.name != newest]
        files.sort(key=lambda one: one[0].st_mtime_ns, reverse=True)
        held = (folder / newest).lstat().st_size if newest else 0
        for place, (about, path) in enumerate(files, start=2 if newest else 1):
            held += about.st_size
            if held > most_bytes or place > most_files:
                with contextlib.suppress(OSError):
                    path.unlink()
