"""The libraries of torch, mapped before it is imported.

An import holds the interpreter's lock while the system maps a library and runs its initialisers, which for torch's half
gigabyte is the longest time that a window beside it stands still. A call of the system's own ``dlopen`` gives the lock
back first, and the import then finds everything mapped.
"""

import ctypes
import os
import sys
from importlib.util import find_spec
from pathlib import Path


def map_libraries() -> None:
    """Map what there is to be mapped, where the system is Linux; what fails here, the import of torch says better."""
    if sys.platform != "linux" or "torch" in sys.modules:
        return
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.argtypes, dlopen.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
    # In the order and the scope in which torch loads them itself.
    for name, scope in (("libtorch_global_deps.so", os.RTLD_GLOBAL), ("libtorch_python.so", os.RTLD_LOCAL)):
        dlopen(os.fsencode(Path(spec.origin).with_name("lib") / name), os.RTLD_NOW | scope)
