"""Keeps the machine from falling asleep while it trains; where the system offers no way, nothing happens."""

import logging
import threading

_LOG = logging.getLogger(__name__)


class Awake:
    """Asks the system to stay awake from a thread of its own: the answer may take its time."""

    def __init__(self) -> None:
        self._release: threading.Event | None = None
        self._thread: threading.Thread | None = None

    def want(self, awake: bool) -> None:
        """Keep the machine awake from now on, or no longer; harmless when repeated."""
        if awake and self._release is None:
            self._release = threading.Event()
            self._thread = threading.Thread(target=_hold, args=(self._release,), name="cfd-awake", daemon=True)
            self._thread.start()
        elif not awake and self._release is not None:
            self._release.set()
            self._release = None

    def close(self) -> None:
        """Let the machine sleep again."""
        self.want(False)
        if self._thread is not None:
            self._thread.join(5)


def _hold(release: threading.Event) -> None:
    try:
        from wakepy import keep  # not before it is needed

        logging.getLogger("wakepy").setLevel(logging.ERROR)  # it says at length what a desktop lacks
        with keep.running(on_fail="pass"):
            release.wait()
    except Exception:
        # Training matters more than a machine that may fall asleep as it always did.
        _LOG.info("the machine cannot be kept awake", exc_info=True)
