"""A window with real workers, and a watch over what it leaves behind."""

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QTimer
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from cfd_studio.gui import theme
from cfd_studio.gui.main_window import MainWindow
from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.protocol.errands import Errand, ErrandAnswer
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workers.lazy import LazyWorkers
from cfd_studio.workspace.settings import Settings

PATIENCE = 60_000
OURS = "cfd-"


@pytest.fixture(autouse=True)
def _nothing_left(qapp: QApplication) -> Iterator[None]:
    """Fail where a test leaves a thread of ours, a running timer, or a top-level widget in sight."""
    theme.apply(qapp, "light")
    before = set(threading.enumerate())
    gc.disable()  # as the application does: a widget must not be collected on a job's thread
    gc.freeze()  # what is there already, torch above all, need not be looked through
    yield
    qapp.processEvents()
    deadline = time.monotonic() + 10
    while True:
        threads = [one.name for one in set(threading.enumerate()) - before if one.name.startswith(OURS)]
        if not threads or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    gc.enable()
    timers = [f"{timer.parent()}" for timer in gc.get_objects() if _runs(timer)]
    gc.unfreeze()
    windows = [type(widget).__name__ for widget in qapp.topLevelWidgets() if widget.isVisible()]
    assert not threads, f"threads left: {threads}"
    assert not timers, f"timers left: {timers}"
    assert not windows, f"windows left: {windows}"


def _runs(thing: object) -> bool:
    return type(thing) is QTimer and isValid(thing) and thing.isActive()


class Messenger:
    """Carries errands out as the test says, one after the other on a thread of its own, once it is let go."""

    def __init__(self) -> None:
        self.asked: list[Errand] = []
        self.cancelled = 0
        self.reply: Callable[[Errand], ErrandAnswer] = lambda errand: ErrandAnswer(errand, sentence="Done.")
        self.let_go = threading.Event()
        self.let_go.set()
        self._epoch = 0

    def run(self, errand: Errand, answer: Callable[[ErrandAnswer], None], *, owner: str = "") -> None:
        self.asked.append(errand)
        epoch = self._epoch

        def work() -> None:
            self.let_go.wait(10)
            if epoch == self._epoch:
                answer(self.reply(errand))

        threading.Thread(target=work, name=f"{OURS}messenger", daemon=True).start()

    def cancel_errands(self, owner: str | None = None) -> None:
        self._epoch += 1
        self.cancelled += 1
        self.let_go.set()


class Desk:
    """A window under test and the ways to wait for it."""

    def __init__(self, qtbot: Any, workers: LazyWorkers, errands: Messenger) -> None:
        self.qtbot = qtbot
        self.errands = errands
        self._sit_down(workers)

    def _sit_down(self, workers: LazyWorkers) -> None:
        self.window = MainWindow(Settings(device="cpu", threads=1))
        self.window.furnish(workers, workers, self.errands)
        self.window.resize(1280, 720)
        self.window.show()
        self.qtbot.waitExposed(self.window)
        self.page = self.window.page
        self.header = self.window.page.header

    def come_back(self) -> None:
        """Open the window anew once it is closed, with workers of its own, as the next start of the application."""
        self.wait(lambda: not self.window.isVisible())
        self.window.deleteLater()
        self._sit_down(LazyWorkers(niceness=0))

    @property
    def snapshot(self) -> RunSnapshot:
        assert self.page.snapshot is not None
        return self.page.snapshot

    def wait(self, condition: Callable[[], object], patience: int = PATIENCE) -> None:
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=patience)

    def wait_state(self, *states: str) -> None:
        self.wait(lambda: self.page.snapshot is not None and self.page.snapshot.state in states)

    def open(self, run: RunFolder) -> None:
        self.window.open_run(run.path)
        self.wait(lambda: self.page.snapshot is not None and self.page.snapshot.path == run.path)

    def click(self, button: Any) -> None:
        """Click as a person can: only what is in sight and enabled."""
        self.wait(lambda: button.isVisible() and button.isEnabled())
        button.click()

    def train_until(self, stage: str, step: int = 1) -> None:
        """Press Start and wait until a stage has logged a step."""
        self.click(self.header.start)
        self.wait(lambda: self.snapshot.stages[stage].step >= step)

    def end(self) -> None:
        """Stop whatever works and wait for it; nothing takes its place."""
        self.window.queue.pause()
        for _ in range(30):
            if not self.window.controller.jobs_here():
                return
            self.window.controller.stop_everything()  # again, for a job may only just have begun to listen
            with suppress(self.qtbot.TimeoutError):
                self.wait(lambda: not self.window.controller.jobs_here(), 2_000)


@pytest.fixture
def messenger() -> Messenger:
    return Messenger()


@pytest.fixture
def desk(qtbot: Any, tmp_path: Path, messenger: Messenger) -> Iterator[Desk]:
    workers = LazyWorkers(niceness=0)
    workers.load()
    workers.wait()
    assert workers.failure is None
    made = Desk(qtbot, workers, messenger)
    yield made
    made.end()
    made.window.close()
    assert not made.window.isVisible()
    made.window.deleteLater()


@pytest.fixture
def long_run(mini_recipe: dict[str, Any], mini_run: Callable[..., RunFolder]) -> RunFolder:
    """Return a run whose teacher trains for minutes."""
    stages = mini_recipe["stages"]
    next(stage for stage in stages if stage["id"] == "teacher")["optimization"]["steps"] = 100_000
    return mini_run(stages=stages)
