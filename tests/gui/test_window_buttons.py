"""The real buttons, with the real launcher."""

import errno
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from cfd_studio.gui.widgets import dialogs
from cfd_studio.runs import inbox
from cfd_studio.runs.folder import RunFolder

# What each phase of a job cannot do without.
PHASES = {
    "loading": "job.load_data",
    "training": "trainer.Trainer.step",
    "saving": "saving.save_checkpoint",
    "drawing": "strips.Strips.draw",
    "evaluating": "stages.judge_model",
}


def answer(monkeypatch: pytest.MonkeyPatch, agree: bool) -> list[str]:
    """Answer every question in the person's place; returns what was asked."""
    asked: list[str] = []

    def choose(parent: Any, title: str, text: str, answers: list[str], *, destructive: bool = False) -> str | None:
        asked.append(f"{title} {text}")
        return answers[0] if agree else None

    monkeypatch.setattr(dialogs, "choose", choose)
    return asked


def test_start_trains_and_finishes(desk: Any, mini_run: Any) -> None:
    desk.open(mini_run())
    assert desk.header.start.text() == "Start"
    assert not desk.header.pause.isVisible()
    desk.click(desk.header.start)
    assert desk.header.start.text() == "Starting…"
    assert not desk.header.start.isEnabled()
    desk.wait_state("finished")
    assert desk.snapshot.complete
    assert not desk.header.start.isVisible()
    assert desk.header.progress.fraction() == 1.0
    assert desk.header.chip.text() == "Finished"
    cards = desk.page.stages.tree.cards
    assert {card.content.mark for card in cards.values()} == {"done"}
    assert cards["teacher"].content.thumbnails is not None
    assert cards["teacher"].content.note.startswith("Fréchet ")
    assert cards["judge"].content.big.endswith("%")
    assert "trained" in desk.page.log.text.toPlainText()
    desk.page.tabs.setCurrentIndex(2)
    entries = desk.page.judge.order.shown()
    assert [entry for entry in entries if entry.stage == "teacher"]
    assert entries[-1].kind == "floor"


def test_pause_and_resume(desk: Any, long_run: RunFolder) -> None:
    desk.open(long_run)
    desk.train_until("teacher")
    assert desk.page.curves.stage == "teacher"
    desk.click(desk.header.pause)
    assert desk.header.pause.text() == "Pausing…"
    assert not desk.header.pause.isEnabled()
    desk.wait_state("paused")
    desk.wait(lambda: desk.header.pause.text() == "Resume")
    step = desk.snapshot.stages["teacher"].step
    desk.qtbot.wait(600)
    assert desk.snapshot.stages["teacher"].step == step
    desk.click(desk.header.pause)
    desk.wait_state("running")
    desk.wait(lambda: desk.snapshot.stages["teacher"].step > step)


def test_save_now_writes_a_checkpoint(desk: Any, long_run: RunFolder) -> None:
    desk.open(long_run)
    desk.train_until("teacher")
    desk.click(desk.header.pause)
    desk.wait_state("paused")
    before = desk.snapshot.stages["teacher"].checkpoints
    desk.click(desk.header.save)
    assert desk.header.save.text() == "Saving…"
    desk.wait(lambda: desk.snapshot.stages["teacher"].checkpoints != before or desk.header.save.text() == "Save now")
    desk.wait(lambda: desk.header.save.text() == "Save now")
    newest = desk.snapshot.stages["teacher"].checkpoints[-1]
    assert (long_run.stage("teacher") / "checkpoints" / f"step-{newest:08d}").is_dir()
    assert newest >= desk.snapshot.stages["teacher"].step


def test_stop_and_keep_saves_where_it_stood(desk: Any, long_run: RunFolder) -> None:
    desk.open(long_run)
    desk.train_until("teacher")
    desk.wait(lambda: desk.header.stop_keep.isEnabled())
    desk.header.stop_keep.trigger()
    assert desk.header.stop.text() == "Stopping…"
    desk.wait_state("stopped")
    desk.wait(lambda: desk.header.start.isVisible() and desk.header.start.isEnabled())
    assert desk.header.start.text() == "Resume"
    kept = desk.snapshot.stages["teacher"].checkpoints[-1]
    desk.train_until("teacher", kept + 1)
    assert desk.snapshot.job == 2
    assert desk.snapshot.stages["teacher"].loss.steps[0] < kept < desk.snapshot.stages["teacher"].loss.steps[-1]


def test_stop_and_discard_names_the_checkpoint(desk: Any, long_run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch, False)
    desk.open(long_run)
    desk.train_until("teacher", 6)
    desk.wait(lambda: desk.snapshot.stages["teacher"].checkpoints)
    desk.click(desk.header.pause)
    desk.wait_state("paused")
    checkpoints = desk.snapshot.stages["teacher"].checkpoints
    desk.header.stop_discard.trigger()
    assert f"step {checkpoints[-1]:,} of stage “teacher”" in asked[0]
    desk.qtbot.wait(300)
    assert desk.snapshot.state == "paused"  # the person said no
    answer(monkeypatch, True)
    desk.header.stop_discard.trigger()
    desk.wait_state("stopped")
    assert desk.snapshot.stages["teacher"].checkpoints == checkpoints


def test_stop_and_discard_after_the_end_says_so_calmly(
    desk: Any, long_run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.open(long_run)
    desk.train_until("teacher")
    desk.wait(lambda: desk.header.stop_discard.isEnabled())

    def ends_meanwhile(*_: object, **__: object) -> bool:
        desk.end()
        return True

    monkeypatch.setattr(dialogs, "ask", ends_meanwhile)
    desk.header.stop_discard.trigger()
    desk.wait(lambda: desk.window.banner.isVisible())
    assert desk.window.banner.sentence.text() == "The run had ended already."
    assert desk.window.banner.property("role") == "banner-info"
    desk.wait(lambda: desk.header.start.isVisible() and desk.header.start.isEnabled())


def test_the_log_of_a_finished_run_is_open_at_its_end(desk: Any, trained_run: RunFolder) -> None:
    desk.open(trained_run)
    text = desk.page.log.text

    def last_is_whole() -> bool:
        last = text.blockBoundingGeometry(text.document().lastBlock()).translated(text.contentOffset())
        return bool(last.bottom() <= text.viewport().height())

    desk.wait(lambda: text.document().blockCount() > 5)
    desk.wait(last_is_whole, 2000)
    for size in ((1000, 610), (1500, 620), (1100, 800)):
        desk.window.resize(*size)
        desk.wait(last_is_whole, 2000)
    desk.window.resize(960, 600)
    text.verticalScrollBar().setValue(0)
    desk.window.resize(1000, 600)
    desk.qtbot.wait(50)
    assert text.verticalScrollBar().value() == 0


def test_the_head_and_the_cards_reach_the_right_edge(desk: Any, trained_run: RunFolder) -> None:
    desk.window.resize(1920, 1000)
    desk.open(trained_run)
    desk.wait(lambda: desk.header.chip.text() == "Finished")
    desk.qtbot.wait(100)
    assert desk.header.chip.geometry().right() == desk.header.left.geometry().right()
    tree = desk.page.stages.tree
    assert max(card.geometry().right() for card in tree.cards.values()) == tree.width() - 1


def test_a_job_that_cannot_begin_frees_the_buttons(desk: Any, mini_run: Any) -> None:
    run = mini_run()
    desk.open(run)
    desk.window.preferences.settings = desk.window.preferences.settings.model_copy(update={"device": "cuda:7"})
    desk.click(desk.header.start)
    desk.wait(lambda: desk.window.banner.isVisible())
    assert "cuda:7" in desk.window.banner.sentence.text()
    desk.wait(lambda: desk.header.start.isEnabled() and desk.header.start.text() == "Start")


def test_an_exception_in_any_phase_says_why_and_the_run_can_be_resumed(
    desk: Any, mini_run: Any, mini_recipe: dict[str, Any]
) -> None:
    run = mini_run(journal=mini_recipe["journal"] | {"samples_every": 2})
    desk.open(run)
    for phase, where in PHASES.items():
        with pytest.MonkeyPatch.context() as patch:

            def broken(*_: object, phase: str = phase, **__: object) -> None:
                raise RuntimeError(f"{phase} went up in smoke")

            patch.setattr(f"cfd_studio.engine.{where}", broken)
            desk.click(desk.header.start)
            desk.wait(lambda phase=phase: f"{phase} went up in smoke" in desk.window.banner.sentence.text())
            desk.wait_state("failed")
            assert "Traceback" in desk.window.banner.details.toPlainText()
            desk.wait(lambda: desk.header.start.isEnabled() and desk.header.start.text() == "Resume")
            assert not desk.window.controller.jobs_here()
    desk.click(desk.header.start)
    desk.wait_state("finished")


def test_closing_asks_and_stays(desk: Any, long_run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch, False)
    desk.open(long_run)
    desk.train_until("teacher")
    assert not desk.window.close()
    assert len(asked) == 1
    QTest.keyClick(desk.window, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    assert len(asked) == 2
    assert desk.window.isVisible()
    assert desk.window.controller.jobs_here() == [long_run.path]


def test_closing_stops_keeps_and_closes(desk: Any, long_run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, True)
    desk.open(long_run)
    desk.train_until("teacher")
    assert not desk.window.close()
    assert desk.window.isVisible()  # it waits, and goes on painting
    desk.wait(lambda: not desk.window.isVisible())
    assert desk.window.controller.jobs_here() == []
    saved = list((long_run.stage("teacher") / "checkpoints").glob("step-*"))
    assert saved
    ended = (long_run.jobs()[-1].journal).read_text().splitlines()[-1]
    assert '"state":"stopped"' in ended


def test_a_folder_that_takes_no_command_does_not_part_the_window_from_its_own_job(
    desk: Any, mini_recipe: dict[str, Any], mini_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mini_recipe["stages"][0]["optimization"]["steps"] = 1_000_000
    run = mini_run("stubborn", stages=mini_recipe["stages"][:1])
    desk.open(run)
    desk.train_until("judge")

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(inbox, "drop", refuse)
    desk.click(desk.header.pause)
    desk.wait_state("paused")
    desk.wait(desk.header.stop_keep.isEnabled)
    desk.header.stop_keep.trigger()
    desk.wait_state("stopped")
