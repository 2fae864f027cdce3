"""The sampling panel: models beside models, from the same noise."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from cfd_studio.gui.bridge import Bridge, Clerk
from cfd_studio.gui.browse_page import BrowsePage
from cfd_studio.gui.cell_verbs import CellVerbs
from cfd_studio.gui.compare_bar import BROWSE, GRID, PAIR, CompareBar
from cfd_studio.gui.compare_choices import CompareChoices
from cfd_studio.gui.compare_sheet import Setting
from cfd_studio.gui.favourite_keys import FavouriteKeys
from cfd_studio.gui.grid_page import GridPage
from cfd_studio.gui.models.comparison import FEW_STEPS, ModelKey, Place, step_choices
from cfd_studio.gui.models.lineup import Lineup
from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.pair_page import PairPage, Side
from cfd_studio.gui.sheet_desk import SheetDesk
from cfd_studio.gui.side_feeds import SideFeeds
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.lens import Lens
from cfd_studio.protocol.sheets import Sheet, SheetCell
from cfd_studio.runs.catalog import RunSummary
from cfd_studio.runs.launcher import Session

_HINT = (
    "Tick models and step counts, then press Generate.\n"
    "Image i starts from the same noise in every cell, so what differs is the model."
)
_NOTHING = "No model is trained yet. The teacher can be drawn from as soon as it is."
_ME = "compare"


class ComparePanel(QWidget):
    """Draws samples of any trained model of any run through the session, whether or not a job works.

    Signals
    -------
    save_wanted(object)
        The picture of the grid.
    inspect_wanted(object, int, str)
        The request that a cell was drawn with, one of its images, and what to look at: ``trajectory`` or ``features``.
    """

    save_wanted = Signal(object)
    inspect_wanted = Signal(object, int, str)

    def __init__(self, session: Session, bridge: Bridge, side_feeds: SideFeeds, clerk: Clerk) -> None:
        super().__init__()
        self.device = "auto"
        self.lens = Lens()
        self.favourites = FavouriteKeys(clerk)
        self.choices = CompareChoices(self.favourites)
        self.bar = CompareBar(self.lens)
        self.grid_page = GridPage(session, bridge, self.favourites, self.lens)
        self.pair_page = PairPage(self.lens, clerk)
        self.browse_page = BrowsePage(session, bridge, self.favourites, self.lens)
        self.pages = QStackedWidget()
        self.hint = label(_HINT, "muted")
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint.setWordWrap(True)
        self.grid = self.grid_page.grid
        self.drawings = self.grid_page.drawings
        self._side_feeds = side_feeds
        self._snapshot: RunSnapshot | None = None
        self._sheets = SheetDesk(self)
        self.verbs = CellVerbs(self)
        self._lay_out()
        self._wire()

    @property
    def drawing(self) -> bool:
        """Whether cells of the grid are still to come."""
        return bool(self.drawings.open)

    def reset(self) -> None:
        """Forget what was drawn; called when another run is opened."""
        self._snapshot = None
        self._sheets.forget()
        self.choices.models.set_beside(frozenset())
        self.grid_page.reset()
        self.browse_page.reset()
        self._turn(GRID)

    def show_snapshot(self, snapshot: RunSnapshot) -> None:
        """Offer what can be drawn, and put new figures below the cells."""
        self._snapshot = snapshot
        self._refresh()

    def show_catalog(self, runs: list[RunSummary]) -> None:
        """Take the runs whose models can be set beside those of the open one."""
        self.choices.models.show_catalog(runs)

    def few_step_models(self) -> list[ModelKey]:
        """Return the teacher and every student of few steps: what a person wants to see side by side."""
        rows = self.grid_page.lineup.rows.values()
        most = max((row.own_steps for row in rows), default=0)
        return [row.key for row in rows if row.own_steps == most or row.own_steps <= FEW_STEPS[0]]

    def generate(self) -> None:
        """Ask for every ticked cell that is not there yet."""
        setting = Setting.read(self.choices)
        if setting is None or self._snapshot is None:
            return
        if setting.missing:
            self.hint.setText(setting.missing)
            self.grid_page.say(setting.missing)
        else:
            self.grid_page.draw(setting, self.device)
        self._turn(GRID)

    def sheet(self) -> Sheet | None:
        """Return the setting with which the samples were drawn, or None before the first."""
        return self._sheets.sheet()

    def results(self) -> tuple[SheetCell, ...]:
        """Return what was drawn, row by row."""
        return self.grid_page.results()

    def restore(self, sheet: Sheet) -> None:
        """Draw a sheet again, as soon as the runs of its models are read; what is gone is left out."""
        self._sheets.await_runs(sheet)
        self._refresh()

    def compare_marked(self) -> None:
        """Open the page of the two marked cells."""
        if self.bar.pages[PAIR].isEnabled():
            self._turn(PAIR)

    def browse(self, place: Place) -> None:
        """Open the pages of images of a cell's model."""
        self._turn(BROWSE, self.grid_page.lineup.title(place))

    def _refresh(self) -> None:
        """Bring all up to date with the snapshots there are."""
        if self._snapshot is None:
            return
        self._sheets.bring_runs(self._snapshot.path)
        beside = [self._side_feeds.snapshots.get(path) for path in sorted(self.choices.models.beside)]
        lineup = Lineup.of([self._snapshot, *(one for one in beside if one is not None)])
        self.grid_page.show_lineup(lineup)
        rows = list(lineup.rows.values())
        self.choices.models.show_rows(self._snapshot.path, rows)
        self.choices.show_steps(step_choices(*lineup.snapshots.values()))
        self.choices.sampler.show_runs([one.config for one in lineup.snapshots.values()])
        self.choices.show_ready(rows)
        self.hint.setText(_HINT if any(row.ready for row in rows) else _NOTHING)
        if self._sheets.restore(lineup):
            self.generate()
            self._sheets.restore_view()

    def _turn(self, page: int, title: str | None = None) -> None:
        """Bring a page to the front; of the pages of images, those of a cell by its title."""
        if page == PAIR:
            self._show_pair()
        elif page == BROWSE:
            self._show_offers(title)
        self.bar.show_page(page)
        grid = self.grid_page if self.grid_page.setting is not None else self.hint
        front = (grid, self.pair_page, self.browse_page)[page]
        self.pages.setCurrentWidget(front)
        if page != GRID:  # the keys that these pages speak of work at once
            front.setFocus()

    def _show_pair(self) -> None:
        first, second = (self._side(place) for place in self.grid.marks)
        if first is not None and second is not None:
            self.pair_page.show_sides(first, second, self.grid.picked)

    def _side(self, place: Place | None) -> Side | None:
        answer = self.drawings.answers.get(place)
        if place is None or answer is None or answer.images is None:
            return None
        cell = self.grid.cells[place]
        details = f"{cell.caption} · {cell.note}"
        return Side(self.grid_page.lineup.title(place), details, cell, answer.images, answer.request.keys)

    def _show_offers(self, title: str | None) -> None:
        setting = self.grid_page.setting or Setting.read(self.choices)
        offers = {} if setting is None else self.grid_page.offers(setting, self.device)
        cursor = self.grid.cursor_key
        here = self.grid_page.lineup.title(cursor) if cursor is not None else None
        self.browse_page.show_offers(offers, title or here)

    def _marked(self) -> None:
        both = all(place in self.drawings.answers for place in self.grid.marks)
        self.bar.pages[PAIR].setEnabled(both)

    def _pick_shown(self) -> None:
        """Pick out in the grid what the page of two cells shows."""
        self.grid.pick(self.pair_page.index)

    def _drawing_changed(self) -> None:
        self.choices.show_drawing(self.drawing)
        self.bar.save.setEnabled(any(cell.image is not None for cell in self.grid.cells.values()))
        self._marked()

    def _save(self) -> None:
        self.save_wanted.emit(self.grid.picture())

    def _want_runs(self, runs: frozenset[Path]) -> None:
        self._side_feeds.want(_ME, runs)
        self._refresh()

    def _not_read(self, path: Path, sentence: str) -> None:
        """Go on without a run that cannot be read."""
        if path in self.choices.models.beside:
            self._sheets.leave_out(path)
            self.choices.models.set_beside(self.choices.models.beside - {path})
            self.grid_page.say(sentence)

    def _wire(self) -> None:
        self.choices.generate_wanted.connect(self.generate)
        self.choices.cancel_wanted.connect(self.grid_page.cancel)
        self.choices.models.runs_wanted.connect(self._want_runs)
        self.bar.page_wanted.connect(self._turn)
        self.bar.alone.toggled.connect(self.grid.set_alone)
        self.bar.save.clicked.connect(self._save)
        self.grid.enlarged.connect(self.verbs.enlarge)
        self.grid.menu_wanted.connect(self.verbs.show_menu)
        self.grid.compare_wanted.connect(self.compare_marked)
        self.grid.starred.connect(self.verbs.star)
        self.grid.marked.connect(self._marked)
        self.pair_page.turned.connect(self._pick_shown)
        self.grid_page.changed.connect(self._drawing_changed)
        self.favourites.failed.connect(self.grid_page.say)
        self._side_feeds.changed.connect(self._refresh)
        self._side_feeds.failed.connect(self._not_read)

    def _lay_out(self) -> None:
        for page in (self.hint, self.grid_page, self.pair_page, self.browse_page):
            self.pages.addWidget(page)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(self.bar)
        right.addWidget(self.pages, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addWidget(self.choices)
        row.addLayout(right, 1)
        self._turn(GRID)
        self._marked()
