"""A job's events as TensorBoard event files, written beside the journal.

The records are written one by one in the job's own thread: the writer that TensorBoard offers has a thread of its own,
whose mishaps nobody could catch.
"""

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.events import Event, HeldOutLogged, LossLogged, StageJudged
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.intake import read_bounded

LARGEST_STRIP = 2**24


class TensorBoardListener:
    """Takes a job's events; those with numbers or pictures become records.

    Parameters
    ----------
    run : RunFolder
        Whose strips are shown.
    folder : Path
        Where the event file is made.
    steps : mapping of str to int
        Optimizer steps of each stage: where its figures stand.
    complain : callable
        Told, once, why nothing is written any more: a full disk must not end a job for a copy of its journal.

    Raises
    ------
    CfdError
        Where TensorBoard is not installed.
    """

    def __init__(self, run: RunFolder, folder: Path, steps: Mapping[str, int], complain: Callable[[str], None]) -> None:
        try:
            from tensorboard.compat.proto.event_pb2 import Event as Record
            from tensorboard.compat.proto.summary_pb2 import Summary
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ImportError as error:
            raise CfdError(
                f"journal.tensorboard needs a package that is not installed ({error.name})",
                advice="pip install 'cfd-studio[export]', or make the run without it.",
            ) from None
        self._complain = complain
        self._record: Any = Record
        self._summary: Any = Summary
        self._run = run
        self._steps = steps
        self._writer: Any = None
        try:
            folder.mkdir(exist_ok=True)
            stream = (folder / f"events.out.tfevents.{int(time.time()):010d}.{os.getpid()}.cfd").open("xb")
            self._writer = RecordWriter(stream)
            self._write(Record(wall_time=time.time(), file_version="brain.Event:2"))
        except OSError as error:
            self._give_up(error)

    def hear(self, event: Event) -> None:
        """Write what an event holds; a disk that refuses ends the file, never the job."""
        if self._writer is None:
            return
        try:
            if values := self._values(event):
                summary = self._summary(value=values)
                self._write(self._record(wall_time=event.time, step=self._step(event), summary=summary))
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            with contextlib.suppress(OSError):
                self._writer.close()

    def _values(self, event: Event) -> list[Any]:
        scalars: dict[str, float] = {}
        match event:
            case LossLogged(stage=stage):
                scalars = {
                    f"{stage}/loss": event.loss,
                    f"{stage}/gradient norm": event.gradient_norm,
                    f"{stage}/learning rate": event.learning_rate,
                    f"{stage}/images per second": event.images_per_second,
                }
                scalars |= {f"{stage}/terms/{name}": value for name, value in event.terms.items()}
                scalars |= {f"{stage}/gradient norms/{name}": value for name, value in event.gradient_norms.items()}
                scalars |= {f"{stage}/loss by noise/{name}": value for name, value in event.quarters.items()}
                scalars |= {f"{stage}/vitals/{name}": value for name, value in event.vitals.items()}
            case HeldOutLogged(stage=stage):
                scalars = {f"{stage}/held-out loss": event.loss}
                if event.accuracy is not None:
                    scalars[f"{stage}/held-out accuracy"] = event.accuracy
            case StageJudged():
                scalars = _figures(event)
        values = [self._summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        return values + self._strip(event)

    def _step(self, event: Event) -> int:
        if isinstance(event, StageJudged):
            return self._steps.get(event.quality.stage, 0)
        return event.step if isinstance(event, LossLogged | HeldOutLogged) else 0

    def _strip(self, event: Event) -> list[Any]:
        """Return the picture of a judged stage, which lies in its folder by then."""
        if not isinstance(event, StageJudged):
            return []
        stage = event.quality.stage
        try:
            path = max((self._run.stage(stage) / "samples").glob("step-*.png"))
            content = read_bounded(path, LARGEST_STRIP)
        except (OSError, ValueError):  # a classifier draws none
            return []
        image = self._summary.Image(encoded_image_string=content, colorspace=3)
        return [self._summary.Value(tag=f"{stage}/samples", image=image)]

    def _write(self, record: Any) -> None:
        self._writer.write(record.SerializeToString())
        self._writer.flush()

    def _give_up(self, error: OSError) -> None:
        self.close()
        self._writer = None
        self._complain(f"The TensorBoard file cannot be written ({error.strerror or error}); it ends here.")


def _figures(event: StageJudged) -> dict[str, float]:
    quality = event.quality
    figures = {
        f"{quality.stage}/quality/{one.sampling_steps} steps, {one.sampler}/{figure.metric} in {figure.space} against "
        f"{figure.reference}": figure.value
        for one in quality.judgements
        for figure in one.figures
    }
    return figures | {f"{quality.stage}/accuracy/{name}": value for name, value in quality.accuracies.items()}
