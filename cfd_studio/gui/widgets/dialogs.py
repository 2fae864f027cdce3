"""The questions that the window asks; each is a function, so that a test can answer in a person's place."""

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget


def ask(parent: QWidget, title: str, text: str, accept: str, *, destructive: bool = False) -> bool:
    """Ask whether to go on; Escape and the default of a destructive question are *Cancel*."""
    box = QMessageBox(QMessageBox.Icon.NoIcon, title, f"<b>{title}</b>", QMessageBox.StandardButton.NoButton, parent)
    box.setInformativeText(text)
    yes = box.addButton(accept, QMessageBox.ButtonRole.AcceptRole)
    no = box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
    box.setEscapeButton(no)
    box.setDefaultButton(no if destructive else yes)
    box.exec()
    chosen = box.clickedButton() is yes
    box.deleteLater()
    return chosen


def choose_folder(parent: QWidget, title: str, start: Path) -> Path | None:
    """Ask for a folder."""
    chosen = QFileDialog.getExistingDirectory(parent, title, str(start))
    return Path(chosen) if chosen else None


def choose_target(parent: QWidget, title: str, start: Path, kinds: str) -> Path | None:
    """Ask for a file to write."""
    chosen, _ = QFileDialog.getSaveFileName(parent, title, str(start), kinds)
    return Path(chosen) if chosen else None
