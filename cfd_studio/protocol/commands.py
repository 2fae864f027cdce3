"""What the window and the command line may ask of a living job."""

import uuid
from enum import StrEnum

from pydantic import Field

from cfd_studio.protocol.fields import Words


class Verb(StrEnum):
    """The commands a job understands."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP_KEEP = "stop-keep"
    STOP_DISCARD = "stop-discard"
    SAVE = "save"


class Command(Words):
    """One command, answered in the journal under the same id."""

    verb: Verb
    id: str = Field(default_factory=lambda: uuid.uuid4().hex, pattern=r"^[0-9a-f]{32}$")
