"""What goes wrong in a way that a user can mend, said in one sentence."""

from collections.abc import Iterable
from dataclasses import dataclass

MOST_LISTED = 50
LONGEST_LINE = 2000


def printable(text: str) -> str:
    r"""Return a text from outside as one line of sane length that any terminal and file can take, ``\n`` spelt out."""
    if len(text) > LONGEST_LINE:
        text = f"{text[:LONGEST_LINE]}…"
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


class CfdError(Exception):
    """A mistake or mishap that is told to the user as one sentence, never as a traceback.

    Parameters
    ----------
    what : str
        The sentence, without its final full stop being required.
    where : str, optional
        The field, file or folder it is about; printed before the sentence.
    advice : str, optional
        What to do; printed after the sentence.
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str | None = None, advice: str | None = None) -> None:
        self.what = printable(what)
        self.where = printable(where) if where else where
        self.advice = printable(advice) if advice else advice
        head = f"{self.where}: " if where else ""
        tail = f" {self.advice}" if advice else ""
        super().__init__(f"{head}{self.what.rstrip('.')}.{tail}")


class JobError(CfdError):
    """A job that began well could not go on; what was saved is kept. The exit code is 1."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """One field that cannot stay as it is: its dotted path and one sentence about it."""

    path: str
    message: str

    def __str__(self) -> str:
        return printable(f"{self.path}: {self.message}" if self.path else self.message)


class ConfigError(CfdError):
    """Everything that is wrong with a config, all at once.

    Parameters
    ----------
    problems : iterable of Problem
        At least one.
    source : str, optional
        The file or preset that holds the config.
    """

    def __init__(self, problems: Iterable[Problem], *, source: str | None = None) -> None:
        self.problems = tuple(problems)
        listed = "".join(f"\n  {problem}" for problem in self.problems[:MOST_LISTED])
        if len(self.problems) > MOST_LISTED:
            listed += f"\n  and {len(self.problems) - MOST_LISTED:,} more"
        what = f"{len(self.problems):,} values of the config cannot stay as they are"
        if len(self.problems) == 1:
            what = "1 value of the config cannot stay as it is"
        super().__init__(what, where=source)
        self.args = (f"{self.args[0].rstrip('.')}:{listed}",)


class NoDisplayError(CfdError):
    """There is no screen to open a window on, or a library that Qt needs is missing."""
