"""Folders for new runs, named after what they hold and when they were planned."""

import itertools
import re
import time
from collections.abc import Collection
from pathlib import Path


def folder_for(name: str, root: Path, shown: Path, taken: Collection[Path]) -> Path:
    """Return a folder for a run of that name: the one that is shown, where it is such a folder and not taken."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "run"
    if re.fullmatch(rf"{re.escape(slug)}-\d{{8}}-\d{{6}}(-\d+)?", shown.name) and shown not in taken:
        return shown
    first = root / f"{slug}-{time.strftime('%Y%m%d-%H%M%S')}"
    numbered = (first.with_name(f"{first.name}-{number}") for number in itertools.count(2))
    return next(path for path in itertools.chain([first], numbered) if path not in taken)
