"""TensorBoard event files beside the journal: they say the same, and never stand in the job's way."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

from cfd_studio.interop.tensorboard import TensorBoardListener
from cfd_studio.protocol.events import Event, HeldOutLogged, JobEnded, JobState, Logged, LossLogged, StageJudged
from cfd_studio.runs.folder import RunFolder

Train = Callable[[RunFolder], JobEnded]
Events = Callable[..., list[Event]]


@pytest.fixture
def small_run(mini_recipe: dict[str, Any], mini_run: Callable[..., RunFolder]) -> RunFolder:
    """Return an untrained run of a teacher and an anchored CFD student, that keeps TensorBoard files."""
    judge, classifier, teacher, _, student = mini_recipe["stages"]
    student |= {"parent": "teacher", "sampling_steps": [4]}
    journal = mini_recipe["journal"] | {"tensorboard": True, "gradient_norms_every": 4}
    evaluation = mini_recipe["evaluation"] | {"samples": 16, "sampling_steps": [1]}
    return mini_run(stages=[judge, classifier, teacher, student], journal=journal, evaluation=evaluation)


def _records(run: RunFolder) -> dict[tuple[str, int], Any]:
    """Return what TensorBoard's own reader finds, by tag and step."""
    (path,) = (run.jobs()[-1].path / "tensorboard").iterdir()
    assert "tfevents" in path.name  # by which TensorBoard knows its files
    return {
        (value.tag, record.step): value
        for record in LegacyEventFileLoader(str(path)).Load()
        for value in record.summary.value
    }


def test_the_event_file_says_what_the_journal_says(small_run: RunFolder, train: Train, events_of: Events) -> None:
    assert train(small_run).state is JobState.FINISHED
    records, wanted = _records(small_run), {}
    for event in events_of(small_run):
        if isinstance(event, LossLogged):
            named = {"loss": event.loss, "gradient norm": event.gradient_norm, "learning rate": event.learning_rate}
            named |= {f"terms/{name}": value for name, value in event.terms.items()}
            named |= {f"gradient norms/{name}": value for name, value in event.gradient_norms.items()}
            named |= {f"loss by noise/{name}": value for name, value in event.quarters.items()}
            named |= {f"vitals/{name}": value for name, value in event.vitals.items()}
            wanted |= {(f"{event.stage}/{name}", event.step): value for name, value in named.items()}
        elif isinstance(event, HeldOutLogged):
            wanted[f"{event.stage}/held-out loss", event.step] = event.loss
            if event.accuracy is not None:
                wanted[f"{event.stage}/held-out accuracy", event.step] = event.accuracy
    tags = {"cfd-4/terms/anchor", "cfd-4/gradient norms/feature", "judge/held-out accuracy"}
    assert tags | {"teacher/loss by noise/lowest log-SNR", "cfd-4/vitals/saturation"} <= {tag for tag, _ in wanted}
    for key, value in wanted.items():
        assert records[key].simple_value == pytest.approx(value, rel=1e-6), key

    # Figures and strips stand at the end of their stage.
    judged = {one.quality.stage: one.quality for one in events_of(small_run) if isinstance(one, StageJudged)}
    distance = judged["cfd-4"].judgements[0].value("judge")
    tags = [tag for tag, step in records if tag.startswith("cfd-4/quality/4 steps, ddim/frechet in judge")]
    assert records["cfd-4/quality/4 steps, ddim/frechet in judge (mlp, 8 features) against held-out", 12]
    assert distance in [pytest.approx(records[tag, 12].simple_value, rel=1e-6) for tag in tags]
    assert records["judge/accuracy/judge", 12].simple_value == pytest.approx(judged["judge"].accuracies["judge"])
    strip = small_run.stage("cfd-4") / "samples" / "step-00000012.png"
    assert records["cfd-4/samples", 12].image.encoded_image_string == strip.read_bytes()
    assert Image.open(io.BytesIO(records["teacher/samples", 16].image.encoded_image_string)).size == (71, 8)


def test_a_run_that_asks_for_none_has_none(trained_run: RunFolder) -> None:
    assert not (trained_run.jobs()[-1].path / "tensorboard").exists()


def test_a_missing_package_is_said_before_anything_is_trained(
    small_run: RunFolder, train: Train, events_of: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    ended = train(small_run)
    assert (ended.state, ended.exit_code) == (JobState.FAILED, 2)
    assert "pip install 'cfd-studio[export]'" in ended.sentence
    assert ended.details is None
    assert not any(isinstance(event, LossLogged) for event in events_of(small_run))


def test_a_disk_that_refuses_the_event_file_ends_the_file_and_not_the_job(
    mini_recipe: dict[str, Any],
    mini_run: Callable[..., RunFolder],
    train: Train,
    events_of: Events,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal = mini_recipe["journal"] | {"tensorboard": True}
    run = mini_run(stages=mini_recipe["stages"][:1], journal=journal)
    write, written = TensorBoardListener._write, []

    def fail(listener: TensorBoardListener, record: Any) -> None:
        written.append(record)
        if len(written) > 2:
            raise OSError(28, "No space left on device")
        write(listener, record)

    monkeypatch.setattr(TensorBoardListener, "_write", fail)
    assert train(run).state is JobState.FINISHED
    said = [event for event in events_of(run) if isinstance(event, Logged) and event.level == "warning"]
    assert [event.text for event in said] == [
        "The TensorBoard file cannot be written (No space left on device); it ends here."
    ]
    assert len(_records(run)) > 0


def test_a_folder_that_cannot_be_made_is_told_and_nothing_more(small_run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "tensorboard").write_text("in the way")
    said: list[str] = []
    listener = TensorBoardListener(small_run, tmp_path / "tensorboard", {}, said.append)
    listener.hear(Logged(text="unheard"))
    listener.hear(HeldOutLogged(stage="teacher", step=1, loss=1.0))
    listener.close()
    assert len(said) == 1
