"""Where each stage's card stands: students to the right of their teachers, each branch in a lane of its own."""

from dataclasses import dataclass

from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.stages import ClassifierStage, FeatureStage


@dataclass(frozen=True, slots=True)
class Link:
    """A line between two cards; ``features`` marks a classifier that a student is distilled with."""

    source: str
    target: str
    features: bool = False


@dataclass(frozen=True, slots=True)
class TreeLayout:
    """Places (lane, column) by stage id, and the links between them."""

    places: dict[str, tuple[int, int]]
    links: tuple[Link, ...]


def lay_out(config: RunConfig) -> TreeLayout:
    """Return the places of all stages.

    A first child stays in its parent's lane, a further one opens a new lane; classifiers, which have no parent and no
    children, fill the room that the last lane leaves before its first student.
    """
    places: dict[str, tuple[int, int]] = {}
    links: list[Link] = []
    lanes = 0
    continued: set[str] = set()
    classifiers = [stage for stage in config.stages if isinstance(stage, ClassifierStage)]
    drawn: set[str] = set()
    for stage in config.stages:
        if isinstance(stage, ClassifierStage):
            continue
        if stage.parent is None:
            places[stage.id] = (lanes, 0)
            lanes += 1
            continue
        lane, column = places[stage.parent]
        if stage.parent in continued:
            lane = lanes
            lanes += 1
        continued.add(stage.parent)
        places[stage.id] = (lane, column + 1)
        links.append(Link(stage.parent, stage.id))
        if isinstance(stage, FeatureStage) and stage.parent not in drawn and stage.classifier not in drawn:
            drawn.add(stage.classifier)
            links.append(Link(stage.classifier, stage.id, features=True))
    lane = max(lanes - 1, 0)
    first = min((column for where, column in places.values() if where == lane), default=len(classifiers))
    if first < len(classifiers):
        lane, first = lanes, len(classifiers)
    # The judge stands apart; those that teach stand next to the students that they teach.
    teaching = {link.source for link in links if link.features}
    for column, classifier in enumerate(sorted(classifiers, key=lambda one: one.id in teaching)):
        places[classifier.id] = (lane, column)
    return TreeLayout(places, tuple(links))
