"""What goes on while quality is measured: others take their turn, somebody may end it, and somebody looks on."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field


def _nothing(*_: object) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a measurement listens and speaks to.

    Attributes
    ----------
    turn : context manager
        Entered around every piece of work on the device, where the device is shared.
    poll : callable
        Called between the pieces, outside a turn; may raise to end early.
    progress : callable
        Called with how many images are done and how many there are.
    """

    turn: AbstractContextManager[None] = field(default_factory=nullcontext)
    poll: Callable[[], None] = _nothing
    progress: Callable[[int, int], None] = _nothing

    @contextmanager
    def at_work(self) -> Iterator[Callable[[], None]]:
        """Take a turn; yield what is to be called between two pieces of work, which lets others have theirs."""

        def between() -> None:
            self.turn.__exit__(None, None, None)
            try:
                self.poll()
            finally:
                self.turn.__enter__()

        with self.turn:
            yield between


ALONE = Audience()
