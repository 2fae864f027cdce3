"""State dicts by foreign names: what is missing, what is unknown, and what has another shape."""

from collections.abc import Mapping

from torch import Tensor

State = dict[str, Tensor]
MOST_NAMED = 8


class Misfit(Exception):  # noqa: N818, it says what does not fit
    """A file holds something else than it should; the message goes on after the file's name."""


def compare(held: State, wanted: Mapping[str, tuple[int, ...]]) -> None:
    """Make sure that a state dict has the tensors of a network and no others.

    Parameters
    ----------
    held : dict of Tensor
    wanted : mapping of str to tuple of int
        Name and shape of every tensor of the network.

    Raises
    ------
    Misfit
        Naming what is missing, what is unknown and what has another shape.
    """
    missing = [name for name in wanted if name not in held]
    unknown = [name for name in held if name not in wanted]
    shapes = [
        f"{name} (is {tuple(held[name].shape)}, should be {shape})"
        for name, shape in wanted.items()
        if name in held and tuple(held[name].shape) != shape
    ]
    said = [
        f"{word} {_named(names)}"
        for word, names in (("lacks", missing), ("has unknown", unknown), ("has another shape of", shapes))
        if names
    ]
    if said:
        raise Misfit(f"does not fit the network that its shapes describe: it {', '.join(said)}")


def _named(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return ", ".join(name[:120] for name in names[:MOST_NAMED]) + more
