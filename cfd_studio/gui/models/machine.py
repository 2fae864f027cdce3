"""What the machine of a job is doing, as meters."""

from collections.abc import Iterator

from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.widgets.meters import MeterContent
from cfd_studio.runs.status import Meters

_GIBIBYTE = 2**30


def machine_meters(snapshot: RunSnapshot) -> list[MeterContent]:
    """Return what is known while a job is at work; nothing otherwise."""
    if not snapshot.active:
        return []
    found = [*_speed(snapshot)]
    if snapshot.status is not None and snapshot.status.meters is not None:
        found += _in_use(snapshot.status.meters)
    return found


def _speed(snapshot: RunSnapshot) -> Iterator[MeterContent]:
    stage = snapshot.stages.get(snapshot.current_stage or "")
    if stage is not None and stage.state == "training" and stage.images_per_second:
        tip = f"Training images per second of stage {stage.id}"
        yield MeterContent("Images/s", f"{stage.images_per_second:,.0f}", tip=tip)


def _in_use(meters: Meters) -> Iterator[MeterContent]:
    yield from _load("Device", meters.device_load, "How busy the device that trains is, with all programs together")
    device = "Memory of the device in use by all programs together"
    yield from _memory("Device memory", meters.device_memory, meters.device_memory_total, device)
    yield from _load("CPU", meters.host_load, "How busy the processor is with all programs together")
    ours = f", {_gibibytes(meters.job_memory)} GiB of it by this job" if meters.job_memory is not None else ""
    host = f"Main memory in use by all programs together{ours}"
    yield from _memory("Memory", meters.host_memory, meters.host_memory_total, host)


def _load(name: str, load: float | None, tip: str) -> Iterator[MeterContent]:
    if load is not None:
        yield MeterContent(name, f"{load:.0%}", load, tip=tip)


def _memory(name: str, used: int | None, total: int | None, tip: str) -> Iterator[MeterContent]:
    if used is not None and total:
        yield MeterContent(name, f"{_gibibytes(used)} / {_gibibytes(total)} GiB", used / total, scarce=True, tip=tip)


def _gibibytes(count: int) -> str:
    return f"{count / _GIBIBYTE:.1f}" if count < 100 * _GIBIBYTE else f"{count / _GIBIBYTE:.0f}"
