"""What can be done with a cell of the samples, by key or from its menu."""

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QMenu

from cfd_studio.gui.models.comparison import ColumnKey, ModelKey, Place
from cfd_studio.gui.widgets.cell import Cell
from cfd_studio.gui.widgets.picture_dialog import PictureDialog

if TYPE_CHECKING:
    from cfd_studio.gui.panels.compare import ComparePanel

_VIEWS = {"trajectory": "Trajectory…", "features": "Features…"}


class CellVerbs:
    """Carries them out.

    Parameters
    ----------
    panel : ComparePanel
    """

    def __init__(self, panel: "ComparePanel") -> None:
        self._panel = panel

    def enlarge(self, model: ModelKey, column: ColumnKey) -> None:
        """Show a cell alone, as large as it fits."""
        panel = self._panel
        cell = panel.grid.cells[model, column]
        words = " · ".join(part for part in (cell.caption, cell.note) if part)
        PictureDialog(panel, panel.grid_page.lineup.title((model, column)), words, cell, panel.lens).open()

    def star(self) -> None:
        """Make the picked image a favourite, or no longer."""
        panel = self._panel
        place = panel.grid.cursor_key
        key = panel.grid_page.picked_key(place) if place is not None else None
        if key is not None:
            panel.favourites.toggle(key)

    def show_menu(self, model: ModelKey, column: ColumnKey, at: QPoint) -> None:
        """Open the menu of a cell."""
        menu = self.menu((model, column))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(at)

    def menu(self, place: Place) -> QMenu:
        """Return the menu of a cell."""
        panel, grid = self._panel, self._panel.grid
        menu, cell = QMenu(panel), grid.cells.get(place, Cell())
        drawn, answered = cell.image is not None, place in panel.drawings.answers
        for words, keys, action in (
            ("Enlarge", "Return", partial(grid.enlarged.emit, *place)),
            ("Mark as A", "1", partial(grid.mark, 0, place)),
            ("Mark as B", "2", partial(grid.mark, 1, place)),
        ):
            menu.addAction(words, keys, action).setEnabled(drawn)
        menu.addAction("Compare A and B", "C", panel.compare_marked).setEnabled(None not in grid.marks)
        menu.addSeparator()
        star = menu.addAction("Remove star" if grid.picked in cell.stars else "Star image", "S", self.star)
        star.setEnabled(panel.grid_page.picked_key(place) is not None)
        menu.addAction("Browse more images", partial(panel.browse, place)).setEnabled(cell.state != "blank")
        menu.addAction("Draw again", partial(panel.grid_page.draw_again, place)).setEnabled(answered)
        menu.addSeparator()
        for view, words in _VIEWS.items():
            menu.addAction(words, partial(self._inspect, place, view)).setEnabled(answered)
        return menu

    def _inspect(self, place: Place, view: str) -> None:
        """Ask for another view of the picked image of a cell."""
        panel = self._panel
        panel.inspect_wanted.emit(panel.drawings.answers[place].request, panel.grid.picked, view)
