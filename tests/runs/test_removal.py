"""What must be known of a run before it is thrown away."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import Lease
from cfd_studio.runs.removal import refuse_at_work, size_of

MakeRun = Callable[..., RunFolder]


def test_the_size_counts_every_file_and_follows_no_link(mini_run: MakeRun, tmp_path: Path) -> None:
    run = mini_run()
    before = size_of(run.path)
    (tmp_path / "large").mkdir()
    (tmp_path / "large" / "file").write_bytes(bytes(100_000))
    (run.path / "stages" / "elsewhere").symlink_to(tmp_path / "large")
    (run.path / "stages" / "deep").mkdir()
    (run.path / "stages" / "deep" / "file").write_bytes(bytes(1000))
    assert before + 1000 <= size_of(run.path) < before + 2000


def test_a_run_at_work_is_not_thrown_away_and_one_that_died_may_be(mini_run: MakeRun) -> None:
    run = mini_run()
    refuse_at_work(run.path)
    lease = Lease.acquire(run)
    run.new_job("train")
    with pytest.raises(CfdError, match="a job works on this run"):
        refuse_at_work(run.path)
    lease.release()
    refuse_at_work(run.path)
    (run.path / "run.json").unlink()
    with pytest.raises(CfdError, match="no run folder"):
        refuse_at_work(run.path)
