"""An index saves time and nothing else: with it, without it, or with a broken one, the mirror tells the same."""

import gc
import hashlib
import json
import os
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cfd_studio.protocol.events import QUARTERS, JobStarted, Logged, LossLogged, StageStarted, dump_event
from cfd_studio.runs import index as module
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.journal import JournalReader
from cfd_studio.runs.mirror import RunMirror

MakeRun = Callable[..., RunFolder]
Told = Callable[[Any], dict[str, Any]]


@pytest.fixture(autouse=True)
def _worthwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORTHWHILE", 1000)


def _losses(stage: str, first: int, last: int, loss: float = 1.0) -> bytes:
    events = [
        LossLogged(
            stage=stage,
            step=step,
            loss=loss / step,
            terms={"feature": 0.5, "anchor": loss} if stage == "cfd-2" else {},
            gradient_norm=1,
            learning_rate=step,
            images_per_second=step,
        )
        for step in range(first, last + 1)
    ]
    return b"".join(map(dump_event, events))


@pytest.fixture
def run(mini_run: MakeRun) -> RunFolder:
    run = mini_run()
    start = dump_event(JobStarted(job=1, device="cpu", stage="teacher")) + dump_event(Logged(text="ümlaut \n"))
    stage = dump_event(StageStarted(stage="teacher", step=0, total_steps=16))
    run.new_job("train").journal.write_bytes(start + stage + _losses("teacher", 1, 300) + _losses("cfd-2", 1, 50))
    return run


def _mirror(run: RunFolder, indexes: Path | None = None) -> RunMirror:
    mirror = RunMirror(run, indexes=indexes)
    mirror.refresh()
    return mirror


def _index(folder: Path) -> Path:
    (file,) = folder.glob("*.index")
    return file


def _bytes_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    read: list[int] = []
    original = JournalReader.read_block

    def counting(reader: JournalReader, limit: int = 2**20) -> bytes:
        block = original(reader, limit)
        read.append(len(block))
        return block

    monkeypatch.setattr(JournalReader, "read_block", counting)
    return read


def test_a_second_mirror_reads_only_what_is_new(
    run: RunFolder, tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    _mirror(run, tmp_path / "i")
    read = _bytes_read(monkeypatch)
    assert told(_mirror(run, tmp_path / "i")) == told(_mirror(run))
    assert sum(read) == run.jobs()[0].journal.stat().st_size  # of the mirror without an index
    read.clear()
    new = _losses("teacher", 301, 303)
    with run.jobs()[0].journal.open("ab") as stream:
        stream.write(new)
    again = _mirror(run, tmp_path / "i")
    assert sum(read) == len(new)
    assert again.stages["teacher"].loss.steps.tolist() == list(range(1, 304))


def test_a_short_journal_is_not_worth_an_index(run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORTHWHILE", 10**6)
    _mirror(run, tmp_path / "i")
    assert not (tmp_path / "i").exists()


def test_an_index_is_written_again_only_after_much_more_was_read(run: RunFolder, tmp_path: Path) -> None:
    mirror = _mirror(run, tmp_path / "i")
    first = _index(tmp_path / "i").read_bytes()
    journal = run.jobs()[0].journal
    size = journal.stat().st_size
    with journal.open("ab") as stream:
        stream.write(_losses("teacher", 301, 310))
    mirror.refresh()
    assert _index(tmp_path / "i").read_bytes() == first
    with journal.open("ab") as stream:
        stream.write(_losses("teacher", 311, 400))
    assert journal.stat().st_size > size * 9 / 8
    mirror.refresh()
    assert _index(tmp_path / "i").read_bytes() != first


@pytest.mark.parametrize(
    "change", ["cut", "replaced", "gone", "job gone", "another config", "earlier job woke up", "a job more"]
)
def test_an_index_that_does_not_fit_its_run_any_more_is_not_believed(
    run: RunFolder, tmp_path: Path, told: Told, change: str
) -> None:
    second = run.new_job("train")
    second.journal.write_bytes(dump_event(JobStarted(job=2, device="cpu", stage="teacher", step=200)))
    _mirror(run, tmp_path / "i")
    first = run.jobs()[0]
    content = first.journal.read_bytes()
    match change:
        case "cut":
            first.journal.write_bytes(content[:5000])
        case "replaced":
            first.journal.write_bytes(_losses("teacher", 1, 700, loss=9.0))
        case "gone":
            first.journal.unlink()
        case "job gone":
            shutil.rmtree(first.path)
        case "another config":
            config = run.path / "config.json"
            config.write_text(config.read_text().replace('"steps": 16', '"steps": 900'))
        case "earlier job woke up":
            first.journal.write_bytes(content + _losses("teacher", 301, 302))
        case _:
            run.new_job("train").journal.write_bytes(
                dump_event(JobStarted(job=3, device="cpu", stage="teacher", step=7))
            )
    assert told(_mirror(run, tmp_path / "i")) == told(_mirror(run))


def test_an_index_damaged_in_any_byte_or_cut_anywhere_is_never_misread(
    mini_run: MakeRun, tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = mini_run()
    run.new_job("train").journal.write_bytes(_losses("cfd-2", 1, 8))
    expected = told(_mirror(run))
    _mirror(run, tmp_path / "i")
    monkeypatch.setattr(module, "WORTHWHILE", 10**6)  # the damaged one is not mended
    file = _index(tmp_path / "i")
    whole = file.read_bytes()
    config = run.config()
    for at in range(0, len(whole), 3):
        for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]):
            file.write_bytes(damaged)
            mirror = RunMirror(run, config, indexes=tmp_path / "i")
            mirror.refresh()
            assert told(mirror) == expected


def _signed(content: bytes) -> bytes:
    """Return an index whose sum is right, whatever it holds."""
    return hashlib.blake2b(content, digest_size=16).digest() + content


def test_an_index_forged_with_a_right_sum_does_no_harm(run: RunFolder, tmp_path: Path, told: Told) -> None:
    expected = told(_mirror(run))
    _mirror(run, tmp_path / "i")
    file = _index(tmp_path / "i")
    content = file.read_bytes()[16:]
    length = int.from_bytes(content[:8], "little")
    words, numbers = content[8 : 8 + length], content[8 + length :]

    def packed(words: bytes, numbers: bytes = numbers) -> bytes:
        return len(words).to_bytes(8, "little") + words + numbers

    forged = [
        b"",
        b"\xff" * 8,
        (2**63).to_bytes(8, "little") + words,
        packed(b"{}"),
        packed(b"[" * 100_000),
        packed(words, numbers[:-8]),
        packed(words, numbers + b"\0" * 8),
        packed(words, numbers[:-3]),
        packed(words, numbers[::-1]),
        packed(words, b"\xff" * len(numbers)),  # NaN, all of them
        packed(words.replace(b"350", b"-35")),
        packed(words.replace(b'"points":[300', b'"points":[99999999999999999999')),
        packed(words.replace(b'"points":[300', b'"points":[-300')),
        packed(words.replace(b'"offset":', b'"offset":9')),
        packed(words.replace(b'"version":1', b'"version":2')),
        packed(words.replace(b'"0001-train"', b'"../../0001-train"')),
        packed(words.replace(b'"teacher":{', b'"stranger":{')),
    ]
    for content in forged:
        file.write_bytes(_signed(content))
        assert told(_mirror(run, tmp_path / "i")) == expected
    with file.open("wb") as stream:
        stream.truncate(module.LARGEST_INDEX + 1)  # takes no room, and none is made for it
    assert told(_mirror(run, tmp_path / "i")) == expected
    file.unlink()
    os.mkdir(file)  # noqa: PTH102
    assert told(_mirror(run, tmp_path / "i")) == expected


def test_a_cache_that_cannot_be_written_disturbs_nobody(
    run: RunFolder, tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "i").write_text("a file where the folder should be")
    assert told(_mirror(run, tmp_path / "i")) == told(_mirror(run))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cfd_studio.runs.atomic.write_bytes", full)
    assert told(_mirror(run, tmp_path / "j")) == told(_mirror(run))


def test_the_cache_keeps_the_newest_indexes(mini_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_INDEXES", 2)
    for number in range(4):
        run = mini_run(f"run-{number}")
        run.new_job("train").journal.write_bytes(_losses("teacher", 1, 20))
        _mirror(run, tmp_path / "i")
        assert len(list((tmp_path / "i").glob("*.index"))) == min(number + 1, 2)


def test_a_long_journal_shows_a_first_picture_before_it_is_read_to_its_end(
    run: RunFolder, tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JournalReader.read_block, "__defaults__", (2000,))
    mirror = RunMirror(run, indexes=tmp_path / "i")
    pictures = []
    while mirror.refresh(0) and mirror.behind:
        pictures.append(len(mirror.stages["teacher"].loss))
        assert not (tmp_path / "i").exists()
    assert len(pictures) > 10
    assert pictures == sorted(pictures)
    assert told(mirror) == told(_mirror(run))
    assert _index(tmp_path / "i")


@pytest.mark.slow
def test_a_run_of_a_million_points_opens_many_times_faster_the_second_time(
    mini_run: MakeRun, tmp_path: Path, told: Told
) -> None:
    run = mini_run()
    with run.new_job("train").journal.open("wb") as stream:
        for first in range(1, 1_000_001, 100_000):
            stream.write(_losses("teacher", first, first + 99_999))

    def seconds() -> tuple[float, dict[str, Any]]:
        began = time.process_time()
        mirror = _mirror(run, tmp_path / "i")
        return time.process_time() - began, told(mirror)

    cold, warm = seconds(), seconds()
    assert cold[1] == warm[1]
    assert warm[0] < cold[0] / 5


@pytest.mark.slow
def test_a_million_losses_with_all_that_a_line_can_hold_are_kept_sooner_than_json_reads_them(
    mini_run: MakeRun,
) -> None:
    numbers = np.random.default_rng(0).random((1000, 11))
    run = mini_run()
    journal = run.new_job("train").journal
    with journal.open("wb") as stream:
        stream.write(dump_event(JobStarted(job=1, device="cpu", stage="cfd-2")))
        for step, row in enumerate(np.tile(numbers, (1000, 1)).tolist(), 1):
            quarters = dict(zip(QUARTERS, (float(f"{one:.6g}") for one in row[:4]), strict=True))
            line = {
                "time": 1785500000 + step / 4,
                "kind": "loss",
                "stage": "cfd-2",
                "step": step,
                "loss": row[4],
                "terms": {"feature": row[5], "anchor": row[6]},
                "gradient_norm": row[7],
                "gradient_norms": {},
                "quarters": quarters,
                "vitals": {"saturation": round(row[8], 6), "brightness": round(row[9], 6)},
                "learning_rate": row[10],
                "images_per_second": 1e4 * row[10],
            }
            stream.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
    lines = journal.read_bytes().splitlines()
    gc.disable()  # as the application does
    try:
        ratios = []
        for _ in range(3):  # in turns, and of processor time: what others take of the machine is not ours
            began = time.thread_time()
            mirror = RunMirror(run)
            mirror.refresh(0.5)
            assert 0.02 < mirror.read_share < 1  # there is something to show by then
            mirror.refresh()
            kept = time.thread_time()
            for line in lines:
                json.loads(line)
            ratios.append((kept - began) / (time.thread_time() - kept))
    finally:
        gc.enable()
    print("\nof the time of json:", " ".join(f"{ratio:.2f}" for ratio in ratios))
    stage = mirror.stages["cfd-2"]
    curves = [stage.loss, *stage.terms.values(), *stage.quarters.values(), *stage.vitals.values()]
    assert [len(curve) for curve in curves] == [1_000_000] * 9
    assert statistics.median(ratios) < 0.6  # measured: 0.35
