"""What every command shares: help in sections, and errors in the words of the command line."""

import re
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand

from charrnn.errors import CharRNNError

MODEL_HELP = (
    "Model file or run directory. Default: $CHARRNN_MODEL, else the latest run below ./runs."
)


_ALTERNATIVE = re.compile(r",? or `(\w+)`[^,;]*")


class Stopped(BaseException):
    """A signal stops the command immediately.

    Not an ``Exception``: it can be raised during an import, where libraries catch every
    ``Exception`` and carry on.

    Attributes:
        exit_code: 128 plus the number of the signal.
    """

    def __init__(self, number: int) -> None:
        """Take the number of the signal."""
        super().__init__(number)
        self.exit_code = 128 + number


class Command(TyperCommand):
    """A command whose help has sections and whose errors name options.

    The library names its parameters in backquotes, ```top_p```. If the command has an option or
    argument for the parameter, the user reads ``--top-p`` instead; an alternative that the command
    does not have is left out.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except CharRNNError as error:
            names = {parameter.name: _user_name(parameter) for parameter in self.params}
            message = _ALTERNATIVE.sub(lambda found: found[0] * (found[1] in names), str(error))
            message = re.sub(r"`(\w+)`", lambda found: names.get(found[1], found[1]), message)
            error.args = (message,)
            raise

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then the options of each section in the order of declaration."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                is_argument = parameter.param_type_name == "argument"
                title = getattr(parameter, "rich_help_panel", None)
                title = title or ("Arguments" if is_argument else "Options")
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


def _user_name(parameter: Any) -> str:
    """Return what a user types for a parameter: its first long option, or its metavar."""
    long_names = [name for name in parameter.opts if name.startswith("--")]
    return str(long_names[0] if long_names else parameter.metavar or parameter.name)


def section(title: str) -> Callable[..., Any]:
    """Return a function that declares options of one section of the help.

    It takes a metavar, the help text and the option names.
    """

    def option(metavar: str | None, text: str, *names: str, **more: Any) -> Any:
        more |= {"metavar": metavar, "help": text, "rich_help_panel": title}
        return typer.Option(*names, show_default=False, **more)

    return option
