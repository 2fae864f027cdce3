"""One field of a form that is on or off."""

from cfd_studio.gui.widgets.form_row import FormRow
from cfd_studio.gui.widgets.tick import Tick

ON, OFF = "on", "off"


class TickRow(FormRow):
    """A labelled box to tick; its text is ``on`` or ``off``."""

    def __init__(self, name: str, *, text: str = OFF, tip: str = "") -> None:
        self.tick = Tick("")
        super().__init__(name, self.tick, tip=tip, wide=True)
        self.set_text(text)
        self.tick.toggled.connect(self.edited)

    def text(self) -> str:
        """Return whether it is ticked."""
        return ON if self.tick.isChecked() else OFF

    def set_text(self, text: str) -> None:
        """Tick it, or not."""
        self.tick.setChecked(text == ON)
