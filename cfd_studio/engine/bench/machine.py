"""What is measured on: its name, and the most that it computes."""

import platform
from pathlib import Path

import torch

from cfd_studio.engine.bench.timing import interleaved
from cfd_studio.engine.passes import Passes
from cfd_studio.protocol.fast_paths import Precision

SIDES = {"cuda": 8192, "mps": 4096}  # of the square matrices; large enough that more of it is no faster
SIDE = 2048
ROUNDS = 8
PATIENCE_SECONDS = 1.0


def name_of(device: str) -> str:
    """Return what the maker calls a device."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def synchronize(device: str) -> None:
    """Wait until a device has done all that it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    elif device == "mps":
        torch.mps.synchronize()


def allocated(device: str) -> int:
    """Return the bytes that are allocated on a CUDA device; 0 on others, which do not count them."""
    return torch.cuda.memory_allocated(device) if device.startswith("cuda") else 0


def measured_peak(device: str, precision: Precision) -> float:
    """Return the most floating-point operations per second of a large matrix product: of several, the fastest.

    Parameters
    ----------
    device : str
    precision : {"float32", "tf32", "bfloat16"}
        Number format of the factors.
    """
    side = SIDES.get(torch.device(device).type, SIDE)
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    factors = torch.randn(2, side, side, generator=torch.Generator().manual_seed(0)).to(device, dtype)
    product = torch.empty_like(factors[0])

    def multiply() -> None:
        torch.mm(factors[0], factors[1], out=product)
        synchronize(device)

    with Passes(device, precision).arithmetic(), torch.no_grad():
        multiply()
        ((*times,),) = interleaved([multiply], ROUNDS, PATIENCE_SECONDS)
    return 2 * side**3 / min(times)
