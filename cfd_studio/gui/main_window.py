"""The main window: the first page beside the list of runs, and behind it all the rest."""

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from cfd_studio.gui.bridge import Bridge, Clerk
from cfd_studio.gui.layout import Layout
from cfd_studio.gui.panels.sidebar import Sidebar
from cfd_studio.gui.panels.welcome import WelcomePanel
from cfd_studio.gui.preferences import Preferences
from cfd_studio.gui.widgets.banner import Banner
from cfd_studio.workspace.folders import runs_folder
from cfd_studio.workspace.settings import Settings

if TYPE_CHECKING:
    from cfd_studio.runs.launcher import Errands, Launcher, Session


class MainWindow(QMainWindow):
    """The application's window, made to be painted at once; `furnish` makes the rest of it.

    Parameters
    ----------
    settings : Settings

    Attributes
    ----------
    furnished : bool
        Whether all of it is there; until then it can be shown, told something, and closed.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.setWindowTitle("CFD Studio")
        self.setMinimumSize(960, 600)
        self.furnished = False
        self.bridge = Bridge(self)
        self.clerk = Clerk(self.bridge)
        self.preferences = Preferences(settings, self.clerk, self)
        self.sidebar = Sidebar()
        self.welcome = WelcomePanel()
        self.banner = Banner()
        self.pages = QStackedWidget()
        self._lay_out()
        self.layout_memory = Layout(self)

    def furnish(self, launcher: "Launcher", session: "Session", errands: "Errands") -> None:
        """Make all that the first page does without. It is imported here, because that takes longer than all before.

        Parameters
        ----------
        launcher : Launcher
        session : Session
        errands : Errands
        """
        from cfd_studio.gui.admission import Admission
        from cfd_studio.gui.arrivals import Arrivals
        from cfd_studio.gui.awake import Awake
        from cfd_studio.gui.beginnings import Beginnings
        from cfd_studio.gui.catalog_feed import CatalogFeed
        from cfd_studio.gui.chart_export import ChartExport
        from cfd_studio.gui.controller import Controller
        from cfd_studio.gui.departure import Departure
        from cfd_studio.gui.devices import device_choices
        from cfd_studio.gui.errand_desk import ErrandDesk
        from cfd_studio.gui.file_choices import FileChoices
        from cfd_studio.gui.following import Following
        from cfd_studio.gui.judging import Judging
        from cfd_studio.gui.notices import Notices
        from cfd_studio.gui.panels.new_run import NewRunPanel
        from cfd_studio.gui.panels.queue import QueuePanel
        from cfd_studio.gui.queue_arrivals import QueueArrivals
        from cfd_studio.gui.queue_desk import QueueDesk
        from cfd_studio.gui.queue_keeper import QueueKeeper
        from cfd_studio.gui.reports import Reports
        from cfd_studio.gui.run_actions import RunActions
        from cfd_studio.gui.run_page import RunPage
        from cfd_studio.gui.settings_desk import SettingsDesk
        from cfd_studio.gui.sheets import Sheets
        from cfd_studio.gui.shortcuts import add_shortcuts
        from cfd_studio.gui.side_feeds import SideFeeds
        from cfd_studio.gui.steering import Steering
        from cfd_studio.gui.ticking import Ticking
        from cfd_studio.gui.transfers import Transfers
        from cfd_studio.gui.wiring import wire

        self.controller = Controller(launcher, self.clerk)
        self.queue = QueueKeeper(self.controller, self.clerk, self)
        self.awake = Awake()
        self.session = session
        self.errands = ErrandDesk(errands, self.bridge)
        self.transfers = Transfers(self, self.errands, self.clerk)
        self.side_feeds = SideFeeds()
        self.side_feeds.full.connect(partial(self.say, kind="warning"))
        self.catalog = CatalogFeed(runs_folder(), self.preferences.settings.opened)
        self.new_run = NewRunPanel(device_choices(), self.errands, self.clerk)
        self.queue_arrivals = QueueArrivals(self.queue, self.controller, self.clerk)
        admission = Admission(self, self.controller, self.queue_arrivals)
        self.beginnings = Beginnings(admission, self.clerk, self.preferences, self.new_run)
        self.page = RunPage(session, self.bridge, self.side_feeds, self.clerk)
        self.chart_export = ChartExport(self, self.page.curves, self.clerk)
        self.queue_panel = QueuePanel()
        for page in (self.new_run, self.queue_panel, self.page):
            self.pages.addWidget(page)
        self.following = Following(self)
        self.file_choices = FileChoices(self)
        self.departure = Departure(self)
        self.steering = Steering(self)
        self.run_actions = RunActions(self)
        self.judging = Judging(self)
        self.sheets = Sheets(self)
        self.notices = Notices(self)
        self.reports = Reports(self)
        self.queue_desk = QueueDesk(self, self.queue, self.queue_panel)
        self.arrivals = Arrivals(self)
        self.layout_memory.arrange()
        self.settings_desk = SettingsDesk(self)
        wire(self)
        add_shortcuts(self)
        self.ticking = Ticking(self)
        self.furnished = True

    @property
    def open_path(self) -> Path | None:
        """The folder of the run that is shown."""
        return self.following.path

    def sizeHint(self) -> QSize:
        """Return a size that fits most screens."""
        return QSize(1440, 900)

    @Slot(object)
    def open_run(self, path: Path) -> None:
        """Show a run, follow it and keep it in the list."""
        path = Path(os.path.abspath(path))  # noqa: PTH100, for a link stays what the person chose
        if path != self.open_path:
            self.following.follow(path)
        self.list_run(path)
        self.pages.setCurrentWidget(self.page)
        self.sidebar.select(path)

    def close_run(self, path: Path) -> None:
        """Leave a run, if it is the one that is shown."""
        if path == self.open_path:
            self.following.leave()
            self.show_home()

    @Slot()
    def show_home(self) -> None:
        """Show the first page; the run that is open stays so."""
        self.pages.setCurrentWidget(self.welcome)
        self.sidebar.select(None)

    @Slot(str)
    def say(self, sentence: str, details: str = "", kind: str = "error") -> None:
        """Show a sentence above everything."""
        self.banner.say(sentence, details, kind)

    def leave(self) -> None:
        """End all threads of the window; it is closed right after."""
        self.layout_memory.remember()
        self.ticking.stop()
        self.run_actions.close()
        self.queue.close()
        self.awake.close()
        self.reports.close()
        self.bridge.close()
        self.errands.close()
        self.session.close()
        self.following.close()
        self.side_feeds.close()
        self.catalog.close()
        self.clerk.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Close at once where no job works here; else ask, stop, wait without freezing, and close then."""
        if not self.furnished:
            self.bridge.close()
            self.clerk.close()
            event.accept()
        elif self.departure.may_close():
            self.leave()
            event.accept()
        else:
            event.ignore()

    @Slot()
    def show_new_run(self) -> None:
        """Fill the form, and show it then."""
        self.beginnings.fill_form()

    @Slot()
    def show_form(self) -> None:
        """Show the form as it is."""
        self.pages.setCurrentWidget(self.new_run)
        self.new_run.take_focus()

    def list_run(self, path: Path) -> None:
        """Keep a run in the list, wherever it lies."""
        if path.parent != runs_folder():
            self.preferences.remember(self.preferences.settings.remembering(path))
            self.catalog.watch(self.preferences.settings.opened)
        self.catalog.nudge()

    @Slot(object)
    def watch_run(self, path: Path) -> None:
        """Show a run that has just been made, as it learns."""
        self.open_run(path)
        self.page.watch()

    @Slot()
    def go_back(self) -> None:
        """Leave the form."""
        self.pages.setCurrentWidget(self.page if self.open_path is not None else self.welcome)

    def _lay_out(self) -> None:
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        holder = QVBoxLayout()
        holder.setContentsMargins(0, 0, 0, 0)
        holder.addWidget(self.banner)
        column.addLayout(holder)
        column.addWidget(self.pages, 1)
        self.pages.addWidget(self.welcome)
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.sidebar)
        row.addWidget(right, 1)
        self.setCentralWidget(whole)
