"""Where the user's things lie, by the custom of each system."""

import time
from pathlib import Path

import appdirs

_APPLICATION = "cfd-studio"


def data_folder() -> Path:
    """Return the folder that must not be lost: runs live here."""
    return Path(appdirs.user_data_dir(_APPLICATION, appauthor=False))


def runs_folder() -> Path:
    """Return the folder below which new runs are made."""
    return data_folder() / "runs"


def new_demo_folder() -> Path:
    """Return the folder of a demo begun now."""
    return runs_folder() / time.strftime("digits-%Y%m%d-%H%M%S")


def config_folder() -> Path:
    """Return the folder of the settings."""
    return Path(appdirs.user_config_dir(_APPLICATION, appauthor=False))


def log_folder() -> Path:
    """Return the folder of the details of unexpected errors."""
    return Path(appdirs.user_log_dir(_APPLICATION, appauthor=False))


def indexes_folder() -> Path:
    """Return the folder of what long journals came to; whoever deletes it loses a few seconds."""
    return Path(appdirs.user_cache_dir(_APPLICATION, appauthor=False)) / "journals"


def samples_folder() -> Path:
    """Return the folder of images drawn for figures that are not there yet; whoever deletes it loses hours."""
    return Path(appdirs.user_cache_dir(_APPLICATION, appauthor=False)) / "samples"


def drawings_folder() -> Path:
    """Return the folder of what the window had drawn; whoever deletes it has it drawn again."""
    return Path(appdirs.user_cache_dir(_APPLICATION, appauthor=False)) / "drawings"


def features_folder() -> Path:
    """Return the folder of what Inception sees in real images; whoever deletes it loses minutes."""
    return Path(appdirs.user_cache_dir(_APPLICATION, appauthor=False)) / "features"


def data_sets_folder() -> Path:
    """Return the folder of downloaded and decoded images; whoever deletes it has them fetched and decoded again."""
    return Path(appdirs.user_cache_dir(_APPLICATION, appauthor=False)) / "data-sets"
