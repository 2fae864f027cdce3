"""One process of several that ``torchrun`` started on the same command line."""

import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

from cfd_studio.engine.assistant import assist
from cfd_studio.engine.execution import choose_device
from cfd_studio.engine.mishaps import rank_lost
from cfd_studio.engine.ranks import Ranks, Word, joined
from cfd_studio.engine.turns import Turns
from cfd_studio.protocol.errors import CfdError
from cfd_studio.protocol.execution import ExecutionRequest
from cfd_studio.runs.folder import RunFolder
from cfd_studio.workers.thread import ThreadLauncher


def work_as_one_of_several(path: Path, open_run: Callable[[Path], RunFolder], request: ExecutionRequest) -> int:
    """Train as rank 0, which opens the run and is followed here, or assist in silence; return the exit code."""
    device = choose_device(request.device)
    with joined(device) as ranks:
        return _lead(path, open_run, request, ranks) if ranks.first else _assist(path, device, ranks)


def _lead(path: Path, open_run: Callable[[Path], RunFolder], request: ExecutionRequest, ranks: Ranks) -> int:
    from cfd_studio.cli.follow import follow

    try:
        run = open_run(path)
    except CfdError:
        ranks.say(Word.STOP)
        raise
    ranks.say(Word.GO)
    return follow(run, partial(ThreadLauncher(Turns(), ranks=ranks).start, run, request), insists=False)


def _assist(path: Path, device: str, ranks: Ranks) -> int:
    # Whoever stops the job sends a signal to all; rank 0 saves first and then lets the others go.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    try:
        if ranks.say(Word.GO) == Word.GO:
            assist(RunFolder(path), device, ranks)
    except RuntimeError as error:
        if not rank_lost(error):
            raise
        return 1
    return 0
