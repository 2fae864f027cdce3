"""The lineage of all runs on the screen."""

import html
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPen, QPolygonF, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTreeView

from cfd_studio.gui import theme
from cfd_studio.gui.models.lineage import Node, lineage
from cfd_studio.runs.catalog import RunSummary

_NODE = int(Qt.ItemDataRole.UserRole)
_HEIGHT = 28
Index = QModelIndex | QPersistentModelIndex
_Key = tuple[Path, str]


class LineageView(QTreeView):
    """Runs and their models as a tree, everything open unless the person closed it.

    Signals
    -------
    run_picked(object)
        The path of a run that was clicked, itself or one of its models.
    """

    run_picked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._shown: Sequence[tuple[object, ...]] = ()
        self._open: Path | None = None
        self._closed: set[_Key] = set()
        self._filling = False
        self._tree = QStandardItemModel(self)
        self.setModel(self._tree)
        self.setItemDelegate(_NodeDelegate(self))
        self.setHeaderHidden(True)
        self.setIndentation(14)
        self.setViewportMargins(8, 0, 0, 0)
        self.setMouseTracking(True)
        self.setUniformRowHeights(True)
        self.setExpandsOnDoubleClick(False)
        self.setVerticalScrollMode(QTreeView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setAccessibleName("Lineage of the runs")
        self.clicked.connect(self._pick)
        self.activated.connect(self._pick)
        self.collapsed.connect(self._close_node)
        self.expanded.connect(self._open_node)

    def show_runs(self, runs: list[RunSummary]) -> None:
        """Show how the runs hang together now; the place stays, and what was closed."""
        shown = [(run.path, run.name, run.state == "away", run.models) for run in runs]
        if shown == self._shown:
            return
        self._shown = shown
        place, chosen = self.verticalScrollBar().value(), self._node(self.currentIndex())
        self._filling = True
        self._tree.clear()
        self._tree.invisibleRootItem().appendRows([_item(node) for node in lineage(runs)])
        self.expandAll()
        for key in self._closed:
            if (item := _find(self._tree.invisibleRootItem(), key)) is not None:
                self.collapse(item.index())
        self._filling = False
        self.doItemsLayout()
        self.verticalScrollBar().setValue(place)
        if chosen is not None:
            self._mark((chosen.run, chosen.stage))
        else:
            self.select(self._open)

    def select(self, path: Path | None) -> None:
        """Mark a run as open, or none; a model of it that is marked stays so."""
        self._open = path
        marked = self._node(self.currentIndex())
        if path is None:
            self.selectionModel().clear()
        elif marked is None or marked.run != path:
            self._mark((path, ""))
            self.scrollTo(self.currentIndex(), QTreeView.ScrollHint.PositionAtTop)

    def _node(self, index: QModelIndex) -> Node | None:
        found = index.data(_NODE) if index.isValid() else None
        return found if isinstance(found, Node) else None

    def chosen(self) -> Path | None:
        """Return the run that the keyboard is on, itself or one of its models."""
        return self._run_of(self.currentIndex())

    def run_at(self, place: QPoint) -> Path | None:
        """Return the run at a place of the viewport."""
        return self._run_of(self.indexAt(place))

    def _run_of(self, index: QModelIndex) -> Path | None:
        node = self._node(index)
        return node.run if node else None

    def drawBranches(self, painter: QPainter, rect: QRect, index: Index) -> None:
        """Draw an arrow before what can be opened and closed, and nothing else."""
        if not self.model().hasChildren(index):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("faint"), 1.4, c=Qt.PenCapStyle.RoundCap, j=Qt.PenJoinStyle.RoundJoin))
        painter.translate(rect.right() - self.indentation() / 2 + 1, rect.center().y() + 0.5)
        if self.isExpanded(index):
            painter.rotate(90)
        painter.drawPolyline(QPolygonF([QPointF(-1.5, -3.5), QPointF(2, 0), QPointF(-1.5, 3.5)]))
        painter.restore()

    def _mark(self, key: _Key) -> None:
        item = _find(self._tree.invisibleRootItem(), key)
        if item is None:
            self.selectionModel().clear()
            return
        self.setCurrentIndex(item.index())

    def _pick(self, index: QModelIndex) -> None:
        if (run := self._run_of(index)) is not None:
            self.run_picked.emit(run)

    def _close_node(self, index: QModelIndex) -> None:
        if not self._filling and (node := self._node(index)) is not None:
            self._closed.add((node.run, node.stage))

    def _open_node(self, index: QModelIndex) -> None:
        if not self._filling and (node := self._node(index)) is not None:
            self._closed.discard((node.run, node.stage))


def _item(node: Node) -> QStandardItem:
    item = QStandardItem(node.text)
    item.setEditable(False)
    item.setData(node, _NODE)
    item.setToolTip(f"<p style='white-space: pre-wrap'>{html.escape(node.tip)}</p>")
    item.setAccessibleDescription(node.tip)
    item.appendRows([_item(child) for child in node.children])
    return item


def _find(parent: QStandardItem, key: _Key) -> QStandardItem | None:
    for row in range(parent.rowCount()):
        item = parent.child(row)
        node = item.data(_NODE)
        found = item if (node.run, node.stage) == key else _find(item, key)
        if found is not None:
            return found
    return None


class _NodeDelegate(QStyledItemDelegate):
    """Paints a run or a model: its name, and at the right its figure."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(100, _HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        node = index.data(_NODE)
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected or state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent_soft" if selected else "raised"))
            painter.drawRoundedRect(QRectF(rect).adjusted(0, 1, -8, -1), 5, 5)
        line = rect.adjusted(6, 0, -16, 0)
        painter.setFont(theme.font(11, tabular=True))
        painter.setPen(theme.color("faint" if node.faint or not node.stage else "muted"))
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, node.note)
        taken = QFontMetrics(painter.font()).horizontalAdvance(node.note) + (8 if node.note else 0)
        painter.setFont(theme.font(13, QFont.Weight.Normal if node.stage else QFont.Weight.DemiBold))
        painter.setPen(theme.color("faint" if node.faint else "text"))
        room = line.width() - taken
        shown = QFontMetrics(painter.font()).elidedText(node.text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, shown)
        painter.restore()
