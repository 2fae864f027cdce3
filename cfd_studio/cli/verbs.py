"""The verbs of the command line: where each lives and what the listing says of it, known without importing one."""

import pkgutil
from collections.abc import Callable
from typing import Any, NamedTuple


class Verb(NamedTuple):
    """One command.

    Attributes
    ----------
    place : str
        Module and function, below this package.
    summary : str
        The first paragraph of the function's docstring.
    """

    place: str
    summary: str

    def load(self) -> Callable[..., Any]:
        """Import its module, and return its function."""
        function: Callable[..., Any] = pkgutil.resolve_name(f"{__package__}.{self.place}")
        return function


VERBS = {
    "demo": Verb(
        "demo:demo",
        "Run the main job: a teacher of handwritten digits, distilled down to one step, side by side at the end.",
    ),
    "open": Verb("demo:open_run", "Open a run in the window, also one that is being trained elsewhere."),
    "presets": Verb("presets:presets", "List the presets, or print one to start a config of your own from."),
    "options": Verb("options:list_options", "List every value that a config may hold, with what `--set` calls it."),
    "estimate": Verb(
        "estimate:estimate_cost",
        "Say what a run would cost on this machine: a few steps of every kind of work in it are done and timed.",
    ),
    "bench": Verb(
        "bench:main",
        "Measure optimizer steps and sampling on this machine: plain (eager float32) and fast (as a job would) in "
        "turns.",
    ),
    "train": Verb("train:train", "Make a run and train all its stages."),
    "resume": Verb("train:resume", "Go on with a run from its newest checkpoint."),
    "status": Verb("status:status", "Say where a run stands."),
    "runs": Verb("runs:runs", "List the runs below a folder, newest first."),
    "sample": Verb("sample:sample", "Draw images of one model with one or more step counts, all from the same noise."),
    "compare": Verb(
        "compare:compare",
        "Draw teacher and students side by side: a row per model, a column per step count, the same noise in every "
        "cell.",
    ),
    "evaluate": Verb(
        "evaluate:evaluate",
        "Measure trained models: Frechet distance, precision, recall, time per image; with Inception also KID and "
        "score.",
    ),
    "import": Verb(
        "import_checkpoint:import_checkpoint",
        "Make a run of a checkpoint of the published CFD code; what was found in it is printed.",
    ),
    "export": Verb("export:export", "Write a trained model for other programs."),
    "report": Verb(
        "report:report",
        "Write a run as one HTML file: lineage, figures, samples, loss curves and experiment, for browsers and "
        "printers.",
    ),
}
