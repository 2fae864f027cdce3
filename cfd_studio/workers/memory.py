"""What was drawn before, found by what it depends on."""

from collections.abc import Callable

from cfd_studio.protocol.sampling import SampleAnswer, SampleRequest
from cfd_studio.workers.sample_keys import SampleKeys
from cfd_studio.workspace.drawings import Drawings


class Memory:
    """Remembers answers in the user's cache; any thread may ask.

    Parameters
    ----------
    drawings : Drawings
    """

    def __init__(self, drawings: Drawings) -> None:
        self._drawings = drawings
        self._keys = SampleKeys()

    def recall(self, request: SampleRequest) -> SampleAnswer | None:
        """Return what was drawn for such a request, or None."""
        key = self._keys.of(request)
        return None if key is None else self._drawings.recall(key, request)

    def keep(self, request: SampleRequest, draw: Callable[[SampleRequest], SampleAnswer]) -> SampleAnswer:
        """Draw, and remember the answer where nothing was trained anew meanwhile."""
        key = self._keys.of(request)
        answer = draw(request)
        if key is not None and key == self._keys.of(request):
            self._drawings.keep(key, answer)
        return answer
