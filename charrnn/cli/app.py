"""The program: its commands, and the one place that turns errors into a line and an exit code."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from charrnn import __version__
from charrnn.cli.command import Command, Stopped
from charrnn.cli.eval import evaluate
from charrnn.cli.info import info
from charrnn.cli.look import look
from charrnn.cli.output import abandon_stdout, log
from charrnn.cli.page import page
from charrnn.cli.sample import sample
from charrnn.cli.train import train
from charrnn.errors import CharRNNError, SaidElsewhereError


class OneLineErrors(TyperGroup):
    """Report errors that a user can cause as one line on standard error.

    This happens here, not around the call of the program, so that Typer's test runner sees it.
    """

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line and exit with its code; the arguments are Typer's."""
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except SystemExit:  # raised by Typer only where the reader of the help has gone
            abandon_stdout()
            code = 0
        except Stopped as stop:
            code = stop.exit_code
        except SaidElsewhereError as error:
            code = error.exit_code
        except CharRNNError as error:
            log(f"charrnn: error: {error}")
            code = error.exit_code
        except MemoryError:
            log("charrnn: error: out of memory; give a smaller text")
            code = 1
        except OSError as error:
            where = "" if error.filename is None else f"{error.filename!r}: "
            log(f"charrnn: error: {where}{error.strerror or error}")
            code = 1
        except Exception as error:
            if not hasattr(error, "format_message"):
                raise
            log(f"charrnn: error: {_usage_message(error)}")
            code = getattr(error, "exit_code", 2)
        if standalone_mode:
            sys.exit(code)
        return code


def _usage_message(error: Any) -> str:
    """Return a usage error of Typer as one line that ends with the command for help.

    The common base of such errors has no name that every version of Typer exports; all have
    ``format_message``, ``exit_code`` and, mostly, ``ctx``.
    """
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    command = "charrnn" if context is None else context.command_path
    return f"{message}; see {command} --help"


app = typer.Typer(
    cls=OneLineErrors,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "terminal_width": 80},
    epilog=(
        "Exit codes: 0 success, 1 failure, 2 wrong usage, 130 stopped by SIGINT, 143 stopped by "
        "SIGTERM."
    ),
)


def _show_version(is_wanted: bool) -> None:
    """Print the version and exit."""
    if is_wanted:
        typer.echo(f"charrnn {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def charrnn(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Character-level text generator.

    \b
    charrnn train corpus.txt          # train a model on a text
    charrnn sample --temp 0.8         # write text like it
    charrnn eval other.txt            # measure how surprising another text is
    charrnn look other.txt --at 100   # see why it expects what stands there
    charrnn page -o story.html        # put a model into a page to write with
    charrnn info                      # show a model and how it was trained
    """
    del version
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


app.command(cls=Command)(train)
app.command(cls=Command)(sample)
app.command("eval", cls=Command)(evaluate)
app.command(cls=Command)(look)
app.command(cls=Command)(page)
app.command(cls=Command)(info)
