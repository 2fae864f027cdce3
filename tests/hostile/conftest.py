"""Damage, drawn from a seed: of bytes, and of JSON that stays JSON; and what may come of reading what it left."""

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cfd_studio.protocol.errors import CfdError, ConfigError

_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 7, 2**31, 2**63, 10**25, -(10**25), 0.5, -0.0, 1e308, 5e-324,
    float("inf"), float("nan"), "Infinity", "1e999", "9" * 5000, "", "a", "x" * 5000, "teacher", "cuda:0",
    "..", "../../outside", "/etc/passwd", "\x00", "\x1b[2J", "\ud800", "\u202etxt.exe",
    [], {}, [[[[[[]]]]]], [None] * 50, ["teacher", 1], {"kind": "halving"}, {"a": {"a": {"a": {}}}},
)  # fmt: skip


def _damaged(data: bytes, draw: random.Random) -> bytes:
    """Return other bytes: flipped bits, a cut, an insertion, two blocks swapped, a block repeated or zeroed."""
    content = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 8))):
        size = len(content)
        start = draw.randrange(size + 1)
        end = min(size, start + draw.choice((1, 2, 4, 16, 200)))
        match draw.randrange(7):
            case 0 | 1 if size:
                content[draw.randrange(size)] ^= 1 << draw.randrange(8)
            case 2:
                del content[start:]
            case 3:
                content[start:start] = draw.randbytes(draw.choice((1, 2, 8, 100)))
            case 4:
                other = draw.randrange(size + 1)
                block = content[other : other + end - start]
                content[other : other + end - start], content[start:end] = content[start:end], block
            case 5:
                content[start:start] = content[start:end]
            case _:
                content[start:end] = bytes(end - start)
    return bytes(content)


def _damaged_value(value: Any, draw: random.Random) -> Any:
    """Return another JSON value: a few places hold something else, are gone, doubled, or under another name."""
    value = copy.deepcopy(value)
    for _ in range(draw.choice((1, 1, 1, 2, 5))):
        places = list(_places(value))
        if not places:
            return draw.choice(_VALUES)
        holder, key = draw.choice(places)
        match draw.randrange(6):
            case 0 | 1 | 2:
                holder[key] = copy.deepcopy(draw.choice(_VALUES))
            case 3:
                del holder[key]
            case 4 if isinstance(holder, dict):
                holder[draw.choice(("", "seed", "kind", "../x", "\x1b[0m", key + "x", key.upper()))] = holder.pop(key)
            case _ if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[key]))
    return value


def _damaged_json(data: bytes, draw: random.Random) -> bytes:
    """Return other JSON (where it is NaN or half a surrogate pair, as lenient writers write it)."""
    return json.dumps(_damaged_value(json.loads(data), draw)).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


@pytest.fixture(scope="session")
def damaged() -> Callable[[bytes, random.Random], bytes]:
    """Return a function that damages bytes."""
    return _damaged


@pytest.fixture(scope="session")
def damaged_json() -> Callable[[bytes, random.Random], bytes]:
    """Return a function that damages the values of a JSON text, which stays one."""
    return _damaged_json


@pytest.fixture(scope="session")
def verdict() -> Callable[[Callable[[], Any]], Any]:
    """Return the judge of a reader: its value, or the sentence of its refusal; anything else it raises gets out."""

    def judge(read: Callable[[], Any]) -> Any:
        try:
            return read()
        except CfdError as refusal:
            error = refusal
        said = str(error)
        assert said.strip()
        assert "Traceback" not in said
        assert len(said) < 20_000
        assert all(line.isprintable() for line in said.splitlines())
        assert isinstance(error, ConfigError) or len(said.splitlines()) == 1
        return error

    return judge


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder outside of every run with something dear in it, and see that nothing happened to it."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "thesis.txt").write_text("dear")
    (folder / "deep").mkdir()
    (folder / "deep" / "0-note.json").write_text("{}")
    before = _contents(folder)
    yield folder
    assert _contents(folder) == before


def _contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }
