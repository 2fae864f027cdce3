"""What else is wrong with a recipe that has wrong values: they are put right for the moment, the rest is checked."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cfd_studio.protocol.errors import Problem
from cfd_studio.protocol.readable import child

# Required numbers; everything else that is wrong is left out, which stands for its default.
_STAND_INS: dict[str, Any] = {"steps": 1, "batch_size": 1, "learning_rate": 1.0, "num_timesteps": 8, "name": "?"}
# Fields of one section are checked against one another, so that one that is put right says nothing of the others.
_ENTANGLED = ("optimization", "network", "data")
_BLURRED_BY = {
    "num_timesteps": ("sampling_steps", "parent"),
    "network.": ("guidance",),
    "data.": ("network", "input_size", "normalization"),
}


@dataclass(frozen=True, slots=True)
class Mended:
    """A raw recipe without the values that were wrong, and where these were."""

    raw: dict[str, Any]
    places: tuple[str, ...]

    def blurs(self, problem: Problem) -> bool:
        """Tell whether a problem may be due to a value that was put right."""
        return any(_entangled(place, problem.path) for place in self.places)


def mended(raw: Any, error: ValidationError, problems: list[Problem]) -> Mended | None:
    """Return a raw recipe without its wrong values; None where they cannot be told from the rest.

    Parameters
    ----------
    raw : Any
        What was validated.
    error : ValidationError
    problems : list of Problem
        What `cfd_studio.protocol.readable.readable` made of it.
    """
    if not isinstance(raw, dict):
        return None
    copy = _copied(raw)
    if not all(_put_right(copy, item) for item in error.errors(include_url=False)):
        return None
    return Mended(copy, tuple(problem.path for problem in problems))


def _put_right(raw: dict[str, Any], item: ErrorDetails) -> bool:
    """Replace or remove one wrong value; return whether that could be done."""
    holders: list[tuple[Any, Any]] = []
    place: Any = raw
    for key in item["loc"]:
        if isinstance(place, dict) and place.get("kind") == key and key not in place:
            continue  # the tag of a union is no step of the path
        holders.append((place, key))
        place = child(place, str(key))
    while holders and not isinstance(holders[-1][0], dict):  # an item of a list is wrong with its list
        holders.pop()
    if not holders or holders[-1][1] == "stages":
        return False
    holder, key = holders[-1]
    holder.pop(key, None)
    if key in _STAND_INS:
        holder[key] = _STAND_INS[key]
    return True


def _entangled(place: str, path: str) -> bool:
    way, other = place.split("."), path.split(".")
    if way[0] == other[0] == "stages" and min(len(way), len(other)) > 1 and other[1].startswith(f"{way[1]}-"):
        other[1] = way[1]  # a student of the halving
    shorter = min(len(way), len(other))
    if way[:shorter] == other[:shorter] or (way[:-1] == other[:-1] and way[-2:-1] and way[-2] in _ENTANGLED):
        return True
    return any(mark in place and any(end in path for end in ends) for mark, ends in _BLURRED_BY.items())


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list | tuple) else value
