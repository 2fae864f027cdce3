"""How runs begin: from the form, as the demo, or again where one stands."""

import json
import os
import re
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from cfd_studio.gui.admission import Admission
from cfd_studio.gui.bridge import Clerk
from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.panels.new_run import NewRunPanel
from cfd_studio.gui.preferences import Preferences
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.execution import DEVICE, MOST_PARTS, ExecutionPlan, ExecutionRequest
from cfd_studio.protocol.migration import migrate
from cfd_studio.protocol.plan import resolve
from cfd_studio.workspace.folders import new_demo_folder, runs_folder
from cfd_studio.workspace.resources import DEMO_PRESET, presets
from cfd_studio.workspace.settings import Settings


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
        """Fill the form with the presets and what was used last."""

        def offer(recipes: dict[str, Any]) -> None:
            settings = self._preferences.settings
            self._form.offer(recipes, runs_folder(), settings.request, settings.image_folders)
            self.form_ready.emit()

        self._clerk.submit(_read_presets, offer, self._unreadable)

    def fill_form_from(self, name: str, recipe: dict[str, Any], request: ExecutionRequest | None) -> None:
        """Fill the form with another run's recipe, to begin one like it.

        Parameters
        ----------
        name : str
            What the form calls it, among the presets.
        recipe : dict
        request : ExecutionRequest or None
            What that run asked of the machine; None for what was used last.
        """
        settings = self._preferences.settings

        def offer(recipes: dict[str, Any]) -> None:
            self._form.offer(
                {name: recipe} | recipes, runs_folder(), request or settings.request, settings.image_folders
            )
            self.form_ready.emit()

        self._clerk.submit(_read_presets, offer, self._unreadable)

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
            used |= plan.model_dump(include=set(ExecutionRequest.model_fields))
        if used.get("processes", 1) > 1 and used["device"].startswith("cuda"):
            used["device"] = "cuda"  # each process finds its own
        if split:
            used["accumulation"] = min(2 * (plan.accumulation if plan else 1), MOST_PARTS)
        return ExecutionRequest.model_validate(used | {"worker": settings.worker})

    @Slot(object, object, object)
    def _start_new(self, path: Path, config: RunConfig, request: ExecutionRequest) -> None:
        kept = set(Settings.model_fields)
        if not config.evaluation.inception:
            kept.discard("inception_file")  # it was not asked for, so the last one stays
        asked = request.model_dump(include=kept)
        folders = {"image_folders": self._form.machine.folders()}
        self._preferences.remember(self._preferences.settings.model_copy(update=asked | folders))
        self._controller.create(path, config, request, self._form.refuse_folder)

    def _unreadable(self, error: Exception) -> None:
        self.failed.emit(str(error))


def _read_presets() -> dict[str, Any]:
    return {name: migrate(json.loads(path.read_bytes())) for name, path in presets().items()}
