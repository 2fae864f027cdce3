"""Which devices can be offered, without asking torch."""

from pathlib import Path

_NVIDIA = Path("/proc/driver/nvidia/gpus")


def gpu_count() -> int:
    """Return how many GPUs the system lists; 0 also where it lists none of those it has."""
    try:
        return sum(1 for _ in _NVIDIA.iterdir())
    except OSError:
        return 0


def device_choices() -> list[str]:
    """Return what the device field offers; anything else may be typed."""
    return ["auto", "cpu", *(f"cuda:{index}" for index in range(max(gpu_count(), 1)))]
