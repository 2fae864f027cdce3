"""Fences that a machine watches: who may import whom, also through the back door of `importlib`."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cfd_studio.runs.folder import RunFolder

ROOT = Path(__file__).parents[1]

_FENCE = """
import sys
class Fence:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ImportError(f"{name} is behind a fence in this test")
sys.meta_path.insert(0, Fence())
"""

_TRAIN = """
sys.argv = ["cfd-studio", "train", CONFIG, "--run", RUN, "--device", "cpu", "--threads", "1"]
from cfd_studio.__main__ import main
try:
    main()
finally:
    reached = BLOCKED & {name.partition(".")[0] for name in sys.modules}
    assert not reached, reached
"""

_OPEN = """
import time
from pathlib import Path
from PySide6.QtWidgets import QApplication
from cfd_studio.gui import theme
from cfd_studio.gui.main_window import MainWindow
from cfd_studio.workspace.settings import Settings

class Nobody:
    def start(self, run, request):
        raise AssertionError("nothing is to be trained here")
    def request(self, request, answer):
        raise AssertionError("nothing is to be drawn here")
    def cancel(self): ...
    def close(self): ...

application = QApplication([])
theme.apply(application, "system")
window = MainWindow(Settings())
window.furnish(Nobody(), Nobody(), Nobody())
window.show()
window.open_run(Path(RUN))
deadline = time.monotonic() + 60
while window.page.snapshot is None or not all(s.state == "done" for s in window.page.snapshot.stages.values()):
    application.processEvents()
    assert time.monotonic() < deadline, "the run was never shown"
    time.sleep(0.01)
for tab in range(window.page.tabs.count()):
    window.page.tabs.setCurrentIndex(tab)
    for _ in range(20):
        application.processEvents()
assert not window.grab().isNull()
window.close()
application.processEvents()
reached = BLOCKED & {name.partition(".")[0] for name in sys.modules}
assert not reached, reached
print("shown:", window.page.snapshot.config.name)
"""


def _behind_a_fence(code: str, blocked: set[str], **names: str) -> subprocess.CompletedProcess[str]:
    head = "".join(f"{name} = {value!r}\n" for name, value in ({"BLOCKED": blocked} | names).items())
    return subprocess.run(
        [sys.executable, "-c", head + _FENCE + code], capture_output=True, text=True, timeout=200, check=False, cwd=ROOT
    )


def test_the_fence_itself_holds() -> None:
    assert "behind a fence" in _behind_a_fence("import json.decoder", {"json"}).stderr


def test_the_command_line_trains_where_there_is_no_qt(tmp_path: Path, mini_recipe: dict[str, Any]) -> None:
    config = tmp_path / "mini.json"
    config.write_text(json.dumps(mini_recipe | {"stages": mini_recipe["stages"][:4]}))
    # torchvision takes seconds to import, and only a resnet18 needs it.
    blocked = {"PySide6", "shiboken6", "pyqtgraph", "qtawesome", "torchvision"}
    done = _behind_a_fence(_TRAIN, blocked, CONFIG=str(config), RUN=str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    run = RunFolder.open(tmp_path / "run")
    assert all(run.weights(stage.id).exists() for stage in run.config().stages)


def test_the_window_opens_a_recorded_run_where_there_is_no_torch(trained_run: RunFolder) -> None:
    pytest.importorskip("PySide6")
    done = _behind_a_fence(_OPEN, {"torch", "torchvision", "sklearn", "scipy"}, RUN=str(trained_run.path))
    assert done.returncode == 0, done.stderr
    assert "shown: Miniature" in done.stdout


def test_imports_go_downward_only() -> None:
    tool = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or shutil.which("lint-imports")
    if tool is None:
        pytest.skip("import-linter is not installed")
    done = subprocess.run([tool], capture_output=True, text=True, timeout=200, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
