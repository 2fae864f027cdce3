"""A monkey at the window: random clicks, keys, wheel turns, resizes; prints seed and coverage (`pytest -m slow -s`)."""

import logging
import random
from collections.abc import Callable, Iterator, Set
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QDesktopServices, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QScrollBar,
    QTabBar,
    QWidget,
)

from cfd_studio.gui.widgets import dialogs
from cfd_studio.runs.folder import RunFolder

SEEDS, ACTIONS = 20, 100
ENOUGH = 0.8
CURIOUS = 0.6  # of the actions go to something that no monkey touched before, where there is such a thing
SIZES = [(960, 600), (1024, 700), (1280, 720), (1440, 900), (1920, 1080)]
KEYS = [
    Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Return, Qt.Key.Key_Escape, Qt.Key.Key_Space, Qt.Key.Key_Left,
    Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_PageDown,
    Qt.Key.Key_Delete, Qt.Key.Key_Plus, Qt.Key.Key_Minus, Qt.Key.Key_F, Qt.Key.Key_L, Qt.Key.Key_S, Qt.Key.Key_1,
    Qt.Key.Key_2, Qt.Key.Key_Question, Qt.Key.Key_F2,
]  # fmt: skip
HELD = [Qt.KeyboardModifier.NoModifier] * 4 + [
    Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier,
]  # fmt: skip
TYPED = ["0", "7", "-1", "1e9", "teacher", "../x", "", "9" * 40, "0.5", "{}"]
INPUTS = (
    QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit,
    QTabBar,
)  # fmt: skip


def _controls() -> Iterator[QWidget]:
    """Yield what a person could use right now."""
    for window in QApplication.topLevelWidgets():
        if not window.isVisible() or isinstance(window, QMenu):
            continue
        for widget in window.findChildren(QWidget):
            usable = widget.isVisible() and widget.isEnabled() and not widget.visibleRegion().isEmpty()
            takes = isinstance(widget, INPUTS) or widget.focusPolicy() != Qt.FocusPolicy.NoFocus
            inner = isinstance(widget.parentWidget(), QComboBox | QAbstractSpinBox)
            if usable and takes and not inner and not isinstance(widget, QScrollBar):
                yield widget


def _name(widget: QWidget) -> str:
    """Return who a control is, whichever object stands for it after a rebuild."""
    parents = []
    at: QWidget | None = widget
    while at is not None and len(parents) < 4:
        parents.append(type(at).__name__)
        at = at.parentWidget()
    words = widget.toolTip().partition("\n")[0] or widget.accessibleName() or widget.objectName()
    return f"{'<'.join(parents)}: {words}"


class Monkey:
    """Acts at random, and remembers what it saw and what it touched; it was told what others touched before it."""

    def __init__(self, window: QWidget, seed: int, known: Set[str]) -> None:
        self.window = window
        self.chance = random.Random(seed)
        self.known = known
        self.seen: set[str] = set()
        self.touched: set[str] = set()
        self.last = ""

    def act(self) -> None:
        """Do one thing."""
        controls = {_name(widget): widget for widget in _controls()}
        self.seen |= controls.keys()
        if self.chance.random() < 0.05 or not controls:
            width, height = self.chance.choice(SIZES)
            self.last = f"resize to {width}x{height}"
            self.window.resize(width, height)
            return
        fresh = sorted(controls.keys() - self.touched - self.known)
        name = self.chance.choice(fresh if fresh and self.chance.random() < CURIOUS else sorted(controls))
        self.touched.add(name)
        QTimer.singleShot(0, self._leave_menu)  # a menu has an event loop of its own
        self._use(controls[name], name)

    def _use(self, widget: QWidget, name: str) -> None:
        # Of a control that is partly cut off, what is in sight.
        region = widget.visibleRegion().boundingRect()
        at = QPoint(
            self.chance.randint(region.left(), region.right()), self.chance.randint(region.top(), region.bottom())
        )
        does: list[tuple[int, str, Callable[[], object]]] = [
            (12, "click", lambda: QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=at)),
            (2, "double click", lambda: QTest.mouseDClick(widget, Qt.MouseButton.LeftButton, pos=at)),
            (2, "right click", lambda: self._right_click(widget, at)),
            (3, "wheel", lambda: self._turn(widget, at)),
            (4, "key", lambda: QTest.keyClick(widget, self.chance.choice(KEYS), self.chance.choice(HELD))),
        ]
        if isinstance(widget, QLineEdit | QPlainTextEdit):
            does.append((20, "type", lambda: QTest.keyClicks(widget, self.chance.choice(TYPED))))
        (what, do) = self.chance.choices([(what, do) for _, what, do in does], [weight for weight, _, _ in does])[0]
        self.last = f"{what} on {name}"
        do()

    def _right_click(self, widget: QWidget, at: QPoint) -> None:
        QTest.mouseClick(widget, Qt.MouseButton.RightButton, pos=at)

    def _turn(self, widget: QWidget, at: QPoint) -> None:
        place = QPointF(at)
        held = self.chance.choice(HELD)
        turn = QPoint(0, self.chance.choice([-240, -120, 120, 240]))
        event = QWheelEvent(
            place, widget.mapToGlobal(place), QPoint(), turn, Qt.MouseButton.NoButton, held,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(widget, event)

    def _leave_menu(self) -> None:
        """Choose something in the menu that is open, or nothing."""
        menu = QApplication.activePopupWidget()
        if menu is None:
            return
        if isinstance(menu, QMenu):
            usable = [action for action in menu.actions() if action.isEnabled() and not action.isSeparator()]
            if usable and self.chance.random() < 0.7:
                QTimer.singleShot(0, self._leave_menu)  # it may have opened another one
                QTest.mouseClick(
                    menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(self.chance.choice(usable)).center()
                )
                return
        menu.close()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[random.Random], None]:
    """Answer the questions that block, as a person at random would."""

    def answer(chance: random.Random) -> None:
        folder, file = tmp_path / "chosen", tmp_path / "chosen.bin"
        folder.mkdir(exist_ok=True)
        file.write_bytes(b"no checkpoint")
        monkeypatch.setattr(dialogs, "choose", lambda *given, **_: chance.choice([*given[3], None]))
        monkeypatch.setattr(dialogs, "choose_folder", lambda *_: chance.choice([folder, None]))
        monkeypatch.setattr(dialogs, "choose_file", lambda *_: chance.choice([file, None]))
        monkeypatch.setattr(
            dialogs, "choose_target", lambda *_: chance.choice([tmp_path / f"out-{chance.random()}", None])
        )
        monkeypatch.setattr(QDesktopServices, "openUrl", lambda *_: True)

    return answer


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_twenty_monkeys_break_nothing(
    desk: Any,
    trained_run: RunFolder,
    long_run: RunFolder,
    answers: Callable[[random.Random], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: set[str] = set()
    touched: set[str] = set()
    for seed in range(SEEDS):
        monkey = Monkey(desk.window, seed, touched)
        answers(monkey.chance)
        desk.open(trained_run if seed % 2 else long_run)
        for _ in range(ACTIONS):
            monkey.act()
            desk.qtbot.wait(5)
            assert desk.window.isVisible(), f"seed {seed}: {monkey.last}"
            wrong = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
            assert not wrong, f"seed {seed}: {monkey.last}: {wrong}"
        for dialog in QApplication.topLevelWidgets():
            if dialog is not desk.window and dialog.isVisible():
                dialog.close()
        seen |= monkey.seen
        touched |= monkey.touched
        share = len(monkey.touched & monkey.seen) / len(monkey.seen)
        print(f"\nseed {seed}: {ACTIONS} actions, {share:.0%} of {len(monkey.seen)} controls in sight", end="")
    reached = len(touched & seen) / len(seen)
    print(f"\nall seeds: {reached:.0%} of {len(seen)} controls; left alone: {sorted(seen - touched)}")
    assert reached >= ENOUGH
