"""Sheets of samples as pictures that know how they were drawn: the setting travels in the PNG."""

import io
from pathlib import Path

from pydantic import ValidationError

from cfd_studio.protocol import strict_json
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.sheets import Sheet
from cfd_studio.runs.intake import read_bounded

SHEET_KEY = "cfd-studio"  # of the text chunk
LARGEST_PICTURE = 256 * 2**20
LARGEST_SHEET = 2**20  # as much as Pillow takes of a compressed text


def read_sheet(path: Path) -> Sheet:
    """Return the setting that a picture carries; its pixels are not looked at.

    Raises
    ------
    CfdError
        Where it cannot be read, is no PNG, or carries no setting, a damaged one, or one of a newer version.
    """
    from PIL import Image, UnidentifiedImageError  # only whoever opens a sheet waits for it

    try:
        with Image.open(io.BytesIO(read_bounded(path, LARGEST_PICTURE, follow=True)), formats=("PNG",)) as picture:
            text = picture.info.get(SHEET_KEY)
    except (UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise CfdError("is no PNG picture", where=str(path), advice="Open one that was saved from Compare.") from None
    except OSError as error:
        why = error.strerror or "it is damaged"
        raise CfdError(f"cannot be read ({why})", where=str(path), advice="Open another picture.") from None
    if not isinstance(text, str):
        raise CfdError(
            "does not say how its images were drawn",
            where=str(path),
            advice="Open a picture that was saved from Compare; other programs may drop what it carries.",
        )
    try:
        if len(text) > LARGEST_SHEET:
            raise ValueError
        return Sheet.model_validate(strict_json.loads(text))
    except (ValueError, ValidationError):
        raise CfdError(
            "carries a setting that is damaged, or of a newer version",
            where=str(path),
            advice="Open one that was saved by this version.",
        ) from None
