"""What a run's classifier sees in drawn images: the features that distillation compares, and what follows from them."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from cfd_studio.engine.build import ImageShape
from cfd_studio.engine.loading import load_classifier, read_shape
from cfd_studio.engine.portions import MOST, images_at_once
from cfd_studio.interop.weights import read_metadata
from cfd_studio.networks.classifiers import Classified, Classifier
from cfd_studio.networks.inputs import ClassifierInput
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.stages import ClassifierFed, ClassifierStage
from cfd_studio.runs.folder import RunFolder


@dataclass(frozen=True, slots=True)
class FeatureExtractor:
    """A trained classifier.

    Attributes
    ----------
    shape : (int, int, int)
        Channels, height and width of the images it was made for.
    """

    stage_id: str
    classifier: Classifier
    shape: ImageShape
    device: str

    @torch.no_grad()
    def __call__(
        self,
        images: Tensor,
        turn: AbstractContextManager[None] | None = None,
        on_call: Callable[[], None] | None = None,
    ) -> Classified:
        """Return logits and features of images, float32 on the CPU.

        Parameters
        ----------
        images : Tensor, shape (N, C, H, W)
            Range [-1, 1]; as many at once as the size that they are resized to allows.
        turn : context manager, optional
            Entered around every call of the network, where the device is shared.
        on_call : callable, optional
            Called before each of them; may raise to end early.

        Raises
        ------
        CfdError
            Where the images are not of its shape.
        """
        if tuple(images.shape[1:]) != self.shape:
            raise CfdError(
                f"classifier '{self.stage_id}' was made for images of another shape",
                advice="Choose another classifier.",
            )
        assert isinstance(self.classifier.input, ClassifierInput)
        side = self.classifier.input.size
        _, height, width = self.shape
        seen = []
        for part in images.split(images_at_once(MOST, side or height, side or width)):
            if on_call is not None:
                on_call()
            with turn or nullcontext():
                logits, features = self.classifier(part.to(self.device))
                seen.append((logits.float().cpu(), features.float().cpu()))
        return Classified(*(torch.cat(parts) for parts in zip(*seen, strict=True)))


def open_classifier(folder: Path, stage_id: str, device: str, fed: ClassifierFed) -> FeatureExtractor:
    """Return a classifier of a run, fed as in distillation.

    Raises
    ------
    CfdError
        Where the folder is no run, the name is no classifier of it, or this is not trained yet.
    """
    run = RunFolder.open(folder)
    config = run.config()
    known = [stage.id for stage in config.stages if isinstance(stage, ClassifierStage)]
    if stage_id not in known:
        raise CfdError(
            f"the run has no classifier '{stage_id}'",
            where=str(folder),
            advice=f"It has {', '.join(known) or 'none'}.",
        )
    classifier = load_classifier(run, config, stage_id, device, fed)
    assert isinstance(classifier, Classifier)
    path = run.weights(stage_id)
    return FeatureExtractor(stage_id, classifier, read_shape(read_metadata(path), path)[0], device)
