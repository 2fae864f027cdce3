"""All quality figures of a run, as a table."""

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.models.words import describe, metric_value, milliseconds
from cfd_studio.protocol.figures import FID, INCEPTION, Figure, Metric, find, named
from cfd_studio.protocol.stages import ClassifierStage

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()
FIXED = (
    ("Stage", "Name of the stage"),
    ("Kind", "What it is, and its own step count or its held-out accuracy"),
    ("Steps", "Sampling steps asked for"),
    ("Calls", "Network calls counted per image"),
    ("Time per\nimage", "Wall time of the network calls, in batches"),
)
FIRST_FIGURE = len(FIXED)
_METRICS: dict[Metric, tuple[str, str]] = {
    "frechet": ("Fréchet", "Fréchet distance {}; lower is better"),
    "kid": ("KID", "Kernel Inception Distance {}; lower is better, and a little below 0 is as good as 0"),
    "inception-score": ("score", "Inception score {}; higher is better, and it knows of no real images"),
    "precision": ("precision", "Share of the samples that lie among the real images {}"),
    "recall": ("recall", "Share of the real images that lie among the samples {}"),
}
_SHARED: tuple[Metric, ...] = ("frechet", "precision", "recall")
Column = tuple[str, Metric]  # the name of a feature space, and what is measured in it


class FiguresTable(QAbstractTableModel):
    """One row per classifier, one per model and step count, and the floor: real images against real ones.

    Attributes
    ----------
    reference : str
        The real images that the figures compare with: ``held-out`` or ``train``.
    headings : tuple of (str, str)
        Of every column, with its tooltip.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, ...]] = []
        self.own: list[bool] = []
        self.headings: tuple[tuple[str, str], ...] = FIXED
        self.reference = "held-out"

    def show_snapshot(self, snapshot: RunSnapshot) -> None:
        """Fill the table."""
        columns = _columns(snapshot)
        headings = (*FIXED, *(_heading(snapshot, column, self.reference) for column in columns))
        rows, own = _rows(snapshot, columns, self.reference)
        if (rows, headings) != (self.rows, self.headings):
            self.beginResetModel()
            self.rows, self.own, self.headings = rows, own, headings
            self.endResetModel()

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        """Return how many rows there are."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        """Return how many columns there are."""
        return 0 if parent.isValid() else len(self.headings)

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
            return self.headings[section][0]
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.headings[section][1]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return (
                Qt.AlignmentFlag.AlignLeft if section < 2 else Qt.AlignmentFlag.AlignRight
            ) | Qt.AlignmentFlag.AlignVCenter
        return None

    def as_text(self) -> str:
        """Return the table with tabs, for a spreadsheet; the headings of figures name the reference."""
        names = [heading.replace("\n", " ") for heading, _ in self.headings]
        names[FIRST_FIGURE:] = [f"{name}, {self.reference}" for name in names[FIRST_FIGURE:]]
        return "\n".join("\t".join(row) for row in (names, *self.rows))


def _figures(snapshot: RunSnapshot) -> list[Figure]:
    qualities = [seen.quality for seen in snapshot.stages.values() if seen.quality is not None]
    return [figure for quality in qualities for one in quality.judgements for figure in one.figures]


def _columns(snapshot: RunSnapshot) -> list[Column]:
    """Return the columns: a run that is judged neither by a classifier nor by Inception has none for them."""
    judge = snapshot.config.evaluation.judge
    figures = _figures(snapshot)
    seen = {
        (space, figure.metric)
        for space in (judge, INCEPTION, "pixels")
        for figure in figures
        if space is not None and named(figure.space, space)
    }
    if not figures:
        seen = {(space, metric) for space in (judge, "pixels") if space for metric in _SHARED}
    return [
        (space, metric)
        for space in dict.fromkeys((judge, INCEPTION, "pixels"))
        for metric in _METRICS
        if space is not None and (space, metric) in seen
    ]


def _heading(snapshot: RunSnapshot, column: Column, reference: str) -> tuple[str, str]:
    space, metric = column
    word, tip = _METRICS[metric]
    if space == INCEPTION:
        tip = tip.format("in Inception's features")
        figure = find(tuple(_figures(snapshot)), space, reference, metric)
        if metric == "frechet" and figure is not None:
            return (FID if figure.name == FID else f"{FID}\nproxy"), f"{figure.name}: {tip}"
        return f"Inception,\n{word}", tip
    if space == "pixels":
        return f"Pixels,\n{word}", tip.format("of the pixels" if metric == "frechet" else "in pixels")
    return f"Judge,\n{word}", tip.format("in the judge's features")


def _rows(snapshot: RunSnapshot, columns: list[Column], reference: str) -> tuple[list[tuple[str, ...]], list[bool]]:
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
            rows.append((stage.id, words, *[""] * (len(FIXED) - 2 + len(columns))))
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
                    *_values(judgement.figures, columns, reference),
                )
            )
            own.append(judgement is quality.headline)
    if any(figure.reference == reference for figure in floor):
        rows.append(("floor", "Real against real", "", "", "", *_values(floor, columns, reference)))
        own.append(False)
    return rows, own


def _values(figures: tuple[Figure, ...], columns: list[Column], reference: str) -> list[str]:
    found = [find(figures, space, reference, metric) for space, metric in columns]
    return ["" if figure is None else metric_value(figure.metric, figure.value) for figure in found]
