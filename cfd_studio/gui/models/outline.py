"""The stages of a recipe as an indented list: students below the stage that teaches them."""

from dataclasses import dataclass
from typing import Any

from cfd_studio.gui.models.form import stage_titles
from cfd_studio.gui.models.tree_edits import models_of, parent_of

_SHORT = {"progressive": "PD", "feature": "CFD"}


@dataclass(frozen=True, slots=True)
class OutlineItem:
    """One stage of the list.

    Attributes
    ----------
    index : int
        In the recipe.
    rails : tuple of bool
        For every stage above it, up to the root, whether another branch follows below.
    kind : str
        ``classifier``, ``teacher``, ``progressive`` or ``feature``, as its models are coloured.
    title, words : str
        Its name, and what it is.
    """

    index: int
    rails: tuple[bool, ...]
    kind: str
    title: str
    words: str


def outline(recipe: dict[str, Any]) -> list[OutlineItem]:
    """Return all stages: roots in the order of the recipe, each followed by what is distilled from it."""
    parents = [parent_of(recipe, index) for index in range(len(recipe["stages"]))]
    items: list[OutlineItem] = []
    placed: set[int] = set()

    def place(index: int, rails: tuple[bool, ...]) -> None:
        placed.add(index)
        items.append(_item(recipe, index, rails))
        children = [child for child, parent in enumerate(parents) if parent == index and child not in placed]
        for child in children:
            place(child, (*rails, child != children[-1]))

    for index, parent in enumerate(parents):
        if parent is None:
            place(index, ())
    for index in range(len(parents)):  # stages that teach one another in a circle hang on no root
        if index not in placed:
            place(index, ())
    return items


def known_values(recipe: dict[str, Any], path: str) -> list[str]:
    """Return the models or classifiers that may be named in a field."""
    last = path.rpartition(".")[2]
    if last == "parent":
        own = int(path.split(".")[1])
        return [name for index, stage in enumerate(recipe["stages"]) if index != own for name, _ in models_of(stage)]
    if last in ("classifier", "judge"):
        return [str(stage.get("id")) for stage in recipe["stages"] if stage.get("kind") == "classifier"]
    return []


def _item(recipe: dict[str, Any], index: int, rails: tuple[bool, ...]) -> OutlineItem:
    stage = recipe["stages"][index]
    kind = str(stage.get("objective") if stage["kind"] == "halving" else stage["kind"])
    title, words = stage_titles(recipe, stage)
    if kind in _SHORT:
        calls = [count for _, count in models_of(stage) if count is not None]
        counted = (
            f"{len(calls)} students"
            if len(calls) > 1
            else f"{calls[0]} call{'s' if calls[0] != 1 else ''}"
            if calls
            else "no steps"
        )
        words = f"{_SHORT[kind]} of {stage.get('parent')} · {counted}"
    return OutlineItem(index, rails, kind, title, words)
