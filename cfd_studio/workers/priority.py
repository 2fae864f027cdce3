"""Niceness of one thread, so that a window beside a busy one stays smooth."""

import contextlib
import os
import sys
import threading

BACKGROUND_NICENESS = 10


def lower_priority(niceness: int = BACKGROUND_NICENESS) -> None:
    """Give the calling thread, and the threads that it starts, less of a busy processor; only Linux can."""
    if sys.platform == "linux" and niceness:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
