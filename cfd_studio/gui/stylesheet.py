"""The style sheet of the whole application, written once for both sets of tones."""

from string import Template

_SHEET = Template("""
* { outline: none; }
QToolTip { background: $raised; color: $text; border: 1px solid $border; padding: 6px 8px; }
QMainWindow, QDialog, QMessageBox { background: $window; }
QLabel { background: transparent; }
QLabel[role="title"] { font-size: 20px; font-weight: 600; }
QLabel[role="headline"] { font-size: 28px; font-weight: 600; }
QLabel[role="section"] { font-size: 13px; font-weight: 600; }
QLabel[role="caption"] { font-size: 11px; font-weight: 600; color: $faint; letter-spacing: 0.6px; }
QLabel[role="muted"] { color: $muted; }
QLabel[role="faint"] { color: $faint; font-size: 12px; }
QLabel[role="problem"] { color: $bad; font-size: 12px; }
QLabel[role="changed"] { color: $accent; font-weight: 600; }
QLabel[role="lead"] { color: $muted; font-size: 15px; }

QFrame[role="sidebar"] { background: $surface; border: none; border-right: 1px solid $border; }
QFrame[role="header"] { background: $surface; border: none; border-bottom: 1px solid $border; }
QFrame[role="bar"] { background: $surface; border: none; border-top: 1px solid $border; }
QFrame[role="card"] { background: $surface; border: 1px solid $border; border-radius: 8px; }
QFrame[role="line"] { background: $border; border: none; max-height: 1px; }
QFrame[role="banner-error"] { background: $bad_soft; border: none; border-bottom: 1px solid $bad; }
QFrame[role="banner-warning"] { background: $warning_soft; border: none; border-bottom: 1px solid $warning; }
QFrame[role="banner-info"] { background: $accent_soft; border: none; border-bottom: 1px solid $accent; }

QPushButton, QToolButton {
  background: $surface; color: $text; border: 1px solid $border; border-radius: 6px;
  padding: 6px 12px; min-height: 18px; }
QPushButton:hover, QToolButton:hover { background: $hover; }
QPushButton:pressed, QToolButton:pressed { background: $raised; }
QPushButton:focus, QToolButton:focus { border: 1px solid $accent; }
QPushButton:disabled, QToolButton:disabled { color: $faint; background: transparent; }
QPushButton[role="primary"] { background: $accent; color: $on_accent; border: 1px solid $accent; font-weight: 600; }
QPushButton[role="primary"]:hover { background: $accent_hover; }
QPushButton[role="primary"]:focus { border: 1px solid $text; }
QPushButton[role="primary"]:disabled { background: $raised; color: $faint; border-color: $raised; }
QPushButton[role="ghost"], QToolButton[role="ghost"] { background: transparent; border: 1px solid transparent; }
QPushButton[role="ghost"]:hover, QToolButton[role="ghost"]:hover { background: $hover; }
QPushButton[role="ghost"]:focus, QToolButton[role="ghost"]:focus { border: 1px solid $accent; }
QPushButton[role="left"] { text-align: left; }
QPushButton[role="big"] {
  background: $accent; color: $on_accent; border: 1px solid $accent; font-weight: 600;
  font-size: 15px; padding: 12px 24px; }
QPushButton[role="big"]:hover { background: $accent_hover; }
QPushButton[role="big"]:focus { border: 1px solid $text; }
QPushButton[role="big"]:disabled { background: $raised; color: $faint; border-color: $raised; }
QPushButton[role="toggle"] { padding: 4px 10px; }
QPushButton[small="true"] { padding: 4px 4px; }
QPushButton[role="toggle"]:checked { background: $accent_soft; color: $accent; border: 1px solid $accent; }
QPushButton[role="toggle"]:checked:disabled { background: $raised; color: $faint; border: 1px solid $border; }
QPushButton[role="tool"] { padding: 4px 6px; }
QPushButton[role="tool"]:checked { background: $accent_soft; border: 1px solid $accent; }
QPushButton::menu-indicator, QToolButton::menu-indicator { image: none; width: 0; }

QLineEdit, QComboBox, QPlainTextEdit, QTextEdit {
  background: $surface; color: $text; border: 1px solid $border; border-radius: 6px; padding: 5px 8px;
  selection-background-color: $accent; selection-color: $on_accent; }
QPlainTextEdit[role="notes"] { background: $surface; border: 1px solid $border; border-radius: 6px; padding: 5px 8px; }
QPlainTextEdit[role="notes"]:focus { border: 1px solid $accent; }
QLineEdit, QComboBox { min-height: 20px; }
QLineEdit QToolButton { padding: 0; min-height: 0; border: none; background: transparent; }
QLineEdit:hover, QComboBox:hover { border-color: $faint; }
QLineEdit:focus, QComboBox:focus { border: 1px solid $accent; }
QLineEdit[wrong="true"], QComboBox[wrong="true"] { border: 1px solid $bad; background: $bad_soft; }
QLineEdit:disabled, QComboBox:disabled { color: $faint; background: $window; }
QComboBox::drop-down { border: none; width: 28px; }
QComboBox::down-arrow { image: none; }
QComboBox QLineEdit { border: none; padding: 0; background: transparent; min-height: 18px; }
QComboBox QAbstractItemView {
  background: $surface; border: 1px solid $border; selection-background-color: $accent_soft; selection-color: $text;
  padding: 4px; }
QPlainTextEdit[role="log"] { border: none; border-radius: 0; background: $surface; padding: 0; }

QMenu { background: $surface; border: 1px solid $border; border-radius: 8px; padding: 6px; }
QMenu::item { padding: 7px 24px 7px 12px; border-radius: 5px; }
QMenu::item:selected { background: $accent_soft; color: $text; }
QMenu::item:disabled { color: $faint; }
QMenu::separator { height: 1px; background: $border; margin: 6px 4px; }
QMenu::icon { padding-left: 8px; }

QTabBar { background: transparent; }
QTabBar::tab { background: transparent; color: $muted; padding: 9px 4px 8px 4px; margin-right: 24px; border: none;
  border-bottom: 2px solid transparent; font-weight: 500; }
QTabBar::tab:hover { color: $text; }
QTabBar::tab:selected { color: $text; border-bottom: 2px solid $accent; }
QTabBar::tab:focus { color: $accent; }
QTabBar QToolButton { background: $surface; border: none; border-radius: 0; padding: 0; min-height: 0; }
QTabBar[role="segments"]::tab { padding: 4px 8px; margin-right: 2px; border: 1px solid transparent;
  border-radius: 6px; }
QTabBar[role="segments"]::tab:hover { background: $hover; }
QTabBar[role="segments"]::tab:selected { background: $raised; color: $text; }
QTabBar[role="segments"]::tab:focus { border: 1px solid $accent; color: $text; }

QSlider { background: transparent; }
QSlider::groove:horizontal { height: 4px; background: $raised; border-radius: 2px; }
QSlider::sub-page:horizontal { background: $accent; border-radius: 2px; }
QSlider::handle:horizontal { width: 14px; height: 14px; margin: -5px 0; border-radius: 7px; background: $surface;
  border: 2px solid $accent; }
QSlider::handle:horizontal:focus { background: $accent; }
QSlider::handle:horizontal:disabled { border-color: $border; }
QSlider::sub-page:horizontal:disabled { background: $raised; }

QScrollArea, QAbstractScrollArea { background: transparent; border: none; }
QScrollArea > QWidget > QWidget[role="page"] { background: transparent; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: $border; border-radius: 3px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 32px; }
QScrollBar::handle:horizontal { min-width: 32px; }
QScrollBar::handle:hover { background: $faint; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QSplitter::handle { background: transparent; }

QListView, QTreeView { background: transparent; border: none; }
QTreeView { show-decoration-selected: 0; }
QTableView { background: $surface; border: 1px solid $border; border-radius: 8px; gridline-color: transparent;
  alternate-background-color: $window; selection-background-color: $accent_soft; selection-color: $text; }
QTableView::item { padding: 0 10px; border: none; }
QHeaderView { background: transparent; border: none; }
QHeaderView::section { background: $surface; color: $muted; border: none; border-bottom: 1px solid $border;
  padding: 8px 10px; font-size: 12px; font-weight: 500; }
QAbstractScrollArea::corner { background: transparent; border: none; }
QTableCornerButton::section { background: $surface; border: none; }
""")


def stylesheet(tones: dict[str, str]) -> str:
    """Return the style sheet with the tones filled in."""
    return _SHEET.substitute(tones)
