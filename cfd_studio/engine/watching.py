"""How everybody sees how far files are that have to be fetched or read first."""

from cfd_studio.data.source import Watch
from cfd_studio.engine.controls import Controls
from cfd_studio.engine.reporter import Reporter


def watched(reporter: Reporter, controls: Controls, what: str, stage: str | None = None) -> Watch:
    """Return what names every phase of it, counts, and stops where the job is to stop.

    Parameters
    ----------
    reporter : Reporter
    controls : Controls
    what : str
        Is being worked on, for the log: ``the images``.
    stage : str, optional
        For which it is.
    """

    def watch(doing: str, done: int, total: int, unit: str) -> None:
        if reporter.doing != (doing, stage):
            reporter.phase(doing, stage)
            reporter.log(f"{doing.capitalize()} {what}.")
        reporter.count(done, total, unit)
        controls.poll()

    return watch
