"""Which part of the main window tells which other, where none of the two is the other's own."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cfd_studio.gui.main_window import MainWindow


def wire(window: "MainWindow") -> None:
    """Connect the parts of a furnished window."""
    for source in (window.sidebar, window.welcome):
        source.new_wanted.connect(window.show_new_run)
        source.open_wanted.connect(window.file_choices.choose_run)
        source.demo_wanted.connect(window.beginnings.run_demo)
        source.import_wanted.connect(window.transfers.choose_checkpoint)
    window.sidebar.run_picked.connect(window.open_run)
    window.sidebar.home_wanted.connect(window.show_home)
    window.sidebar.browser.verb_wanted.connect(window.run_actions.do)
    window.sidebar.forget_wanted.connect(window.run_actions.forget)
    window.welcome.run_picked.connect(window.open_run)
    window.preferences.failed.connect(window.say)
    window.beginnings.form_ready.connect(window.show_form)
    window.beginnings.demo_found.connect(window.open_run)
    window.beginnings.failed.connect(window.say)
    window.new_run.cancelled.connect(window.go_back)
    window.new_run.queue_wanted.connect(window.queue_arrivals.enqueue)
    window.new_run.run_wanted.connect(window.file_choices.choose_origin)
    window.new_run.file_wanted.connect(window.file_choices.choose_recipe)
    window.file_choices.run_chosen.connect(window.open_run)
    window.file_choices.origin_chosen.connect(window.beginnings.fill_form_from_run)
    window.file_choices.recipe_chosen.connect(window.beginnings.fill_form_from_file)
    window.controller.created.connect(window.watch_run)
    window.transfers.said.connect(window.say)
    window.transfers.imported.connect(window.open_run)
    window.chart_export.said.connect(window.say)
