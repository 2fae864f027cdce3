"""A journal is appended to, read while it grows, and cut anywhere."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cfd_studio.protocol.events import Event, JobEnded, JobState, Logged, LossLogged, StageStarted, dump_event
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


def test_a_mirror_of_a_run_whose_journal_is_cut_anywhere_still_opens(trained_run: RunFolder) -> None:
    journal = trained_run.jobs()[0].journal
    whole = journal.read_bytes()
    config = trained_run.config()
    reference = RunMirror(trained_run, config)
    reference.refresh()
    for cut in range(0, len(whole), 97):
        journal.write_bytes(whole[:cut])
        mirror = RunMirror(trained_run, config)
        mirror.refresh()
        journal.write_bytes(whole)
        mirror.refresh()
        for stage_id, stage in mirror.stages.items():
            full = reference.stages[stage_id]
            assert stage.loss.values.tolist() == full.loss.values.tolist()
            assert (stage.state, stage.step, stage.quality) == (full.state, full.step, full.quality)
        assert mirror.skipped == 0


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
