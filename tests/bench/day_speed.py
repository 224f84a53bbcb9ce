"""A recorded day autoscaled by hearth: wall seconds, memory, and what twice the requests cost.

Each run is a process of its own, so that its peak memory is its own.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.engine_speed import LOOP, empty_loop_s
from tests.bench.say import say

TRACE = "servegen-m-mid"


def main() -> None:
    """Print the day once and with its requests doubled."""
    say(f"\n24 h of {TRACE} under hearth, beside {LOOP:,} empty iterations ({empty_loop_s():.3f} s)")
    single, double = _run("hearth", TRACE, 1), _run("hearth", TRACE, 2)
    say(f"  twice the requests take {double / single:.2f} times as long")
    _run("static:1", "azure-conv", 1)


def _run(policy: str, trace: str, copies: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run.json"
        hearth = Path(sys.executable).with_name("hearth")
        words = ("simulate", "--trace", trace, "--policy", policy, "--set", f"trace.copies={copies}")
        command = [str(hearth), *words, "--json", str(out)]
        subprocess.run(command, check=True, capture_output=True)
        found = json.loads(out.read_text())
    run = found["run"]
    say(
        f"  {trace} x {copies}, {policy}: {found['requests']:9,} requests in {run['wall_seconds']:6.2f} s "
        f"({run['requests_per_wall_second']:8,.0f} a second), {run['peak_rss_bytes'] / 1e6:.0f} MB at most"
    )
    return float(run["wall_seconds"])


if __name__ == "__main__":
    main()
