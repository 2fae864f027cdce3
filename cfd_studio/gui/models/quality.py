"""Which of the figures of a run belongs to images that were drawn in a certain way."""

from dataclasses import dataclass

from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.models.words import figure_lines, milliseconds, short
from cfd_studio.protocol.figures import FID, find
from cfd_studio.protocol.sampling import DDIM


@dataclass(frozen=True, slots=True)
class Quality:
    """What is known of how good images drawn like that are.

    Attributes
    ----------
    figure : str
        Name and value, as in ``Fréchet 1.23``; empty where nothing was measured with this sampler and step count.
    space : str
        The feature space of it.
    tip : str
        All that was measured, or why nothing was.
    """

    figure: str = ""
    space: str = ""
    tip: str = ""

    @property
    def note(self) -> str:
        """The short line below a cell."""
        return f"{self.figure} · {self.space}" if self.figure else "Fréchet –"


def quality(snapshot: RunSnapshot, stage: str, steps: int, sampler: str = str(DDIM)) -> Quality:
    """Return the figure that belongs to a cell; figures are of one sampler only."""
    seen = snapshot.stages[stage].quality
    judged = [one for one in seen.judgements if one.sampling_steps == steps] if seen is not None else []
    space = snapshot.config.evaluation.main_space
    for judgement in judged:
        figure = find(judgement.figures, space, "held-out")
        if judgement.sampler == sampler and figure is not None:
            lines = figure_lines(judgement)
            lines.append(f"{milliseconds(judgement.seconds_per_image)} per image in batches, as judged")
            name = FID if figure.name == FID else "Fréchet"
            return Quality(f"{name} {short(figure.value)}", space, "\n".join(lines))
    others = dict.fromkeys(one.sampler for one in judged if one.sampler != sampler)
    if others:
        return Quality(tip=f"The quality was measured with {' and '.join(others)}.")
    return Quality(tip="The quality with this step count was not measured.")
