"""A table as text for other programs: tabs for a spreadsheet, CSV with every digit, Markdown."""

import csv
import io
from collections.abc import Sequence

from cfd_studio.gui.models.judged import Entry
from cfd_studio.gui.models.judged_columns import Column
from cfd_studio.protocol import markdown

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_tabs(entries: Sequence[Entry], columns: Sequence[Column], reference: str) -> str:
    """Return what is seen, with tabs; the headings of figures name the reference."""
    rows = [_names(columns, reference), *([column.text(entry) for column in columns] for entry in entries)]
    return "\n".join("\t".join(_harmless(cell) for cell in row) for row in rows)


def as_csv(entries: Sequence[Entry], columns: Sequence[Column], reference: str) -> str:
    """Return every value with all its digits, for programs."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_harmless(name) for name in _names(columns, reference))
    for entry in entries:
        values = (column.value(entry) for column in columns)
        writer.writerow(_harmless(one) if isinstance(one, str) else one for one in values)
    return text.getvalue()


def as_markdown(entries: Sequence[Entry], columns: Sequence[Column], reference: str) -> str:
    """Return what is seen as a table for a README."""
    rows = [[column.text(entry) for column in columns] for entry in entries]
    numbers = [at for at, column in enumerate(columns) if column.value is not column.text]
    return markdown.table(_names(columns, reference), rows, right=numbers) + "\n"


def _names(columns: Sequence[Column], reference: str) -> list[str]:
    return [f"{column.name}, {reference}" if column.better else column.name for column in columns]


def _harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: names of runs come from anybody."""
    text = text.replace("\t", " ").replace("\n", " ")
    return f"'{text}" if text.startswith(_FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
