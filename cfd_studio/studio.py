"""The desktop application put together: the window, and the workers that it is given."""

import locale
import logging
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from subprocess import DEVNULL, PIPE
from types import TracebackType
from typing import TYPE_CHECKING

from cfd_studio.protocol.errors import NoDisplayError
from cfd_studio.workspace.resources import resource
from cfd_studio.workspace.settings import load_settings

if TYPE_CHECKING:
    from cfd_studio.gui.main_window import MainWindow

_LOG = logging.getLogger(__name__)
_PROBE = "from PySide6.QtGui import QGuiApplication; QGuiApplication([])"
_PROBE_SECONDS = 30
_LOAD_AFTER_MILLISECONDS = 700


def main(*, run: Path | None = None, demo: Path | None = None) -> int:
    """Open the window and return the exit code once it is closed.

    Parameters
    ----------
    run : Path, optional
        A run folder to open.
    demo : Path, optional
        A folder in which the digits demo is started, or goes on.

    Raises
    ------
    NoDisplayError
        Where there is no screen, or Qt lacks a library.
    """
    with display_probed():
        import_module("cfd_studio.gui.main_window")  # takes as long as the probe, which is another process
    return _open(run, demo)


def _open(run: Path | None, demo: Path | None) -> int:
    # Qt cannot even be imported where a library is missing, so nothing above this line does without a probe.
    from PySide6.QtCore import QTimer
    from PySide6.QtGui import QIcon
    from PySide6.QtWidgets import QApplication

    from cfd_studio.gui import theme
    from cfd_studio.gui.collector import Collector
    from cfd_studio.gui.first_paint import FirstPaint
    from cfd_studio.gui.main_window import MainWindow

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    locale.setlocale(locale.LC_NUMERIC, "C")  # Qt sets the user's, and then float("0,5") is what C libraries expect
    application.setApplicationName("CFD Studio")
    application.setDesktopFileName("cfd-studio")
    application.setWindowIcon(QIcon(str(resource("icons/cfd-studio.svg"))))
    settings = load_settings()
    theme.apply(application, settings.theme)
    collector = Collector(application)
    window = MainWindow(settings)
    _tell_unexpected(window)

    def go_on() -> None:
        from cfd_studio.workers.lazy import LazyWorkers
        from cfd_studio.workspace.drawings import Drawings

        drawings = Drawings(settings.drawings_mib)
        workers = LazyWorkers(drawings=drawings)
        window.furnish(workers, workers, workers)
        window.settings_desk.room_changed.connect(drawings.set_room)
        signal.signal(signal.SIGINT, partial(_interrupted, window))
        if demo is not None:
            window.beginnings.run_demo(demo)
        elif run is not None:
            window.open_run(run)
        # Loading torch makes a window late by some hundred milliseconds: not before it has been painted.
        QTimer.singleShot(_LOAD_AFTER_MILLISECONDS, workers.load)
        collector.settle_when(workers.settled)

    FirstPaint(window, go_on)
    window.layout_memory.place()
    window.show()
    return application.exec()


@contextmanager
def display_probed() -> Iterator[None]:
    """Find out whether a window can be opened, in a process of its own: Qt aborts where it cannot.

    The block is what there is to do meanwhile: it may import Qt, and fail to.

    Raises
    ------
    NoDisplayError
        With what is missing.
    """
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    screens = ("DISPLAY", "WAYLAND_DISPLAY")
    if sys.platform == "linux" and not platform and not any(os.environ.get(name) for name in screens):
        raise NoDisplayError("there is no display to open a window on (neither DISPLAY nor WAYLAND_DISPLAY is set)")
    if getattr(sys, "frozen", False):  # sys.executable is the application itself
        yield
        return
    try:
        probe = subprocess.Popen([sys.executable, "-c", _PROBE], stdout=DEVNULL, stderr=PIPE, text=True)
    except OSError as error:
        raise NoDisplayError(f"Qt could not be tried ({error})") from None
    with probe:
        try:
            yield
        finally:
            _judge(probe)


def _judge(probe: "subprocess.Popen[str]") -> None:
    """Wait for the probe, and pass on what it could not do."""
    try:
        _, errors = probe.communicate(timeout=_PROBE_SECONDS)
    except subprocess.TimeoutExpired as error:
        probe.kill()
        raise NoDisplayError(f"Qt could not be tried ({error})") from None
    if probe.returncode:
        said = [line.strip() for line in errors.splitlines() if line.strip()]
        telling = [line for line in said if "xcb" in line or "display" in line or "cannot open shared object" in line]
        reason = (telling or said[-1:] or [f"it ended with code {probe.returncode}"])[0]
        raise NoDisplayError(
            f"Qt cannot open a window here: {reason}", advice="Install what is missing, or go on without a window."
        ) from None


def _interrupted(window: "MainWindow", _number: int, _frame: object) -> None:
    """Take Ctrl-C as a wish to stop, keep and close; a second one ends the program at once."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    window.departure.begin(leave_running=True)


def _tell_unexpected(window: "MainWindow") -> None:
    """Show exceptions that nobody caught in the window, with their details, and log them."""

    def tell(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        details = "".join(traceback.format_exception(kind, error, trace))
        _LOG.error("unexpected error\n%s", details)
        sentence = f"Something unexpected went wrong: {kind.__name__}: {error}. Your runs are not touched by it."
        window.bridge.post(partial(window.say, sentence, details))

    def tell_thread(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_type is not SystemExit:
            tell(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)

    hook: Callable[[type[BaseException], BaseException, TracebackType | None], None] = tell
    sys.excepthook = hook
    threading.excepthook = tell_thread
