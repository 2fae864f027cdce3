"""Watching a run: what is plotted, what stands beside it, samples over time, meters, the log, what is saved."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QTest

from cfd_studio.gui.models.machine import machine_meters
from cfd_studio.gui.panels.curves import CurvesPanel
from cfd_studio.gui.widgets import dialogs
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.events import (
    CheckpointSaved,
    HeldOutLogged,
    JobStarted,
    Logged,
    LossLogged,
    StageStarted,
)
from cfd_studio.runs.folder import RunFolder
from cfd_studio.runs.journal import JournalWriter
from cfd_studio.runs.status import JobStatus, Meters
from cfd_studio.workspace.folders import runs_folder

_STEPS = 300


def _told(run: RunFolder, stage: str, scale: float = 1.0) -> RunFolder:
    """Write the journal of a stage that logged everything there is to log."""
    job = run.new_job("train")
    writer = JournalWriter(job.journal)
    writer.write(JobStarted(job=1, device="cpu", stage=stage))
    writer.write(StageStarted(stage=stage, step=0, total_steps=_STEPS))
    for step in range(10, _STEPS + 1, 10):
        loss = scale / step
        writer.write(
            LossLogged(
                stage=stage,
                step=step,
                loss=loss,
                terms={"feature": 0.8 * loss, "anchor": 0.2 * loss},
                gradient_norm=1.0,
                gradient_norms={"feature": 2 * loss, "anchor": loss},
                quarters={"highest log-SNR": loss, "lowest log-SNR": 2 * loss},
                vitals={"saturation": 0.1, "brightness": -0.2},
                learning_rate=1e-3,
                images_per_second=100.0 + step,
            )
        )
        writer.write(HeldOutLogged(stage=stage, step=step, loss=1.1 * loss))
    writer.write(CheckpointSaved(stage=stage, step=200))
    for level, text in (("info", "All is well."), ("warning", "It is warm."), ("error", "It burns.\nReally.")):
        writer.write(Logged(level=level, text=text))
    writer.close()
    return run


@pytest.fixture
def told(mini_run: Callable[..., RunFolder]) -> RunFolder:
    run = mini_run()
    stage = next(stage.id for stage in run.config().stages if stage.kind == "feature")
    return _told(run, stage)


def _feature(run: RunFolder) -> str:
    return next(stage.id for stage in run.config().stages if stage.kind == "feature")


def _on_offer(curves: CurvesPanel) -> list[str]:
    quantity = curves.quantity
    return [quantity.tabText(index) for index in range(quantity.count()) if quantity.isTabVisible(index)]


def test_every_quantity_that_a_stage_logs_can_be_plotted(desk: Any, told: RunFolder) -> None:
    desk.open(told)
    curves, stage = desk.page.curves, _feature(told)
    desk.wait(lambda: stage in desk.page.stages.tree.cards)
    desk.page.stages.tree.cards[stage].click()
    desk.wait(lambda: len(curves.legend.entries) == 2)
    assert _on_offer(curves) == ["Loss", "Terms", "Gradients", "Noise levels", "Images", "Learning rate", "Speed"]
    expected = {
        "terms": {"Feature": 0.8 / 300, "Anchor": 0.2 / 300},
        "gradients": {"Feature": 2 / 300, "Anchor": 1 / 300},
        "quarters": {"Highest log-SNR": 1 / 300, "Lowest log-SNR": 2 / 300},
        "vitals": {"Saturation": 0.1, "Brightness": -0.2},
        "rate": {"Learning rate": 1e-3},
        "pace": {"Images/s": 400.0},
    }
    for key, newest in expected.items():
        curves.quantity.choose(key)
        shown = {entry.entry.name: entry.entry for entry in curves.legend.entries.values()}
        assert set(shown) == set(newest)
        for name, value in newest.items():
            assert float((shown[name].measured or shown[name].value).replace(",", "")) == pytest.approx(value, rel=0.01)
    assert not curves.log.isChecked()  # of speed; the loss is read on a logarithmic axis, until somebody says otherwise
    curves.quantity.choose("loss")
    assert curves.log.isChecked()
    desk.click(curves.log)
    curves.quantity.choose("terms")
    assert curves.log.isChecked()
    curves.quantity.choose("loss")
    assert not curves.log.isChecked()
    other = next(name for name in desk.page.stages.tree.cards if name != stage)
    curves.quantity.choose("terms")
    desk.page.stages.tree.cards[other].click()  # which has logged nothing at all
    assert _on_offer(curves) == ["Loss"]
    assert curves.nothing.isVisible()


def test_curves_of_other_runs_and_stages_stand_beside_and_are_saved(
    desk: Any, told: RunFolder, mini_config: Callable[..., RunConfig], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = RunFolder.create(runs_folder() / "other", mini_config(name="Another <b>one</b>"))
    _told(other, _feature(other), scale=2.0)
    desk.open(told)
    curves, stage = desk.page.curves, _feature(told)
    desk.wait(lambda: stage in desk.page.stages.tree.cards)
    desk.page.stages.tree.cards[stage].click()
    overlay = curves.tools.overlay

    def offered() -> dict[str, Any]:
        overlay.fill()
        return {action.data()[1]: action for action in overlay.menu().actions() if action.data()}

    desk.window.catalog.nudge()
    desk.wait(lambda: str(other.path) in offered())
    offered()[str(other.path)].trigger()
    desk.wait(lambda: len(curves.legend.entries) == 4)
    entries = {entry.entry.name: entry for entry in curves.legend.entries.values()}
    assert set(entries) == {f"{curve} · {run.config().name}" for curve in ("Loss", "Held-out") for run in (told, other)}
    assert len({entry.entry.number for entry in entries.values()}) == 4
    theirs = entries["Loss · Another <b>one</b>"]
    assert "&lt;b&gt;" in theirs.toolTip()
    QTest.mouseClick(entries[f"Held-out · {told.config().name}"], Qt.MouseButton.LeftButton)
    for kind in ("csv", "png", "svg"):
        target = tmp_path / f"chart.{kind}"
        monkeypatch.setattr(dialogs, "choose_target", lambda *_, to=target: to)
        curves.tools.exports[kind].trigger()
        desk.wait(lambda to=target: desk.window.banner.isVisible() and str(to) in desk.window.banner.sentence.text())
    with (tmp_path / "chart.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["curve"] for row in rows} == set(entries) - {f"Held-out · {told.config().name}"}
    losses = [float(row["value"]) for row in rows if row["curve"] == theirs.entry.name]
    np.testing.assert_array_equal(losses, 2.0 / np.arange(10, _STEPS + 1, 10))
    assert QImage(str(tmp_path / "chart.png")).width() > 2 * curves.chart.width()
    drawing = (tmp_path / "chart.svg").read_text()
    assert "Another &lt;b&gt;one" in drawing
    assert "<image" not in drawing  # lines and text, no pixels
    monkeypatch.setattr(dialogs, "choose_target", lambda *_: told.path / "config.json")
    curves.tools.exports["csv"].trigger()
    desk.wait(lambda: "belongs to a run" in desk.window.banner.sentence.text())
    offered()[str(other.path)].trigger()
    assert len(curves.legend.entries) == 2
    assert not desk.window.side_feeds.snapshots


def _strips(folder: Path, count: int) -> tuple[tuple[int, Path], ...]:
    """Draw pictures of one even grey each, whose number is in the grey."""
    folder.mkdir()
    made = []
    for index in range(count):
        image = QImage(35, 8, QImage.Format.Format_Grayscale8)
        image.fill(index)
        made.append((10 * (index + 1), folder / f"step-{index:08}.png"))
        image.save(str(made[-1][1]))
    return tuple(made)


def test_samples_over_training_are_scrubbed_played_and_follow_the_pointer(
    desk: Any, told: RunFolder, tmp_path: Path
) -> None:
    desk.open(told)
    page, stage = desk.page, _feature(told)
    strips = page.strips
    desk.wait(lambda: stage in page.stages.tree.cards)
    page.stages.tree.cards[stage].click()

    def show(made: tuple[tuple[int, Path], ...]) -> None:
        seen = desk.snapshot.stages[stage]
        stages = desk.snapshot.stages | {stage: replace(seen, strips=made)}
        page.show_snapshot(replace(desk.snapshot, stages=stages), frozenset(), ours=False)

    def grey() -> int:
        image = strips.view.image
        return image.pixelColor(2, 2).red() if image is not None else -1

    assert strips.view.image is None
    assert not strips.scrubber.isEnabled()
    made = _strips(tmp_path / "strips", 30)
    made[20][1].write_bytes(b"no picture")
    show(made[:10])
    desk.wait(lambda: grey() == 9)
    show(made)  # the newest is followed
    desk.wait(lambda: grey() == 29)
    assert strips.at.text() == "step 300"
    strips.scrubber.slider.setValue(3)
    desk.wait(lambda: grey() == 3)
    assert page.curves.chart._needle.value() == 40.0
    show((*made, (310, made[0][1])))
    assert strips.step == 40  # who went back is left there
    page.curves.chart._point(159.0)
    desk.wait(lambda: grey() == 15)
    page.curves.chart._point(None)
    desk.wait(lambda: grey() == 3)
    strips.scrubber.slider.setValue(20)
    desk.wait(lambda: strips.view.image is None)
    strips.scrubber.slider.setValue(27)
    desk.click(strips.scrubber.play)
    assert strips.scrubber.playing
    desk.wait(lambda: not strips.scrubber.playing)
    assert strips.step == 310
    desk.click(strips.scrubber.play)
    desk.wait(lambda: strips.step == 20)  # from the beginning
    page.tabs.setCurrentIndex(1)
    assert not strips.scrubber.playing


def test_the_log_is_sifted_copied_and_followed(desk: Any, told: RunFolder) -> None:
    desk.open(told)
    log = desk.page.log
    desk.wait(lambda: "It burns." in log.text.toPlainText())
    assert [line[10:] for line in log.text.lines_in_sight()] == ["All is well.", "It is warm.", "It burns.\nReally."]
    log.level.setCurrentIndex(1)
    assert len(log.text.lines_in_sight()) == 2
    QTest.keyClicks(log.search, "REALLY")
    desk.click(log.copy)
    assert QGuiApplication.clipboard().text()[10:] == "It burns.\nReally."
    log.search.setText("nobody says this")
    assert log.none.isVisible()
    job = told.jobs()[-1]
    writer = JournalWriter(job.journal)
    for index in range(200):
        writer.write(Logged(level="error", text=f"nobody says this {index}"))
    writer.write(Logged(text="nor this"))
    writer.close()
    desk.wait(lambda: len(log.text.lines_in_sight()) == 200)
    assert not log.none.isVisible()
    assert log.text.at_end
    log.text.verticalScrollBar().setValue(0)
    assert not log.follow.isChecked()
    desk.click(log.follow)
    assert log.text.at_end


def test_meters_say_what_is_known_while_a_job_works(desk: Any, told: RunFolder) -> None:
    desk.open(told)
    page, gibibyte = desk.page, 2**30
    meters = Meters(
        host_load=0.5,
        host_memory=3 * gibibyte,
        host_memory_total=16 * gibibyte,
        job_memory=gibibyte,
        device_memory=79 * gibibyte,
        device_memory_total=80 * gibibyte,
    )
    assert machine_meters(replace(desk.snapshot, state="finished", status=JobStatus(meters=meters))) == []
    stages = dict(desk.snapshot.stages)
    stages[_feature(told)] = replace(stages[_feature(told)], state="training")
    status = JobStatus(meters=meters, phase="training")
    running = replace(desk.snapshot, state="running", status=status, stages=stages)
    page.show_snapshot(running, frozenset(), ours=False)

    def shown() -> dict[str, str]:
        return {one.content.name: one.content.value for one in page.meters.meters if one.isVisible()}

    assert shown() == {
        "Images/s": "400",
        "Device memory": "79.0 / 80.0 GiB",
        "CPU": "50%",
        "Memory": "3.0 / 16.0 GiB",
    }
    desk.window.resize(960, 600)
    desk.qtbot.wait(50)
    tabs = page.tabs.mapTo(page, page.tabs.tabRect(2).bottomRight()).x()
    assert all(one.mapTo(page, one.rect().topLeft()).x() > tabs for one in page.meters.meters if one.isVisible())
    page.show_snapshot(replace(running, reading=0.25), frozenset(), ours=False)
    assert desk.header.left.text() == "Reading the journal, 25%"
    page.show_snapshot(replace(running, state="lost"), frozenset(), ours=False)
    assert shown() == {}


def test_the_panel_follows_the_stage_in_training_unless_one_is_picked(desk: Any, long_run: RunFolder) -> None:
    desk.open(long_run)
    desk.train_until("teacher")
    curves = desk.page.curves
    desk.wait(lambda: curves.stage == "teacher")
    assert curves.follow.isChecked()
    desk.page.stages.tree.cards["judge"].click()
    assert curves.stage == "judge"
    assert not curves.follow.isChecked()
    assert desk.page.stages.tree.cards["judge"].isChecked()
    assert not desk.page.stages.tree.cards["teacher"].isChecked()
    desk.qtbot.wait(400)
    assert curves.stage == "judge"
    desk.click(curves.follow)
    assert curves.stage == "teacher"
    desk.page.reset()
    curves.pick("judge")  # a click on a card of the run before, until the next one is read
    desk.wait(lambda: curves.stage == "teacher")
    desk.wait(lambda: len(curves.legend.entries) == 2)
    assert all(entry.entry.value for entry in curves.legend.entries.values())
