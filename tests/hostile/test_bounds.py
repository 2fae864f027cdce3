"""Files that claim to be huge: refused before memory is asked for, shown under a limit of the address space."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cfd_studio.protocol.events import Logged, dump_event
from cfd_studio.runs import intake
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.journal import LONGEST_LINE, JournalReader

_UNDER_A_LIMIT = """
import hashlib, io, json, os, pickle, resource, struct, sys, zipfile
from pathlib import Path
import numpy as np
import torch
from cfd_studio.cli.recipes import read_config
from cfd_studio.cli.sample import read_noise
from cfd_studio.engine.checkpoint import checkpoints, load_checkpoint
from cfd_studio.interop.weights import load_weights, read_metadata
from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs.catalog import summarize
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.inbox import Inbox
from cfd_studio.runs.mirror import RunMirror
from cfd_studio.workspace.settings import load_settings

torch.set_num_threads(1)
run = RunFolder(Path(sys.argv[1]))
config = run.config()
checkpoint = checkpoints(run.stage("pd-4"))[-1]
load_checkpoint(checkpoint, "cpu"), load_weights(run.weights("pd-4")), RunMirror(run, config).refresh()
GiB = 2**30
used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
resource.setrlimit(resource.RLIMIT_AS, (used + GiB, used + GiB))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

def sparse(path, size, head=b""):
    path.write_bytes(head)
    os.truncate(path, size)

def swear(size, digest):
    manifest = json.loads((checkpoint / "manifest.json").read_bytes())
    (checkpoint / "manifest.json").write_text(json.dumps(manifest | {"bytes": size, "sha256": digest}))

def state(entries, method):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries.items():
            with archive.open(f"archive/{name}", "w") as entry:
                for piece in content:
                    entry.write(piece)
    (checkpoint / "state.pt").write_bytes(buffer.getvalue())
    swear(len(buffer.getvalue()), hashlib.sha256(buffer.getvalue()).hexdigest())

class Large:
    def __reduce__(self):
        return bytearray, (100 * GiB,)

def refused(name, read):
    try:
        value = read()
    except CfdError as error:
        print(f"{name}: {str(error)[:300]}")
    else:
        print(f"{name}: {'ABSENT' if value is None or not value else 'ACCEPTED'}")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
    assert grown < 300 * 1024, (name, grown)

zeros = [bytes(2**20)] * 2000
plain = {"data.pkl": [b"\\x80\\x02}."], "byteorder": [b"little"], "version": [b"3"]}
state(plain | {"data/0": zeros}, zipfile.ZIP_DEFLATED)
assert (checkpoint / "state.pt").stat().st_size < 2**23
refused("inflating record", lambda: load_checkpoint(checkpoint, "cpu"))
state(plain | {"data.pkl": zeros}, zipfile.ZIP_DEFLATED)
refused("inflating pickle", lambda: load_checkpoint(checkpoint, "cpu"))
pickled = pickle.dumps({"network": Large()}, protocol=2)
state(plain | {"data.pkl": [pickled]}, zipfile.ZIP_STORED)
refused("byte array of 100 GiB", lambda: load_checkpoint(checkpoint, "cpu"))
sparse(checkpoint / "state.pt", 2**40)
swear(2**40, "0" * 64)
refused("state of 1 TiB", lambda: load_checkpoint(checkpoint, "cpu"))
sparse(checkpoint / "manifest.json", 2**40)
refused("manifest of 1 TiB", lambda: load_checkpoint(checkpoint, "cpu"))

weights = run.weights("pd-4")
for name, head, size in (
    ("header of 1 TiB", struct.pack("<Q", 2**40) + b"{}", 10),
    ("header of 1 TiB in a file of it", struct.pack("<Q", 2**40) + b"{}", 2**41),
    ("header of 90 MB", struct.pack("<Q", 90_000_000) + b'{"a"', 90_000_010),
    ("weights of 1 TiB", struct.pack("<Q", 2) + b"{}", 2**40),
):
    sparse(weights, size, head)
    refused(name, lambda: load_weights(weights))
    refused(name + " (metadata)", lambda: read_metadata(weights))

job = run.jobs()[-1]
sparse(job.journal, 3 * GiB, b'{"kind": "log", "text": "')
refused("journal line of 3 GiB", lambda: RunMirror(run, config).refresh())
for path in (job.status, run.path / "lease.json", job.path / "job.json", run.stage("pd-4") / "quality.json"):
    sparse(path, 64 * GiB, b"{")
refused("plan of 64 GiB", job.read_plan)
refused("figures of 64 GiB", lambda: run.quality("pd-4"))
assert summarize(run.path).state == "starting"  # a lease that cannot be read is somebody's
sparse(job.inbox / "0-x.json", 64 * GiB)
assert Inbox(job.inbox).take() == ([], ["0-x.json"])

def npy(shape, content=b""):
    with (run.path / "noise.npy").open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})
        stream.write(content)

npy((10**12, 1, 8, 8))
refused("noise of 256 TB", lambda: read_noise(run.path / "noise.npy", (1, 8, 8)))
npy((2**63, 2**63, 8, 8), bytes(256))
refused("noise without bounds", lambda: read_noise(run.path / "noise.npy", (1, 8, 8)))
sparse(run.path / "noise.npy", 2**40, b"\\x93NUMPY\\x01\\x00")
refused("noise file of 1 TiB", lambda: read_noise(run.path / "noise.npy", (1, 8, 8)))
sparse(run.path / "settings.json", 2**40, b"{")
load_settings(run.path / "settings.json")

target = run.path / "config.json"
raw = json.loads(target.read_bytes())
for name, content in (
    ("config of 100 MB", b"[" * 100_000_000),
    ("config nested 8 million times", b"[" * 8_000_000),
    ("config of 400,000 stages", json.dumps(raw | {"stages": [{"kind": "teacher"}] * 400_000}).encode()),
    ("config of 300,000 unknown fields", json.dumps(raw | {f"x{n}": 1 for n in range(300_000)}).encode()),
    ("config with a name of 8 MB", json.dumps(raw | {"name": "x" * 8_000_000}).encode()),
    ("config with a field of 8 MB", json.dumps(raw | {"x" * 8_000_000: 1}).encode()),
    ("config of 2 million halvings", json.dumps(raw | {"stages": [{
        "kind": "halving", "id": "a", "parent": "b", "objective": "progressive", "sampling_steps": [1] * 2_000_000,
        "optimization": {"steps": 1, "batch_size": 1, "learning_rate": 0.1}}]}).encode()),
):
    target.write_bytes(content)
    refused(name, run.config)
    refused(name + " (recipe)", lambda: read_config(str(target), []))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads its own size from /proc")
def test_what_claims_to_be_huge_is_refused_within_one_gibibyte_of_address_space(trained_run: RunFolder) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _UNDER_A_LIMIT, str(trained_run.path)],
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ACCEPTED" not in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines() if line and not line.startswith("  "))
    assert "is compressed" not in said  # what a user reads says what to do, not how the file was forged
    assert all("resume" in said[name] for name in ("inflating record", "byte array of 100 GiB", "header of 1 TiB"))


def test_a_file_is_opened_only_where_it_is_plain_and_small_enough(tmp_path: Path) -> None:
    file, link, folder = tmp_path / "file", tmp_path / "link", tmp_path / "folder"
    file.write_bytes(b"12345")
    link.symlink_to(file)
    folder.mkdir()
    assert intake.read_bounded(file, 5) == b"12345"
    assert intake.read_bounded(link, 5, follow=True) == b"12345"
    for path, limit, why in ((file, 4, "5 bytes are more"), (link, 5, "is a link"), (folder, 5, ".")):
        with pytest.raises(OSError, match=why):
            intake.read_bounded(path, limit)
    for device in (Path("/dev/zero"), Path("/dev/stdin")):
        if device.exists():
            with pytest.raises(OSError, match="no plain file"):
                intake.read_bounded(device, 5, follow=True)


def test_a_line_without_end_is_passed_over_and_what_follows_is_read(tmp_path: Path) -> None:
    journal, event = tmp_path / "j", Logged(text="after")
    with journal.open("wb") as stream:
        stream.write(dump_event(event) + b"x" * 20_000_000)
    reader = JournalReader(journal)
    for limit in (100, 5_000_000, 1):
        read = []
        while events := reader.read(limit):
            read += events
    with journal.open("ab") as stream:
        stream.write(b"x" * 3_000_000 + b"\n" + dump_event(event) + b'{"kind": "lo')
    assert reader.read() == [event]
    assert reader.skipped == 1
    with journal.open("ab") as stream:
        stream.write(b'g", "text": "' + b"y" * LONGEST_LINE + b'"}\n' + dump_event(event))
    assert reader.read() == [event]
    assert reader.skipped == 2


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 1}', "[NaN]", "[-Infinity]", "[1e999]", "9" * 31, '"\\ud800"', '{"\\udfff": 1}', "[" * 9**6, "{",
    ],
)  # fmt: skip
def test_json_that_could_be_read_in_two_ways_is_refused(text: str) -> None:
    from cfd_studio.protocol import strict_json

    with pytest.raises(ValueError):  # noqa: PT011, any of them
        strict_json.loads(text)
    assert strict_json.loads(json.dumps(plain := {"ä": [1, -2.5e3, None, True, {"b": "\U0001f600"}]})) == plain
