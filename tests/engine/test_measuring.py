"""Evaluations besides training: their figures are kept in the run, and join those that the training took."""

import json
import shutil
from collections.abc import Callable

import pytest

from cfd_studio.engine.measuring import evaluate_run
from cfd_studio.engine.turns import Turns
from cfd_studio.protocol import figures
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.events import JobState
from cfd_studio.protocol.figures import StageQuality
from cfd_studio.protocol.sampling import DDIM, Sampler
from cfd_studio.protocol.wishes import Wishes
from cfd_studio.runs.catalog import run_state
from cfd_studio.runs.evaluations import Evaluations
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.lease import Lease
from cfd_studio.runs.mirror import RunMirror
from cfd_studio.runs.status import read_status

SOLVER = Sampler(name="dpm-solver++")


def _evaluate(run: RunFolder, wishes: Wishes, poll: Callable[[], None] = lambda: None) -> str:
    return evaluate_run(run, wishes, "cpu", turns=Turns(), poll=poll)


def _joined(run: RunFolder, stage: str) -> StageQuality:
    evaluations = Evaluations(run)
    evaluations.refresh()
    quality = evaluations.joined(stage, run.quality(stage))
    assert quality is not None
    return quality


def test_what_is_measured_besides_joins_the_figures_of_the_training_and_the_run_stays_what_it_was(
    trained_run: RunFolder,
) -> None:
    before = run_state(trained_run)
    job = trained_run.jobs()[-1]
    kept = trained_run.quality("cfd-2")
    assert kept is not None
    assert kept.headline is not None
    training = Lease.acquire(trained_run)  # somebody trains it: that is no reason to wait
    said = _evaluate(trained_run, Wishes(stages=("cfd-2",), steps=(2, 1), samplers=(DDIM, SOLVER)))
    training.release()
    assert said == "1 model of “Miniature” measured in 4 ways."
    assert (trained_run.quality("cfd-2"), trained_run.jobs()[-1], run_state(trained_run)) == (kept, job, before)
    mirror = RunMirror(trained_run)
    mirror.refresh()
    assert mirror.stages["cfd-2"].quality == kept
    assert mirror.ended is not None

    joined = _joined(trained_run, "cfd-2")
    # The same way measured again is the same judgement: same noise, same images, same figures.
    assert [one.way for one in joined.judgements] == [
        (2, "ddim", 32),
        (1, "ddim", 32),
        (2, "dpm-solver++", 32),
        (1, "dpm-solver++", 32),
    ]
    assert joined.headline is not None
    assert [one.value for one in joined.headline.figures] == pytest.approx([one.value for one in kept.headline.figures])
    _evaluate(trained_run, Wishes(stages=("cfd-2",), own=True, samples=16))
    assert [one.way for one in _joined(trained_run, "cfd-2").judgements][-1] == (2, "ddim", 16)
    assert [evaluation.path.name for evaluation in trained_run.evaluations()] == ["0002-evaluate", "0003-evaluate"]
    assert [job.path.name for job in trained_run.jobs()] == ["0001-train"]


def test_an_evaluation_that_is_ended_keeps_what_it_had(trained_run: RunFolder) -> None:
    class EndedError(Exception):
        pass

    def poll() -> None:
        if _joined(trained_run, "teacher").judgements[-1].way == (4, "dpm-solver++", 32):
            raise EndedError

    wishes = Wishes(stages=("teacher", "pd-4"), steps=(4,), samplers=(SOLVER,))
    with pytest.raises(EndedError):
        _evaluate(trained_run, wishes, poll)
    status = read_status(trained_run.evaluations()[-1].status)
    assert status is not None
    assert status.state is JobState.STOPPED
    assert (4, "dpm-solver++", 32) not in [one.way for one in _joined(trained_run, "pd-4").judgements]


def test_a_run_that_cannot_be_written_or_has_nothing_to_measure_is_told_in_a_sentence(
    trained_run: RunFolder, mini_run: Callable[..., RunFolder]
) -> None:
    with pytest.raises(CfdError, match="no model is trained yet"):
        _evaluate(mini_run("new"), Wishes())
    shutil.rmtree(trained_run.path / "jobs" / "0001-train")
    (trained_run.path / "jobs").rmdir()
    (trained_run.path / "jobs").write_text("in the way")
    with pytest.raises(CfdError, match="the run cannot be written"):
        _evaluate(trained_run, Wishes(own=True))


def test_a_forged_journal_of_an_evaluation_adds_nothing_strange(
    trained_run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "MOST_JUDGEMENTS", 20)
    job = trained_run.new_job("evaluate")
    quality = trained_run.quality("pd-2")
    assert quality is not None
    assert quality.headline is not None
    lines = []
    for steps in range(1, 80):
        changed = quality.headline.model_copy(update={"sampling_steps": steps})
        strange = quality.model_copy(update={"judgements": (changed,), "stage": "pd-2" if steps % 2 else "nobody"})
        lines.append(json.dumps({"kind": "stage-judged", "quality": strange.model_dump(mode="json")}))
    job.journal.write_text("\n".join([*lines, "{", "null", ""]))
    assert len(_joined(trained_run, "pd-2").judgements) == 20
    evaluations = Evaluations(trained_run)
    evaluations.refresh()
    assert evaluations.joined("nobody", None) is None
    job.journal.write_text("")  # replaced: what it said before is forgotten
    evaluations.refresh()
    evaluations.refresh()
    assert evaluations.joined("pd-2", quality) is quality
