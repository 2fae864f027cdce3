"""An open run: head, and the four ways to look at it."""

from pathlib import Path

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QTabBar, QVBoxLayout, QWidget

from cfd_studio.gui.bridge import Bridge, Clerk
from cfd_studio.gui.inspect_choices import VIEWS
from cfd_studio.gui.models.comparison import FEW_STEPS
from cfd_studio.gui.models.inspection import Subject
from cfd_studio.gui.models.machine import machine_meters
from cfd_studio.gui.models.snapshot import RunSnapshot
from cfd_studio.gui.panels.compare import ComparePanel
from cfd_studio.gui.panels.curves import CurvesPanel
from cfd_studio.gui.panels.header import Header
from cfd_studio.gui.panels.inspect import InspectPanel
from cfd_studio.gui.panels.judge import JudgePanel
from cfd_studio.gui.panels.log import LogPanel
from cfd_studio.gui.panels.stages import StagesPanel
from cfd_studio.gui.panels.strips import StripsPanel
from cfd_studio.gui.side_feeds import SideFeeds
from cfd_studio.gui.widgets.front_stack import FrontStack
from cfd_studio.gui.widgets.meters import MeterRow
from cfd_studio.protocol.sampling import SampleRequest
from cfd_studio.protocol.sheets import Sheet
from cfd_studio.runs.launcher import Session

WATCH, COMPARE, JUDGE, INSPECT = range(4)
ROOM_FOR_CURVES = 320


class RunPage(QWidget):
    """Arranges the panels of a run, and passes snapshots on to those in sight."""

    def __init__(self, session: Session, bridge: Bridge, side_feeds: SideFeeds, clerk: Clerk) -> None:
        super().__init__()
        self.side_feeds = side_feeds
        self.header = Header()
        self.stages = StagesPanel()
        self.curves = CurvesPanel(side_feeds)
        self.strips = StripsPanel(clerk)
        self.log = LogPanel()
        self.meters = MeterRow()
        self.compare = ComparePanel(session, bridge, side_feeds, clerk)
        self.judge = JudgePanel(side_feeds)
        self.inspect = InspectPanel(session, bridge)
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Ways to look at the run")
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        for words, tip in (
            ("Watch", "Stages, loss curves and log (Ctrl+1)"),
            ("Compare", "Samples of teacher and students side by side (Ctrl+2)"),
            ("Judge", "Quality of all models (Ctrl+3)"),
            ("Inspect", "One image: its way from noise, and what the classifier sees in it (Ctrl+4)"),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(words), tip)
        self.pages = FrontStack()
        self.area = self.pages.scrolling()
        self.snapshot: RunSnapshot | None = None
        self._guest: Path | None = None  # the run whose image is inspected, until another tab is in front
        self._lay_out()
        self.tabs.currentChanged.connect(self._turn)
        self.stages.picked.connect(self.curves.pick)
        self.curves.stage_shown.connect(self._stage_shown)
        self.curves.pointed.connect(self.strips.point_at)
        self.strips.moment_shown.connect(self.curves.put_needle)
        self.judge.compare_wanted.connect(self.restore_sheet)
        self.compare.inspect_wanted.connect(self.look_at)

    def reset(self) -> None:
        """Make room for another run."""
        self.snapshot = self._guest = None
        for panel in (self.curves, self.log, self.compare, self.judge, self.inspect):
            panel.reset()
        self.watch()

    def watch(self) -> None:
        """Show how it learns."""
        self.tabs.setCurrentIndex(WATCH)

    def show_snapshot(self, snapshot: RunSnapshot, asked: frozenset[str], *, ours: bool) -> None:
        """Show a run as it stands now."""
        self.snapshot = snapshot
        self.header.show_run(snapshot, asked, ours=ours)
        self.meters.show_contents(machine_meters(snapshot))
        self._show_tab()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the curves the room they need; the cards can be scrolled."""
        super().resizeEvent(event)
        self.stages.set_room(self.area.viewport().height() - ROOM_FOR_CURVES)

    def restore_sheet(self, sheet: Sheet) -> None:
        """Draw a sheet in Compare, as soon as its runs are read."""
        self.tabs.setCurrentIndex(COMPARE)
        self.compare.restore(sheet)

    def compare_few_steps(self) -> None:
        """Let the person end up before teacher and students, side by side."""
        self.tabs.setCurrentIndex(COMPARE)
        self.compare.choices.choose(self.compare.few_step_models(), list(FEW_STEPS))
        self.compare.generate()

    def _stage_shown(self, stage: str) -> None:
        self.stages.select(stage)
        if self.snapshot is not None:
            self.strips.show_stage(self.snapshot, stage)

    @Slot(object, int, str)
    def look_at(self, request: SampleRequest, image: int, view: str) -> None:
        """Look at the ``trajectory`` or ``features`` of an image of a request; its run is open, or followed beside."""
        snapshot = self._snapshot_of(request.run)
        if snapshot is not None:
            self._guest = request.run
            subject = Subject(request.run, request.keys[image], request.sampler, request.label)
            self.inspect.inspect(snapshot, VIEWS.index(view), subject, [request.stage])
            self.tabs.setCurrentIndex(INSPECT)

    def _snapshot_of(self, run: Path | None) -> RunSnapshot | None:
        """Return the newest snapshot of a run that is open, or followed beside it."""
        if self.snapshot is not None and run == self.snapshot.path:
            return self.snapshot
        return self.side_feeds.snapshots.get(run) if run is not None else None

    def _turn(self, index: int) -> None:
        self.pages.setCurrentIndex(index)
        if index != INSPECT:
            self._guest = None
            self.inspect.leave()
        self._show_tab()

    def _show_tab(self) -> None:
        """Bring the tab in front up to date; the others are when they come to the front."""
        snapshot = self.snapshot
        if snapshot is None:
            return
        tab = self.tabs.currentIndex()
        if tab == WATCH:
            self.stages.show_snapshot(snapshot)
            self.curves.show_snapshot(snapshot)
            self.strips.show_stage(snapshot, self.curves.stage)
            self.log.show_snapshot(snapshot)
        elif tab == COMPARE:
            self.compare.show_snapshot(snapshot)
        elif tab == INSPECT:
            looked_at = self._snapshot_of(self._guest) or snapshot
            self.inspect.show_snapshot(looked_at, "" if looked_at is snapshot else looked_at.path.name)
        else:
            self.judge.show_snapshot(snapshot)

    def _lay_out(self) -> None:
        beside = QWidget()
        right = QVBoxLayout(beside)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(12)
        right.addWidget(self.strips, 1)
        right.addWidget(self.log, 3)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setObjectName("watch")
        split.setHandleWidth(16)
        split.setChildrenCollapsible(False)
        split.addWidget(self.curves)
        split.addWidget(beside)
        split.setStretchFactor(0, 5)
        split.setStretchFactor(1, 2)
        split.setSizes([660, 340])
        beside.setMinimumWidth(256)
        self.curves.setMinimumWidth(400)
        watch = QWidget()
        column = QVBoxLayout(watch)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.stages)
        column.addWidget(split, 1)
        for page in (watch, self.compare, self.judge, self.inspect):
            self.pages.addWidget(page)
        body = QVBoxLayout()
        body.setContentsMargins(24, 4, 24, 16)
        body.setSpacing(12)
        top = QHBoxLayout()
        top.addWidget(self.tabs)
        top.addSpacing(16)
        top.addWidget(self.meters, 1)
        body.addLayout(top)
        body.addWidget(self.area, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.header)
        whole.addLayout(body, 1)
