"""Really trained files, damaged in thousands of ways: what is read is valid, or refused in one sentence."""

import contextlib
import hashlib
import io
import json
import random
import resource
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cfd_studio.cli.recipes import read_config
from cfd_studio.cli.runs import runs as list_all
from cfd_studio.cli.sample import read_noise
from cfd_studio.cli.status import status as say_status
from cfd_studio.engine.checkpoint import checkpoints, load_checkpoint
from cfd_studio.engine.loading import load_network
from cfd_studio.interop.weights import load_weights
from cfd_studio.protocol.commands import Command, Verb
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.plan import resolve
from cfd_studio.runs.catalog import summarize
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.inbox import Inbox
from cfd_studio.runs.lease import current_holder
from cfd_studio.runs.mirror import RunMirror
from cfd_studio.runs.pulse import Holder, Pulse, is_alive
from cfd_studio.runs.status import JobStatus, read_status
from cfd_studio.workspace.settings import Settings, load_settings, save_settings

Damage = Callable[[bytes, random.Random], bytes]
Verdict = Callable[[Callable[[], Any]], Any]
STAGE = "pd-4"


@dataclass(frozen=True)
class Kind:
    """A kind of file: where a run keeps it, how it is damaged, how it is read, and what may come out.

    ``allowed`` takes the value read and the value of the whole file.
    """

    place: Callable[[RunFolder], Path]
    read: Callable[[RunFolder], Any]
    allowed: Callable[[Any, Any], bool]
    ways: tuple[str, ...] = ("bytes",)
    seal: Callable[[Path], None] | None = None


def _checkpoint(run: RunFolder) -> Path:
    return checkpoints(run.stage(STAGE))[-1]


def _swear(state: Path) -> None:
    """Give a state a manifest that swears to it."""
    data = state.read_bytes()
    manifest = json.loads((state.parent / "manifest.json").read_bytes())
    manifest |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (state.parent / "manifest.json").write_text(json.dumps(manifest))


def _same(value: Any, whole: Any) -> bool:
    """Compare nested containers of tensors."""
    if isinstance(whole, torch.Tensor):
        return isinstance(value, torch.Tensor) and value.dtype == whole.dtype and torch.equal(value, whole)
    if isinstance(whole, dict):
        return value.keys() == whole.keys() and all(_same(value[key], whole[key]) for key in whole)
    if isinstance(whole, list | tuple):
        return len(value) == len(whole) and all(map(_same, value, whole))
    return type(value) is type(whole) and bool(value == whole)


def _config(run: RunFolder) -> RunConfig:
    _listed(run)
    return run.config()


def _config_is_whole(value: RunConfig, _: Any) -> bool:
    return resolve(json.loads(value.model_dump_json())) == value and "/" not in "".join(s.id for s in value.stages)


def _listed(run: RunFolder) -> None:
    """List the runs, into a terminal that knows UTF-8 and nothing else."""
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")):
        list_all(run.path.parent)


def _say(run: RunFolder) -> None:
    """Say where a run stands, as above."""
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")):
        say_status(run.path)


def _mirror(run: RunFolder) -> RunMirror:
    mirror = RunMirror(run, resolve(json.loads((run.path / "config.json").read_bytes())))
    mirror.refresh()
    _say(run)
    return mirror


def _mirror_is_whole(value: RunMirror, whole: RunMirror) -> bool:
    stages = value.stages.values()
    curves = [curve for stage in stages for curve in (stage.loss, stage.held_out, *stage.terms.values())]
    rising = all((np.diff(curve.steps) > 0).all() for curve in curves)
    for *_, text in value.log:
        text.encode()
    return value.stages.keys() == whole.stages.keys() and rising and all(time.localtime(one[0]) for one in value.log)


def _lease(run: RunFolder) -> Holder | None:
    holder = current_holder(run)
    if holder is not None:
        is_alive(run, holder, patience=0)
    return holder if summarize(run.path, Pulse()).state else None


def _status(run: RunFolder) -> JobStatus | None:
    summary = summarize(run.path)
    assert summary.state in ("finished", "starting", "running", "paused", "stopping", "stopped", "failed", "lost")
    return read_status(run.jobs()[-1].status)


def _quality(run: RunFolder) -> Any:
    _say(run)
    return run.quality(STAGE)


def _command(run: RunFolder) -> Any:
    commands, strangers = Inbox(run.jobs()[-1].inbox).take()
    assert not list(run.jobs()[-1].inbox.iterdir())
    assert len(commands) + len(strangers) == 1
    return commands[0] if commands else None


def _restored(run: RunFolder) -> Any:
    """Read weights as the engine does, into a network."""
    tensors, metadata = load_weights(run.weights(STAGE))
    load_network(run, resolve(json.loads((run.path / "config.json").read_bytes())), STAGE, "cpu")
    return tensors, metadata


def _strip(run: RunFolder) -> Any:
    from cfd_studio.gui.strip_shelf import read_strip

    image = read_strip(next((run.stage(STAGE) / "samples").glob("*.png")))
    return None if image is None else (image.size(), bytes(image.constBits()))


def _none_or(kind: type) -> Callable[[Any, Any], bool]:
    return lambda value, _: value is None or isinstance(value, kind)


def _none_or_same(value: Any, whole: Any) -> bool:
    return value is None or bool(value == whole)


def _safetensors_header(damage: Damage, data: bytes, draw: random.Random) -> bytes:
    size = int.from_bytes(data[:8], "little")
    header = damage(data[8 : 8 + size], draw)
    return struct.pack("<Q", len(header)) + header + data[8 + size :]


KINDS: dict[str, Kind] = {
    "state.pt": Kind(
        lambda run: _checkpoint(run) / "state.pt", lambda run: load_checkpoint(_checkpoint(run), "cpu"), _same
    ),
    "state.pt, sworn to": Kind(
        lambda run: _checkpoint(run) / "state.pt",
        lambda run: load_checkpoint(_checkpoint(run), "cpu"),
        lambda value, whole: isinstance(value, dict) and "network" in value,
        seal=_swear,
    ),
    "manifest.json": Kind(
        lambda run: _checkpoint(run) / "manifest.json",
        lambda run: load_checkpoint(_checkpoint(run), "cpu"),
        _same,
        ("bytes", "json"),
    ),
    "weights.safetensors": Kind(lambda run: run.weights(STAGE), _restored, _same, ("bytes", "header")),
    "config.json": Kind(lambda run: run.path / "config.json", _config, _config_is_whole, ("json", "json", "bytes")),
    "recipe": Kind(
        lambda run: run.path / "config.json",
        lambda run: read_config(str(run.path / "config.json"), ["seed=3"]),
        _config_is_whole,
        ("json", "bytes"),
    ),
    "events.jsonl": Kind(lambda run: run.jobs()[-1].journal, _mirror, _mirror_is_whole, ("bytes", "lines")),
    "status.json": Kind(lambda run: run.jobs()[-1].status, _status, _none_or(JobStatus), ("json", "bytes")),
    "lease.json": Kind(lambda run: run.path / "lease.json", _lease, _none_or(Holder), ("json", "bytes")),
    "job.json": Kind(
        lambda run: run.jobs()[-1].path / "job.json",
        lambda run: run.jobs()[-1].read_plan(),
        lambda value, whole: value is None or 1 <= value.threads <= 1024,
        ("json", "bytes"),
    ),
    "quality.json": Kind(
        lambda run: run.stage(STAGE) / "quality.json",
        _quality,
        lambda value, whole: value is None or value.stage == STAGE,
        ("json", "bytes"),
    ),
    "command": Kind(lambda run: run.jobs()[-1].inbox / "1-x.json", _command, _none_or(Command), ("json", "bytes")),
    "noise.npy": Kind(
        lambda run: run.path / "noise.npy",
        lambda run: read_noise(run.path / "noise.npy", (1, 8, 8)),
        lambda value, whole: value.shape[1:] == (1, 8, 8) and bool(torch.isfinite(value).all()),
    ),
    "strip.png": Kind(lambda run: next((run.stage(STAGE) / "samples").glob("*.png")), _strip, _none_or_same),
    "settings.json": Kind(
        lambda run: run.path / "settings.json",
        lambda run: load_settings(run.path / "settings.json"),
        lambda value, whole: isinstance(value, Settings),
        ("json", "bytes"),
    ),
}


def _furnish(run: RunFolder) -> None:
    """Put in what a finished run does not hold."""
    holder = Holder(epoch=1, token="t", host="elsewhere", pid=1, process_started=1.0)
    (run.path / "lease.json").write_text(holder.model_dump_json())
    (run.jobs()[-1].inbox / "1-x.json").write_text(Command(verb=Verb.PAUSE).model_dump_json())
    np.save(run.path / "noise.npy", np.random.default_rng(0).standard_normal((3, 1, 8, 8), dtype=np.float32))
    save_settings(Settings(device="cuda:1", threads=3).remembering(Path("/a")), run.path / "settings.json")


def _attack(kind: Kind, run: RunFolder, cases: int, damaged: Damage, damaged_json: Damage, verdict: Verdict) -> int:
    """Damage one file in many ways; return how many were refused."""
    _furnish(run)
    place = kind.place(run)
    original = place.read_bytes()
    manifest = _checkpoint(run) / "manifest.json"
    sworn = manifest.read_bytes()
    whole = kind.read(run)
    refused = 0
    for case in range(cases):
        draw = random.Random(case)
        way = kind.ways[case % len(kind.ways)]
        match way:
            case "json":
                content = damaged_json(original, draw)
            case "lines":
                lines = original.splitlines()
                for index in draw.sample(range(len(lines)), 5):
                    lines[index] = damaged_json(lines[index], draw)
                content = b"\n".join(lines) + b"\n"
            case "header":
                content = _safetensors_header(damaged_json, original, draw)
            case _:
                content = damaged(original, draw)
        place.write_bytes(content)
        if kind.seal:
            kind.seal(place)
        value = verdict(lambda: kind.read(run))
        if isinstance(value, CfdError):
            refused += 1
        else:
            assert kind.allowed(value, whole), f"case {case}: {content[:300]!r}"
        if place != manifest:
            manifest.write_bytes(sworn)
    place.write_bytes(original)
    return refused


@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_is_refused_or_means_the_same(
    name: str, trained_run: RunFolder, damaged: Damage, damaged_json: Damage, verdict: Verdict, outside: Path
) -> None:
    _attack(KINDS[name], trained_run, 25, damaged, damaged_json, verdict)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_thousand_damaged_files_are_refused_or_mean_the_same(
    trained_run: RunFolder, damaged: Damage, damaged_json: Damage, verdict: Verdict, outside: Path
) -> None:
    each = 720
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, kind in KINDS.items():
        began = time.perf_counter()
        refused = _attack(kind, trained_run, each, damaged, damaged_json, verdict)
        print(f"{name:20} {each} cases, {refused} refused, {time.perf_counter() - began:.0f} s")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{each * len(KINDS)} cases; the peak of the memory grew by {grown // 1024} MiB")
    assert each * len(KINDS) >= 10_000
    assert grown < 500 * 1024
