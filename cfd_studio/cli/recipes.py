"""Recipes as the command line names them: a preset, or a JSON file, with values set."""

import difflib
from pathlib import Path
from typing import Any

from cfd_studio.protocol.assignments import parse_assignment
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.errors import CfdError, ConfigError, Problem
from cfd_studio.protocol.plan import Recipe, read_recipe, resolve, set_values
from cfd_studio.runs.lineage import fill_sources, import_teacher
from cfd_studio.workspace.recipe_files import read_recipe_file
from cfd_studio.workspace.resources import presets


def read_raw(name: str) -> tuple[dict[str, Any], str]:
    """Return the raw recipe of a preset or a JSON file, and what to call it in errors.

    Raises
    ------
    CfdError
        Where there is neither, or the file holds no JSON object.
    """
    known = presets()
    path = known.get(name, Path(name))
    if name not in known and not path.is_file():
        close = difflib.get_close_matches(name, known, n=1)
        advice = f"Did you mean '{close[0]}'?" if close else f"Presets: {', '.join(known)}; or give a JSON file."
        raise CfdError(f"'{name}' is neither a preset nor a file", advice=advice)
    source = f"preset {name}" if name in known else name
    return read_recipe_file(path, source), source


def read_recipe_of(name: str) -> Recipe:
    """Return the recipe of a preset or a JSON file, its halvings as they are written.

    Raises
    ------
    CfdError
        With everything that is wrong.
    """
    raw, source = read_raw(name)
    return read_recipe(raw, source=source)


def read_config(name: str, settings: list[str], teacher: str | None = None) -> RunConfig:
    """Return the resolved config of a preset or file after ``path.to.field=value`` settings.

    ``teacher`` is ``RUN`` or ``RUN:STAGE``, which takes the place of the recipe's own.

    Raises
    ------
    CfdError
        With everything that is wrong.
    """
    raw, source = read_raw(name)
    if teacher is not None:
        raw = import_teacher(raw, teacher)
    problems: list[Problem] = []
    for setting in settings:
        try:
            raw = set_values(raw, [parse_assignment(setting)])
        except ConfigError as error:
            problems += error.problems
    try:
        config = resolve(fill_sources(raw, source=source), source=source)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(problems, source=source)
    return config
