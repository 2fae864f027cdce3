"""Tables for Markdown documents."""

from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Return a table.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequences of str
        As long as the header.
    right : sequence of int, optional
        Columns that are aligned to the right.
    """
    lines = [header, ["---:" if column in right else "---" for column in range(len(header))], *rows]
    return "\n".join(f"| {' | '.join(_cell(one) for one in line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
