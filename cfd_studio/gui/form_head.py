"""The head of the form: its pages, and the way back through the draft."""

from PySide6.QtWidgets import QHBoxLayout, QTabBar, QWidget

from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.labels import label

PRESETS, PLAN, CHANGES = range(3)


class FormHead(QWidget):
    """Title, tabs, and what is done to the plan as a whole."""

    def __init__(self) -> None:
        super().__init__()
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Parts of the form")
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        for words, tip in (
            ("Presets", "Recipes to begin with"),
            ("Plan", "The stages and their settings"),
            ("Changes", "What differs from where you began"),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(words), tip)
        self.undo = Button(icon="rotate-left", role="ghost", tip="Undo (Ctrl+Z)")
        self.redo = Button(icon="rotate-right", role="ghost", tip="Redo (Ctrl+Shift+Z)")
        self.every = Button("All settings", role="toggle", tip="Show every field instead of the few that matter most")
        self.every.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(24, 16, 24, 0)
        row.setSpacing(8)
        row.addWidget(label("New run", "title"))
        row.addSpacing(24)
        row.addWidget(self.tabs)
        row.addStretch(1)
        for button in (self.every, self.undo, self.redo):
            row.addWidget(button)

    def count_changes(self, count: int) -> None:
        """Say in how many fields the plan differs from where it began."""
        self.tabs.setTabText(CHANGES, f"Changes  {count}" if count else "Changes")
