"""Where everything of one job of a run lies."""

from dataclasses import dataclass
from pathlib import Path

from cfd_studio.protocol.execution import ExecutionPlan, ExecutionRequest
from cfd_studio.runs import notes


@dataclass(frozen=True, slots=True)
class JobFolder:
    """One job of a run: ``jobs/0001-train``."""

    path: Path

    @property
    def number(self) -> int:
        """Return the job's number, counted from 1."""
        return int(self.path.name.split("-")[0])

    @property
    def kind(self) -> str:
        """Return what the job does: ``train``, ``import`` or ``evaluate``."""
        return self.path.name.split("-")[1]

    @property
    def journal(self) -> Path:
        """Return the append-only file of events."""
        return self.path / "events.jsonl"

    @property
    def status(self) -> Path:
        """Return the file with state and heartbeat."""
        return self.path / "status.json"

    @property
    def inbox(self) -> Path:
        """Return the folder that takes command files."""
        return self.path / "inbox"

    @property
    def log(self) -> Path:
        """Return the plain-text log."""
        return self.path / "log.txt"

    def write_request(self, request: ExecutionRequest) -> None:
        """Keep what was asked of the machine, for whoever goes on where a job ends before it has a plan."""
        notes.write(self.path / "request.json", request)

    def read_request(self) -> ExecutionRequest | None:
        """Return what was asked of the machine, or None where nobody knows."""
        return notes.read(self.path / "request.json", ExecutionRequest)

    def write_plan(self, plan: ExecutionPlan) -> None:
        """Keep how this machine runs the experiment."""
        notes.write(self.path / "job.json", plan)

    def read_plan(self) -> ExecutionPlan | None:
        """Return the execution plan, or None where the job died before choosing one."""
        return notes.read(self.path / "job.json", ExecutionPlan)
