"""The fast paths of the engine: each computes the same thing in less time, and each can be switched."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ValidationError

from cfd_studio.protocol.fields import Words, field

Precision = Literal["float32", "tf32", "bfloat16"]
AskedPrecision = Literal["auto", Precision]
PRECISIONS: tuple[AskedPrecision, ...] = ("auto", "float32", "tf32", "bfloat16")
Compilation = Literal["off", "default", "cuda-graphs"]
LayoutOf = Literal["none", "frozen", "all"]


class FastPaths(Words):
    """Which fast paths a job takes; the defaults are those of jobs from before there was a choice.

    None of them changes what is computed by more than rounding; see `cfd_studio.engine.defaults` for what is taken
    where nobody chooses.
    """

    channels_last: LayoutOf = field(
        "Whose weights and images lie with their channels last: of no network, of the frozen ones, or of all.",
        label="Channels last",
        default="none",
    )
    compilation: Compilation = field(
        "Whether torch.compile translates the networks at the start of a stage, and with CUDA graphs.",
        label="Compiled",
        default="off",
    )
    fused_attention: bool = field("Attention as one kernel.", label="Fused attention", default=True)
    fused_optimizer: bool = field("The optimizer step as one kernel.", label="Fused optimizer", default=True)
    foreach_average: bool = field("The average of all weights moved at once.", label="Foreach average", default=True)
    gathered_weights: bool = field(
        "The weights of what is trained lie in one piece, moved, clipped and averaged as one; with the channels last "
        "they do not.",
        label="Gathered weights",
        default=False,
    )
    frozen_without_gradients: bool = field(
        "No gradient is computed for the weights of a frozen classifier. For those of a teacher none ever is.",
        label="Frozen without gradients",
        default=True,
    )
    folded_normalization: bool = field(
        "The batch normalisation of a frozen classifier is folded into the convolutions before it.",
        label="Folded normalisation",
        default=False,
    )
    data_on_device: bool = field(
        "Images lie on the device that computes, where there is room for them.", label="Data on device", default=True
    )
    deferred_reading: bool = field(
        "Losses stay on the device until a point of the curve is due.", label="Deferred reading", default=True
    )
    idle_core: bool = field(
        "A student's next targets, and half of what is drawn to judge, on a core of the CPU that would be idle.",
        label="Idle core",
        default=False,
    )
    background_saving: bool = field(
        "Checkpoints are written while the training goes on.", label="Background saving", default=False
    )
    rounding_on_device: bool = field(
        "Drawn images become 8-bit on the device, and only those bytes are moved.",
        label="Rounding on device",
        default=True,
    )

    @classmethod
    def none(cls) -> "FastPaths":
        """Return plain computing: every path off."""
        return cls.model_validate({name: _off(name) for name in cls.model_fields})

    def uncompiled(self) -> "FastPaths":
        """Return the same paths for what is too short to compile anything."""
        return self.model_copy(update={"compilation": "off"})


UNCHOSEN = FastPaths()


def read_wishes(text: str) -> dict[str, Any]:
    """Return the fast paths that a text asks for, by name: ``off``, or ``name=value`` parted by commas.

    Raises
    ------
    ValueError
        Where it names what there is not, or gives it a value that it cannot have.
    """
    wishes: dict[str, Any] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, separator, value = (one.strip() for one in part.partition("="))
        if part == "off":
            wishes |= FastPaths.none().model_dump()
        elif not separator or name not in FastPaths.model_fields:
            raise ValueError(f"'{part}' is no fast path; write off, or NAME=VALUE with one of {_names()}")
        else:
            wishes[name] = value
    try:
        read = FastPaths.model_validate(wishes)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise ValueError(f"{name} cannot be {wishes[name]}; it can be {', '.join(values_of(name))}") from None
    return {name: getattr(read, name) for name in wishes}


def write_wishes(wishes: dict[str, Any]) -> str:
    """Return the text that `read_wishes` reads as these wishes; one that names all paths begins with off."""
    whole = wishes.keys() == FastPaths.model_fields.keys()
    off = FastPaths.none().model_dump() if whole else {}
    words = {True: "on", False: "off"}
    named = (f"{name}={words.get(value, value)}" for name, value in wishes.items() if not whole or value != off[name])
    return ", ".join([*(["off"] if whole else []), *named])


def values_of(name: str) -> tuple[str, ...]:
    """Return what a fast path can be, in the words of the command line, the plainest first."""
    allowed = FastPaths.model_fields[name].annotation
    return ("off", "on") if allowed is bool else getattr(allowed, "__args__", ())


def _readable(text: str) -> str:
    read_wishes(text)
    return text


FastText = Annotated[str, AfterValidator(_readable)]


def _off(name: str) -> str:
    return values_of(name)[0]


def _names() -> str:
    return ", ".join(FastPaths.model_fields)
