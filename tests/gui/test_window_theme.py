"""Themes, keys, and the reference counts that one version of PySide6 corrupts."""

import gc
import sys
import threading
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from cfd_studio.gui import theme
from cfd_studio.gui.collector import Collector
from cfd_studio.gui.widgets.line_colours import COUNT, line_colour
from cfd_studio.workspace.settings import load_settings


def _background(widget: Any) -> QColor:
    image = widget.grab().toImage()
    return image.pixelColor(image.width() - 6, image.height() // 2)


def test_switching_recolours_everything_and_is_remembered(desk: Any, trained_run: Any) -> None:
    desk.open(trained_run)
    plot = desk.page.curves.chart
    desk.wait(lambda: plot.lines)
    line = next(iter(plot.lines.values())).strong
    desk.window.preferences.choose_theme("light")
    desk.qtbot.wait(50)
    light = _background(plot), _background(desk.window.sidebar), line.opts["pen"].color()
    desk.window.preferences.choose_theme("dark")
    desk.qtbot.wait(50)
    dark = _background(plot), _background(desk.window.sidebar), line.opts["pen"].color()
    assert light[0] == QColor(theme.LIGHT.surface)
    assert dark[0] == QColor(theme.DARK.surface)
    assert all(a.lightness() > 200 and b.lightness() < 60 for a, b in zip(light[:2], dark[:2], strict=True))
    assert light[2] == QColor(theme.LIGHT.accent)
    assert dark[2] == QColor(theme.DARK.accent)
    desk.wait(lambda: load_settings().theme == "dark")
    desk.window.preferences.choose_theme("light")
    assert _background(plot) == QColor(theme.LIGHT.surface)


def test_both_sets_of_tones_are_readable(qapp: QApplication) -> None:
    def luminance(name: str) -> float:
        parts = [value / 255 for value in QColor(name).getRgb()[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one: str, other: str) -> float:
        high, low = sorted((luminance(one), luminance(other)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    for tones in (theme.LIGHT, theme.DARK):
        for background in (tones.window, tones.surface, tones.raised, tones.hover, tones.accent_soft):
            assert contrast(tones.text, background) > 7
            assert contrast(tones.muted, background) > 4.5
            assert contrast(tones.faint, background) > 3.5
            assert contrast(tones.bad, background) > 4.5
            assert contrast(tones.accent, background) > 4.5
        assert contrast(tones.faint, tones.surface) > 4.4
        for name in ("accent", "good", "warning", "bad"):
            assert contrast(getattr(tones, name), tones.surface) > 4.5
            assert contrast(getattr(tones, name), getattr(tones, f"{name}_soft", tones.surface)) > 4.5
        for background in (tones.accent, tones.accent_hover):
            assert contrast(tones.on_accent, background) > 4.5
        theme.apply(qapp, "dark" if tones.dark else "light")
        lines = [line_colour(index).name() for index in range(COUNT)]
        assert min(contrast(line, tones.surface) for line in (*lines, tones.second)) > 3


def test_keys_turn_the_tabs(desk: Any, trained_run: Any) -> None:
    desk.open(trained_run)
    desk.window.activateWindow()
    for key, tab in (("2", 1), ("3", 2), ("1", 0)):
        QTest.keySequence(desk.window, f"Ctrl+{key}")
        assert desk.page.tabs.currentIndex() == tab


def test_every_button_and_field_has_an_accessible_name(desk: Any, trained_run: Any) -> None:
    from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QSlider

    desk.open(trained_run)
    desk.page.tabs.setCurrentIndex(1)
    desk.window.show_new_run()
    desk.wait(lambda: desk.window.new_run.plan.fields.rows)
    nameless = [
        widget
        for kind in (QAbstractButton, QComboBox, QSlider)
        for widget in desk.window.findChildren(kind)
        if not (widget.accessibleName() or getattr(widget, "text", str)())
        and not widget.objectName().startswith("qt_")
        and type(widget).__module__.startswith("cfd_studio")
    ]
    assert not nameless
    fields = [one for one in desk.window.findChildren(QLineEdit) if not isinstance(one.parent(), QComboBox)]
    assert len(fields) > 10
    assert all(one.accessibleName() for one in fields)


class _Sender(QObject):
    sent = Signal(bool)


def test_reference_counts_of_none_and_true_stay(qapp: QApplication) -> None:
    label, sender, got = QLabel(), _Sender(), []
    sender.sent.connect(got.append)
    before = sys.getrefcount(None), sys.getrefcount(True)
    for number in range(500):
        label.setText(str(number))
        sender.sent.emit(True)
    got.clear()
    after = sys.getrefcount(None), sys.getrefcount(True)
    assert abs(after[0] - before[0]) < 100
    assert abs(after[1] - before[1]) < 100


def test_a_folder_that_is_no_run_is_said_in_the_window(desk: Any, tmp_path: Any) -> None:
    desk.window.open_run(tmp_path)
    desk.wait(lambda: desk.window.banner.isVisible())
    assert "no run folder" in desk.window.banner.sentence.text()
    assert desk.window.pages.currentWidget() is desk.window.welcome


def test_garbage_is_collected_on_the_windows_thread_only(qtbot: Any) -> None:
    parent, threads = QObject(), set()

    def note(phase: str, info: dict[str, int]) -> None:
        threads.add(threading.current_thread())

    def litter() -> None:
        for _ in range(20_000):
            loop: list[Any] = []
            loop.append(loop)

    collector = Collector(parent)
    gc.callbacks.append(note)
    try:
        worker = threading.Thread(target=litter)
        worker.start()
        worker.join()
        assert not threads
        qtbot.waitUntil(lambda: bool(threads), timeout=5000)
        assert threads == {threading.main_thread()}
    finally:
        gc.callbacks.remove(note)
        collector.deleteLater()
