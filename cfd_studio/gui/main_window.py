"""The main window: it wires panels, controller and feeds to one another."""

import os
from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize, QTimer, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from cfd_studio.gui.admission import Admission
from cfd_studio.gui.arrivals import Arrivals
from cfd_studio.gui.awake import Awake
from cfd_studio.gui.beginnings import Beginnings
from cfd_studio.gui.bridge import Bridge, Clerk
from cfd_studio.gui.catalog_feed import CatalogFeed
from cfd_studio.gui.chart_export import ChartExport
from cfd_studio.gui.controller import Controller
from cfd_studio.gui.departure import Departure
from cfd_studio.gui.devices import device_choices
from cfd_studio.gui.errand_desk import ErrandDesk
from cfd_studio.gui.file_choices import FileChoices
from cfd_studio.gui.following import Following
from cfd_studio.gui.judging import Judging
from cfd_studio.gui.layout import Layout
from cfd_studio.gui.models.snapshot import ACTIVE_STATES
from cfd_studio.gui.notices import Notices
from cfd_studio.gui.panels.new_run import NewRunPanel
from cfd_studio.gui.panels.queue import QueuePanel
from cfd_studio.gui.panels.sidebar import Sidebar
from cfd_studio.gui.panels.welcome import WelcomePanel
from cfd_studio.gui.preferences import Preferences
from cfd_studio.gui.queue_arrivals import QueueArrivals
from cfd_studio.gui.queue_desk import QueueDesk
from cfd_studio.gui.queue_keeper import QueueKeeper
from cfd_studio.gui.reports import Reports
from cfd_studio.gui.run_actions import RunActions
from cfd_studio.gui.run_page import WATCH, RunPage
from cfd_studio.gui.settings_desk import SettingsDesk
from cfd_studio.gui.sheets import Sheets
from cfd_studio.gui.shortcuts import add_shortcuts
from cfd_studio.gui.side_feeds import SideFeeds
from cfd_studio.gui.steering import Steering
from cfd_studio.gui.transfers import Transfers
from cfd_studio.gui.widgets.banner import Banner
from cfd_studio.runs.launcher import Errands, Launcher, Session
from cfd_studio.workspace.folders import runs_folder
from cfd_studio.workspace.settings import Settings

TICK_MILLISECONDS = 100


class MainWindow(QMainWindow):
    """The application's window.

    Parameters
    ----------
    launcher : Launcher
    session : Session
    errands : Errands
    settings : Settings
    """

    def __init__(self, launcher: Launcher, session: Session, errands: Errands, settings: Settings) -> None:
        super().__init__()
        self.setWindowTitle("CFD Studio")
        self.setMinimumSize(960, 600)
        self.bridge = Bridge(self)
        self.clerk = Clerk(self.bridge)
        self.preferences = Preferences(settings, self.clerk, self)
        self.controller = Controller(launcher, self.clerk)
        self.queue = QueueKeeper(self.controller, self.clerk, self)
        self.awake = Awake()
        self.session = session
        self.errands = ErrandDesk(errands, self.bridge)
        self.transfers = Transfers(self, self.errands, self.clerk)
        self.side_feeds = SideFeeds()
        self.side_feeds.full.connect(partial(self.say, kind="warning"))
        self.catalog = CatalogFeed(runs_folder(), settings.opened)
        self.sidebar = Sidebar()
        self.welcome = WelcomePanel()
        self.new_run = NewRunPanel(device_choices(), self.errands, self.clerk)
        self.queue_arrivals = QueueArrivals(self.queue, self.controller, self.clerk)
        admission = Admission(self, self.controller, self.queue_arrivals)
        self.beginnings = Beginnings(admission, self.clerk, self.preferences, self.new_run)
        self.page = RunPage(session, self.bridge, self.side_feeds, self.clerk)
        self.chart_export = ChartExport(self, self.page.curves, self.clerk)
        self.queue_panel = QueuePanel()
        self.banner = Banner()
        self.pages = QStackedWidget()
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
        self._lay_out()
        self.layout_memory = Layout(self)
        self.settings_desk = SettingsDesk(self)
        self._wire()
        add_shortcuts(self)
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MILLISECONDS)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

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
        self._timer.stop()
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
        if self.departure.may_close():
            self.leave()
            event.accept()
        else:
            event.ignore()

    @Slot()
    def _tick(self) -> None:
        self.controller.tick()
        self.queue.tick()
        self.awake.want(self.preferences.settings.keep_awake and bool(self.controller.jobs_here()))
        self.side_feeds.tick()
        runs = self.catalog.take()
        if runs is not None:
            summaries = [run.summary for run in runs]
            self.sidebar.show_runs(runs, self.preferences.settings.opened)
            self.welcome.show_runs(runs)
            self.page.curves.overlaid.offer_runs(summaries)
            self.page.compare.show_catalog(summaries)
            self.queue.show_active(tuple(run.path for run in summaries if run.state in ACTIVE_STATES))
        self.following.tick()

    @Slot()
    def show_new_run(self) -> None:
        """Show the form, once it is filled."""
        self.beginnings.fill_form()

    @Slot()
    def _show_form(self) -> None:
        self.pages.setCurrentWidget(self.new_run)
        self.new_run.take_focus()

    def list_run(self, path: Path) -> None:
        """Keep a run in the list, wherever it lies."""
        if path.parent != runs_folder():
            self.preferences.remember(self.preferences.settings.remembering(path))
            self.catalog.watch(self.preferences.settings.opened)
        self.catalog.nudge()

    @Slot(object)
    def _created(self, path: Path) -> None:
        self.open_run(path)
        self.page.tabs.setCurrentIndex(WATCH)

    @Slot()
    def _back(self) -> None:
        self.pages.setCurrentWidget(self.page if self.open_path is not None else self.welcome)

    def _wire(self) -> None:
        for source in (self.sidebar, self.welcome):
            source.new_wanted.connect(self.show_new_run)
            source.open_wanted.connect(self.file_choices.choose_run)
            source.demo_wanted.connect(self._demo)
            source.import_wanted.connect(self.transfers.choose_checkpoint)
        self.sidebar.run_picked.connect(self.open_run)
        self.sidebar.home_wanted.connect(self.show_home)
        self.sidebar.browser.verb_wanted.connect(self.run_actions.do)
        self.sidebar.forget_wanted.connect(self.run_actions.forget)
        self.welcome.run_picked.connect(self.open_run)
        self.preferences.failed.connect(self.say)
        self.beginnings.form_ready.connect(self._show_form)
        self.beginnings.demo_found.connect(self.open_run)
        self.beginnings.failed.connect(self.say)
        self.new_run.cancelled.connect(self._back)
        self.new_run.queue_wanted.connect(self.queue_arrivals.enqueue)
        self.new_run.run_wanted.connect(self.file_choices.choose_origin)
        self.new_run.file_wanted.connect(self.file_choices.choose_recipe)
        self.file_choices.run_chosen.connect(self.open_run)
        self.file_choices.origin_chosen.connect(self.beginnings.fill_form_from_run)
        self.file_choices.recipe_chosen.connect(self.beginnings.fill_form_from_file)
        self.controller.created.connect(self._created)
        self.transfers.said.connect(self.say)
        self.transfers.imported.connect(self.open_run)
        self.chart_export.said.connect(self.say)

    @Slot()
    def _demo(self) -> None:
        self.beginnings.run_demo()

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
        for page in (self.welcome, self.new_run, self.queue_panel, self.page):
            self.pages.addWidget(page)
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.sidebar)
        row.addWidget(right, 1)
        self.setCentralWidget(whole)
