"""The per-request CSV."""

import csv
import io
from array import array

from simulations.cli.per_request import COLUMNS, write_per_request
from simulations.requests import Outcomes, Trace
from simulations.scenario import Slo


def test_rows_say_what_became_of_each_request_and_leave_blank_what_never_happened() -> None:
    trace = Trace(
        name="t",
        arrival_us=array("q", [0, 1_000_000, 2_000_000]),
        input_tokens=array("q", [10, 20, 30]),
        output_tokens=array("q", [3, 1, 9]),
    )
    outcomes = Outcomes(3)
    outcomes.scheduled_us[0], outcomes.first_token_us[0], outcomes.finished_us[0] = 10_000, 20_000, 60_000
    outcomes.replica[0], outcomes.attempts[0] = 4, 2
    outcomes.dropped_us[1] = 1_500_000
    stream = io.StringIO()
    write_per_request(stream, trace, outcomes, slo=Slo(), idle_ttft_s=lambda _: 0.1)
    rows = list(csv.reader(io.StringIO(stream.getvalue())))
    assert rows == [
        list(COLUMNS),
        [
            "0",
            "0.000000",
            "10",
            "3",
            "completed",
            "1",
            "0.010000",
            "0.020000",
            "0.020000",
            "0.060000",
            "4",
            "2",
        ],
        ["1", "1.000000", "20", "1", "dropped", "0", "", "", "", "", "", "0"],
        ["2", "2.000000", "30", "9", "unfinished", "0", "", "", "", "", "", "0"],
    ]
