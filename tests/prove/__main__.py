"""``python -m tests.prove run [GROUP ...]`` finishes the groups; ``check`` repeats a few cells.

Examples:
    python -m tests.prove run tuning              # resumes where it stopped; Ctrl-C keeps finished cells
    python -m tests.prove check --commit $(git rev-parse HEAD) --cells 3
    python -m tests.prove show tuning             # the commands behind a group's cells
"""

import argparse
import hashlib
import json
import sys
import time
from typing import Any

from simulations import pool
from simulations.sweeps.analysis import OURS
from tests.prove import store, summaries
from tests.prove.cells import Cell, line
from tests.prove.choose import chosen as chosen_settings
from tests.prove.groups import CHOSEN, GROUPS
from tests.prove.table import overview, section

CHECK_REQUESTS_MAX = 150_000
"""Cells that CI repeats are at most this long: about ten seconds each."""


def run(groups: list[str], jobs: int, policies: list[str]) -> None:
    """Finish every missing cell of the groups (of some policies only, if any are named), on all cores."""
    for group in groups:
        cells = GROUPS[group]()
        known = store.read(group)
        missing = [
            cell for cell in cells if cell.key not in known and cell.policy in (policies or [cell.policy])
        ]
        begun, done = time.monotonic(), 0

        def keep(_number: int, text: str, group: str = group, total: int = len(missing)) -> None:
            nonlocal done
            store.append(group, text)
            done += 1
            left_s = (time.monotonic() - begun) / done * (total - done)  # noqa: B023 - used before the next group
            sys.stderr.write(f"\r{group}: {done}/{total} cells, {left_s / 60:.0f} min left ")

        pool.run(line, missing, jobs, keep)
        store.rewrite(group, [cell.key for cell in cells])
        sys.stderr.write(f"\r{group}: {len(cells)} cells in {store.path(group).name}          \n")


def chosen(commit: str, count: int) -> list[tuple[str, Cell]]:
    """Cells to repeat, drawn by the commit's hash among the finished ones that are short enough.

    At least one is ours: the law changes more often than its rivals do.
    """
    finished = [
        (group, cell)
        for group, cells in GROUPS.items()
        for known in [store.rows(group)]
        for short in [{row["key"] for row in known if row["requests"] <= CHECK_REQUESTS_MAX}]
        for cell in cells()
        if cell.key in short and cell.level_ratio is None
    ]
    drawn = sorted(finished, key=lambda item: hashlib.sha256((commit + item[1].key).encode()).digest())
    ours = [item for item in drawn if item[1].policy == OURS][:1]
    return [*ours, *(item for item in drawn if item not in ours)][:count]


def check(commit: str, count: int) -> int:
    """Repeat the chosen cells; the exit code is the number that came out different."""
    different = 0
    for group, cell in chosen(commit, count):
        same = line(cell) == store.read(group)[cell.key]
        different += not same
        sys.stdout.write(f"{'equal ' if same else 'DIFFERENT'} {group}: {cell.key}\n")
    sys.stdout.write(f"{count - different} passed, {different} failed\n")
    return different


def _labelled(group: str) -> list[dict[str, Any]]:
    """The group's finished rows, with what their cells say of themselves."""
    known = {row["key"]: row for row in store.rows(group)}
    return [
        {**known[cell.key], "load": cell.load, "policy": cell.policy, "label": cell.label, "seed": cell.seed}
        for cell in GROUPS[group]()
        if cell.key in known
    ]


def choose() -> None:
    """Write the settings that every policy is judged at; ours is judged as it ships."""
    picked = {
        policy: {f"{level:g}": point.label for level, point in by_level.items()}
        for policy, by_level in chosen_settings(_labelled("tuning")).items()
    }
    CHOSEN.write_text(json.dumps(picked, indent=1) + "\n")


def tables() -> str:
    """Every table that the committed results allow, as Markdown."""
    parts = [
        ("Tuning loads", summaries.tuned(_labelled("tuning"))),
        ("What the terms buy", summaries.by_label(_labelled("ablation"), "switched off")),
        ("Wrong priors", summaries.by_label(_labelled("priors"), "belief")),
        ("Sceptics' runs", summaries.by_policy(_labelled("sceptics"))),
    ]
    rows = _labelled("held-out") + _labelled("oracle")
    loads = list(dict.fromkeys(row["load"] for row in rows if row["policy"] == OURS))
    by_load = {load: [row for row in rows if row["load"] == load] for load in loads}
    held_out = [overview(by_load), *(section(load, found) for load, found in by_load.items())]
    return "\n\n".join([*(f"## {title}\n\n{text}" for title, text in parts), "## Held-out traces", *held_out])


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(dest="command", required=True)
    runner = commands.add_parser("run", help="finish the groups (all of them by default)")
    runner.add_argument("groups", nargs="*", choices=[[], *GROUPS], default=[])
    runner.add_argument("--policies", nargs="+", default=[], help="only the cells of these policies")
    runner.add_argument("--jobs", type=int, default=pool.cores())
    checker = commands.add_parser("check", help="repeat a few finished cells and compare bytes")
    checker.add_argument("--commit", required=True)
    checker.add_argument("--cells", type=int, default=3)
    shower = commands.add_parser("show", help="the commands behind a group's cells")
    shower.add_argument("group", choices=list(GROUPS))
    commands.add_parser("choose", help="pick every policy's settings from the tuning runs")
    commands.add_parser("tables", help="print the tables of the held-out loads as Markdown")
    arguments = parser.parse_args()
    if arguments.command == "choose":
        choose()
        return 0
    if arguments.command == "tables":
        sys.stdout.write(tables() + "\n")
        return 0
    if arguments.command == "check":
        return check(arguments.commit, arguments.cells)
    if arguments.command == "show":
        sys.stdout.write("".join(f"{cell.key}\n    {cell.command()}\n" for cell in GROUPS[arguments.group]()))
        return 0
    run(arguments.groups or list(GROUPS), arguments.jobs, arguments.policies)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
