"""Files made on purpose to do harm: nothing in them runs, and each gets its sentence."""

import hashlib
import io
import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cfd_studio.cli.sample import read_noise
from cfd_studio.engine.checkpoint import load_checkpoint, save_checkpoint
from cfd_studio.engine.loading import load_network
from cfd_studio.interop.weights import load_weights, read_metadata, save_weights
from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workspace.settings import Settings, load_settings, settings_file

CAPTURED: dict[str, Any] = {"network": {"w": torch.arange(6.0)}, "step": 7}


class _Calls:
    """Pickles as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.fixture
def sworn(tmp_path: Path) -> Callable[[bytes], Path]:
    """Return a function that makes a checkpoint of any content, with a manifest that swears to it."""
    saved = save_checkpoint(tmp_path / "stage", 7, CAPTURED, keep=2)

    def forge(data: bytes) -> Path:
        (saved / "state.pt").write_bytes(data)
        manifest = {"step": 7, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        (saved / "manifest.json").write_text(json.dumps(manifest))
        return saved

    return forge


def _saved(value: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def _repacked(whole: bytes, method: int = zipfile.ZIP_STORED, /, **replaced: bytes) -> bytes:
    """Write a torch file anew, its entries compressed or with other content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(buffer, "w", method) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, replaced.get(Path(entry.filename).stem, old.read(entry)))
    return buffer.getvalue()


def test_a_checkpoint_repacked_as_it_was_is_read(sworn: Callable[[bytes], Path]) -> None:
    back = load_checkpoint(sworn(_repacked(_saved(CAPTURED))), "cpu")
    assert torch.equal(back["network"]["w"], CAPTURED["network"]["w"])


def _two_directories() -> bytes:
    """Return an archive whose directory two readers would look for in two places."""
    data = _repacked(_saved(CAPTURED))
    start = struct.unpack_from("<I", data, len(data) - 6)[0]
    end = bytearray(data[-22:])
    return data[:-22] + data[start:-22] + bytes(end)


FORGED: dict[str, Callable[[Path], bytes]] = {
    "a call": lambda crater: _saved({"network": {}, "x": _Calls(Path.touch, crater)}),
    "a call of the system": lambda crater: _saved({"network": {}, "x": _Calls(eval, f"open({str(crater)!r}, 'w')")}),
    "a bare pickle": lambda crater: pickle.dumps({"network": {}, "x": _Calls(Path.touch, crater)}, protocol=2),
    "a byte array": lambda crater: _saved({"network": {}, "x": _Calls(bytearray, 10**12)}),
    "a tensor by size": lambda crater: _saved({"network": {}, "x": _Calls(torch.FloatTensor, 10**9)}),
    "a tensor of nothing": lambda crater: _saved({"network": {"w": torch.zeros(1).expand(10**12)}}),
    "compressed": lambda crater: _repacked(_saved(CAPTURED), zipfile.ZIP_DEFLATED),
    "compressed twice": lambda crater: _repacked(_saved(CAPTURED), zipfile.ZIP_BZIP2),
    "two directories": lambda crater: _two_directories(),
    "something before": lambda crater: b"#!/bin/sh\n" + _saved(CAPTURED),
    "something after": lambda crater: _saved(CAPTURED) + b"x",
    "a short record": lambda crater: _repacked(_saved(CAPTURED), **{"0": b"1234"}),
    "no pickle": lambda crater: _repacked(_saved(CAPTURED), data=b""),
    "nothing": lambda crater: b"",
    "an empty archive": lambda crater: b"PK\x05\x06" + bytes(18),
    "another archive": lambda crater: _zip({"a/b": b"c"}),
}


def _zip(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_checkpoint_is_refused_and_runs_nothing(
    name: str, sworn: Callable[[bytes], Path], tmp_path: Path
) -> None:
    crater = tmp_path / "crater"
    with pytest.raises(CfdError, match=r"cannot be read|no checkpoint") as caught:
        load_checkpoint(sworn(FORGED[name](crater)), "cpu")
    assert "Delete the folder step-00000007 and resume" in str(caught.value)
    assert not crater.exists()


@pytest.mark.parametrize("manifest", ['{"step": 7, "step": 7}', '{"bytes": 1e999}', "[[]]", "null", '{"bytes": "x"}'])
def test_a_forged_manifest_is_refused(manifest: str, tmp_path: Path) -> None:
    saved = save_checkpoint(tmp_path, 7, CAPTURED, keep=2)
    (saved / "manifest.json").write_text(manifest)
    with pytest.raises(CfdError, match="its manifest is damaged"):
        load_checkpoint(saved, "cpu")


def _file(header: Any, content: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content


def _tensor(shape: list[int], begin: int, end: int, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def _about(text: Any) -> bytes:
    return _file({"__metadata__": {"cfd-studio": text}})


WEIGHTS: dict[str, bytes] = {
    "a header of 1 TiB": struct.pack("<Q", 2**40) + b"{}",
    "a header of all bytes": b"\xff" * 8 + b"{}",
    "no header": struct.pack("<Q", 0),
    "overlapping": _file({"a": _tensor([2], 0, 8), "b": _tensor([2], 4, 12)}, bytes(12)),
    "beyond the file": _file({"a": _tensor([1000], 0, 4000)}, bytes(12)),
    "before the file": _file({"a": _tensor([1], -4, 0)}, bytes(4)),
    "less than the file": _file({"a": _tensor([1], 0, 4)}, bytes(12)),
    "a shape without bounds": _file({"a": _tensor([2**62, 4], 0, 8)}, bytes(8)),
    "a shape below zero": _file({"a": _tensor([-1], 0, 4)}, bytes(4)),
    "an unknown dtype": _file({"a": _tensor([1], 0, 4, "F33")}, bytes(4)),
    "half bytes": _file({"a": _tensor([2], 0, 1, "F4")}, bytes(1)),
    "eight bits": _file({"a": _tensor([4], 0, 4, "F8_E4M3")}, bytes(4)),
    "not finite": _file({"a": _tensor([1], 0, 4)}, struct.pack("<f", float("nan"))),
    "infinite": _file({"a": _tensor([1], 0, 4)}, struct.pack("<f", float("inf"))),
    "twins": _file(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],'
                   b'"data_offsets":[0,4]}}', bytes(4)),
    "a list": _file([]),
    "a nest": _file(b"[" * 100_000),
    "metadata of numbers": _about(3),
    "metadata that is a list": _about("[]"),
    "metadata that is no JSON": _about("{"),
    "metadata that nests": _about("[" * 100_000),
    "metadata of lists": _about('{"image_shape": [1, 8, 8]}'),
    "metadata with twins": _about('{"classes": "1", "classes": "2"}'),
    "a pickle": pickle.dumps([1]),
}  # fmt: skip


@pytest.mark.parametrize("name", WEIGHTS)
def test_forged_weights_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(WEIGHTS[name])
    with pytest.raises(CfdError, match="damaged or no safetensors file") as caught:
        load_weights(path)
    assert "Delete the file and resume the run" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    try:
        read_metadata(path)
    except CfdError as error:
        assert "damaged" in str(error)  # noqa: PT017, it may also be well


@pytest.mark.parametrize("key", ["image_shape", "classes", "stage", "tensor", "dtype"])
def test_weights_that_were_altered_after_they_were_written_are_refused(trained_run: RunFolder, key: str) -> None:
    path = trained_run.weights("judge")
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header, content = json.loads(data[8 : 8 + size]), bytearray(data[8 + size :])
    about = json.loads(header["__metadata__"]["cfd-studio"])
    if key == "tensor":
        content[5] ^= 1
    elif key == "dtype":
        next(one for name, one in header.items() if name != "__metadata__" and one["dtype"] == "F32")["dtype"] = "I32"
    else:
        about[key] += "1"
    header["__metadata__"]["cfd-studio"] = json.dumps(about)
    path.write_bytes(_file(header, bytes(content)))
    with pytest.raises(CfdError, match=r"not the ones that were written|finite"):
        load_network(trained_run, trained_run.config(), "judge", "cpu")


def test_weights_without_a_digest_are_those_of_an_older_version(trained_run: RunFolder) -> None:
    path = trained_run.weights("judge")
    tensors, metadata = load_weights(path)
    from safetensors.torch import save

    path.write_bytes(save(tensors, metadata={"cfd-studio": json.dumps(metadata)}))
    load_network(trained_run, trained_run.config(), "judge", "cpu")


def test_weights_in_use_do_not_change_with_their_file(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path, torch.nn.Linear(100, 100), {})
    tensors, _ = load_weights(path)
    before = {name: tensor.clone() for name, tensor in tensors.items()}
    with path.open("r+b") as stream:
        stream.seek(1000)
        stream.write(bytes(5000))
    assert all(torch.equal(tensors[name], before[name]) for name in before)
    with path.open("r+b") as stream:
        stream.truncate(10)
    assert all(torch.equal(tensors[name], before[name]) for name in before)  # mapped memory would end the process


def _npy(shape: Any, dtype: str = "<f4", content: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}".ljust(100).encode() + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header + content


def _objects(crater: Path) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([_Calls(Path.touch, crater)], dtype=object), allow_pickle=True)
    return buffer.getvalue()


NOISE: dict[str, Callable[[Path], bytes]] = {
    "a shape without bounds": lambda crater: _npy((10**12, 1, 8, 8), content=bytes(256)),
    "a shape beyond numbers": lambda crater: _npy((2**62, 2**62, 8, 8), content=bytes(256)),
    "a shape below zero": lambda crater: _npy((-1, 1, 8, 8), content=bytes(256)),
    "fewer than it says": lambda crater: _npy((2, 1, 8, 8), content=bytes(256)),
    "more than it says": lambda crater: _npy((1, 1, 8, 8), content=bytes(512)),
    "objects": _objects,
    "objects of a size": lambda crater: _npy((1, 1, 8, 8), "|O", bytes(512)),
    "code in the header": lambda crater: _npy(f"(open({str(crater)!r}, 'w'), 1)"),
    "a pickle": lambda crater: pickle.dumps(_Calls(Path.touch, crater)),
    "another version": lambda crater: _npy((1, 1, 8, 8), content=bytes(256), version=b"\x09\x00"),
    "an archive": lambda crater: _zip({"noise.npy": _npy((1, 1, 8, 8), content=bytes(256))}),
}


@pytest.mark.parametrize("name", NOISE)
def test_forged_noise_is_refused_and_runs_nothing(name: str, tmp_path: Path) -> None:
    path, crater = tmp_path / "noise.npy", tmp_path / "crater"
    path.write_bytes(NOISE[name](crater))
    with pytest.raises(CfdError, match=r"is no readable \.npy file"):
        read_noise(path, (1, 8, 8))
    assert not crater.exists()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_noise_that_is_not_finite_is_refused(value: float, tmp_path: Path) -> None:
    np.save(tmp_path / "noise.npy", np.full((1, 1, 8, 8), value, dtype=np.float32))
    with pytest.raises(CfdError, match="must be finite"):
        read_noise(tmp_path / "noise.npy", (1, 8, 8))


def _png(width: int, height: int, rows: bytes) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_a_strip_is_a_png_of_modest_size_and_nothing_else(tmp_path: Path) -> None:
    from cfd_studio.gui.strip_shelf import read_strip

    path, svg = tmp_path / "strip.png", b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>'
    path.write_bytes(_png(8, 8, bytes(9 * 8)))
    image = read_strip(path)
    assert image is not None
    assert (image.width(), image.height()) == (8, 8)
    bomb = _png(30_000, 30_000, bytes(30_001 * 1000))  # 30 MB of zeros in 30 kB, the header claims 900 MB
    whole_bomb = _png(4096, 4096, bytes(4097 * 4096))
    for content in (
        whole_bomb,
        bomb,
        _png(2**31 - 1, 2**31 - 1, b""),
        _png(0, 8, b""),
        svg,
        b"BM",
        b"GIF89a",
        b"",
        b"\x89PNG",
    ):
        path.write_bytes(content)
        assert read_strip(path) is None
    path.unlink()
    (tmp_path / "real.png").write_bytes(_png(8, 8, bytes(9 * 8)))
    path.symlink_to(tmp_path / "real.png")
    assert read_strip(path) is None


@pytest.mark.parametrize("device", ["gpu", "cuda:" + "9" * 20, "$(touch x)", "cpu\n", "", "x" * 30])
def test_settings_that_no_job_could_use_are_put_aside(device: str) -> None:
    settings_file().parent.mkdir(parents=True)
    settings_file().write_text(json.dumps({"device": device}))
    assert load_settings() == Settings()
    assert list(settings_file().parent.glob("settings.damaged-*.json"))
