"""Banners, notices, debug bundles, and a machine that stays awake."""

import sys
import threading
import types
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from cfd_studio.gui import notices as notices_module
from cfd_studio.gui.awake import Awake
from cfd_studio.gui.bundle_dialog import BundleDialog
from cfd_studio.gui.widgets import dialogs
from cfd_studio.gui.widgets.banner import MOST_MESSAGES
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workspace.settings import load_settings


class Sleepless:
    """Stands in for the library at its boundary: counts who wants the machine awake, and refuses where it is told."""

    def __init__(self) -> None:
        self.held = 0
        self.begun = 0
        self.refuses = False
        self.lock = threading.Lock()

    @contextmanager
    def running(self, *, on_fail: str) -> Iterator[None]:
        assert on_fail == "pass"
        if self.refuses:
            raise OSError("no bus, no inhibitor")
        with self.lock:
            self.held += 1
            self.begun += 1
        yield
        with self.lock:
            self.held -= 1


@pytest.fixture
def sleepless(monkeypatch: pytest.MonkeyPatch) -> Sleepless:
    made = Sleepless()
    library = types.ModuleType("wakepy")
    library.keep = made  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wakepy", library)
    return made


class Tray(QObject):
    """Stands in for the system's tray."""

    messageClicked = Signal()  # noqa: N815, Qt's own spelling
    MessageIcon = notices_module.QSystemTrayIcon.MessageIcon
    there = True
    made: "list[Tray]" = []  # noqa: RUF012

    def __init__(self, _icon: Any, parent: QObject) -> None:
        super().__init__(parent)
        self.said: list[tuple[str, str, Any]] = []
        self.visible = False
        Tray.made.append(self)

    @staticmethod
    def isSystemTrayAvailable() -> bool:  # noqa: N802
        return Tray.there

    supportsMessages = isSystemTrayAvailable  # noqa: N815

    def show(self) -> None:
        self.visible = True

    def hide(self) -> None:
        self.visible = False

    def showMessage(self, title: str, text: str, kind: Any) -> None:  # noqa: N802
        self.said.append((title, text, kind))


def test_messages_wait_for_one_another_leave_the_focus_alone_and_can_be_reported(
    desk: Any, trained_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, banner = desk.window, desk.window.banner
    window.sidebar.new.setFocus()
    focused = QApplication.focusWidget()
    for number in range(3):
        window.say(f"Error {number}", f"trace {number}")
    window.say("Exporting…", kind="info")
    window.say("Exported.", kind="info")
    assert QApplication.focusWidget() is focused
    assert banner.sentence.text() == "Exported."
    assert banner.count.text() == "4 of 4"  # news replaced news, and no error
    assert not banner.report.isVisible()
    desk.click(banner.close_button)
    assert banner.sentence.text() == "Error 2"
    desk.click(banner.before)
    assert banner.sentence.text() == "Error 1"
    desk.click(banner.more)
    assert banner.details.isVisible()
    desk.click(banner.copy)
    assert QGuiApplication.clipboard().text() == "Error 1\n\ntrace 1"
    window.say("Error 0", "trace 0")  # the same again is in front, not there twice
    assert banner.count.text() == "3 of 3"
    for number in range(2 * MOST_MESSAGES):
        window.say(f"Flood {number}")
    assert banner.count.text() == f"{MOST_MESSAGES} of {MOST_MESSAGES}"
    window.resize(960, 600)
    assert banner.sentence.text() == f"Flood {2 * MOST_MESSAGES - 1}"
    for _ in range(MOST_MESSAGES):
        desk.click(banner.close_button)
    assert not banner.isVisible()

    target = tmp_path / "bundle.zip"
    monkeypatch.setattr(dialogs, "choose_target", lambda *_: target)
    desk.open(trained_run)
    desk.window.say("It broke.", "Traceback of it")
    desk.click(desk.window.banner.report)
    dialog = desk.window.findChild(BundleDialog)
    assert dialog.heavy.isVisible()
    assert not dialog.heavy.isChecked()
    desk.click(dialog.accepting)
    desk.wait(lambda: desk.window.banner.sentence.text() == f"The debug bundle lies in {target}.")
    with zipfile.ZipFile(target) as bundle:
        assert bundle.read("error.txt").decode() == "It broke.\n\nTraceback of it"
        names = bundle.namelist()
    assert "jobs/0001-train/events.jsonl" in names
    assert not [name for name in names if name.endswith((".png", ".safetensors"))]
    target = trained_run.path / "config.json"
    desk.click(desk.window.banner.before)
    desk.click(desk.window.banner.report)
    desk.click(next(one for one in desk.window.findChildren(BundleDialog) if one.isVisible()).accepting)
    desk.wait(lambda: "belongs to a run" in desk.window.banner.sentence.text())


def test_whoever_looks_elsewhere_is_told_and_the_machine_is_awake_while_a_job_works(
    desk: Any, mini_recipe: dict[str, Any], mini_run: Any, monkeypatch: pytest.MonkeyPatch, sleepless: Sleepless
) -> None:
    monkeypatch.setattr(notices_module, "QSystemTrayIcon", Tray)
    Tray.made, Tray.there = [], True
    inactive = Qt.ApplicationState.ApplicationInactive
    monkeypatch.setattr(QGuiApplication, "applicationState", staticmethod(lambda: inactive))
    mini_recipe["stages"][0]["optimization"]["steps"] = 1_000_000
    run = mini_run("far", stages=mini_recipe["stages"][:1])
    desk.open(run)
    desk.train_until("judge")
    desk.wait(lambda: sleepless.held == 1)
    desk.click(desk.window.sidebar.queue)
    desk.click(desk.window.queue_panel.awake)
    desk.wait(lambda: sleepless.held == 0)
    assert desk.window.controller.jobs_here()
    desk.click(desk.window.queue_panel.awake)
    desk.wait(lambda: sleepless.held == 1)
    desk.wait(desk.header.stop_keep.isEnabled)
    desk.header.stop_keep.trigger()
    desk.wait(lambda: Tray.made and Tray.made[0].said)
    assert Tray.made[0].said[0][0] == "Miniature: stopped"
    assert Tray.made[0].visible
    desk.wait(lambda: sleepless.held == 0)
    desk.window.notices._turned(Qt.ApplicationState.ApplicationActive)
    assert not Tray.made[0].visible  # it was there for its message only
    desk.click(desk.window.queue_panel.notify)
    desk.wait(lambda: not load_settings().notify and load_settings().keep_awake)
    desk.window.preferences.settings = desk.window.preferences.settings.model_copy(update={"device": "cuda:7"})
    desk.open(mini_run("broken"))
    desk.click(desk.header.start)
    desk.wait(lambda: "cuda:7" in desk.window.banner.sentence.text())
    desk.wait(lambda: not desk.window.controller.jobs_here())
    assert len(Tray.made[0].said) == 1


def test_a_system_that_cannot_be_kept_awake_is_left_alone(sleepless: Sleepless) -> None:
    sleepless.refuses = True
    awake = Awake()
    awake.want(True)
    awake.close()
    sleepless.refuses = False
    awake.want(True)
    awake.want(True)
    awake.close()
    assert (sleepless.begun, sleepless.held) == (1, 0)
