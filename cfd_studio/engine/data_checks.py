"""What must be true of the images before anything is trained on them, and what is to be said of them."""

from pathlib import Path

from cfd_studio.data.images import DataSet
from cfd_studio.protocol.config import RunConfig
from cfd_studio.protocol.data import DataName
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.stages import ClassifierStage, FeatureStage

NAMED = 5  # of a list of files


def left_out(data: DataSet) -> str:
    """Return the sentence about images that could not be read."""
    count = len(data.unreadable)
    what = "images could not be read and were" if count > 1 else "image could not be read and was"
    first = ", ".join(data.unreadable[:NAMED]) + (", ..." if count > NAMED else "")
    return f"{count:,} {what} left out: {first}."


def check_place(name: DataName, folder: str) -> None:
    """Make sure that there is something where the images are said to lie.

    Raises
    ------
    CfdError
    """
    needed = name in ("folder", "arrays")
    if needed and not folder:
        what = "folder" if name == "folder" else ".npz or .npy file"
        raise CfdError(
            "nobody said where the images lie",
            where=f"data {name}",
            advice=f"Give the {what} with --data, or as Images in the window.",
        )
    if not folder or name in ("digits", "none"):
        return
    path = Path(folder)
    if name == "arrays" and not (path.is_file() and path.suffix.lower() in (".npz", ".npy")):
        raise CfdError("is no .npz or .npy file", where=folder, advice="Give the file that holds the images.")
    if name != "arrays" and not path.is_dir():
        raise CfdError("is no folder", where=folder, advice="Give the folder that holds the images.")


def check_key(data: DataSet, keys: list[str]) -> None:
    """Make sure that images are those that earlier jobs saw.

    Parameters
    ----------
    data : DataSet
    keys : list of str
        Their keys; empty ones are unknown.

    Raises
    ------
    CfdError
    """
    if any(key not in ("", data.key) for key in keys):
        raise CfdError(
            "these are not the images that the run was begun with",
            where=f"data {data.name}",
            advice="Give those with --data, or begin a new run.",
        )


def check_classes(config: RunConfig, data: DataSet) -> None:
    """Make sure that the images have classes where a stage needs them.

    Raises
    ------
    CfdError
    """
    if data.classes or config.data.name == "none":
        return
    needing = [f"classifier '{one.id}'" for one in config.stages if isinstance(one, ClassifierStage) and one.steps]
    needing += [
        f"the dataset loss of '{one.id}'"
        for one in config.stages
        if isinstance(one, FeatureStage) and one.dataset_weight
    ]
    needing += ["network.conditional"] if config.network.conditional else []
    if needing:
        raise CfdError(
            f"the images have no classes, and {needing[0]} needs them",
            where=f"data {data.name}",
            advice="Sort the images into two or more sub-folders with none beside them, or give labels in the file; or "
            "leave that out of the config.",
        )
