"""All quality figures of a run, as a table."""

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.models.words import describe, metric_value, milliseconds
from cfd_studio.protocol.figures import Figure, Metric, find_value
from cfd_studio.protocol.stages import ClassifierStage

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()
_METRICS: tuple[Metric, ...] = ("frechet", "precision", "recall")
HEADINGS = (
    ("Stage", "Name of the stage"),
    ("Kind", "What it is, and its own step count or its held-out accuracy"),
    ("Steps", "Sampling steps asked for"),
    ("Calls", "Network calls counted per image"),
    ("Time per\nimage", "Wall time of the network calls, in batches"),
    ("Judge,\nFréchet", "Fréchet distance in the judge's features; lower is better"),
    ("Judge,\nprecision", "Share of the samples that lie among the real images in the judge's features"),
    ("Judge,\nrecall", "Share of the real images that lie among the samples in the judge's features"),
    ("Pixels,\nFréchet", "Fréchet distance of the pixels; lower is better"),
    ("Pixels,\nprecision", "Share of the samples that lie among the real images in pixels"),
    ("Pixels,\nrecall", "Share of the real images that lie among the samples in pixels"),
)
FIRST_FIGURE = 5


class FiguresTable(QAbstractTableModel):
    """One row per classifier, one per model and step count, and the floor: real images against real ones.

    Attributes
    ----------
    reference : str
        The real images that the figures compare with: ``held-out`` or ``train``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, ...]] = []
        self.own: list[bool] = []
        self.reference = "held-out"

    def show_snapshot(self, snapshot: RunSnapshot) -> None:
        """Fill the table."""
        rows, own = _rows(snapshot, self.reference)
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
        """Return the table with tabs, for a spreadsheet; the headings of figures name the reference."""
        names = [heading.replace("\n", " ") for heading, _ in HEADINGS]
        names[FIRST_FIGURE:] = [f"{name}, {self.reference}" for name in names[FIRST_FIGURE:]]
        return "\n".join("\t".join(row) for row in (names, *self.rows))


def _rows(snapshot: RunSnapshot, reference: str) -> tuple[list[tuple[str, ...]], list[bool]]:
    rows: list[tuple[str, ...]] = []
    own: list[bool] = []
    floor: tuple[Figure, ...] = ()
    for stage in snapshot.config.stages:
        quality = snapshot.stages[stage.id].quality
        if quality is None:
            continue
        words = describe(snapshot.config, stage)
        if isinstance(stage, ClassifierStage):
            accuracy = quality.accuracies.get(stage.id)
            words += f" · {accuracy:.1%} right" if accuracy is not None else ""
            rows.append((stage.id, words, *[""] * (len(HEADINGS) - 2)))
            own.append(False)
            continue
        floor = quality.floor or floor
        for judgement in quality.judgements:
            rows.append(
                (
                    stage.id,
                    words,
                    str(judgement.sampling_steps),
                    str(judgement.network_calls),
                    milliseconds(judgement.seconds_per_image),
                    *_values(judgement.figures, snapshot, reference),
                )
            )
            own.append(judgement.sampling_steps == snapshot.config.own_steps(stage))
    measured = _values(floor, snapshot, reference)
    if any(measured):
        rows.append(("floor", "Real against real", "", "", "", *measured))
        own.append(False)
    return rows, own


def _values(figures: tuple[Figure, ...], snapshot: RunSnapshot, reference: str) -> list[str]:
    spaces = (snapshot.config.evaluation.main_space, "pixels")
    values = [(metric, find_value(figures, space, reference, metric)) for space in spaces for metric in _METRICS]
    return ["" if value is None else metric_value(metric, value) for metric, value in values]
