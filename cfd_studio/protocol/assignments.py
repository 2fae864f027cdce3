"""One value of a recipe as a word of the command line: ``path.to.field=value``."""

import json
from typing import Any

from cfd_studio.protocol import strict_json
from cfd_studio.protocol.errors import CfdError


def parse_assignment(text: str) -> tuple[str, Any]:
    """Return path and value; a value that is no JSON is a text.

    Raises
    ------
    CfdError
        Where it sets nothing.
    """
    path, separator, value = text.partition("=")
    if not separator or not path:
        raise CfdError(f"'{text}' sets nothing", where="--set", advice="Write path.to.field=value.")
    try:
        return path.strip(), strict_json.loads(value)
    except ValueError:
        return path.strip(), value


def write_assignment(path: str, value: Any) -> str:
    """Return the word that `parse_assignment` reads as this path and value."""
    if isinstance(value, str):
        try:
            strict_json.loads(value)
        except ValueError:
            return f"{path}={value}"
    return f"{path}={json.dumps(value, ensure_ascii=False)}"
