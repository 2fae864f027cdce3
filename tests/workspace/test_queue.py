"""The queue without a window: its file, its order, and who may begin."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.events import JobState
from cfd_studio.protocol.execution import ExecutionPlan, ExecutionRequest
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import Lease
from cfd_studio.runs.pulse import Pulse
from cfd_studio.runs.status import StatusWriter
from cfd_studio.workspace.queue import MOST_ENTRIES, Queue, QueueEntry, next_time
from cfd_studio.workspace.queue_file import LARGEST_QUEUE, QueueFile, queue_file
from cfd_studio.workspace.queue_round import Round, look, placed

AUTO, CPU = ExecutionRequest(), ExecutionRequest(device="cpu")
NOWHERE: frozenset[str] = frozenset()


def queue_of(*runs: RunFolder, request: ExecutionRequest = CPU) -> Queue:
    return Queue(entries=tuple(QueueEntry(path=run.path, name=run.path.name, request=request) for run in runs))


def see(queue: Queue, gpus: int = 0, elsewhere: tuple[Path, ...] = (), *, going: bool = True) -> Round:
    return look(queue, {}, elsewhere, gpus, Pulse(), going=going)


def end_job(run: RunFolder, state: JobState, sentence: str = "") -> None:
    status = StatusWriter(run.new_job("train").status)
    status.update(state=state, sentence=sentence)
    status.close()


def test_the_file_comes_back_and_one_window_keeps_it(mini_run: Callable[..., RunFolder]) -> None:
    first, second = QueueFile(), QueueFile()
    assert first.open() == Queue()
    queue = queue_of(mini_run("a"), mini_run("b")).moved("?" * 32, 0)
    first.save(queue)
    with pytest.raises(CfdError, match="kept by another window of CFD Studio"):
        second.open()
    first.close()
    assert second.open() == queue
    second.close()


@pytest.mark.parametrize("sentence", ["\U000e0001" * 5000, "🎲" * 5000, '"' * 5000])
def test_whatever_runs_say_of_their_end_the_queue_comes_back(sentence: str) -> None:
    one = Queue().with_entry(QueueEntry(path=Path("/a")))
    said = one.told(one.entries[0].id, "failed", sentence).entries[0].sentence
    paths = (Path(f"/{'a' * 200}/{at}") for at in range(MOST_ENTRIES))
    entries = (QueueEntry.model_construct(path=path, state="failed", sentence=said) for path in paths)
    queue = Queue(entries=tuple(entries))
    first, second = QueueFile(), QueueFile()
    first.open()
    first.save(queue)
    first.close()
    assert second.open() == queue
    second.close()


def test_a_folder_whose_name_no_file_takes_is_refused_before_it_spoils_the_queue() -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        QueueEntry(path=Path(os.fsdecode(b"/runs/\xff")))


_ENTRY = {"path": "/runs/a", "id": "0" * 32}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80abc",
        b"[1]",
        b'{"version": 2, "entries": []}',
        json.dumps({"entries": [_ENTRY | {"path": "runs/a"}]}).encode(),
        json.dumps({"entries": [_ENTRY | {"path": "/runs/\0a"}]}).encode(),
        json.dumps({"entries": [_ENTRY, _ENTRY]}).encode(),
        json.dumps({"entries": [_ENTRY | {"command": "rm -rf /"}]}).encode(),
        json.dumps({"entries": [_ENTRY | {"request": {"device": "cuda:0; ls"}}]}).encode(),
        json.dumps({"entries": [{"path": f"/runs/{number}"} for number in range(501)]}).encode(),
        pytest.param(b" " * (LARGEST_QUEUE + 1), id="too large"),
    ],
)
def test_a_file_that_is_no_queue_is_kept_aside(content: bytes) -> None:
    queue_file().parent.mkdir(parents=True, exist_ok=True)
    queue_file().write_bytes(content)
    file = QueueFile()
    assert file.open() == Queue()
    assert [path.read_bytes() for path in queue_file().parent.glob("queue.damaged-*.json")] == [content]
    file.close()


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.json").write_text(Queue(entries=(QueueEntry(path=tmp_path),)).model_dump_json())
    queue_file().parent.mkdir(parents=True, exist_ok=True)
    queue_file().symlink_to(tmp_path / "elsewhere.json")
    file = QueueFile()
    assert file.open() == Queue()
    file.close()


def test_entries_move_to_any_place(mini_run: Callable[..., RunFolder]) -> None:
    queue = queue_of(*(mini_run(name) for name in "abc"))
    first = queue.entries[0]
    assert [[entry.name for entry in queue.moved(first.id, place).entries] for place in (0, 1, 2, 9, -4)] == [
        ["a", "b", "c"],
        ["b", "a", "c"],
        ["b", "c", "a"],
        ["b", "c", "a"],
        ["a", "b", "c"],
    ]


def test_one_job_begins_on_each_device(mini_run: Callable[..., RunFolder]) -> None:
    runs = [mini_run(name) for name in "abcd"]
    automatic = queue_of(*runs[:3], request=AUTO).with_entry(QueueEntry(path=runs[3].path, request=CPU))
    began = see(automatic, gpus=2).starts
    assert [request.device for _, request in began] == ["cuda:0", "cuda:1", "cpu"]
    assert began[2][0] == automatic.entries[3].id  # it does not wait for the GPUs
    assert len(see(automatic, gpus=0).starts) == 1  # nobody can tell what “auto” will be
    assert not see(automatic, gpus=2, going=False).starts


@pytest.mark.parametrize(
    ("request_", "busy", "gpus", "device"),
    [
        (AUTO, {"cuda:0"}, 2, "cuda:1"),
        (AUTO, {"cuda:0", "cuda:1"}, 2, None),
        (AUTO, {"any"}, 2, None),
        (AUTO, {"cpu"}, 0, None),
        (CPU, {"any"}, 0, None),
        (CPU, {"cuda:0"}, 1, "cpu"),
        (ExecutionRequest(device="cuda"), {"cuda:0"}, 2, None),
        (ExecutionRequest(device="cuda:1"), {"cuda:0"}, 2, "cuda:1"),
        (ExecutionRequest(processes=2), {"cuda:1"}, 2, None),
        (ExecutionRequest(processes=2), set(), 2, "auto"),
    ],
)
def test_a_request_gets_a_free_device_or_waits(
    request_: ExecutionRequest, busy: set[str], gpus: int, device: str | None
) -> None:
    got = placed(request_, frozenset(busy), gpus)
    assert (got.device if got else None) == device


def test_a_job_that_somebody_else_started_here_occupies_its_device(mini_run: Callable[..., RunFolder]) -> None:
    theirs, waiting = mini_run("theirs"), mini_run("waiting")
    lease = Lease.acquire(theirs)
    job = theirs.new_job("train")
    queue = queue_of(waiting)
    job.write_plan(ExecutionPlan(device="cuda:0", threads=1))
    assert len(see(queue, elsewhere=(theirs.path,)).starts) == 1
    job.write_plan(ExecutionPlan(device="cpu", threads=1))
    assert not see(queue, elsewhere=(theirs.path,)).starts
    lease.release()
    assert len(see(queue, elsewhere=(theirs.path,)).starts) == 1


def test_a_job_left_running_keeps_its_entry_and_its_device(mini_run: Callable[..., RunFolder]) -> None:
    left, waiting = mini_run("left"), mini_run("waiting")
    lease = Lease.acquire(left)
    status = StatusWriter(left.new_job("train").status)
    status.update(at_once=True, state=JobState.RUNNING)
    queue = queue_of(left, waiting)
    queue = queue.told(queue.entries[0].id, "running")
    assert see(queue) == Round()
    again = queue.told(queue.entries[0].id, "waiting")  # somebody started it past the queue
    assert see(again).told == {queue.entries[0].id: ("running", "")}
    status.close()
    lease.release()
    assert see(queue).told[queue.entries[0].id][0] == "interrupted"


def test_what_became_of_a_run_is_told_and_the_queue_goes_on(mini_run: Callable[..., RunFolder]) -> None:
    failed, stopped, finished, died, gone, last = (mini_run(name) for name in "abcdef")
    end_job(failed, JobState.FAILED, "The disk is full.")
    end_job(stopped, JobState.STOPPED)
    end_job(finished, JobState.FINISHED)
    status = StatusWriter(died.new_job("train").status)
    status.close()
    queue = queue_of(failed, stopped, finished, died, gone, last)
    for entry in queue.entries[:4]:
        queue = queue.told(entry.id, "running")
    (gone.path / "run.json").unlink()
    seen = see(queue)
    ids = [entry.id for entry in queue.entries]
    assert seen.finished == [ids[2]]
    assert seen.told[ids[0]] == ("failed", "The disk is full.")
    assert seen.told[ids[1]][0] == "stopped"
    assert seen.told[ids[3]] == ("interrupted", "Its job ended without a word. It goes on from its newest checkpoint.")
    assert seen.told[ids[4]][0] == "failed"
    assert [started for started, _ in seen.starts] == [ids[5]]


def test_an_entry_waits_for_its_time(mini_run: Callable[..., RunFolder]) -> None:
    queue = queue_of(mini_run())
    later = queue.changed(queue.entries[0].id, not_before=time.time() + 60)
    assert not see(later).starts
    assert see(queue.changed(queue.entries[0].id, not_before=time.time() - 1)).starts


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone cannot be chosen here")
def test_the_next_time_is_today_or_tomorrow_whatever_the_day_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    try:
        evening = time.mktime((2024, 3, 30, 22, 0, 0, 0, 0, -1))  # the night has one hour fewer
        assert next_time(23, 30, evening) - evening == 5400
        assert next_time(22, 0, evening) - evening == 23 * 3600
    finally:
        monkeypatch.undo()
        time.tzset()
    assert "TZ" not in os.environ or os.environ["TZ"] != "CET-1CEST,M3.5.0,M10.5.0/3"
