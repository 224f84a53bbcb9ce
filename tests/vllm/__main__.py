"""``python -m tests.vllm``: real vLLM on this machine's CPU, for tests and for looking at.

Examples:
    python -m tests.vllm install                    # 0.9 GB, under a minute
    python -m tests.vllm serve --port 8000          # a tiny model, until Ctrl-C
    python -m tests.vllm where                      # folders, for whoever makes an image
    python -m tests.vllm lock                       # resolve anew: writes the two locks
"""

import sys
from typing import Annotated

import typer

from tests.e2e.cluster.machine import UnableError
from tests.e2e.cluster.progress import Terminal
from tests.vllm import install as installing
from tests.vllm import lock as locking
from tests.vllm import tiny
from tests.vllm.errors import VllmError
from tests.vllm.serving import Flags, serving

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)


@app.command()
def install() -> None:
    """Make the environment, unless it is there."""
    sys.stdout.write(f"{installing.install(Terminal())}\n")


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Of 127.0.0.1; 0: a free one.")] = 8000,
    max_num_seqs: Annotated[int, typer.Option(help="Sequences that run at once.")] = 16,
    kv_blocks: Annotated[int | None, typer.Option(help="Blocks of 32 tokens in the KV cache.")] = None,
) -> None:
    """Serve the tiny model until Ctrl-C."""
    flags = Flags(max_num_seqs=max_num_seqs, kv_blocks=kv_blocks)
    with serving(installing.install(Terminal()), flags, port=port) as server:
        sys.stdout.write(f"{server.url}\nlog: {server.log}\n")
        sys.stdout.flush()
        server.process.wait()


@app.command()
def where() -> None:
    """Print what lies where: the environment, its packages, the tiny model."""
    made = installing.install(Terminal())
    sys.stdout.write(
        f"environment\t{made}\npackages\t{installing.site_packages(made)}\nmodel\t{tiny.model()}\n"
    )


@app.command()
def lock() -> None:
    """Write the locks anew; needs the network."""
    locking.write(installing.uv())


def main() -> None:
    """Errors are one line."""
    try:
        app()
    except (UnableError, VllmError) as error:
        sys.stderr.write(f"vllm: {error}\n")
        sys.exit(3 if isinstance(error, UnableError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
