"""Checkpoints: whole or refused, and nothing in them ever runs."""

import contextlib
import hashlib
import json
import pickle
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from cfd_studio.engine.checkpoint import checkpoint_step, checkpoints, load_checkpoint, save_checkpoint
from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs import atomic

CAPTURED: dict[str, Any] = {"network": {"w": torch.arange(6.0)}, "step": 7, "ema": None}


class _Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return Path.touch, (self.target,)


def _forge(checkpoint: Path, data: bytes) -> None:
    """Put other content into a checkpoint, with a manifest that swears to it."""
    (checkpoint / "state.pt").write_bytes(data)
    manifest = {"step": 7, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (checkpoint / "manifest.json").write_text(json.dumps(manifest))


def _refused(checkpoint: Path) -> str:
    with pytest.raises(CfdError) as caught:
        load_checkpoint(checkpoint, "cpu")
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "state.pt" in sentence
    assert checkpoint.name in str(caught.value.advice)
    return sentence


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    back = load_checkpoint(save_checkpoint(tmp_path, 7, CAPTURED, keep=2), "cpu")
    assert torch.equal(back["network"]["w"], CAPTURED["network"]["w"])
    assert (back["step"], back["ema"]) == (7, None)


def test_the_newest_are_kept_in_order_of_their_steps(tmp_path: Path) -> None:
    for step in (5, 10, 90, 100, 123_456_789):
        save_checkpoint(tmp_path, step, CAPTURED, keep=3)
    assert [checkpoint_step(saved) for saved in checkpoints(tmp_path)] == [90, 100, 123_456_789]
    assert checkpoints(tmp_path / "nowhere") == []


def test_leftovers_of_a_kill_are_no_checkpoints_and_go_with_the_next_save(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 5, CAPTURED, keep=2)
    partial = tmp_path / "checkpoints" / f"{atomic.PARTIAL}dead"
    partial.mkdir()
    (partial / "state.pt").write_bytes(b"half")
    assert [checkpoint_step(saved) for saved in checkpoints(tmp_path)] == [5]
    save_checkpoint(tmp_path, 6, CAPTURED, keep=2)
    assert not partial.exists()


@pytest.mark.parametrize("at", ["write", "rename"])
def test_a_save_that_fails_leaves_the_old_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    from cfd_studio.engine import checkpoint as module

    save_checkpoint(tmp_path, 5, CAPTURED, keep=1)

    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((module, "_write") if at == "write" else (atomic, "replace")), fail)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(tmp_path, 6, CAPTURED, keep=1)
    assert [checkpoint_step(saved) for saved in checkpoints(tmp_path)] == [5]
    load_checkpoint(checkpoints(tmp_path)[0], "cpu")


@pytest.mark.parametrize("keep", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_checkpoint_is_refused(tmp_path: Path, keep: float) -> None:
    saved = save_checkpoint(tmp_path, 7, CAPTURED, keep=2)
    data = (saved / "state.pt").read_bytes()
    (saved / "state.pt").write_bytes(data[: int(len(data) * keep)])
    assert "truncated" in _refused(saved)


def test_a_single_altered_bit_is_refused(tmp_path: Path) -> None:
    saved = save_checkpoint(tmp_path, 7, CAPTURED, keep=2)
    data = bytearray((saved / "state.pt").read_bytes())
    data[len(data) // 2] ^= 1
    (saved / "state.pt").write_bytes(data)
    assert "not the one that was written" in _refused(saved)


@pytest.mark.parametrize("manifest", [None, b"", b"{", b"[]", b"{}", b'{"bytes": null, "sha256": 3}', b"\xff"])
def test_a_checkpoint_without_its_manifest_is_refused(tmp_path: Path, manifest: bytes | None) -> None:
    saved = save_checkpoint(tmp_path, 7, CAPTURED, keep=2)
    (saved / "manifest.json").unlink()
    if manifest is not None:
        (saved / "manifest.json").write_bytes(manifest)
    _refused(saved)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("sworn", [False, True])
def test_a_pickle_bomb_in_place_of_a_checkpoint_does_not_go_off(tmp_path: Path, protocol: int, sworn: bool) -> None:
    saved = save_checkpoint(tmp_path, 7, CAPTURED, keep=2)
    crater = tmp_path / "crater"
    data = pickle.dumps(_Bomb(crater), protocol=protocol)
    if sworn:
        _forge(saved, data)
    else:
        (saved / "state.pt").write_bytes(data)
    _refused(saved)
    assert not crater.exists()
    pickle.loads(data)
    assert crater.exists()  # it would have


def test_a_pickle_bomb_inside_a_proper_torch_file_does_not_go_off(tmp_path: Path) -> None:
    saved = save_checkpoint(tmp_path, 7, CAPTURED, keep=2)
    crater = tmp_path / "crater"
    torch.save({"network": {}, "bomb": _Bomb(crater)}, tmp_path / "bomb.pt")
    _forge(saved, (tmp_path / "bomb.pt").read_bytes())
    _refused(saved)
    assert not crater.exists()


@pytest.mark.parametrize("content", [[1, 2], {"weights": 3}, torch.zeros(3), None, 7])
def test_a_proper_torch_file_of_something_else_is_refused(tmp_path: Path, content: Any) -> None:
    saved = save_checkpoint(tmp_path, 7, CAPTURED, keep=2)
    torch.save(content, tmp_path / "other.pt")
    _forge(saved, (tmp_path / "other.pt").read_bytes())
    assert "no checkpoint" in _refused(saved)


def test_no_content_whatsoever_raises_anything_but_the_sentence(tmp_path: Path) -> None:
    saved = save_checkpoint(tmp_path, 7, CAPTURED, keep=2)
    good = (saved / "state.pt").read_bytes()
    draw = random.Random(0)
    contents = [b"", b"\x80\x02.", b"\x80\x02]q\x00.", good[:200], good[200:]]
    contents += [draw.randbytes(draw.randrange(1, 200)) for _ in range(60)]
    contents += [b"\x80\x02" + draw.randbytes(40) for _ in range(60)]
    for _ in range(60):
        mutated = bytearray(good)
        for _ in range(8):
            mutated[draw.randrange(len(mutated))] = draw.randrange(256)
        contents.append(bytes(mutated))
    for data in contents:
        _forge(saved, data)
        with contextlib.suppress(CfdError):
            load_checkpoint(saved, "cpu")
