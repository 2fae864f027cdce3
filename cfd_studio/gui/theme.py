"""Colours and fonts of the window: two sets of tones, one of which is current."""

from dataclasses import dataclass, fields
from typing import Literal, cast

import qtawesome
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory

from cfd_studio.gui.stylesheet import stylesheet

Choice = Literal["system", "light", "dark"]


@dataclass(frozen=True, slots=True)
class Tones:
    """One set of colours, each named by its use."""

    dark: bool
    window: str
    surface: str
    raised: str
    hover: str
    border: str
    text: str
    muted: str
    faint: str
    accent: str
    accent_hover: str
    accent_soft: str
    on_accent: str
    second: str
    good: str
    warning: str
    bad: str
    bad_soft: str
    warning_soft: str

    def as_dict(self) -> dict[str, str]:
        """Return the tones by name."""
        return {item.name: str(getattr(self, item.name)) for item in fields(self)}


LIGHT = Tones(
    dark=False,
    window="#f5f6f8",
    surface="#ffffff",
    raised="#eef0f4",
    hover="#e6e9ef",
    border="#dfe3ea",
    text="#1a1e27",
    muted="#565f6f",
    faint="#6f7888",
    accent="#3f51d9",
    accent_hover="#3243c0",
    accent_soft="#e8ebfc",
    on_accent="#ffffff",
    second="#c8641b",
    good="#1a7449",
    warning="#955a00",
    bad="#c0332b",
    bad_soft="#fcecea",
    warning_soft="#fdf3e1",
)
DARK = Tones(
    dark=True,
    window="#121419",
    surface="#1a1d24",
    raised="#242833",
    hover="#2c313d",
    border="#2d323d",
    text="#e8eaef",
    muted="#a0a8b7",
    faint="#7f8898",
    accent="#8794ff",
    accent_hover="#9ba6ff",
    accent_soft="#272c4d",
    on_accent="#10121a",
    second="#f0a15c",
    good="#5ec794",
    warning="#e3b04b",
    bad="#f47a70",
    bad_soft="#3a2022",
    warning_soft="#352b17",
)

_FAMILIES = ["Inter", "SF Pro Text", "Segoe UI Variable", "Segoe UI", "Noto Sans", "DejaVu Sans"]
_current = LIGHT


def current() -> Tones:
    """Return the tones in use. Widgets that paint read them anew in every paint event."""
    return _current


def color(name: str, alpha: int = 255) -> QColor:
    """Return a tone of the current set as a colour."""
    result = QColor(getattr(_current, name))
    result.setAlpha(alpha)
    return result


def mixed(name: str, background: str, share: float) -> QColor:
    """Return ``share`` of one tone over another; opaque, because translucent pens are slow to draw."""
    front, back = QColor(getattr(_current, name)), QColor(getattr(_current, background))
    pairs = ((front.red(), back.red()), (front.green(), back.green()), (front.blue(), back.blue()))
    return QColor(*(round(share * one + (1 - share) * other) for one, other in pairs))


def icon(name: str, tone: str = "text") -> QIcon:
    """Return a Font Awesome icon in a tone of the current set."""
    return cast(QIcon, qtawesome.icon(f"fa6s.{name}", color=getattr(_current, tone), color_disabled=_current.faint))


def font(pixels: int = 13, weight: QFont.Weight = QFont.Weight.Normal, *, tabular: bool = False) -> QFont:
    """Return the window's font; ``tabular`` gives all digits one width, so that changing numbers do not dance."""
    result = QFont()
    result.setFamilies(_FAMILIES)
    result.setPixelSize(pixels)
    result.setWeight(weight)
    if tabular and hasattr(QFont, "Tag"):
        result.setFeature(QFont.Tag("tnum"), 1)
    return result


def monospace(pixels: int = 12) -> QFont:
    """Return the font of the log."""
    result = QFont()
    result.setFamilies(["JetBrains Mono", "SF Mono", "Cascadia Mono", "Noto Sans Mono", "DejaVu Sans Mono"])
    result.setPixelSize(pixels)
    return result


def apply(application: QApplication, choice: Choice) -> None:
    """Recolour the whole application; every widget gets a palette-change event."""
    global _current
    scheme = QGuiApplication.styleHints().colorScheme()
    dark = choice == "dark" or (choice == "system" and scheme == Qt.ColorScheme.Dark)
    _current = DARK if dark else LIGHT
    if application.style().objectName() != "fusion":
        application.setStyle(QStyleFactory.create("fusion"))
    application.setFont(font())
    application.setPalette(_palette(_current))
    application.setStyleSheet(stylesheet(_current.as_dict()))


def _palette(tones: Tones) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for name, tone in {
        role.Window: tones.window,
        role.WindowText: tones.text,
        role.Base: tones.surface,
        role.AlternateBase: tones.raised,
        role.Text: tones.text,
        role.Button: tones.raised,
        role.ButtonText: tones.text,
        role.BrightText: tones.bad,
        role.ToolTipBase: tones.raised,
        role.ToolTipText: tones.text,
        role.PlaceholderText: tones.faint,
        role.Highlight: tones.accent,
        role.HighlightedText: tones.on_accent,
        role.Link: tones.accent,
        role.Mid: tones.border,
        role.Accent: tones.accent,
    }.items():
        palette.setColor(name, QColor(tone))
    for name in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, name, QColor(tones.faint))
    return palette
