"""The recipe in the making: where it began, what it is now, and every state in between, to go back to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from cfd_studio.gui.models.fields import FormField
from cfd_studio.gui.models.form import form_groups, reshaped
from cfd_studio.gui.models.tree_edits import TreeEdit, renamed
from cfd_studio.protocol.plan import set_values


@dataclass(frozen=True, slots=True)
class Origin:
    """A recipe to begin with.

    Attributes
    ----------
    name : str
        Of a preset, a file or a run.
    recipe : dict
        In today's words.
    command : str
        What the command line calls exactly this recipe; empty where nothing does.
    """

    name: str
    recipe: dict[str, Any]
    command: str = ""


@dataclass(frozen=True, slots=True)
class _State:
    origin: Origin
    recipe: dict[str, Any]
    # For every stage its index in the origin, or None for one that was added.
    roots: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that is not as it was at the beginning.

    Attributes
    ----------
    path : str
        Of the field now, with stages named by their index; empty for a stage that is gone.
    words : str
        The path as a person reads it.
    theirs, ours : str
        The value of the origin, and the one in its place.
    """

    path: str
    words: str
    theirs: str
    ours: str


class Draft:
    """Holds states, none of which is ever changed."""

    def __init__(self, origin: Origin) -> None:
        self._now = _begun(origin)
        self._past: list[_State] = []
        self._future: list[_State] = []
        self._typing = ""  # the field into which is typed: letters are no steps to go back by
        self._theirs: tuple[Origin, dict[str, FormField]] | None = None

    @property
    def origin(self) -> Origin:
        """Where the recipe began."""
        return self._now.origin

    @property
    def recipe(self) -> dict[str, Any]:
        """The recipe as it is filled in, right or wrong."""
        return self._now.recipe

    @property
    def roots(self) -> tuple[int | None, ...]:
        """For every stage its index in the origin, or None for one that was added."""
        return self._now.roots

    @property
    def can_undo(self) -> bool:
        """Whether there is a state before this one."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether there is a state after this one."""
        return bool(self._future)

    def begin(self, origin: Origin) -> None:
        """Begin anew with another recipe; what was there can be had back."""
        if self._now != _begun(origin):
            self._go(_begun(origin))

    def edit(self, path: str, value: Any) -> None:
        """Give a field a value. Another id of a stage is another id wherever the stage is named."""
        if path == self._typing and self._past:
            base = self._past[-1]
        else:
            base = self._now
            self._past.append(base)
            self._typing = path
        self._future.clear()
        self._now = replace(base, recipe=_edited(base, path, value))

    def edit_tree(self, edit: TreeEdit) -> None:
        """Take over an edit of the stages."""
        roots = tuple(None if old is None else self._now.roots[old] for old in edit.came_from)
        self._go(replace(self._now, recipe=edit.recipe, roots=roots))

    def undo(self) -> None:
        """Go back one step."""
        if self._past:
            self._future.append(self._now)
            self._now, self._typing = self._past.pop(), ""

    def redo(self) -> None:
        """Go forward again."""
        if self._future:
            self._past.append(self._now)
            self._now, self._typing = self._future.pop(), ""

    def first(self, path: str) -> FormField | None:
        """Return the field of the origin that a field comes from, or None where there is none."""
        way = path.split(".")
        if way[0] == "stages":
            root = self._now.roots[int(way[1])]
            way[1] = "added" if root is None else str(root)
        return self._fields_of_origin().get(".".join(way))

    def differences(self) -> list[Difference]:
        """Return what is not as it was at the beginning."""
        found: list[Difference] = []
        stages, gone = self.recipe["stages"], set(range(len(self.origin.recipe["stages"]))) - set(self.roots)
        for field in _fields(self.recipe).values():
            old = self.first(field.path)
            new_stage = field.path.startswith("stages.") and self.roots[int(field.path.split(".")[1])] is None
            if not new_stage and (old is None or old.given != field.given):
                words = _named(field.path, stages)
                found.append(Difference(field.path, words, old.text if old else "", field.text))
        for index, root in enumerate(self.roots):
            if root is None:
                found.append(Difference(f"stages.{index}.id", _named(f"stages.{index}", stages), "", "added"))
        for index in sorted(gone):
            words = _named(f"stages.{index}", self.origin.recipe["stages"])
            found.append(Difference("", words, "there", "removed"))
        return found

    def _fields_of_origin(self) -> dict[str, FormField]:
        if self._theirs is None or self._theirs[0] is not self.origin:
            self._theirs = (self.origin, _fields(self.origin.recipe))
        return self._theirs[1]

    def _go(self, state: _State) -> None:
        self._past.append(self._now)
        self._future.clear()
        self._now, self._typing = state, ""


def _begun(origin: Origin) -> _State:
    return _State(origin, origin.recipe, tuple(range(len(origin.recipe["stages"]))))


def _edited(base: _State, path: str, value: Any) -> dict[str, Any]:
    way = path.split(".")
    if way[0] == "stages" and way[2:] == ["id"]:
        return renamed(base.recipe, int(way[1]), str(value))
    recipe = set_values(base.recipe, [(path, value)])
    if way[-2:] == ["source", "kind"]:
        root = base.roots[int(way[1])]
        before = {} if root is None else base.origin.recipe["stages"][root]
        return reshaped(recipe, path, before)
    return recipe


def _fields(recipe: dict[str, Any]) -> dict[str, FormField]:
    return {field.path: field for group in form_groups(recipe, every=True) for field in group.fields}


def _named(path: str, stages: Sequence[dict[str, Any]]) -> str:
    """Return a path with its stage named by its id."""
    way = path.split(".")
    if way[0] == "stages":
        way[1] = str(stages[int(way[1])].get("id", way[1]))
    return ".".join(way)
