"""What typer makes of the command line: the listing, and one command at a time."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cfd_studio import __version__
from cfd_studio.cli.verbs import VERBS


class _Commands(TyperGroup):
    """The commands, each imported once it is the one that is wanted.

    A file that ends early is no person who went away, which is what typer takes an EOFError for.
    """

    def resolve_command(self, context: Any, arguments: list[str]) -> tuple[Any, Any, list[str]]:
        """Return the command that the arguments name, in place of the line that stands for it in the listing."""
        name, listed, rest = super().resolve_command(context, arguments)
        return name, listed and _command(name), rest

    def invoke(self, context: Any) -> Any:
        """Carry out a command."""
        try:
            return super().invoke(context)
        except EOFError as error:
            raise RuntimeError(str(error) or "a file ends too early") from error


app = typer.Typer(
    name="cfd-studio",
    cls=_Commands,
    help="Train a diffusion teacher and distil it into a student that draws an image in 4, 2 or 1 network calls.\n\n"
    "Without a command the window opens. Exit codes: 0 done, 1 the job ended early, 2 bad input.",
    epilog="Start here: cfd-studio demo",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _verb in VERBS.items():
    app.command(_name, help=_verb.summary)(_verb.load)


def _command(name: str | None) -> Any:
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    alone.command(name)(VERBS[str(name)].load())
    return typer.main.get_command(alone)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"CFD Studio {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        raise typer.Exit(context.obj())
