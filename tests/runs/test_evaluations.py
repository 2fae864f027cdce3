"""Figures of later evaluations are read as they grow, and nobody waits long for them."""

from collections.abc import Callable

from cfd_studio.protocol.events import StageJudged
from cfd_studio.protocol.figures import Judgement, StageQuality
from cfd_studio.runs.evaluations import Evaluations
from cfd_studio.runs.folder import EVALUATE, RunFolder
from cfd_studio.runs.journal import JournalWriter


def test_a_long_evaluation_is_read_piece_by_piece(mini_run: Callable[..., RunFolder]) -> None:
    run = mini_run()
    for _ in range(2):
        writer = JournalWriter(run.new_job(EVALUATE).journal)
        for steps in range(1, 9):
            judgement = Judgement(
                stage="teacher", sampling_steps=steps, network_calls=steps, seconds_per_image=1.0, figures=()
            )
            writer.write(StageJudged(quality=StageQuality(stage="teacher", judgements=(judgement,))))
        writer.close()
    patient, hasty = Evaluations(run), Evaluations(run)
    patient.refresh()
    assert not patient.behind
    looks = 0
    hasty.refresh(0)
    while hasty.behind:
        looks += 1
        hasty.refresh(0)
    assert looks == 2  # one per journal, which are shorter than what is read at once
    assert hasty.joined("teacher", None) == patient.joined("teacher", None)
    joined = hasty.joined("teacher", None)
    assert joined is not None
    assert len(joined.judgements) == 8
