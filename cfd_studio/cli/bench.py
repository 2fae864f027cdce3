"""``cfd-studio bench``: needs torch, numpy and pydantic, and for some classifiers torchvision; nothing else."""

import argparse
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

from cfd_studio.cli.verbs import VERBS
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.execution import DEVICE, ExecutionRequest
from cfd_studio.protocol.fast_paths import Precision, read_wishes

PROGRAM = "cfd-studio bench"


def main(arguments: list[str]) -> int:
    """Measure optimizer steps and sampling on this machine: plain (eager float32) and fast (as a job would) in turns.

    A table is printed; after Ctrl-C, of what is measured by then.

    Parameters
    ----------
    arguments : list of str
        What follows the command's name.

    Returns
    -------
    int
        The exit code.
    """
    given = _parser().parse_args(arguments)
    # Takes seconds to import, which help and a wrong option need not wait for.
    from cfd_studio.cli.bench_table import Report, in_short, tables
    from cfd_studio.engine.bench.ablation import PATHS
    from cfd_studio.engine.bench.course import Course, Wanted
    from cfd_studio.engine.bench.sizes import SIZES, Size
    from cfd_studio.engine.execution import choose_device
    from cfd_studio.engine.mishaps import told

    def chosen(size: Size) -> Size:
        rows = tuple(row for row in size.rows if not given.rows or any(row.name.startswith(one) for one in given.rows))
        return replace(size, rows=rows)

    try:
        device = choose_device(given.device)
        sizes = [chosen(SIZES[name]) for name in given.size or SIZES]
        if wrong := [one for one in given.rows if not any(row.name.startswith(one) for s in sizes for row in s.rows)]:
            names = dict.fromkeys(row.name for name in given.size or SIZES for row in SIZES[name].rows)
            raise CfdError(f"there is no row '{wrong[0]}'", advice=f"Rows: {', '.join(names)}.")
        ablated = given.ablate if given.ablate is not None else []
        if wrong := [path for path in ablated if path not in PATHS]:
            raise CfdError(f"there is no fast path '{wrong[0]}'", advice=f"Fast paths: {', '.join(PATHS)}.")
        request = ExecutionRequest(threads=given.threads or 0, precision=given.precision, fast=given.fast)
        wanted = Wanted(
            sizes=tuple(size for size in sizes if size.rows),
            batches=tuple(given.batch),
            request=request,
            device=device,
            repeats=given.repeats,
            seconds=given.seconds,
            ablated=tuple(ablated or (PATHS if given.ablate is not None else ())),
            by_name=bool(ablated),
        )
        report = Report.begun(device)
        with told("measuring", device, "Choose a smaller batch."):
            try:
                for found in Course(wanted, _tell):
                    report.found.append(found)
                    if said := in_short(found):
                        _tell(said)
            except KeyboardInterrupt:
                report.interrupted = True
        with told("writing what was measured", device, "Choose a smaller batch."):
            print(tables(report), file=sys.stderr if given.json == "-" else sys.stdout)
            if given.json == "-":
                print(report.as_json())
            elif given.json:
                Path(given.json).write_text(report.as_json() + "\n", encoding="utf-8")
    except CfdError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted.", file=sys.stderr)
        return 1
    return 1 if report.interrupted else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=VERBS["bench"].summary, allow_abbrev=False)
    add = parser.add_argument
    add("--size", action="append", choices=("cifar10", "digits"), help="Which networks; both by default.")
    add("--rows", type=_words, default=[], metavar="ROW,...", help="Only rows whose names begin so: teacher, pd, ...")
    add("--batch", type=_numbers, default=[], metavar="N,...", help="Images at once; several to find the best.")
    add("--repeats", type=_number, default=5, help="Rounds of plain and fast; 5 by default.")
    add("--seconds", type=float, default=60.0, help="No round is begun after so many seconds of one row; 60.")
    add("--device", type=_device, default="auto", help="auto, cpu, cuda or cuda:N.")
    add("--threads", type=_number, help="CPU threads of both sides; measured where none is given.")
    add("--precision", choices=("auto", *get_args(Precision)), default="auto", help="Of fast.")
    add("--fast", type=_fast, default="", metavar="NAME=VALUE,...", help="Fast paths other than the defaults.")
    add(
        "--ablate",
        type=_words,
        nargs="?",
        const=[],
        metavar="PATH,...",
        help="Also measure what each fast path gains, or those that are named.",
    )
    add("--json", metavar="FILE", help="Write everything into a file as well; - prints it instead of the table.")
    return parser


def _words(text: str) -> list[str]:
    return [word for one in text.split(",") if (word := one.strip())]


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not 1 or more")
    return number


def _numbers(text: str) -> list[int]:
    return [_number(word) for word in _words(text)]


def _device(text: str) -> str:
    if not re.match(DEVICE, text):
        raise argparse.ArgumentTypeError(f"'{text}' is none of auto, cpu, cuda, cuda:N")
    return text


def _fast(text: str) -> str:
    try:
        read_wishes(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _tell(sentence: str) -> None:
    print(f"{PROGRAM}: {sentence}", file=sys.stderr, flush=True)
