"""A chart with its legend as a picture to keep."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyqtgraph as pg
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPoint, QRectF, QSize
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QGraphicsItem, QWidget

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.chart import Chart
from cfd_studio.gui.widgets.legend import ROW, Legend

_MARGIN = 12
_SCALE = 2  # pixels of the file for each of the screen


def as_image(chart: Chart, legend: Legend) -> QImage:
    """Return the chart as it is in the window, twice as fine."""
    size = _size(chart, legend)
    image = QImage(size * _SCALE, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(_SCALE)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _paint(painter, size, chart, legend)
    painter.end()
    return image


def as_svg(chart: Chart, legend: Legend) -> bytes:
    """Return the chart as it is in the window, as lines and text."""
    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    size = _size(chart, legend)
    generator.setSize(size)
    generator.setViewBox(QRectF(QPoint(0, 0), size))
    generator.setTitle(chart.accessibleName())
    painter = QPainter(generator)
    _paint(painter, size, chart, legend)
    painter.end()
    buffer.close()
    return bytes(content.data())


def _size(chart: Chart, legend: Legend) -> QSize:
    return QSize(chart.width() + 2 * _MARGIN, chart.height() + legend.height() + ROW // 2 + 2 * _MARGIN)


def _paint(painter: QPainter, size: QSize, chart: Chart, legend: Legend) -> None:
    painter.fillRect(QRectF(QPoint(0, 0), size), theme.color("surface"))
    for entry in legend.entries.values():
        if entry.isChecked():
            painter.save()
            painter.translate(_MARGIN + entry.x(), _MARGIN + entry.y())
            entry.render(painter, QPoint(), renderFlags=QWidget.RenderFlag.DrawChildren)
            painter.restore()
    top = _MARGIN + legend.height() + ROW // 2
    with _afresh(chart):
        chart.view.render(painter, QRectF(_MARGIN, top, chart.width(), chart.height()), chart.view.viewport().rect())


@contextmanager
def _afresh(chart: Chart) -> Iterator[None]:
    """Have everything drawn as lines; what is kept for the screen is made of pixels."""
    axes = (chart.axes.values, chart.axes.steps)
    items = [item for item in chart.view.scene().items() if isinstance(item, pg.GraphicsItem)]
    for axis in axes:
        axis.setCacheMode(QGraphicsItem.CacheMode.NoCache)
    for item in items:
        item.setExportMode(True, {})
    yield
    for item in items:
        item.setExportMode(False)
    for axis in axes:
        axis.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
