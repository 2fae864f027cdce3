"""What can be done to the stages of a recipe: each edit returns a new recipe and where its stages came from."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Raw = dict[str, Any]
_STEMS = {"progressive": "pd", "feature": "cfd"}
_CHOSEN_BY_STUDENTS = ("sampling_steps", "parent", "id", "kind", "overrides", "guidance")


@dataclass(frozen=True, slots=True)
class TreeEdit:
    """A recipe after an edit.

    Attributes
    ----------
    recipe : dict
    came_from : tuple of int or None
        For every stage its index before the edit; None for a new one.
    selected : int
        The stage that the edit was about, as it stands now; -1 where it is gone.
    """

    recipe: Raw
    came_from: tuple[int | None, ...]
    selected: int


def models_of(stage: Raw) -> list[tuple[str, int | None]]:
    """Return the id and the network calls of every model that a stage stands for; none for a classifier."""
    name, kind, steps = str(stage.get("id", "")), stage.get("kind"), stage.get("sampling_steps")
    if kind == "classifier":
        return []
    if kind != "halving":
        return [(name, steps if isinstance(steps, int) else None)]
    counts = steps if isinstance(steps, list) else []
    return [(f"{name}-{count}", count) for count in counts if isinstance(count, int)]


def parent_of(recipe: Raw, index: int) -> int | None:
    """Return the stage that holds the model which teaches a stage; None for a root, or a parent that is not there."""
    wanted = recipe["stages"][index].get("parent")
    for other, stage in enumerate(recipe["stages"]):
        if other != index and any(name == wanted for name, _ in models_of(stage)):
            return other
    return None


def hanging_on(recipe: Raw, index: int) -> list[int]:
    """Return the stages that cannot be without one: those taught by it or matched with it, and what hangs on these."""
    gone = {index}
    while True:
        names = {recipe["stages"][one].get("id") for one in gone if recipe["stages"][one].get("kind") == "classifier"}
        more = {
            other
            for other, stage in enumerate(recipe["stages"])
            if parent_of(recipe, other) in gone or (_matches(stage) and stage.get("classifier") in names)
        }
        if more <= gone:
            return sorted(gone - {index})
        gone |= more


def renamed(recipe: Raw, index: int, name: str) -> Raw:
    """Return a recipe in which a stage has another id, wherever it is named."""
    stage = recipe["stages"][index]
    old = stage.get("id")
    if stage.get("kind") == "classifier":
        field, names = "classifier", {old: name}
    else:
        after = models_of({**stage, "id": name})
        field, names = "parent", {was: now for (was, _), (now, _) in zip(models_of(stage), after, strict=True)}
    stages = [{**one, field: names[one[field]]} if one.get(field) in names else one for one in recipe["stages"]]
    stages[index] = {**stages[index], "id": name}
    result = {**recipe, "stages": stages}
    judging = recipe.get("evaluation")
    if field == "classifier" and isinstance(judging, dict) and judging.get("judge") == old:
        result["evaluation"] = {**judging, "judge": name}
    return result


def removed(recipe: Raw, index: int) -> TreeEdit:
    """Remove a stage and what hangs on it; a judge that is gone judges no longer."""
    gone = {index, *hanging_on(recipe, index)}
    kept = [one for one in range(len(recipe["stages"])) if one not in gone]
    result = {**recipe, "stages": [recipe["stages"][one] for one in kept]}
    judging = recipe.get("evaluation")
    if isinstance(judging, dict) and judging.get("judge") in {recipe["stages"][one].get("id") for one in gone}:
        result["evaluation"] = {**judging, "judge": None}
    return TreeEdit(result, tuple(kept), -1)


def duplicated(recipe: Raw, index: int) -> TreeEdit:
    """Copy a stage and the students that hang on it, under new ids, from the same parent."""
    copied = [index]
    while more := [
        one for one in range(len(recipe["stages"])) if one not in copied and parent_of(recipe, one) in copied
    ]:
        copied += more
    result = recipe
    names: dict[str, str] = {}
    for one in copied:
        stage = recipe["stages"][one]
        name = _free(result, str(stage.get("id", "stage")))
        twin = {**stage, "id": name}
        names |= {was: now for (was, _), (now, _) in zip(models_of(stage), models_of(twin), strict=True)}
        if twin.get("parent") in names:
            twin["parent"] = names[twin["parent"]]
        result = {**result, "stages": [*result["stages"], twin]}
    first = len(recipe["stages"])
    if recipe["stages"][index].get("kind") == "classifier":  # a judge stands before the first teacher
        return _inserted(recipe, result["stages"][first], index + 1)
    return TreeEdit(result, (*range(first), *[None] * len(copied)), first)


def with_classifier(recipe: Raw) -> TreeEdit:
    """Add a classifier behind the others."""
    known = [index for index, stage in enumerate(recipe["stages"]) if stage.get("kind") == "classifier"]
    like = recipe["stages"][known[-1]] if known else {"architecture": "cnn", "optimization": _training(recipe, "")}
    kept = {key: value for key, value in like.items() if key in ("architecture", "optimization", "width")}
    kept["optimization"] = kept.get("optimization") or _training(recipe, "")
    stage = {"kind": "classifier", "id": _free(recipe, "classifier"), **kept}
    return _inserted(recipe, stage, known[-1] + 1 if known else 0)


def with_teacher(recipe: Raw) -> TreeEdit:
    """Add a teacher that is trained here."""
    stage = {"kind": "teacher", "id": _free(recipe, "teacher"), "optimization": _training(recipe, "teacher")}
    return _inserted(recipe, stage, len(recipe["stages"]))


def with_student(recipe: Raw, parent: str, steps: int, objective: str, *, chain: bool) -> TreeEdit:
    """Add what is distilled from a model.

    Parameters
    ----------
    recipe : dict
    parent : str
        The model that teaches.
    steps : int
        Its network calls; even.
    objective : str
        ``progressive`` or ``feature``.
    chain : bool
        Whether to halve down to an odd number, or once.
    """
    stage: Raw = {"id": _free(recipe, _STEMS[objective]), "parent": parent}
    if chain:
        stage |= {"kind": "halving", "objective": objective, "sampling_steps": list(_halvings(steps))}
    else:
        stage |= {"kind": objective, "sampling_steps": steps // 2}
    if objective == "feature":
        judge = (recipe.get("evaluation") or {}).get("judge")
        teaching = [one.get("id") for one in recipe["stages"] if one.get("kind") == "classifier"]
        stage["classifier"] = next((name for name in teaching if name != judge), "")
    stage |= {key: value for key, value in _like(recipe, objective).items() if key not in stage}
    return _inserted(recipe, stage, len(recipe["stages"]))


def steps_of_teacher(recipe: Raw, steps: int | None) -> int:
    """Return the network calls of a model; a teacher that does not say them has the levels of the base grid."""
    levels = (recipe.get("schedule") or {}).get("num_timesteps")
    return steps if steps is not None else levels if isinstance(levels, int) else 0


def _halvings(steps: int) -> Iterator[int]:
    while steps % 2 == 0 and steps > 1:
        steps //= 2
        yield steps


def _matches(stage: Raw) -> bool:
    return stage.get("kind") == "feature" or (stage.get("kind") == "halving" and stage.get("objective") == "feature")


def _like(recipe: Raw, objective: str) -> Raw:
    """Return how students of the recipe are made already, those of the same objective before others."""
    students = [one for one in recipe["stages"] if one.get("parent") is not None]
    same = [one for one in students if objective in (one.get("kind"), one.get("objective"))]
    if same:
        return {key: value for key, value in same[0].items() if key not in (*_CHOSEN_BY_STUDENTS, "objective")}
    return {"optimization": students[0].get("optimization") if students else _training(recipe, "teacher")}


def _training(recipe: Raw, kind: str) -> Raw:
    """Return how a stage of a kind, or else any, is trained: a beginning to be changed."""
    known = [one for one in recipe["stages"] if isinstance(one.get("optimization"), dict)]
    known.sort(key=lambda one: one.get("kind") != kind)
    keys = ("steps", "batch_size", "learning_rate")
    return {key: known[0]["optimization"].get(key) for key in keys} if known else dict.fromkeys(keys)


def _inserted(recipe: Raw, stage: Raw, place: int) -> TreeEdit:
    old = range(len(recipe["stages"]))
    stages = [*recipe["stages"][:place], stage, *recipe["stages"][place:]]
    return TreeEdit({**recipe, "stages": stages}, (*old[:place], None, *old[place:]), place)


def _free(recipe: Raw, name: str) -> str:
    """Return a name that no stage has, with a number behind it where it is taken."""
    taken = {str(one.get("id")) for one in recipe["stages"]}
    taken |= {model for one in recipe["stages"] for model, _ in models_of(one)}
    stem = re.sub(r"\d+$", "", name)[:36] or "stage"
    return next(one for one in (name, *(f"{stem}{number}" for number in range(2, 2000))) if one not in taken)
