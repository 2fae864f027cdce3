"""A day at the window: real clicks and keys from the first start to the second, with a picture of every station.

The pictures go to the folder named by CFD_STUDIO_SCREENSHOTS, two sizes and two themes of each.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QPoint, QRect, QSize, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDialogButtonBox,
    QFileDialog,
    QLineEdit,
    QMenu,
    QMessageBox,
    QTabBar,
    QWidget,
)

from cfd_studio.gui import theme
from cfd_studio.workspace.folders import runs_folder

SIZES = [QSize(1920, 1080), QSize(1280, 720)]
TONES: list[theme.Choice] = ["dark", "light"]
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
SETTLED, GLANCE = 250, 30
LONG = 600_000


class Person:
    """Uses what is in sight, and nothing else; takes pictures."""

    def __init__(self, desk: Any, album: Path) -> None:
        self.desk = desk
        self.album = album
        self.stations = 0

    @property
    def window(self) -> Any:
        return self.desk.window

    def click(self, target: QWidget, at: QPoint | None = None, held: Qt.KeyboardModifier = NONE) -> None:
        self.desk.wait(lambda: target.isVisible() and target.isEnabled() and not target.visibleRegion().isEmpty())
        target.window().activateWindow()  # as a click does wherever there is a window manager
        QTest.mouseClick(target, LEFT, held, at or target.visibleRegion().boundingRect().center())

    def click_row(self, view: Any, row: int) -> None:
        index = view.model().index(row, 0)
        self.desk.wait(lambda: view.isVisible() and view.viewport().rect().intersects(view.visualRect(index)))
        self.click(view.viewport(), view.visualRect(index).center())

    def turn_to(self, tabs: QTabBar, words: str) -> None:
        names = [tabs.tabText(index) for index in range(tabs.count())]
        assert tabs.isTabVisible(names.index(words))
        self.click(tabs, tabs.tabRect(names.index(words)).center())

    def press(self, key: Qt.Key, held: Qt.KeyboardModifier = NONE) -> None:
        QTest.keyClick(QApplication.focusWidget() or self.window.focusWidget() or self.window, key, held)

    def fill(self, name: str, words: str) -> None:
        """Type into the field of that name."""
        fields = self.window.findChildren(QLineEdit)
        field = next(one for one in fields if one.isVisible() and one.accessibleName() == name)
        self.click(field)
        QTest.keyClick(field, Qt.Key.Key_A, CONTROL)
        QTest.keyClicks(field, words)

    def choose(self, button: QAbstractButton, words: str) -> None:
        """Choose in the menu of a button."""

        def pick() -> bool:
            menu = QApplication.activePopupWidget()
            if not isinstance(menu, QMenu):
                return False
            action = next(one for one in menu.actions() if one.text().partition("\t")[0] == words)
            assert action.isEnabled()
            QTest.mouseClick(menu, LEFT, pos=menu.actionGeometry(action).center())
            return True

        self._during(pick, lambda: self.click(button))

    def answer(self, words: str, asked_by: Callable[[], object]) -> str:
        """Do what makes the window ask a question, press the button of that name, and return the question."""
        asked: list[str] = []

        def press() -> bool:
            box = QApplication.activeModalWidget()
            if not isinstance(box, QMessageBox):
                return False
            asked.append(f"{box.text()} {box.informativeText()}")
            self._grab(box, f"{self.stations:02}-question")
            button = next(one for one in box.buttons() if one.text() == words)
            QTest.mouseClick(button, LEFT)
            return True

        self._during(press, asked_by)
        return asked[0]

    def name_file(self, file: Path, asked_by: Callable[[], object]) -> None:
        """Do what makes the window ask for a file, and type its name."""

        typed: list[bool] = []

        def name() -> bool:
            dialog = QApplication.activeModalWidget()
            if not isinstance(dialog, QFileDialog):
                return bool(typed)
            if not typed:
                field = dialog.findChild(QLineEdit, "fileNameEdit")
                field.selectAll()
                QTest.keyClicks(field, str(file))
                typed.append(True)
            else:  # once more where the click only closed the list of names that the field offers
                QTest.mouseClick(dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Save), LEFT)
            return False

        self._during(name, asked_by)

    def _during(self, act: Callable[[], bool], do: Callable[[], object]) -> None:
        """Do something that has an event loop of its own, and act in there as soon as that is possible."""
        acted: list[bool] = []

        def look() -> None:
            if not acted and act():
                acted.append(True)

        timer = QTimer()
        timer.timeout.connect(look)
        timer.start(GLANCE)
        try:
            do()
            self.desk.wait(lambda: acted)
        finally:
            timer.stop()

    def station(self, name: str) -> None:
        """Take pictures: both sizes, both themes."""
        self.stations += 1
        for size in SIZES:
            self.window.resize(size)
            self.desk.wait(lambda size=size: self.window.size() == size)
            for tone in TONES:
                theme.apply(QApplication.instance(), tone)
                self.desk.qtbot.wait(SETTLED)
                self._grab(self.window, f"{self.stations:02}-{name}-{size.width()}x{size.height()}-{tone}")

    def _grab(self, widget: QWidget, name: str) -> None:
        assert widget.grab().save(str(self.album / f"{name}.png"))


@pytest.fixture
def person(desk: Any, tmp_path: Path) -> Iterator[Person]:
    album = Path(os.environ.get("CFD_STUDIO_SCREENSHOTS") or tmp_path / "album")
    album.mkdir(parents=True, exist_ok=True)
    attribute = Qt.ApplicationAttribute.AA_DontUseNativeDialogs
    before = QCoreApplication.testAttribute(attribute)
    QCoreApplication.setAttribute(attribute)
    yield Person(desk, album)
    QCoreApplication.setAttribute(attribute, before)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_from_the_first_start_to_the_second(desk: Any, person: Person, tmp_path: Path) -> None:
    begin_with_the_demo(desk, person)
    watch(desk, person)
    compare_while_paused(desk, person)
    see_the_end(desk, person)
    judge(desk, person, tmp_path / "report.html")
    queue_two(desk, person)
    leave_and_come_back(desk, person)


def begin_with_the_demo(desk: Any, person: Person) -> None:
    window = desk.window
    assert not runs_folder().exists()
    desk.wait(lambda: window.sidebar.browser.demo.isVisible())
    assert window.welcome.isVisible()
    assert not window.banner.isVisible()
    person.station("first-start")
    person.choose(window.sidebar.settings, "Dark")
    assert theme.current().dark
    person.choose(window.sidebar.settings, "Light")
    assert not theme.current().dark
    person.click(window.welcome.demo)
    desk.wait(lambda: desk.page.isVisible() and desk.header.title.text())
    desk.wait(lambda: desk.page.curves.chart.isVisible())
    assert desk.header.pause.isVisible()
    assert not desk.header.start.isVisible()
    assert desk.window.sidebar.model.rowCount() == 1
    person.station("demo-begun")


def watch(desk: Any, person: Person) -> None:
    curves, strips = desk.page.curves, desk.page.strips
    desk.wait(lambda: curves.stage == "teacher" and strips.scrubber.slider.maximum() >= 4, LONG)
    assert "left" in desk.header.left.text()
    legend = [(one.entry.name, one.entry.number) for one in curves.legend.entries.values()]
    assert legend == [("Loss", 0), ("Held-out", 1)]  # the same colours in every stage, whichever came first
    person.station("watch-teacher")
    slider, newest = strips.scrubber.slider, strips.at.text()
    person.click(slider)
    person.press(Qt.Key.Key_Home)
    desk.wait(lambda: strips.at.text() not in ("", newest))
    assert slider.value() == 0
    person.turn_to(curves.quantity, "Noise levels")
    desk.wait(lambda: len(curves.legend.entries) == 4)
    person.station("watch-noise-levels")
    person.turn_to(curves.quantity, "Loss")
    person.press(Qt.Key.Key_End)
    desk.wait(lambda: desk.snapshot.stages["pd-8"].step, LONG)
    person.click(desk.header.pause)
    desk.wait(lambda: desk.header.chip.text() == "Paused")
    assert desk.header.pause.text() == "Resume"
    person.station("paused")


def compare_while_paused(desk: Any, person: Person) -> None:
    compare = desk.page.compare
    person.turn_to(desk.page.tabs, "Compare")
    desk.wait(lambda: compare.choices.generate.isEnabled())
    assert [key.stage for key in compare.choices.models.chosen()] == ["teacher", "pd-16"]
    person.click(compare.choices.generate)
    desk.wait(lambda: compare.bar.save.isEnabled() and not compare.drawing)
    person.station("compare-while-paused")
    first, second = (cell_of(compare.grid, *place) for place in (("teacher", 32), ("pd-16", 16)))
    person.click(compare.grid, first.center())
    person.click(compare.grid, second.center(), SHIFT)
    person.press(Qt.Key.Key_C)
    desk.wait(compare.pair_page.isVisible)
    person.station("two-cells")
    assert desk.header.chip.text() == "Paused"


def see_the_end(desk: Any, person: Person) -> None:
    person.click(desk.header.pause)
    desk.wait(lambda: desk.header.pause.text() == "Pause")
    person.turn_to(desk.page.tabs, "Watch")
    curves = desk.page.curves
    desk.wait(lambda: curves.stage == "cfd-4" and desk.snapshot.stages["cfd-4"].step >= 120, LONG)
    person.turn_to(curves.quantity, "Terms")
    desk.wait(lambda: len(curves.legend.entries) == 2)
    person.station("watch-student")
    desk.wait(lambda: desk.header.chip.text() == "Finished", LONG)
    desk.wait(lambda: desk.page.compare.isVisible() and desk.page.compare.bar.save.isEnabled())
    desk.wait(lambda: not desk.page.compare.drawing)
    person.station("demo-finished")


def judge(desk: Any, person: Person, report: Path) -> None:
    page = desk.page.judge
    person.turn_to(desk.page.tabs, "Judge")
    desk.wait(lambda: page.view.model().rowCount() > 10)
    person.click_row(page.view, 2)  # below the classifiers, of which no picture can be drawn
    person.station("judge")
    desk.wait(page.compare.isEnabled)
    person.name_file(report, lambda: person.choose(page.bar.export, "Export report…"))
    desk.wait(report.exists)
    desk.wait(lambda: desk.window.banner.isVisible() and str(report) in desk.window.banner.sentence.text())
    assert desk.header.title.text() in report.read_text(encoding="utf-8")
    person.station("report-written")
    person.click(desk.window.banner.close_button)


def queue_two(desk: Any, person: Person) -> None:
    form = desk.window.new_run
    person.click(desk.window.sidebar.new)
    desk.wait(lambda: form.gallery.isVisible() and form.gallery.cards)
    person.station("presets")
    person.click(form.gallery.cards["digits"])
    desk.wait(lambda: form.plan.isVisible() and form.start.isEnabled())
    person.click(card(form, "teacher"))
    person.station("plan")
    asked = person.answer("Remove", lambda: person.press(Qt.Key.Key_Delete))
    assert "What hangs on it goes too" in asked
    person.click(card(form, "judge"))
    person.fill("Steps", "6000")
    person.click(form.plan.outline.cards[-1])
    for name in ("First of the night", "Second of the night"):
        person.fill("Name", name)
        person.click(form.queue)
        desk.wait(lambda name=name: form.verdict.text() == f"{name} was added to the queue.")
    person.click(desk.window.sidebar.queue)
    desk.wait(lambda: desk.window.queue_panel.list.model().rowCount() == 2)
    assert desk.window.queue_panel.isVisible()
    desk.wait(lambda: desk.window.queue_panel.chip.text() == "At work")
    person.station("queue")


def leave_and_come_back(desk: Any, person: Person) -> None:
    runs = desk.window.sidebar.browser.list
    desk.wait(lambda: row_of(runs, "First of the night") >= 0)
    person.click_row(runs, row_of(runs, "First of the night"))
    desk.wait(lambda: desk.header.title.text() == "First of the night" and desk.snapshot.stages["judge"].step)
    asked = person.answer("Stop and keep", desk.window.close)
    assert "The queue is kept" in asked
    step = desk.snapshot.stages["judge"].step
    desk.come_back()
    window = desk.window
    desk.wait(lambda: window.banner.isVisible() and window.sidebar.model.rowCount() == 3)
    assert window.banner.sentence.text() == "2 runs wait in the queue."
    person.station("second-start")
    person.click(window.banner.act)
    runs = window.sidebar.browser.list
    desk.wait(lambda: row_of(runs, "First of the night") >= 0)
    person.click_row(runs, row_of(runs, "First of the night"))
    desk.wait(lambda: desk.snapshot.stages["judge"].resumed)
    assert desk.snapshot.stages["judge"].resumed[0] >= step
    person.station("goes-on")
    desk.wait(lambda: window.sidebar.queue.text() == "Queue", LONG)  # both are done
    desk.wait(lambda: {run.state for run in runs.runs.runs} == {"finished"})


def card(form: Any, title: str) -> QWidget:
    return next(one for one in form.plan.outline.cards.values() if one.content.title == title)


def cell_of(grid: Any, stage: str, steps: int) -> QRect:
    """Return where a cell is that was drawn."""
    model, column = next(key for key in grid.cells if (key[0].stage, key[1].sampling_steps) == (stage, steps))
    assert grid.cells[model, column].image is not None
    return grid.cell_rect((model, column))


def row_of(runs: Any, name: str) -> int:
    return next((row for row, run in enumerate(runs.runs.rows) if run.summary.name == name), -1)
