"""Every file that the engine writes, cut: it is read as it was, or refused, and never read as something else."""

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfd_studio.engine.checkpoint import checkpoints, load_checkpoint
from cfd_studio.gui.strip_shelf import read_strip
from cfd_studio.interop.weights import load_weights, read_metadata
from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import Lease, current_holder
from cfd_studio.runs.status import read_status

Verdict = Callable[[Callable[[], Any]], Any]
STAGE = "cfd-2"


def _small(run: RunFolder) -> dict[Path, Callable[[], Any]]:
    job = run.jobs()[0]
    Lease.acquire(run)
    checkpoint = checkpoints(run.stage(STAGE))[-1]
    return {
        run.path / "config.json": run.config,
        run.path / "lease.json": lambda: current_holder(run),
        job.status: lambda: read_status(job.status),
        job.path / "job.json": job.read_plan,
        run.stage(STAGE) / "quality.json": lambda: run.quality(STAGE),
        checkpoint / "manifest.json": lambda: load_checkpoint(checkpoint, "cpu")["step"],
    }


def _cut(run: RunFolder, verdict: Verdict, every: int) -> int:
    cuts = 0
    for path, read in _small(run).items():
        whole, content = path.read_bytes(), read()
        assert content is not None
        for size in range(0, len(whole), every):
            path.write_bytes(whole[:size])
            value = verdict(read)
            assert value is None or isinstance(value, CfdError), (path.name, size)
            cuts += 1
        path.write_bytes(whole)
        assert read() == content
    return cuts


def test_a_small_file_that_was_cut_is_refused(trained_run: RunFolder, verdict: Verdict) -> None:
    assert _cut(trained_run, verdict, every=41) > 100


@pytest.mark.slow
def test_a_small_file_that_was_cut_at_any_byte_is_refused(trained_run: RunFolder, verdict: Verdict) -> None:
    print(_cut(trained_run, verdict, every=1), "cuts")


def test_a_strip_that_was_cut_is_whole_or_not_shown(trained_run: RunFolder) -> None:
    path = next((trained_run.stage(STAGE) / "samples").glob("*.png"))
    data, whole = path.read_bytes(), read_strip(path)
    assert whole is not None
    shown = 0
    for size in (*range(0, len(data), 11), *range(len(data) - 16, len(data))):
        path.write_bytes(data[:size])
        image = read_strip(path)
        assert image is None or image == whole
        shown += image is not None
    assert shown <= 14  # all that may miss is the empty chunk at the end


def test_a_large_file_that_was_cut_is_refused(trained_run: RunFolder, verdict: Verdict) -> None:
    checkpoint, weights = checkpoints(trained_run.stage(STAGE))[-1], trained_run.weights(STAGE)
    draw = random.Random(0)
    for path, read in (
        (checkpoint / "state.pt", lambda: load_checkpoint(checkpoint, "cpu")),
        (weights, lambda: load_weights(weights)),
    ):
        whole = path.read_bytes()
        sizes = [0, 1, 7, 8, 9, len(whole) - 1, *(draw.randrange(len(whole)) for _ in range(200))]
        for size in sizes:
            path.write_bytes(whole[:size])
            assert isinstance(verdict(read), CfdError), size
        path.write_bytes(whole)
        read()


def test_a_cut_checkpoint_with_a_manifest_that_swears_to_it_is_refused(
    trained_run: RunFolder, verdict: Verdict
) -> None:
    checkpoint = checkpoints(trained_run.stage(STAGE))[-1]
    whole = (checkpoint / "state.pt").read_bytes()
    manifest = json.loads((checkpoint / "manifest.json").read_bytes())
    draw = random.Random(1)
    for size in sorted(draw.randrange(len(whole)) for _ in range(200)):
        data = whole[:size]
        (checkpoint / "state.pt").write_bytes(data)
        manifest |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        (checkpoint / "manifest.json").write_text(json.dumps(manifest))
        assert isinstance(verdict(lambda: load_checkpoint(checkpoint, "cpu")), CfdError)


def test_metadata_of_cut_weights_is_the_whole_or_refused(trained_run: RunFolder, verdict: Verdict) -> None:
    path = trained_run.weights(STAGE)
    data, whole = path.read_bytes(), read_metadata(path)
    header = 8 + int.from_bytes(data[:8], "little")
    for size in range(0, header + 20, 53):
        path.write_bytes(data[:size])
        value = verdict(lambda: read_metadata(path))
        assert value == whole if size >= header else isinstance(value, CfdError)
