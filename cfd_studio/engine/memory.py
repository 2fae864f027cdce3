"""Memory that the next step will ask for again stays with the process instead of going back and forth."""

import contextlib
import ctypes
from typing import Any

# Of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
KEPT = 2**30  # bytes; what is freed beyond this goes back at once


def keep_freed_memory() -> None:
    """Let glibc keep what is freed, in this process and from now on; elsewhere do nothing.

    A training step allocates on the CPU what the step before it freed. By default glibc hands most of that back to the
    system in between, which then clears every page anew.
    """
    if glibc := _glibc():
        glibc.mallopt(_TRIM_THRESHOLD, KEPT)
        glibc.mallopt(_MMAP_THRESHOLD, KEPT)


def return_freed_memory() -> None:
    """Give back what was kept; nobody will ask for it soon."""
    if glibc := _glibc():
        glibc.malloc_trim(0)


def _glibc() -> Any:
    """Return the C library where it is GNU's; other allocators have no such habits, or no such switches."""
    with contextlib.suppress(OSError, TypeError, AttributeError):  # none, Windows, another one
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018
        return library
    return None
