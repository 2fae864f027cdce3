"""All quality figures of a run, as a table."""

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.models.words import describe, milliseconds, short
from cfd_studio.protocol.figures import Figure, find_value
from cfd_studio.protocol.stages import ClassifierStage

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()
HEADINGS = (
    ("Stage", "Name of the stage"),
    ("Kind", "What it is, and its own step count"),
    ("Steps", "Sampling steps asked for"),
    ("Calls", "Network calls counted per image"),
    ("Time per\nimage", "Wall time of the network calls, in batches"),
    ("Judge,\nheld-out", "Fréchet distance in the judge's features against the held-out images; lower is better"),
    ("Judge,\ntraining", "Fréchet distance in the judge's features against the training images"),
    ("Pixels,\nheld-out", "Fréchet distance of the pixels against the held-out images"),
    ("Pixels,\ntraining", "Fréchet distance of the pixels against the training images"),
    ("Accuracy", "Held-out accuracy of a classifier"),
)


class FiguresTable(QAbstractTableModel):
    """One row per classifier, one per model and step count, and the floor: real images against real ones."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, ...]] = []
        self.own: list[bool] = []

    def show_snapshot(self, snapshot: RunSnapshot) -> None:
        """Fill the table."""
        rows, own = _rows(snapshot)
        if rows != self.rows:
            self.beginResetModel()
            self.rows, self.own = rows, own
            self.endResetModel()

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        """Return how many rows there are."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        """Return how many columns there are."""
        return 0 if parent.isValid() else len(HEADINGS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return the text of a cell, its alignment, or whether its row is a model at its own step count."""
        if role == Qt.ItemDataRole.DisplayRole:
            return self.rows[index.row()][index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if index.column() < 2 else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.UserRole:
            return self.own[index.row()]
        return None

    def headerData(self, section: int, side: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return a heading or its tooltip."""
        if side != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADINGS[section][0]
        if role == Qt.ItemDataRole.ToolTipRole:
            return HEADINGS[section][1]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return (
                Qt.AlignmentFlag.AlignLeft if section < 2 else Qt.AlignmentFlag.AlignRight
            ) | Qt.AlignmentFlag.AlignVCenter
        return None

    def as_text(self) -> str:
        """Return the table with tabs, for a spreadsheet."""
        names = [heading.replace("\n", " ") for heading, _ in HEADINGS]
        return "\n".join("\t".join(row) for row in (names, *self.rows))


def _rows(snapshot: RunSnapshot) -> tuple[list[tuple[str, ...]], list[bool]]:
    rows: list[tuple[str, ...]] = []
    own: list[bool] = []
    floor: tuple[Figure, ...] = ()
    judge = snapshot.config.evaluation.judge
    for stage in snapshot.config.stages:
        quality = snapshot.stages[stage.id].quality
        if quality is None:
            continue
        words = describe(snapshot.config, stage)
        if isinstance(stage, ClassifierStage):
            accuracy = quality.accuracies.get(stage.id)
            rows.append((stage.id, words, *[""] * 7, f"{accuracy:.1%}" if accuracy is not None else ""))
            own.append(False)
            continue
        floor = quality.floor or floor
        for judgement in quality.judgements:
            values = [
                _value(judgement.figures, space, ref) for space in (judge, "pixels") for ref in ("held-out", "train")
            ]
            rows.append(
                (
                    stage.id,
                    words,
                    str(judgement.sampling_steps),
                    str(judgement.network_calls),
                    milliseconds(judgement.seconds_per_image),
                    *values,
                    "",
                )
            )
            own.append(judgement.sampling_steps == snapshot.config.own_steps(stage))
    if floor:
        measured = [_value(floor, judge, "held-out"), "", _value(floor, "pixels", "held-out"), ""]
        rows.append(("floor", "Real against real", "", "", "", *measured, ""))
        own.append(False)
    return rows, own


def _value(figures: tuple[Figure, ...], space: str, reference: str) -> str:
    value = find_value(figures, space, reference)
    return "" if value is None else short(value)
