"""What can be looked at more closely in a run, and what is offered first."""

from dataclasses import dataclass
from pathlib import Path

from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.sampling import DDIM, ImageKey, Sampler, SampleRequest
from cfd_studio.protocol.stages import (
    ClassifierFed,
    ClassifierStage,
    DiffusionStage,
    FeatureMatching,
    FeatureStage,
    TeacherStage,
)

FEW_STEPS = 4
MOST_ROWS = 7  # that fit into the smallest window
_UNSAID = FeatureMatching(temperature=1.0)


@dataclass(frozen=True, slots=True)
class Contrast:
    """A student and its teacher, in the eyes of a classifier.

    Attributes
    ----------
    teacher_steps, student_steps : int
        What each was made for.
    sees : str
        The classifier in words: ``classifier (cnn, 64 features)``.
    matching : FeatureMatching
        How the two are compared.
    of : str
        The stage whose matching that is; empty where the run has none.
    guidance : float
        Of the teacher, which the student has learnt by heart.
    """

    student: str
    student_steps: int
    teacher: str
    teacher_steps: int
    classifier: str
    sees: str
    matching: FeatureMatching
    of: str
    guidance: float

    @property
    def fed(self) -> ClassifierFed:
        """How the classifier is fed."""
        return self.matching.classifier_input


def few_step_models(snapshot: RunSnapshot) -> list[str]:
    """Return the trained teachers, and students of few steps: the fewer, the more students there are."""
    config = snapshot.config
    trained = [stage for stage in config.diffusion_stages() if snapshot.stages[stage.id].trained]
    most = FEW_STEPS
    while True:
        few = [one.id for one in trained if isinstance(one, TeacherStage) or config.own_steps(one) <= most]
        if len(few) <= MOST_ROWS or most == 1:
            return few
        most //= 2


def contrasts(snapshot: RunSnapshot) -> list[Contrast]:
    """Return every trained student whose teacher and classifier are trained too, those of feature distillation first.

    A student of progressive distillation is seen as the first stage of feature distillation sees.
    """
    config = snapshot.config
    stages = config.diffusion_stages()
    first = next((stage for stage in stages if isinstance(stage, FeatureStage)), None)
    spare = next((stage.id for stage in config.stages if isinstance(stage, ClassifierStage)), None)
    found = []
    for stage in sorted(stages, key=lambda one: not isinstance(one, FeatureStage)):
        looks = stage if isinstance(stage, FeatureStage) else first
        classifier = looks.classifier if looks is not None else spare
        if stage.parent is None or classifier is None:
            continue
        if all(snapshot.stages[name].trained for name in (stage.id, stage.parent, classifier)):
            found.append(_contrast(snapshot, stage, looks, classifier))
    return found


def _contrast(snapshot: RunSnapshot, student: DiffusionStage, looks: FeatureStage | None, classifier: str) -> Contrast:
    config = snapshot.config
    teacher = next(stage for stage in config.diffusion_stages() if stage.id == student.parent)
    eyes = config.stage(classifier)
    assert isinstance(eyes, ClassifierStage)
    return Contrast(
        student.id,
        config.own_steps(student),
        teacher.id,
        config.own_steps(teacher),
        classifier,
        f"{eyes.id} ({eyes.architecture}, {eyes.features} features)",
        looks or _UNSAID,
        looks.id if looks is not None else "",
        student.guidance if isinstance(teacher, TeacherStage) and not isinstance(student, TeacherStage) else 1.0,
    )


@dataclass(frozen=True, slots=True)
class Subject:
    """The image that is looked at, and how it is drawn.

    Attributes
    ----------
    label : int or None
        As in `cfd_studio.protocol.sampling.SampleRequest`.
    """

    run: Path
    key: ImageKey
    sampler: Sampler = DDIM
    label: int | None = None

    def request(self, config: RunConfig, stage: DiffusionStage) -> SampleRequest:
        """Return the wish for this image of a model, with the step count it was made for."""
        sampler = config.sampler_for(stage, self.sampler)
        steps = config.own_steps(stage)
        return SampleRequest(self.run, stage.id, steps, (self.key,), sampler=sampler, label=self.label)

    @property
    def words(self) -> str:
        """Name it: ``image 3 of seed 0, ddim, class 7``."""
        parts = [f"image {self.key.index} of seed {self.key.seed}", str(self.sampler)]
        if self.label is not None:
            parts.append("no class" if self.label < 0 else f"class {self.label}")
        return ", ".join(parts)
