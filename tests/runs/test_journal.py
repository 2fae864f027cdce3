"""A journal is appended to, read while it grows, and cut anywhere."""

import errno
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfd_studio.protocol.commands import Verb
from cfd_studio.protocol.events import (
    CommandAnswered,
    Event,
    JobEnded,
    JobState,
    Logged,
    LossLogged,
    StageStarted,
    dump_event,
)
from cfd_studio.runs import journal as module
from cfd_studio.runs.fold import MOST_ANSWERS, MOST_TERMS
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.journal import JournalReader, JournalWriter
from cfd_studio.runs.mirror import RunMirror


def _story() -> list[Event]:
    losses: list[Event] = [
        LossLogged(stage="teacher", step=step, loss=1 / step, gradient_norm=1, learning_rate=0.1, images_per_second=1)
        for step in range(1, 5)
    ]
    return [
        StageStarted(stage="teacher", step=0, total_steps=4),
        Logged(text="a line with\na break and ümlaut"),
        *losses,
        JobEnded(state=JobState.FINISHED, sentence="Done."),
    ]


def test_what_is_written_is_read_at_once_and_only_once(tmp_path: Path) -> None:
    writer, reader = JournalWriter(tmp_path / "j"), JournalReader(tmp_path / "j")
    assert reader.read() == []
    for event in _story():
        writer.write(event)
        assert reader.read() == [event]
    assert reader.read() == []
    writer.close()
    assert JournalReader(tmp_path / "j").read() == _story() or reader.skipped == 0


def test_a_journal_that_is_not_there_yet_reads_as_empty(tmp_path: Path) -> None:
    reader = JournalReader(tmp_path / "j")
    assert reader.read() == []
    (tmp_path / "j").write_bytes(dump_event(_story()[0]))
    assert len(reader.read()) == 1


def test_cut_at_every_byte_it_replays_a_prefix_and_goes_on(tmp_path: Path) -> None:
    story = _story()
    lines = [dump_event(event) for event in story]
    whole = b"".join(lines)
    ends = [len(b"".join(lines[: k + 1])) for k in range(len(lines))]
    path = tmp_path / "j"
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        reader = JournalReader(path)
        complete = sum(end <= cut for end in ends)
        assert reader.read() == story[:complete]
        path.write_bytes(whole)
        assert reader.read() == story[complete:]
        assert reader.skipped == 0


@pytest.mark.parametrize("limit", [1, 50, 200, 10_000])
def test_a_long_journal_is_read_in_pieces_whatever_their_size(tmp_path: Path, limit: int) -> None:
    story = _story()
    (tmp_path / "j").write_bytes(b"".join(map(dump_event, story)))
    reader = JournalReader(tmp_path / "j")
    read: list[Event] = []
    while events := reader.read(limit):
        read += events
    assert read == story


def test_lines_that_mean_nothing_here_are_skipped_and_counted(tmp_path: Path) -> None:
    good = dump_event(_story()[0])
    (tmp_path / "j").write_bytes(good + b'{"kind": "news"}\n\xff\x00\n\n' + good)
    reader = JournalReader(tmp_path / "j")
    assert len(reader.read()) == 2
    assert reader.skipped == 3


def test_a_second_job_writes_beside_a_torn_journal_and_never_into_it(
    mini_run: Callable[..., RunFolder],
) -> None:
    run = mini_run()
    first, second = run.new_job("train"), run.new_job("train")
    first.journal.write_bytes(dump_event(_story()[0]) + b'{"kind": "lo')
    writer = JournalWriter(second.journal)
    writer.write(_story()[1])
    writer.close()
    assert first.journal.read_bytes().endswith(b'{"kind": "lo')
    mirror = RunMirror(run)
    assert mirror.refresh()
    assert len(mirror.log) == 1


class _Disk:
    """Takes so many bytes of each write, and refuses those for which there is no room at all."""

    def __init__(self, rooms: list[int]) -> None:
        self.content = b""
        self._rooms = iter(rooms)

    def write(self, data: bytes) -> int:
        room = next(self._rooms, 10_000)
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.content += bytes(data[:room])
        return min(room, len(data))


@given(st.lists(st.sampled_from([0, 1, 2, 5, 40, 10_000]), max_size=40))
def test_what_was_written_is_read_once_whatever_the_disk_took_of_the_rest(rooms: list[int]) -> None:
    with TemporaryDirectory() as place:
        path = Path(place) / "j"
        writer = JournalWriter(path)
        disk = _Disk(rooms)
        writer._stream.close()
        writer._stream = disk  # type: ignore[assignment]
        written, doubtful = [], []
        for number in range(12):
            event = Logged(text=f"line {number}", time=float(number))
            try:
                writer.write(event)
                written.append(event)
            except OSError:
                doubtful.append(event)
        path.write_bytes(disk.content)
        reader = JournalReader(path)
        read = reader.read()
    assert [event for event in read if event in written] == written
    assert all(event in written or event in doubtful for event in read)
    assert read == sorted(read, key=lambda event: event.time)
    assert len(read) == len({event.time for event in read})
    assert reader.skipped <= len(doubtful)


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_a_disk_that_is_really_full_reaches_the_caller_and_later_lines_are_whole(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "j"
    writer = JournalWriter(path)
    first, torn, last = (Logged(text=text * 30) for text in "abc")
    writer.write(first)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            writer.write(torn)
        with pytest.raises(OSError, match="File too large"):
            writer.write(torn)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    reader = JournalReader(path)
    assert reader.read() == [first]
    writer.write(last)
    writer.close()
    assert reader.read() == [last]
    assert reader.skipped == 1


@pytest.mark.parametrize("how", ["cut", "emptied", "another file", "rewritten longer"])
def test_a_journal_that_was_replaced_is_read_anew(mini_run: Callable[..., RunFolder], how: str) -> None:
    run = mini_run()
    journal = run.new_job("train").journal
    story = _story()
    journal.write_bytes(b"".join(map(dump_event, story)))
    mirror = RunMirror(run)
    mirror.refresh()
    assert mirror.ended is not None
    other = [StageStarted(stage="judge", step=0, total_steps=12), Logged(text="another life")]
    content = b"".join(map(dump_event, other))
    match how:
        case "cut":
            content = b"".join(map(dump_event, story[:4]))
            os.truncate(journal, len(content))
        case "emptied":
            content = b""
            os.truncate(journal, 0)
        case "another file":
            journal.with_name("new").write_bytes(content)
            journal.with_name("new").replace(journal)
        case _:
            content *= 20
            journal.write_bytes(content)
    assert mirror.refresh()
    fresh = RunMirror(run)
    fresh.refresh()
    assert mirror.ended is None
    assert list(mirror.log) == list(fresh.log)
    for name, stage in fresh.stages.items():
        assert (mirror.stages[name].state, mirror.stages[name].step) == (stage.state, stage.step)
        assert mirror.stages[name].loss.steps.tolist() == stage.loss.steps.tolist()
    assert not mirror.refresh()


@pytest.mark.parametrize("copied", [False, True], ids=["renamed", "copied and emptied"])
def test_a_program_that_rotates_logs_takes_lines_away_and_does_no_other_harm(
    mini_run: Callable[..., RunFolder], copied: bool
) -> None:
    run = mini_run()
    job = run.new_job("train")
    writer = JournalWriter(job.journal)
    story = _story()
    for event in story[:4]:
        writer.write(event)
    mirror = RunMirror(run)
    mirror.refresh()
    if copied:
        shutil.copy(job.journal, job.path / "events.jsonl.1")
        os.truncate(job.journal, 0)
    else:
        job.journal.rename(job.path / "events.jsonl.1")
        job.journal.touch()
    mirror.refresh()
    for event in story[4:]:
        writer.write(event)
    mirror.refresh()
    writer.close()
    assert mirror.skipped == 0
    expected = [3.0, 4.0] if copied else []  # a writer goes on with the file that it opened, whatever its name
    assert mirror.stages["teacher"].loss.steps.tolist() == expected


def test_a_journal_that_is_gone_leaves_the_picture_as_it_was(mini_run: Callable[..., RunFolder]) -> None:
    run = mini_run()
    journal = run.new_job("train").journal
    journal.write_bytes(b"".join(map(dump_event, _story())))
    mirror = RunMirror(run)
    mirror.refresh()
    journal.unlink()
    assert not mirror.refresh()
    assert mirror.ended is not None


@pytest.mark.parametrize("length", [100, 101, 150, 199, 200, 201, 1000])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_line_longer_than_any_is_passed_over_and_never_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int, at_once: bool
) -> None:
    monkeypatch.setattr(module, "LONGEST_LINE", 100)
    good, last = Logged(text="a", time=1), Logged(text="b", time=2)
    content = dump_event(good) + b"x" * length + b"\n" + dump_event(last)
    reader = JournalReader(tmp_path / "j")
    read: list[Event] = []
    for cut in [len(content)] if at_once else range(0, len(content) + 1, 7):
        (tmp_path / "j").write_bytes(content[:cut])
        read += reader.read(50)
    (tmp_path / "j").write_bytes(content)
    while events := reader.read(50):
        read += events
    assert read == [good, last]
    assert reader.skipped == 1


@pytest.mark.parametrize("step", ["-1", str(2**53 + 1), "1" + "0" * 400])
def test_a_step_that_cannot_be_is_no_event(tmp_path: Path, step: str) -> None:
    (tmp_path / "j").write_text(f'{{"kind":"checkpoint","stage":"teacher","step":{step}}}\n')
    reader = JournalReader(tmp_path / "j")
    assert reader.read() == []
    assert reader.skipped == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.timeout(20)
@pytest.mark.parametrize("trap", ["pipe", "link", "folder"])
def test_a_journal_that_is_no_plain_file_reads_as_empty(tmp_path: Path, trap: str) -> None:
    (tmp_path / "other").write_bytes(dump_event(_story()[0]))
    match trap:
        case "pipe":
            os.mkfifo(tmp_path / "j")
        case "link":
            (tmp_path / "j").symlink_to(tmp_path / "other")
        case _:
            (tmp_path / "j").mkdir()
    assert JournalReader(tmp_path / "j").read() == []


def test_a_hostile_journal_makes_no_more_curves_and_answers_than_anybody_looks_at(
    mini_run: Callable[..., RunFolder],
) -> None:
    run = mini_run()
    losses = (
        LossLogged(
            stage="teacher",
            step=step,
            loss=1,
            terms={f"term {step}": 1.0},
            gradient_norm=1,
            learning_rate=1,
            images_per_second=1,
        )
        for step in range(1, 100)
    )
    answers = (CommandAnswered(command=f"{number:032x}", verb=Verb.SAVE) for number in range(MOST_ANSWERS + 50))
    run.new_job("train").journal.write_bytes(b"".join(map(dump_event, [*losses, *answers])))
    mirror = RunMirror(run)
    mirror.refresh()
    assert len(mirror.stages["teacher"].terms) == MOST_TERMS
    assert len(mirror.stages["teacher"].loss) == 99
    assert len(mirror.answers) == MOST_ANSWERS
    assert f"{MOST_ANSWERS + 49:032x}" in mirror.answers
    assert mirror.skipped == 0
