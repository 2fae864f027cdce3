"""How runs begin: from the form, as the demo, or again where one stands."""

import json
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Signal, Slot

from cfd_studio.gui.admission import Admission
from cfd_studio.gui.bridge import Clerk
from cfd_studio.gui.models.draft import Origin
from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.panels.new_run import NewRunPanel
from cfd_studio.gui.preferences import Preferences
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.data import DataName
from cfd_studio.protocol.execution import DEVICE, MOST_PARTS, ExecutionPlan, ExecutionRequest
from cfd_studio.protocol.migration import migrate
from cfd_studio.protocol.plan import resolve
from cfd_studio.runs.lineage import fill_sources
from cfd_studio.workspace.folders import new_demo_folder, runs_folder
from cfd_studio.workspace.recipe_files import read_recipe_file, recipe_of_run
from cfd_studio.workspace.resources import DEMO_PRESET, presets
from cfd_studio.workspace.settings import Settings

T = TypeVar("T")
# What a job takes as the last one did unless it is asked for something else.
_AS_BEFORE = {"precision", "fast"}


class Beginnings(QObject):
    """Reads presets, makes run folders and starts their jobs.

    Signals
    -------
    form_ready
        The form is filled and can be shown.
    demo_found(object)
        The demo's folder holds a run already; it goes on.
    failed(str)
        A preset cannot be read.
    """

    form_ready = Signal()
    demo_found = Signal(object)
    failed = Signal(str)

    def __init__(self, controller: Admission, clerk: Clerk, preferences: Preferences, form: NewRunPanel) -> None:
        super().__init__(form)
        self._controller = controller
        self._clerk = clerk
        self._preferences = preferences
        self._form = form
        self.demos: set[Path] = set()
        form.start_wanted.connect(self._start_new)
        form.queue_wanted.connect(self._remember)

    def run_demo(self, folder: Path | None = None) -> None:
        """Start the digits demo in a folder, or go on with the one there."""
        chosen = folder or new_demo_folder()
        target = Path(os.path.abspath(chosen))  # noqa: PTH100, for a link stays what the person chose
        self.demos.add(target)

        def read() -> RunConfig | None:
            if (target / "run.json").exists():
                return None
            source = presets()[DEMO_PRESET]
            return resolve(json.loads(source.read_bytes()), source=str(source))

        def go(config: RunConfig | None) -> None:
            request = self._preferences.settings.request
            if config is not None:
                self._controller.create(target, config, request)
            else:
                self.demo_found.emit(target)
                self._controller.start(target, request)

        self._clerk.submit(read, go, self._unreadable)

    @Slot()
    def fill_form(self) -> None:
        """Fill the form with the presets and what was used last; one that was left half filled is shown as it was."""
        if self._form.in_use:
            self.form_ready.emit()
        else:
            self._fill(_presets, self._offer)

    @Slot(object)
    def fill_form_from_file(self, file: Path) -> None:
        """Plan a run with the recipe in a file."""
        self._fill_from(partial(_origin_in_file, file))

    @Slot(object)
    def fill_form_from_run(self, run: Path) -> None:
        """Plan a run with the settings of an earlier one."""
        self._fill_from(partial(_origin_in_run, run))

    def fill_form_with_images(self, data: DataName, place: Path) -> None:
        """Plan a run on images that lie in a folder or in a file of arrays."""

        def begin(origin: Origin) -> None:
            self._form.begin(origin, data=data, images=str(place))

        self._fill_from(_origin_for_images, begin)

    def _fill_from(self, read: Callable[[], Origin], begin: Callable[[Origin], None] | None = None) -> None:
        def read_both() -> tuple[dict[str, Any], Origin]:
            return _presets(), read()

        def show(found: tuple[dict[str, Any], Origin]) -> None:
            if not self._form.in_use:
                self._offer(found[0])
            (begin or self._form.begin)(found[1])

        self._fill(read_both, show)

    def _fill(self, read: Callable[[], T], show: Callable[[T], None]) -> None:
        def shown(found: T) -> None:
            show(found)
            self.form_ready.emit()

        self._clerk.submit(read, shown, self._unreadable)

    def _offer(self, recipes: dict[str, Any]) -> None:
        settings = self._preferences.settings
        self._form.offer(recipes, runs_folder(), settings.request, settings.image_folders)

    def start_again(self, snapshot: RunSnapshot, *, split: bool = False) -> None:
        """Start or resume a run, on the device and by the plan that it was on before, where jobs run by choice.

        ``split`` works every batch off in twice as many parts.
        """
        device = snapshot.device if re.match(DEVICE, snapshot.device) else self._preferences.settings.device
        self._controller.start(snapshot.path, self.request_again(snapshot.plan, device, split=split))

    def request_again(self, plan: ExecutionPlan | None, device: str = "", *, split: bool = False) -> ExecutionRequest:
        """Return what is asked of the machine for a run that had this plan, or was only on a device, before."""
        settings = self._preferences.settings
        used: dict[str, Any] = {"device": device or settings.device, "threads": settings.threads}
        if plan is not None:
            used |= plan.model_dump(include=set(ExecutionRequest.model_fields) - _AS_BEFORE)
        elif used["device"] == settings.device:
            used |= {name: getattr(settings, name) for name in _AS_BEFORE}
        if used.get("processes", 1) > 1 and used["device"].startswith("cuda"):
            used["device"] = "cuda"  # each process finds its own
        if split:
            used["accumulation"] = min(2 * (plan.accumulation if plan else 1), MOST_PARTS)
        return ExecutionRequest.model_validate(used | {"worker": settings.worker})

    @Slot(object, object, object)
    def _start_new(self, path: Path, config: RunConfig, request: ExecutionRequest) -> None:
        self._remember(path, config, request)
        self._controller.create(path, config, request, self._form.refuse_folder)

    @Slot(object, object, object)
    def _remember(self, _path: Path, config: RunConfig, request: ExecutionRequest) -> None:
        """Keep what was asked of the machine, to be offered the next time."""
        kept = set(Settings.model_fields)
        if not config.evaluation.inception:
            kept.discard("inception_file")  # it was not asked for, so the last one stays
        asked = request.model_dump(include=kept)
        folders = {"image_folders": self._form.machine.folders()}
        self._preferences.remember(self._preferences.settings.model_copy(update=asked | folders))

    def _unreadable(self, error: Exception) -> None:
        self.failed.emit(str(error))


def _presets() -> dict[str, Any]:
    return {name: migrate(json.loads(path.read_bytes())) for name, path in presets().items()}


def _origin_in_file(file: Path) -> Origin:
    """Return the recipe in a file.

    Raises
    ------
    CfdError
        Where it is none, or one with wrong values.
    """
    written = read_recipe_file(file, file.name)
    raw = migrate(written, source=file.name)
    resolve(fill_sources(raw, source=file.name), source=file.name)
    return Origin(file.name, raw, str(file) if raw == written else "")


def _origin_in_run(run: Path) -> Origin:
    return Origin(run.name, recipe_of_run(run))


def _origin_for_images() -> Origin:
    """Return the first preset for images of one's own."""
    return next(Origin(name, raw, name) for name, raw in _presets().items() if raw["data"]["name"] == "folder")
