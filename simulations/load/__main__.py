"""``python -m simulations.load``: bad input is one line and exit code 2, Ctrl-C is 130."""

import sys

import typer
from typer.exceptions import TyperException

from simulations.errors import InputError
from simulations.load.commands import load

PROGRAM = "python -m simulations.load"
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command("load")(load)


def main() -> None:
    """Entry point."""
    try:
        sys.exit(app(prog_name=PROGRAM, standalone_mode=False))
    except TyperException as error:
        sys.stderr.write(f"load: {' '.join(error.format_message().split())} See {PROGRAM} --help\n")
        sys.exit(EXIT_BAD_INPUT)
    except InputError as error:
        sys.stderr.write(f"load: {error}\n")
        sys.exit(EXIT_BAD_INPUT)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except ModuleNotFoundError as error:
        sys.stderr.write(f"load: needs {error.name}, which is not installed; pip install 'hearth[engine]'\n")
        sys.exit(EXIT_BAD_INPUT)


if __name__ == "__main__":
    main()
