"""What the machine has in use reaches the status of a job, and no meter ends a heartbeat."""

import time
from collections.abc import Callable

import psutil
import pytest
import torch

from cfd_studio.engine.meters import Machine
from cfd_studio.runs import status as module
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.status import Meters, StatusWriter, read_status


def test_the_heartbeat_writes_what_is_in_use(
    mini_run: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.02)
    path = mini_run().new_job("train").status
    writer = StatusWriter(path, Machine("cpu").measure)
    deadline = time.monotonic() + 10
    while not ((told := read_status(path)) and told.meters and told.meters.host_load):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    writer.close()
    meters = told.meters
    assert 0 < meters.host_load <= 1
    assert meters.host_memory_total == psutil.virtual_memory().total
    assert 0 < meters.job_memory <= meters.host_memory < meters.host_memory_total  # type: ignore[operator]
    assert meters.job_memory == pytest.approx(psutil.Process().memory_info().rss, rel=0.3)
    assert (meters.device_load, meters.device_memory, meters.device_memory_total) == (None, None, None)


def test_a_meter_that_fails_is_a_meter_that_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object) -> None:
        raise RuntimeError("CUDA error: device-side assert triggered")

    class UnsupportedError(Exception):
        """As the library of NVIDIA's has it: no error of Python's or torch's."""

    def silent(*_: object) -> None:
        raise UnsupportedError

    def gone(*_: object) -> None:
        raise psutil.NoSuchProcess(1)

    machine = Machine("cuda:0")
    assert machine.measure().device_memory is None  # it is not the one to wake the device
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lost)
    for cannot in (silent, lost):
        monkeypatch.setattr(torch.cuda, "utilization", cannot)
        machine = Machine("cuda:0")
        assert machine.measure().host_memory
    monkeypatch.setattr(psutil, "virtual_memory", gone)
    assert machine.measure() == Meters()
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (3, 10))
    assert machine.measure() == Meters(device_memory=7, device_memory_total=10)
