"""JSON that can be read in one way only: whatever two readers could understand differently is refused."""

import json
from typing import Any, NoReturn

LONGEST_NUMBER = 30


def loads(text: bytes | str) -> Any:
    """Return the value of a JSON text.

    Raises
    ------
    ValueError
        Where it is no JSON, nests too deeply, gives a key twice, or holds NaN, an infinity, half a surrogate pair or
        a whole number of more than 30 digits.
    """
    try:
        value = json.loads(text, object_pairs_hook=_without_twins, parse_constant=_refuse, parse_int=_whole)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()  # 1e999, and half a pair anywhere
    except RecursionError:
        raise ValueError("it nests too deeply") from None
    except UnicodeError:
        raise ValueError("it is not written in UTF-8") from None
    return value


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        twin = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twin[:80]!r} is there twice")
    return values


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _whole(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"a number has {len(digits):,} digits")
    return int(digits)
