"""The way back from what a run computes to what a person writes: chains of students as halvings."""

from typing import Any

_OF_A_STUDENT = {"kind", "id", "parent", "sampling_steps", "guidance"}


def contracted(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a raw config whose chains of alike students are halvings; it resolves to the same config.

    Parameters
    ----------
    raw : dict
        A resolved config with all its fields written.
    """
    stages: list[dict[str, Any]] = []
    chain: list[dict[str, Any]] = []
    used: set[str | None] = set()
    for stage in raw["stages"]:
        if chain and not _follows(stage, chain[-1]):
            stages += _written(chain, used)
            chain = []
        if stage["kind"] in ("progressive", "feature"):
            chain.append(stage)
        else:
            stages.append(stage)
    return {**raw, "stages": stages + _written(chain, used)}


def _follows(stage: dict[str, Any], before: dict[str, Any]) -> bool:
    return (
        stage["kind"] == before["kind"]
        and stage["parent"] == before["id"]
        and stage["guidance"] == 1
        and _prefix(stage) == _prefix(before) is not None
        and _alike(stage) == _alike(before)
    )


def _written(chain: list[dict[str, Any]], used: set[str | None]) -> list[dict[str, Any]]:
    """Return a chain as one halving, or as it is where it is a single student or another halving has its name."""
    if len(chain) < 2 or _prefix(chain[0]) in used:
        return chain
    used.add(_prefix(chain[0]))
    first = chain[0]
    own = {"kind": "halving", "id": _prefix(first), "parent": first["parent"], "objective": first["kind"]}
    steps = [stage["sampling_steps"] for stage in chain]
    return [own | {"sampling_steps": steps, "guidance": first["guidance"]} | _alike(first)]


def _prefix(stage: dict[str, Any]) -> str | None:
    """Return the id without its step count, or None where it has none."""
    prefix, dash, steps = stage["id"].rpartition("-")
    return prefix if dash and prefix and steps == str(stage["sampling_steps"]) else None


def _alike(stage: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in stage.items() if key not in _OF_A_STUDENT}
