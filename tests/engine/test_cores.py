"""How many cores a process may use where a container pays for fewer than there are."""

from pathlib import Path

import pytest

from cfd_studio.engine import execution
from cfd_studio.engine.execution import available_cores


def _groups(folder: Path, membership: str, files: dict[str, str]) -> tuple[Path, Path]:
    told, groups = folder / "membership", folder / "groups"
    told.write_text(membership)
    for name, content in files.items():
        (groups / name).parent.mkdir(parents=True, exist_ok=True)
        (groups / name).write_text(content)
    return told, groups


@pytest.mark.parametrize(
    ("membership", "files", "cores"),
    [
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "max 100000\n"}, 8),
        ("0::/a/b\n", {"a/b/cpu.max": "400000 100000\n", "a/cpu.max": "250000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 1),
        ("0::/seen/outside/only\n", {"cpu.max": "300000 100000\n"}, 3),
        ("3:cpu,cpuacct:/x\n1:cpuset:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
        ("3:cpu:/x\n0::/\n", {"cpu/x/cpu.cfs_quota_us": "150000\n", "cpu/x/cpu.cfs_period_us": "50000\n"}, 3),
        ("", {}, 8),
    ],
)
def test_a_quota_counts_as_the_whole_cores_that_it_pays_for(
    membership: str, files: dict[str, str], cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, groups = _groups(tmp_path, membership, files)
    read = execution._quota
    monkeypatch.setattr(execution, "_quota", lambda *_: read(told, groups))
    monkeypatch.setattr(execution.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert available_cores() == cores


def test_a_system_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    assert execution._quota(tmp_path / "nothing", tmp_path) == float("inf")
