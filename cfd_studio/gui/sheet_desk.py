"""Makes a sheet of what is compared, and draws a sheet again that somebody brings."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF

from cfd_studio.gui.compare_sheet import Setting, place_of, spot
from cfd_studio.gui.models.comparison import steps_words
from cfd_studio.gui.models.lineup import Lineup
from cfd_studio.gui.side_feeds import MOST_RUNS
from cfd_studio.protocol.sheets import Sheet, SheetView

if TYPE_CHECKING:
    from cfd_studio.gui.panels.compare import ComparePanel


class SheetDesk:
    """Waits until the runs of a sheet are read, or known to be unreadable, and fills the choices then."""

    def __init__(self, panel: "ComparePanel") -> None:
        self._panel = panel
        self._awaited: Sheet | None = None
        self._restored: Sheet | None = None
        self._left_out: set[Path] = set()

    def sheet(self) -> Sheet | None:
        """Return the setting with which the samples were drawn, or None before the first."""
        panel = self._panel
        setting, lens = panel.grid_page.setting, panel.lens
        if setting is None:
            return None
        first, second = (spot(one) if one is not None else None for one in panel.grid.marks)
        pair = (first, second) if first is not None and second is not None else None
        centre = (lens.centre.x(), lens.centre.y())
        return setting.sheet(SheetView(zoom=lens.zoom, centre=centre, pair=pair, look=panel.pair_page.look))

    def await_runs(self, sheet: Sheet) -> None:
        """Take a sheet that is to be drawn as soon as its runs are there."""
        self._awaited = sheet
        self._left_out.clear()

    def forget(self) -> None:
        """Wait for none."""
        self._awaited = None

    def leave_out(self, run: Path) -> None:
        """Go on without a run that cannot be read."""
        self._left_out.add(run)

    def bring_runs(self, opened: Path) -> None:
        """Set the runs of the awaited sheet beside the open one."""
        if self._awaited is not None:
            others = sorted(Setting.of(self._awaited).runs - {opened})
            self._left_out.update(others[MOST_RUNS:])
            self._panel.choices.models.set_beside(frozenset(others) - self._left_out)

    def restore(self, lineup: Lineup) -> bool:
        """Fill the choices from the awaited sheet, if all there is of it is there; return whether it was."""
        sheet = self._awaited
        if sheet is None or Setting.of(sheet).runs - lineup.snapshots.keys() - self._left_out:
            return False
        self._awaited, self._restored = None, sheet
        Setting.of(sheet).choose(self._panel.choices)
        return True

    def restore_view(self) -> None:
        """Look at what is being drawn as the sheet does, and say what of it is missing."""
        sheet, panel = self._restored, self._panel
        assert sheet is not None
        panel.lens.look(sheet.view.zoom, QPointF(*sheet.view.centre))
        panel.pair_page.look_at(sheet.view.look)
        for which, one in enumerate(sheet.view.pair or ()):
            panel.grid.mark(which, place_of(one))
        wanted, choices = Setting.of(sheet), panel.choices
        gone = [model.stage for model in wanted.models if model not in choices.models.chosen()]
        gone += [steps_words(count) for count in wanted.steps if count not in choices.steps]
        if gone:
            panel.grid_page.say(f"Left out of the sheet, because it is not there or not trained: {', '.join(gone)}.")
