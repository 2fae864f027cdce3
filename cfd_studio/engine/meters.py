"""What the machine has in use, measured by the heartbeat of a job.

It belongs to the engine and not to whoever starts a job: a job under `torchrun` or on a server has the same heartbeat.
"""

import psutil
import torch

from cfd_studio.runs.status import Meters


class Machine:
    """Measures the host, this process and one device. An instance belongs to one thread.

    Parameters
    ----------
    device : str
        As `cfd_studio.engine.execution.choose_device` returns it.
    """

    def __init__(self, device: str) -> None:
        self._device = device if device.startswith("cuda") else ""
        self._process = psutil.Process()
        self._tells_load = True
        psutil.cpu_percent()  # the first call has nothing to compare with

    def measure(self) -> Meters:
        """Return what is in use now, the host's load since the last call; never raises."""
        used, total = self._device_memory()
        try:
            host = psutil.virtual_memory()
            return Meters(
                host_load=psutil.cpu_percent() / 100,
                host_memory=host.total - host.available,
                host_memory_total=host.total,
                job_memory=self._process.memory_info().rss,
                device_load=self._device_load(),
                device_memory=used,
                device_memory_total=total,
            )
        except (psutil.Error, OSError):
            return Meters(device_memory=used, device_memory_total=total)

    def _device_memory(self) -> tuple[int | None, int | None]:
        if not self._device or not torch.cuda.is_initialized():  # never the first to touch the device
            return None, None
        try:
            free, total = torch.cuda.mem_get_info(self._device)
        except RuntimeError:  # the device is lost; the job will notice
            return None, None
        return total - free, total

    def _device_load(self) -> float | None:
        if not self._device or not self._tells_load or not torch.cuda.is_initialized():
            return None
        try:
            return torch.cuda.utilization(self._device) / 100
        except Exception:  # no library of NVIDIA's that tells, or one whose own errors say that this device does not
            self._tells_load = False
            return None
