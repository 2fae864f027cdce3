"""A number with its caption."""

from PySide6.QtWidgets import QVBoxLayout, QWidget

from cfd_studio.gui import theme
from cfd_studio.gui.widgets.labels import label

_NONE = "–"


class Reading(QWidget):
    """A number that may change often; its digits do not dance.

    Parameters
    ----------
    caption : str
    tip : str
    """

    def __init__(self, caption: str, tip: str) -> None:
        super().__init__()
        self._value = label(_NONE)
        self._value.setFont(theme.font(20, tabular=True))
        self._caption = label(caption, "muted")
        self.setToolTip(tip)
        self.setAccessibleName(caption)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._value)
        column.addWidget(self._caption)

    def text(self) -> str:
        """Return the number as it stands there."""
        return self._value.text()

    def show_value(self, value: float | None) -> None:
        """Show a number to four digits behind the point, or that there is none."""
        self._value.setText(_NONE if value is None else f"{value:.4f}")
        self.setAccessibleDescription(self._value.text())
