"""A sheet says all that its samples are drawn from, and takes nothing from a file that no window could mean."""

from typing import Any

import pytest
from pydantic import ValidationError

from cfd_studio.protocol.sampling import ImageKey, Sampler
from cfd_studio.protocol.sheets import MOST_KEYS, Sheet, SheetColumn, SheetModel, SheetView, Spot


def _sheet(**changes: Any) -> Sheet:
    model = SheetModel(run="/runs/one", stage="pd-4", weights="a" * 64)
    column = SheetColumn(sampling_steps=4, sampler=Sampler(name="dpm-solver++", guidance=2.0))
    spot = Spot(model=model, column=column)
    fields = {
        "models": (model, SheetModel(run="C:\\runs\\two", stage="teacher")),
        "columns": (SheetColumn(), column),
        "keys": ((0, 3), (7, 1)),
        "label": -1,
        "view": SheetView(zoom=2.5, centre=(0.25, 0.75), pair=(spot, spot), look="blink"),
    }
    return Sheet(**(fields | changes))


def test_a_sheet_goes_through_json_and_back() -> None:
    sheet = _sheet()
    assert Sheet.model_validate_json(sheet.model_dump_json()) == sheet
    assert sheet.image_keys == (ImageKey(0, 3), ImageKey(7, 1))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("models",), []),
        (("models", 0, "stage"), "../../etc"),
        (("models", 0, "run"), "a\x00b"),
        (("models", 0, "run"), "r" * 5000),
        (("models", 0, "weights"), "A" * 64),
        (("columns", 0, "sampling_steps"), 0),
        (("columns", 1, "sampler", "guidance"), 1e9),
        (("columns", 1, "sampler", "code"), "import os"),
        (("keys",), [[0, index] for index in range(MOST_KEYS + 1)]),
        (("keys", 0), [0, -1]),
        (("label",), -2),
        (("view", "zoom"), 1e300),
        (("view", "centre"), [0.5, 2.0]),
        (("view", "look"), "harder"),
        (("format_version",), 2),
    ],
)
def test_what_no_window_could_mean_is_refused(place: tuple[Any, ...], value: Any) -> None:
    raw = _sheet().model_dump(mode="json")
    inner = raw
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    with pytest.raises(ValidationError):
        Sheet.model_validate(raw)
