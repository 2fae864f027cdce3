"""Saves the chart that is in sight: as a picture, as a drawing, or its numbers."""

import csv
import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, Signal, Slot
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from cfd_studio.gui.bridge import Clerk
from cfd_studio.gui.models.overlay import ShownCurve
from cfd_studio.gui.panels.curves import CurvesPanel
from cfd_studio.gui.widgets import dialogs
from cfd_studio.gui.widgets.chart_picture import as_image, as_svg
from cfd_studio.runs import atomic
from cfd_studio.runs.outputs import check_output, writing

_KINDS = {"png": "PNG (*.png)", "svg": "SVG (*.svg)", "csv": "CSV (*.csv)"}


class ChartExport(QObject):
    """Asks where, draws on the window's thread, and leaves the rest to the clerk.

    Signals
    -------
    said(str, str, str)
        A sentence, details, and the kind of message.
    """

    said = Signal(str, str, str)

    def __init__(self, window: QWidget, panel: CurvesPanel, clerk: Clerk) -> None:
        super().__init__(window)
        self._window = window
        self._panel = panel
        self._clerk = clerk
        panel.export_wanted.connect(self._export)

    @Slot(str)
    def _export(self, kind: str) -> None:
        start = Path.home() / f"{self._panel.stage}-{self._panel.quantity.current}.{kind}"
        target = dialogs.choose_target(self._window, "Save the chart", start, _KINDS[kind])
        if target is None:
            return
        content = self._content(kind)
        self._clerk.submit(partial(_write, target, content), partial(self._saved, target), self._not_saved)

    def _content(self, kind: str) -> Callable[[], bytes]:
        """Return what makes the file's content, away from the window's thread."""
        chart, legend = self._panel.chart, self._panel.legend
        if kind == "csv":
            return partial(as_csv, self._panel.table(), *chart.range.steps)
        if kind == "png":
            return partial(_as_png, as_image(chart, legend))
        drawing = as_svg(chart, legend)
        return lambda: drawing

    def _saved(self, target: Path, _: None) -> None:
        self.said.emit(f"The chart was saved as {target}.", "", "info")

    def _not_saved(self, error: Exception) -> None:
        self.said.emit(str(error), "", "error")


def as_csv(curves: Sequence[ShownCurve], low: float, high: float) -> bytes:
    """Return a table with a line for every point between two steps, as measured: curve, step, value."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["curve", "step", "value"])
    for one in curves:
        steps, values = one.curve.steps, one.curve.values
        seen = (steps >= low) & (steps <= high)
        for step, value in zip(steps[seen].tolist(), values[seen].tolist(), strict=True):
            table.writerow([one.name, int(step), value])
    return text.getvalue().encode()


def _as_png(image: QImage) -> bytes:
    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]  # the stubs know files only
    return bytes(content.data())


def _write(target: Path, content: Callable[[], bytes]) -> None:
    check_output(target)
    made = content()
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_bytes(target, made)
