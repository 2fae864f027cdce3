"""What the answer to a sample request depends on, as a key to what was kept."""

import functools
import hashlib
import importlib.metadata
import os
from dataclasses import asdict
from pathlib import Path

from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.sampling import SampleRequest
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.intake import open_bounded
from cfd_studio.workspace.drawings import digest_of

_CHUNK = 2**20
_VERSION = "3"  # of all that is computed between weights and answer
_NVIDIA = Path("/proc/driver/nvidia/gpus")


class SampleKeys:
    """Makes keys; a file of weights is read once as long as it stays as it is."""

    def __init__(self) -> None:
        self._digests: dict[tuple[Path, int, int, int], str] = {}

    def of(self, request: SampleRequest) -> str | None:
        """Return the key of a request; None where nothing can be drawn for it, and whoever tries will say why.

        The device counts: another one rounds otherwise, and an answer tells how long its device took. It counts as it
        was asked for: which one that is hangs on the machine, and torch, who knows it, need not be loaded for a key.
        """
        try:
            run = RunFolder.open(request.run)
            config = run.config()
            stages = {stage.id: stage for stage in config.stages}
            parts = [_VERSION, request.device, _machine(), self._weights(run, request.stage)]
            parts.append(config.model_dump_json(include={"schedule", "prediction", "network", "clip_samples"}))
            parts.append(stages[request.stage].model_dump_json())
            if request.classifier is not None:
                parts += [self._weights(run, request.classifier), request.classifier_input]
                parts.append(stages[request.classifier].model_dump_json())
        except (CfdError, OSError, KeyError):
            return None
        parts += [str(request.sampling_steps), request.sampler.model_dump_json(), str(request.label)]
        parts += [str(request.trajectory), str([tuple(asdict(key).values()) for key in request.keys])]
        return digest_of(*parts)

    def _weights(self, run: RunFolder, stage_id: str) -> str:
        path = run.weights(stage_id)
        with open_bounded(path) as file:
            about = os.fstat(file.fileno())
            known = (path, about.st_ino, about.st_size, about.st_mtime_ns)
            if known not in self._digests:
                digest = hashlib.sha256()
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
                self._digests[known] = digest.hexdigest()
            return self._digests[known]


@functools.cache
def _machine() -> str:
    """Return what decides which device a word stands for: torch, and the GPUs that the system lists and shows."""
    try:
        gpus = sorted(path.name for path in _NVIDIA.iterdir())
    except OSError:
        gpus = []
    try:
        torch = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:  # an application in one piece, which has one
        torch = ""
    return f"torch {torch}, {gpus}, {os.environ.get('CUDA_VISIBLE_DEVICES')}"
