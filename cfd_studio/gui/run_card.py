"""A run as a card on the first page."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton

from cfd_studio.gui import theme
from cfd_studio.gui.catalog_feed import ListedRun
from cfd_studio.gui.models.words import STATE_WORDS
from cfd_studio.gui.run_painting import HEIGHT, paint_run

CARD_HEIGHT = HEIGHT + 16


class RunCard(QAbstractButton):
    """Opens the run that it shows."""

    def __init__(self, listed: ListedRun) -> None:
        super().__init__()
        self.listed = listed
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(CARD_HEIGHT)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.show_run(listed)

    def show_run(self, listed: ListedRun) -> None:
        """Show how the run stands now."""
        self.listed = listed
        run = listed.summary
        self.setToolTip(f"Open this run ({run.stages_done} of {run.stages} stages done)")
        self.setAccessibleName(f"{run.name}, {STATE_WORDS[run.state]}")
        self.update()

    def sizeHint(self) -> QSize:
        """Return the size of a card; the layout makes it wider."""
        return QSize(240, CARD_HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the card."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.color("accent" if self.hasFocus() else "border"))
        painter.setBrush(theme.color("hover" if self.underMouse() else "surface"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        paint_run(painter, self.rect().adjusted(12, 8, -14, -8), self.listed)
        painter.end()
