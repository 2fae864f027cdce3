"""Pictures that carry a setting: what is read from strangers' files."""

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.sampling import Sampler
from cfd_studio.protocol.sheets import Sheet, SheetColumn, SheetModel
from cfd_studio.workspace import sheet_files
from cfd_studio.workspace.sheet_files import SHEET_KEY, read_sheet

SHEET = Sheet(
    models=(SheetModel(run="/runs/ä ö", stage="teacher"),),
    columns=(SheetColumn(sampling_steps=4, sampler=Sampler(name="ddim", eta=0.5)), SheetColumn()),
    keys=((3, 0), (3, 1)),
)


def _picture(path: Path, text: str | None, *, key: str = SHEET_KEY, compressed: bool = False) -> Path:
    info = PngInfo()
    if text is not None:
        info.add_itxt(key, text, zip=compressed)
    Image.new("RGB", (4, 4)).save(path, "PNG", pnginfo=info)
    return path


def _bomb(path: Path) -> Path:
    """Write a picture whose text is small on the disk and 20 MB in memory."""
    _picture(path, None)
    content = path.read_bytes()
    body = SHEET_KEY.encode() + b"\0\0" + zlib.compress(b" " * 20_000_000)
    chunk = b"zTXt" + body
    bomb = struct.pack(">I", len(body)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    path.write_bytes(content[:33] + bomb + content[33:])
    return path


@pytest.mark.parametrize("compressed", [False, True])
def test_a_setting_comes_back_as_it_was_written(tmp_path: Path, compressed: bool) -> None:
    assert read_sheet(_picture(tmp_path / "a.png", SHEET.model_dump_json(), compressed=compressed)) == SHEET


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "does not say how its images were drawn"),
        ("{", "carries a setting that is damaged"),
        ("[]", "carries a setting that is damaged"),
        (SHEET.model_dump_json().replace('"format_version":1', '"format_version":2'), "or of a newer version"),
        (SHEET.model_dump_json()[:-1] + ',"more":1}', "carries a setting that is damaged"),
        (SHEET.model_dump_json().replace("teacher", "../../etc"), "carries a setting that is damaged"),
        ("[" * 5000, "carries a setting that is damaged"),
    ],
)
def test_a_setting_that_is_none_is_told_in_a_sentence(tmp_path: Path, text: str | None, said: str) -> None:
    with pytest.raises(CfdError, match=said):
        read_sheet(_picture(tmp_path / "a.png", text))


def test_files_that_are_no_pictures_are_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _picture(tmp_path / "whole.png", SHEET.model_dump_json())
    Image.new("RGB", (4, 4)).save(tmp_path / "a.gif", "GIF")
    (tmp_path / "empty.png").touch()
    (tmp_path / "torn.png").write_bytes(whole.read_bytes()[:60])
    for name in ("a.gif", "empty.png", "torn.png", "missing.png"):
        with pytest.raises(CfdError):
            read_sheet(tmp_path / name)
    with pytest.raises(CfdError, match="is no PNG picture"):
        read_sheet(_bomb(tmp_path / "bomb.png"))
    monkeypatch.setattr(sheet_files, "LARGEST_PICTURE", 10)
    with pytest.raises(CfdError, match="more than the 10 allowed"):
        read_sheet(whole)
