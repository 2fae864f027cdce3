"""Which devices can be offered, without asking torch."""

from pathlib import Path

_NVIDIA = Path("/proc/driver/nvidia/gpus")


def device_choices() -> list[str]:
    """Return what the device field offers; anything else may be typed."""
    try:
        count = sum(1 for _ in _NVIDIA.iterdir())
    except OSError:
        count = 0
    return ["auto", "cpu", *(f"cuda:{index}" for index in range(max(count, 1)))]
