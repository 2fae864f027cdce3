"""The questions that the window asks; each is a function, so that a test can answer in a person's place."""

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QGridLayout, QMessageBox, QWidget

_WIDTH = 380


def ask(parent: QWidget, title: str, text: str, accept: str, *, destructive: bool = False) -> bool:
    """Ask whether to go on; Escape and the default of a destructive question are *Cancel*."""
    return choose(parent, title, text, [accept], destructive=destructive) == accept


def choose(parent: QWidget, title: str, text: str, answers: list[str], *, destructive: bool = False) -> str | None:
    """Ask which way to go on; None is *Cancel*. The first answer is the default unless the question is destructive."""
    box = QMessageBox(QMessageBox.Icon.NoIcon, title, f"<b>{title}</b>", QMessageBox.StandardButton.NoButton, parent)
    box.setInformativeText(text)
    buttons = {answer: box.addButton(answer, QMessageBox.ButtonRole.AcceptRole) for answer in answers}
    no = box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
    box.setEscapeButton(no)
    layout = box.layout()
    assert isinstance(layout, QGridLayout)
    layout.setColumnMinimumWidth(layout.columnCount() - 1, _WIDTH)  # Qt makes a box as narrow as its title
    box.setDefaultButton(no if destructive else buttons[answers[0]])
    box.exec()
    clicked = box.clickedButton()
    box.deleteLater()
    return next((answer for answer, button in buttons.items() if button is clicked), None)


def choose_folder(parent: QWidget, title: str, start: Path) -> Path | None:
    """Ask for a folder."""
    chosen = QFileDialog.getExistingDirectory(parent, title, str(start))
    return Path(chosen) if chosen else None


def choose_file(parent: QWidget, title: str, start: Path, kinds: str) -> Path | None:
    """Ask for a file to read."""
    chosen, _ = QFileDialog.getOpenFileName(parent, title, str(start), kinds)
    return Path(chosen) if chosen else None


def choose_target(parent: QWidget, title: str, start: Path, kinds: str) -> Path | None:
    """Ask for a file to write."""
    chosen, _ = QFileDialog.getSaveFileName(parent, title, str(start), kinds)
    return Path(chosen) if chosen else None
