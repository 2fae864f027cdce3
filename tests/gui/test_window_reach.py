"""Every control of every page: a screen reader can name it, the keyboard reaches it, and words say what it does."""

from collections.abc import Callable, Iterator
from typing import Any

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QComboBox,
    QDialog,
    QLabel,
    QLineEdit,
    QScrollArea,
    QScrollBar,
    QTabBar,
    QWidget,
)

from cfd_studio.gui import widget_keys
from cfd_studio.gui.bundle_dialog import BundleDialog
from cfd_studio.gui.compare_bar import BROWSE, GRID
from cfd_studio.gui.evaluate_dialog import EvaluateDialog
from cfd_studio.gui.fast_dialog import FastDialog
from cfd_studio.gui.import_dialog import ImportDialog
from cfd_studio.gui.run_page import COMPARE, INSPECT, JUDGE, WATCH


def _controls(root: QWidget) -> Iterator[QWidget]:
    """Return what can be worked in a window: that which takes the keys, and that which is made to be pressed."""
    for widget in root.findChildren(QWidget):
        inside = isinstance(widget.parent(), (QComboBox, QTabBar)) or widget.objectName().startswith("qt_")
        if inside or isinstance(widget, QScrollBar) or isinstance(widget.parent(), QLineEdit):
            continue
        takes_keys = widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.focusProxy() is None
        if widget.isVisible() and widget.isEnabled() and (takes_keys or isinstance(widget, QAbstractButton)):
            yield widget


def _words(widget: QWidget) -> str:
    text = widget.text() if isinstance(widget, (QAbstractButton, QLabel)) else ""
    return text or widget.accessibleName()


def _explained(widget: QWidget) -> bool:
    """Tell whether there is a tooltip, its own or of what is around it, or something to be read in it or beside it."""
    around: QWidget | None = widget
    while around is not None and not around.isWindow():
        if around.toolTip():
            return True
        around = around.parentWidget()
    labels = widget.window().findChildren(QLabel)
    shown = isinstance(widget, (QAbstractItemView, QTabBar, QAbstractScrollArea))
    written = isinstance(widget, QAbstractButton) and bool(widget.text())
    said = bool(widget.accessibleDescription())
    return shown or written or said or any(label.buddy() is widget for label in labels)


def _in_area(widget: QWidget) -> bool:
    """Tell whether a widget lies on one of the pages of a run, which scroll before they squeeze."""
    return isinstance(widget, QAbstractButton) and any(
        area.widget().isAncestorOf(widget) for area in widget.window().findChildren(QScrollArea) if area.widget()
    )


def _look(where: str, root: QWidget) -> tuple[int, list[str]]:
    """Return how many controls there are, and what is wrong with them."""
    wrong, count = [], 0
    for widget in _controls(root):
        count += 1
        called = f"{where}: {type(widget).__name__} '{_words(widget)}' in {type(widget.parent()).__name__}"
        if not _words(widget):
            wrong.append(f"{called} has no name")
        group = widget.group() if isinstance(widget, QAbstractButton) else None
        by_arrows = group is not None and group.exclusive()  # as Qt has it: Tab to the one that is chosen
        if not widget.focusPolicy() & Qt.FocusPolicy.TabFocus and not by_arrows:
            wrong.append(f"{called} is not reached with Tab")
        if widget.maximumWidth() > widget.minimumSizeHint().width() > widget.width() and _in_area(widget):
            wrong.append(f"{called} is squeezed")
        if not _explained(widget):
            wrong.append(f"{called} is not explained")
    return count, wrong


def _pages(desk: Any) -> Iterator[tuple[str, QWidget]]:
    """Turn to every page and dialog of the window."""
    window, page, compare = desk.window, desk.page, desk.page.compare

    def dialog(opening: Callable[[], object]) -> QDialog:
        opening()
        desk.wait(lambda: any(one.isVisible() for one in window.findChildren(QDialog)))
        return next(one for one in window.findChildren(QDialog) if one.isVisible())

    def close(opened: QDialog) -> None:
        opened.reject()
        opened.deleteLater()
        desk.wait(lambda: not any(one.isVisible() for one in window.findChildren(QDialog)))

    yield "watch", window
    page.tabs.setCurrentIndex(COMPARE)
    desk.wait(lambda: compare.choices.models)
    compare.choices.choose(compare.few_step_models(), [1])
    compare.generate()
    desk.wait(lambda: not compare.drawing)
    yield "grid", window
    first, *_, last = compare.drawings.answers
    compare.grid.mark(0, first)
    compare.grid.mark(1, last)
    compare.compare_marked()
    yield "pair", window
    compare.bar.pages[BROWSE].click()
    desk.wait(lambda: compare.browse_page.wall.cell.state == "done")
    yield "browse", window
    compare.bar.pages[GRID].click()
    page.tabs.setCurrentIndex(JUDGE)
    yield "judge", window
    page.tabs.setCurrentIndex(INSPECT)
    for view in (1, 0):
        page.inspect.choices.turn_to(view)
        yield f"inspect {view}", window
    page.tabs.setCurrentIndex(WATCH)
    window.sidebar.queue.click()
    yield "queue", window
    window.sidebar.browser.as_lineage.click()
    window.show_home()
    yield "first page", window
    window.sidebar.browser.as_list.click()
    window.show_new_run()
    desk.wait(lambda: window.pages.currentWidget() is window.new_run)
    for tab in range(window.new_run.tabs.count()):
        window.new_run.tabs.setCurrentIndex(tab)
        yield f"form {tab}", window
    window.new_run.tabs.setCurrentIndex(1)
    window.new_run.every.click()
    window.new_run.machine.more.click()
    for card in list(window.new_run.plan.outline.cards.values()):
        card.click()
        yield "all settings", window
    desk.wait(lambda: window.sidebar.model.rows)
    run = window.sidebar.model.rows[0]
    for name, opening in {
        "fast paths": lambda: FastDialog(window, "off").open(),
        "keys": lambda: window.settings_desk.show_shortcuts(),
        "room": lambda: window.settings_desk.ask_room(),
        "about": lambda: window.run_actions.do("describe", run),
        "trash": lambda: window.run_actions.do("discard", run),
        "bundle": lambda: BundleDialog(window, of_run=True).open(),
        "import": lambda: ImportDialog(window, run.path / "teacher.pt", run.path).open(),
        "evaluate": lambda: EvaluateDialog(window, desk.snapshot).open(),
    }.items():
        opened = dialog(opening)
        yield name, opened
        close(opened)


def _taken(widget: QWidget, key: str) -> bool:
    """Tell whether a widget answers to a key that is pressed while it has the keyboard."""
    (pressed,) = (combination for combination in QKeySequence(key))
    event = QKeyEvent(QEvent.Type.KeyPress, pressed.key(), pressed.keyboardModifiers())
    widget.keyPressEvent(event)
    return event.isAccepted()


def _not_taken(window: Any) -> list[str]:
    """Return the keys that the sheet says of widgets which do not answer to them."""
    takers = {
        widget_keys.FORM: (window.new_run.plan.outline, *window.new_run.plan.outline.cards.values()),
        widget_keys.CHART: [window.page.curves.chart],
        widget_keys.GRID: [window.page.compare.grid],
        widget_keys.PAIR: [window.page.compare.pair_page.view],
        widget_keys.BROWSE: [window.page.compare.browse_page.wall],
        widget_keys.INSPECT: (window.page.inspect, window.page.inspect.trajectory.chart),
    }
    return [
        f"{one}: {key.words}"
        for keys, widgets in takers.items()
        for key in keys
        for one in key.keys.split()
        if not any(_taken(widget, one) for widget in widgets)
    ]


def test_every_control_can_be_named_explained_and_reached_and_every_listed_key_works(
    desk: Any, trained_run: Any
) -> None:
    desk.window.resize(desk.window.minimumSize())
    desk.open(trained_run)
    found = {}
    for name, root in _pages(desk):
        desk.qtbot.wait(20)  # until what has just changed is laid out
        found[name] = _look(name, root)
    assert all(count > 1 for name, (count, _) in found.items() if name != "keys"), found
    wrong = sorted({one for _, several in found.values() for one in several})
    assert not wrong, "\n".join(wrong)
    assert not _not_taken(desk.window)
