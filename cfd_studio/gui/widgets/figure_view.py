"""A table of figures: rows are selected, columns sort, and all of it can be read where there is room."""

from PySide6.QtCore import QPointF, QRect, QSize, QSortFilterProxyModel, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPolygonF, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QStyleOptionHeader, QTableView, QWidget

from cfd_studio.gui import theme

_ROW_HEIGHT = 28
_LEAST = 48
_PADDING = 20  # of a heading, left and right, as in the style sheet
_ARROW = 4  # half as wide as it is


class FigureHeading(QHeaderView):
    """Headings that ask for no more room than their words need: an arrow is drawn below them."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setMinimumSectionSize(_LEAST)
        self.setSortIndicatorClearable(True)

    def sectionSizeFromContents(self, section: int) -> QSize:
        """Return the room of a heading."""
        words = str(self.model().headerData(section, Qt.Orientation.Horizontal))
        metrics = QFontMetrics(theme.font(12, QFont.Weight.Medium))
        width = max(metrics.horizontalAdvance(line) for line in words.split("\n"))
        return QSize(width + _PADDING, super().sectionSizeFromContents(section).height())

    def initStyleOptionForIndex(self, option: QStyleOptionHeader, section: int) -> None:
        """Leave the arrow to `paintSection`."""
        super().initStyleOptionForIndex(option, section)
        option.sortIndicator = QStyleOptionHeader.SortIndicator.None_

    def paintSection(self, painter: QPainter, area: QRect, section: int) -> None:
        """Draw a heading, and an arrow below it where its column sorts: up for the least first."""
        painter.save()
        super().paintSection(painter, area, section)
        painter.restore()
        if section != self.sortIndicatorSection():
            return
        up = self.sortIndicatorOrder() == Qt.SortOrder.AscendingOrder
        base, tip = (area.bottom() - 2.0, area.bottom() - 6.0) if up else (area.bottom() - 6.0, area.bottom() - 2.0)
        middle = float(area.center().x())
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent"))
        corners = [QPointF(middle - _ARROW, base), QPointF(middle + _ARROW, base), QPointF(middle, tip)]
        painter.drawPolygon(QPolygonF(corners))
        painter.restore()


class FigureView(QTableView):
    """The view of a table that sorts and filters."""

    def __init__(self, model: QSortFilterProxyModel) -> None:
        super().__init__()
        self._needed: list[int] = []
        self.setModel(model)
        self.setFont(theme.font(13, tabular=True))
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setWordWrap(False)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        self.setTabKeyNavigation(False)
        self.setAccessibleName("Quality figures")
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        heading = FigureHeading(self)
        self.setHorizontalHeader(heading)
        heading.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        model.sort(-1)

    def fit(self) -> None:
        """Measure what every column needs, and share out the room."""
        heading = self.horizontalHeader()
        self._needed = [
            max(self.sizeHintForColumn(at), heading.sectionSizeHint(at), _LEAST) for at in range(heading.count())
        ]
        self._share()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share out the new room."""
        super().resizeEvent(event)
        self._share()

    def _share(self) -> None:
        """Give every column what it needs and a share of what is left; scroll where that is too much."""
        left = max(self.viewport().width() - sum(self._needed), 0)
        for at, width in enumerate(self._needed):
            share = left // (len(self._needed) - at)
            self.setColumnWidth(at, width + share)
            left -= share
