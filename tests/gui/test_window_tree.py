"""The tree of stages beside what else the window shows."""

from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint

from cfd_studio.cli.recipes import read_config
from cfd_studio.runs.folder import RunFolder


def test_a_tall_tree_scrolls_and_leaves_the_curve_its_room(desk: Any, tmp_path: Path) -> None:
    desk.open(RunFolder.create(tmp_path / "study", read_config("digits-study", [])))
    desk.qtbot.wait(100)
    stages, curves = desk.page.stages, desk.page.curves
    assert stages.tree.height() > stages.height()
    below = curves.mapTo(desk.window, QPoint(0, 0)).y()
    assert stages.mapTo(desk.window, QPoint(0, stages.height())).y() <= below
    assert curves.height() > 250
    card = stages.tree.cards["anchored-pd-1"]
    stages._scroll.ensureWidgetVisible(card)
    assert not card.visibleRegion().isEmpty()
