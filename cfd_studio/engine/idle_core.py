"""A core of the CPU that would be idle, and a thread that works there as the one that asks for it would."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch

from cfd_studio.engine.execution import available_cores


def has_idle_core() -> bool:
    """Return whether there are as many cores again as a thread like this one uses."""
    return available_cores() >= 2 * torch.get_num_threads()


def begin_helper(name: str) -> ThreadPoolExecutor:
    """Return a helper of one thread, which computes with as many threads as this one: others would round differently.

    Parameters
    ----------
    name : str
        Of its thread.
    """
    return ThreadPoolExecutor(1, name, initializer=partial(torch.set_num_threads, torch.get_num_threads()))
