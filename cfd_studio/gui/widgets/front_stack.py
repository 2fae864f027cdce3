"""Pages of which one is in front, that are never squeezed: below the room which that one needs, it scrolls."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QScrollArea, QStackedWidget


class FrontStack(QStackedWidget):
    """Asks for no more room than the page in front needs."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "page")
        self.currentChanged.connect(self.updateGeometry)

    def minimumSizeHint(self) -> QSize:
        """Return what the page in front needs."""
        front = self.currentWidget()
        return front.minimumSizeHint() if front is not None else QSize()

    def scrolling(self) -> QScrollArea:
        """Return an area that scrolls this where it would be squeezed."""
        area = _Area()
        area.setWidget(self)
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return area


class _Area(QScrollArea):
    def minimumSizeHint(self) -> QSize:
        """Need nothing."""
        return QSize(0, 0)
