"""Where the user's things lie, by the custom of each system."""

from pathlib import Path

import appdirs

_APPLICATION = "cfd-studio"


def data_folder() -> Path:
    """Return the folder that must not be lost: runs live here."""
    return Path(appdirs.user_data_dir(_APPLICATION, appauthor=False))


def runs_folder() -> Path:
    """Return the folder below which new runs are made."""
    return data_folder() / "runs"


def cache_folder() -> Path:
    """Return the folder that may be emptied at any time."""
    return Path(appdirs.user_cache_dir(_APPLICATION, appauthor=False))


def config_folder() -> Path:
    """Return the folder of the settings."""
    return Path(appdirs.user_config_dir(_APPLICATION, appauthor=False))
