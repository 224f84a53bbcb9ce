"""``hearth``: the one place that knows every process. Each is imported only when it is asked for."""

import difflib
import errno
import importlib
import itertools
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from simulations.errors import InputError, SimulationError

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

COMMANDS = {
    "demo": "simulations.cli.commands:demo",
    "simulate": "simulations.cli.commands:simulate",
    "sweep": "simulations.cli.commands:sweep",
    "calibrate": "simulations.cli.commands:calibrate",
    "engine": "simulations.cli.engine:engine",
}
"""Command -> ``module:function``. Nothing heavy is imported at their top (tests/cli holds them to it)."""

EXTRAS = {"engine": "engine"}
"""What to install for a command, where it is not the simulator's extra."""

EXAMPLES = """
Examples:

  hearth demo

  hearth simulate --trace azure-conv --policy hearth --html run.html

  hearth sweep --trace azure-conv --copies 8 --policies hearth,kv,static
"""


class Lazy(TyperGroup):
    """A group that knows its commands by name and loads one when it is looked up."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the base class's signature
        """Every command, in the order a newcomer meets them."""
        return list(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As the base class; an unknown command is one line that names the nearest."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1, cutoff=0.0)[0]
            fix = f"did you mean {near}? commands: {', '.join(COMMANDS)}"
            raise InputError(f"hearth {args[0]}", "there is no such command", fix)
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the base class's signature
        """Import and build one command; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, function = COMMANDS[cmd_name].split(":")
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(cmd_name)(getattr(importlib.import_module(module), function))
        return typer.main.get_command(single)


app = typer.Typer(
    cls=Lazy,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog=EXAMPLES,
    rich_markup_mode="markdown",
)


def _version(*, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"hearth {version('hearth')}")
        raise typer.Exit


@app.callback()
def hearth(
    _shown: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the version and exit.",
            is_eager=True,
            callback=lambda v: _version(wanted=v),
        ),
    ] = False,
) -> None:
    """Autoscaling and model caching for vLLM on Kubernetes, and a simulator that runs the same decisions."""


def _misused(error: TyperException, words: list[str]) -> str:
    """One line for a wrong option: what was given, what is wrong with it, and where to look."""
    names = getattr(getattr(error, "param", None), "opts", [])
    given = [word.removeprefix(f"{name}=") for name in names for word in words if word.startswith(f"{name}=")]
    given += [after for name in names for word, after in itertools.pairwise(words) if word == name]
    value = f" (given: {given[-1]})" if given else ""
    message = " ".join(error.format_message().split()).rstrip(".")
    command = " ".join(["hearth", *[word for word in words[:1] if word in COMMANDS]])
    return f"{message}{value}; see {command} --help"


def main() -> None:
    """Entry point: bad input is one line and exit code 2, Ctrl-C is silent and 130."""
    try:
        sys.exit(app(prog_name="hearth", standalone_mode=False))
    except TyperException as error:
        if error.format_message():  # without arguments the help was printed, and nothing is wrong
            sys.stderr.write(f"hearth: {_misused(error, sys.argv[1:])}\n")
        sys.exit(EXIT_BAD_INPUT)
    except InputError as error:
        sys.stderr.write(f"hearth: {error}\n")
        sys.exit(EXIT_BAD_INPUT)
    except SimulationError as error:
        sys.stderr.write(f"hearth: {error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:  # `hearth … --json - | head`: the reader has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        sys.stderr.write("hearth: no space left where the output goes\n")
        sys.exit(1)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(next(iter(sys.argv[1:]), ""), "sim")
        lacks = f"this command needs {error.name}, which is not installed"
        sys.stderr.write(f"hearth: {lacks}; pip install 'hearth[{extra}]'\n")
        sys.exit(EXIT_BAD_INPUT)


if __name__ == "__main__":
    main()
