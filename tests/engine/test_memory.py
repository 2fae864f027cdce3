"""What a step frees is there for the next one."""

import ctypes
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, threading
from cfd_studio.engine.memory import keep_freed_memory

def step():
    held = [bytearray(b"1") * 300_000 for _ in range(20)]

def count():
    for _ in range(5):
        step()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        step()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

for _ in range(2):
    worker = threading.Thread(target=count)
    worker.start()
    worker.join()
    keep_freed_memory()
"""


def has_glibc() -> bool:
    try:
        return hasattr(ctypes.CDLL(None), "gnu_get_libc_version")
    except (OSError, TypeError):
        return False


@pytest.mark.skipif(not has_glibc(), reason="only glibc's malloc has the switch")
def test_steps_of_a_job_do_not_ask_the_system_for_the_same_memory_again_and_again() -> None:
    told = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    before, after = map(int, told.stdout.split())
    assert before > 10_000, "the test would see no difference"
    assert after < before / 20
