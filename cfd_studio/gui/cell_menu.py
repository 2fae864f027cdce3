"""What can be done with a cell of the samples, as a menu."""

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

from cfd_studio.gui.models.comparison import Place
from cfd_studio.gui.widgets.cell import Cell

if TYPE_CHECKING:
    from cfd_studio.gui.panels.compare import ComparePanel

_VIEWS = {"trajectory": "Trajectory…", "features": "Features…"}


def cell_menu(panel: "ComparePanel", place: Place) -> QMenu:
    """Return the menu of a cell."""
    menu, grid = QMenu(panel), panel.grid
    cell = grid.cells.get(place, Cell())
    drawn = cell.image is not None
    for words, keys, action in (
        ("Enlarge", "Return", partial(grid.enlarged.emit, *place)),
        ("Mark as A", "1", partial(grid.mark, 0, place)),
        ("Mark as B", "2", partial(grid.mark, 1, place)),
    ):
        menu.addAction(words, keys, action).setEnabled(drawn)
    menu.addAction("Compare A and B", "C", panel.compare_marked).setEnabled(None not in grid.marks)
    menu.addSeparator()
    starred = grid.picked in cell.stars
    star = menu.addAction("Remove star" if starred else "Star image", "S", panel.star)
    star.setEnabled(panel.grid_page.picked_key(place) is not None)
    menu.addAction("Browse more images", partial(panel.browse, place)).setEnabled(cell.state != "blank")
    menu.addAction("Draw again", partial(panel.grid_page.draw_again, place)).setEnabled(place in panel.drawings.answers)
    menu.addSeparator()
    for view, words in _VIEWS.items():
        menu.addAction(words, partial(panel.inspect, place, view)).setEnabled(place in panel.drawings.answers)
    return menu
