"""The window is painted before anything is loaded that the first page does without."""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from cfd_studio.gui.first_paint import FirstPaint
from cfd_studio.gui.main_window import MainWindow
from cfd_studio.workspace.settings import Settings

ROOT = Path(__file__).parents[2]
_WINDOW = """
import json, os, sys
from cfd_studio import studio
from cfd_studio.gui import first_paint
real = first_paint.FirstPaint
def painted():
    print(json.dumps(sorted(sys.modules)), flush=True)
    os._exit(0)
first_paint.FirstPaint = lambda window, _: real(window, painted)
studio.main()
"""
_BARE = """
import os, sys
from PySide6.QtCore import QEvent, QTimer
from PySide6.QtWidgets import QApplication, QMainWindow
class Window(QMainWindow):
    def paintEvent(self, event):
        QTimer.singleShot(0, lambda: os._exit(0))
application = QApplication([])
window = Window()
window.show()
application.exec()
"""
_LATENESS = """
import os, sys, threading, time
from cfd_studio.workers.preload import map_libraries
def load():
    if MAPPED:
        map_libraries()
    import torch
thread = threading.Thread(target=load)
thread.start()
worst, last = 0.0, time.perf_counter()
while thread.is_alive():
    time.sleep(0.016)
    now = time.perf_counter()
    worst, last = max(worst, now - last - 0.016), now
import torch
assert float(torch.ones(3).sum()) == 3.0
print(worst, flush=True)
os._exit(0)
"""


def _run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True, cwd=ROOT
    ).stdout


def test_the_window_is_painted_before_charts_arrays_and_torch_are_loaded() -> None:
    modules = set(json.loads(_run(_WINDOW).splitlines()[-1]))
    assert "cfd_studio.gui.panels.welcome" in modules
    assert not modules & {
        "torch",
        "numpy",
        "pyqtgraph",
        "rich",
        "typer",
        "cfd_studio.engine",
        "cfd_studio.gui.run_page",
    }


class _Paints(QObject):
    """Counts the paint events of a widget."""

    count = 0

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.Paint
        return False


def test_the_rest_is_called_for_once_and_after_the_paint(qtbot: Any) -> None:
    window, paints, seen = QWidget(), _Paints(), []
    qtbot.addWidget(window)
    window.installEventFilter(paints)
    FirstPaint(window, lambda: seen.append(paints.count))
    window.show()
    qtbot.waitUntil(lambda: bool(seen))
    window.repaint()
    QTest.qWait(30)
    assert seen == [1]


def test_a_window_closed_before_it_is_furnished_leaves_nothing_behind(qtbot: Any) -> None:
    window = MainWindow(Settings())
    qtbot.addWidget(window)
    called: list[bool] = []
    FirstPaint(window, lambda: called.append(True))
    window.show()
    assert window.close()
    QTest.qWait(50)
    assert not called


@pytest.mark.skipif(sys.platform != "linux", reason="only there")
def test_torch_is_mapped_without_being_imported() -> None:
    code = "import sys; from cfd_studio.workers.preload import map_libraries; map_libraries(); "
    said = _run(code + "print('torch' in sys.modules, 'libtorch_python.so' in open('/proc/self/maps').read())")
    assert said.split() == ["False", "True"]


def _middle(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def _processor_seconds(code: str, cache: Path) -> float:
    """Return what a program costs whose modules are compiled, the display probe included."""
    import resource  # not everywhere

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(
        [sys.executable, "-c", code], env=environment | {"PYTHONPYCACHEPREFIX": str(cache)},
        capture_output=True, timeout=120, check=True, cwd=ROOT,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.slow
def test_the_first_paint_costs_a_few_times_as_much_as_that_of_an_empty_window(tmp_path: Path) -> None:
    pairs = [[_processor_seconds(code, tmp_path) for code in (_WINDOW, _BARE)] for _ in range(10)][1:]
    ratios = [ours / bare for ours, bare in pairs]
    # Measured: 4.6 to 5.5; it was 11 with everything made before the first paint.
    print(f"\nfirst paint against an empty window's: {_middle(ratios)}")
    assert statistics.median(ratios) < 7.0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only there")
def test_a_window_is_late_by_less_where_the_libraries_are_mapped_before_the_import() -> None:
    gaps = [[float(_run(f"MAPPED = {mapped}\n{_LATENESS}")) for mapped in (True, False)] for _ in range(7)]
    ratios = [mapped / plain for mapped, plain in gaps]
    print(f"\nworst lateness, mapped against not: {_middle(ratios)}")
    assert statistics.median(ratios) < 0.7
