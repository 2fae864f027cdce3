"""How a config field says its label, unit and help, so that form, help text and errors come from one place."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

# A whole number that every float64 array and every printed line can take.
Count = Annotated[int, Field(ge=0, le=2**53)]
PATH = r"^[^\x00]*$"  # what no system takes in a path


class Words(BaseModel):
    """Base of every config and command: immutable, and a field that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def field(help_text: str, *, label: str, default: Any = ..., unit: str = "", basic: bool = False, **bounds: Any) -> Any:
    """Declare one config field.

    Parameters
    ----------
    help_text : str
        One sentence for the tooltip and the command line.
    label : str
        What the form calls it.
    default : Any, optional
        Left out where the field must be given.
    unit : str, optional
        Printed behind the value.
    basic : bool, optional
        Whether the form shows it without being asked for the rest.
    **bounds
        ``ge``, ``le``, ``gt``, ``lt``, ``min_length``, ``pattern`` as in `pydantic.Field`.
    """
    extra: dict[str, JsonValue] = {"unit": unit, "basic": basic}
    return Field(default, title=label, description=help_text, json_schema_extra=extra, **bounds)
