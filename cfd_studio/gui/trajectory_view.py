"""What each model takes the image for, step by step: teacher and students under one scrubber."""

import time
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from cfd_studio.gui.bridge import Bridge
from cfd_studio.gui.models.films import film_of
from cfd_studio.gui.models.inspection import Subject
from cfd_studio.gui.models.words import milliseconds
from cfd_studio.gui.widgets.buttons import Button
from cfd_studio.gui.widgets.film import Film, FilmRow
from cfd_studio.gui.widgets.film_chart import FilmChart
from cfd_studio.gui.widgets.labels import label
from cfd_studio.gui.widgets.scrolled import scrolled
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.sampling import SampleAnswer
from cfd_studio.runs.launcher import Session

OWNER = "trajectory"
PLAY_SECONDS = 5.0
_FRAME_MILLISECONDS = 40


class TrajectoryView(QWidget):
    """Asks the session for the estimates of one image by several models, and plays them.

    Signals
    -------
    changed
        Something arrived, or is drawn no longer.
    """

    changed = Signal()

    def __init__(self, session: Session, bridge: Bridge) -> None:
        super().__init__()
        self._session = session
        self._bridge = bridge
        self.chart = FilmChart()
        self.play = Button("Play", icon="play", tip="From noise to image (Space)")
        self.words = label("", "muted")
        self._subject: Subject | None = None
        self._config: RunConfig | None = None
        self._round = 0
        self._rows: dict[str, FilmRow] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(_FRAME_MILLISECONDS)
        self._began = 0.0
        self._lay_out()
        self._timer.timeout.connect(self._advance)
        self.play.clicked.connect(self._toggle)
        self.chart.toggled.connect(self._toggle)
        self.chart.moved.connect(self._stop_playing)
        self.chart.moved.connect(self._tell)

    @property
    def drawing(self) -> bool:
        """Whether a film is still to come."""
        return any(_waits(row) for row in self._rows.values())

    @property
    def lacking(self) -> bool:
        """Whether a film was dropped, or could not be drawn."""
        return any(row.state in ("idle", "failed") for row in self._rows.values())

    def show_models(self, subject: Subject, config: RunConfig, models: list[str]) -> None:
        """Show an image as these models draw it; only what is not there is drawn."""
        if subject == self._subject and models == list(self._rows):
            return
        if self._subject is None or self._subject.run != subject.run:
            self._rows = {}
            self.chart.set_axis(config.schedule.num_timesteps)
        new = [name for name in models if subject != self._subject or name not in self._rows]
        if subject != self._subject:
            self._drop()
        self._subject, self._config = subject, config
        known = {stage.id: stage for stage in config.diffusion_stages()}
        none = {name: FilmRow(name, config.own_steps(known[name])) for name in models}
        self._rows = {name: self._rows.get(name, none[name]) for name in models}
        self._ask(new)

    def draw(self) -> None:
        """Ask for every film that is not there."""
        self._ask([name for name, row in self._rows.items() if row.state in ("idle", "failed")])

    def cancel(self) -> None:
        """Drop what is not drawn yet; what is there stays."""
        self._drop()
        idle = {name: replace(row, state="idle", film=None) for name, row in self._rows.items() if _waits(row)}
        self._rows |= idle
        self._show()

    def leave(self) -> None:
        """Drop what is not drawn yet until it is asked for again, and play no longer."""
        self._drop()
        self._stop_playing()
        self._rows = {name: row for name, row in self._rows.items() if not _waits(row)}
        self._show()

    def reset(self) -> None:
        """Forget everything; called when another run is opened."""
        self._drop()
        self._stop_playing()
        self._subject, self._rows = None, {}
        self._show()

    def _ask(self, wanted: list[str]) -> None:
        assert self._subject is not None
        assert self._config is not None
        known = {stage.id: stage for stage in self._config.diffusion_stages()}
        for name in wanted:  # the newest wish is drawn first: the students, which are fast
            self._rows[name] = replace(self._rows[name], state="waiting", tip="Being drawn.")
            request = replace(self._subject.request(self._config, known[name]), trajectory=True)
            self._session.request(request, partial(self._answer, self._round), owner=OWNER)
        self._show()

    def _drop(self) -> None:
        if self.drawing:
            self._session.cancel(OWNER)
        self._round += 1

    def _answer(self, asked: int, answer: SampleAnswer) -> None:
        """Make a film on the session's thread."""
        film = film_of(answer.x_hats[:, 0], answer.timesteps) if answer.x_hats is not None else None
        self._bridge.post(partial(self._arrived, asked, answer, film))

    def _arrived(self, asked: int, answer: SampleAnswer, film: Film | None) -> None:
        row = self._rows.get(answer.request.stage)
        if asked != self._round or row is None:
            return
        if film is None:
            row = replace(row, state="failed", film=None, tip=answer.error or "")
        else:
            cost = f"{milliseconds(answer.seconds_per_image)}{', measured when it was drawn' if answer.cached else ''}"
            tip = f"{row.name}: {answer.network_calls} network calls, {cost}\n{answer.request.sampler}"
            row = replace(row, state="done", film=film, tip=tip)
        self._rows[row.name] = row
        self._show()

    def _show(self) -> None:
        self.chart.set_rows(list(self._rows.values()))
        self.play.setEnabled(any(row.film is not None for row in self._rows.values()))
        self._tell()
        self.changed.emit()

    def _tell(self) -> None:
        level = self.chart.level
        self.words.setText(
            f"Level {level}: every row shows its newest estimate of the image made at this level or before."
        )

    def _toggle(self) -> None:
        if self._timer.isActive():
            self._stop_playing()
        elif self._config is not None and self.play.isEnabled():
            top = self._config.schedule.num_timesteps
            done = 1 - self.chart.level / top
            self._began = time.monotonic() - PLAY_SECONDS * (done if done < 1 else 0)
            self._show_playing(playing=True)
            self._advance()

    def _advance(self) -> None:
        assert self._config is not None
        done = min((time.monotonic() - self._began) / PLAY_SECONDS, 1.0)
        self.chart.show_level(round(self._config.schedule.num_timesteps * (1 - done)))
        self._tell()
        if done == 1:
            self._stop_playing()

    def _stop_playing(self) -> None:
        self._show_playing(playing=False)

    def _show_playing(self, *, playing: bool) -> None:
        if playing != self._timer.isActive():
            (self._timer.start if playing else self._timer.stop)()
            self.play.setText("Pause" if playing else "Play")
            self.play.set_icon_name("pause" if playing else "play")

    def _lay_out(self) -> None:
        scroll = scrolled(self.chart)
        scroll.verticalScrollBar().valueChanged.connect(self.chart.keep_axis)
        foot = QHBoxLayout()
        foot.setSpacing(12)
        foot.addWidget(self.play)
        foot.addWidget(self.words, 1)
        self.play.setFixedWidth(96)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(scroll, 1)
        column.addLayout(foot)


def _waits(row: FilmRow) -> bool:
    return row.state == "waiting"
