"""A scripted external scaler: one server that answers for every case what its script says at the moment.

It writes a line for each call, ``[wall seconds, case, trigger, call, what was answered]``, so that it can be
told afterwards what KEDA knew and when.

    python -m tests.e2e.hpa.scaler 10.87.0.1:6000 calls.jsonl
"""

import json
import sys
import threading
import time
from concurrent import futures
from pathlib import Path
from typing import Any, TextIO

import grpc

from tests.e2e.hpa.case import Case, at
from tests.e2e.hpa.cases import CASES

PROTO = "tests/e2e/hpa/externalscaler.proto"
STEP_S = 0.02
_THREADS = 64
"""Each push stream holds one."""


class Scaler:
    """The service. A case's clock starts with the first call for it."""

    def __init__(self, messages: Any, log: TextIO) -> None:
        self._messages = messages
        self._log = log
        self._lock = threading.Lock()
        self._cases = {case.name: case for case in CASES}
        self._began: dict[str, float] = {}

    def _seen(self, ref: Any, call: str) -> tuple[Case, int, float]:
        """The case, the trigger's index, and the case's time; the call is in the log."""
        now, name, trigger = time.time(), ref.name, int(ref.scalerMetadata["trigger"])
        with self._lock:
            began = self._began.setdefault(name, now)
            self._log.write(json.dumps([round(now, 4), name, trigger, call]) + "\n")
        return self._cases[name], trigger, now - began

    def GetMetricSpec(self, request: Any, context: Any) -> Any:  # noqa: N802
        case, trigger, _ = self._seen(request, "spec")
        spec = self._messages.MetricSpec(metricName="m", targetSizeFloat=case.metrics[trigger].target)
        return self._messages.GetMetricSpecResponse(metricSpecs=[spec])

    def GetMetrics(self, request: Any, context: Any) -> Any:  # noqa: N802
        case, trigger, at_s = self._seen(request.scaledObjectRef, "metrics")
        value = at(case.metrics[trigger].steps, at_s)
        if value is None:
            context.abort(grpc.StatusCode.UNAVAILABLE, "as the script says")
        answer = self._messages.MetricValue(metricName="m", metricValueFloat=value)
        return self._messages.GetMetricsResponse(metricValues=[answer])

    def IsActive(self, request: Any, context: Any) -> Any:  # noqa: N802
        case, _, at_s = self._seen(request, "active")
        return self._messages.IsActiveResponse(result=at(case.active, at_s))

    def StreamIsActive(self, request: Any, context: Any) -> Any:  # noqa: N802
        """``true`` at each turn to active, and at the start if it is active then."""
        case, _, _ = self._seen(request, "stream")
        told = False
        while context.is_active():
            active = at(case.active, time.time() - self._began[case.name])
            if active and not told:
                self._seen(request, "push")
                yield self._messages.IsActiveResponse(result=True)
            told = active
            time.sleep(STEP_S)

    def StreamMetricSpec(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Optional, and not offered."""
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "targets stay as they are")
        yield


def main(address: str, log: str) -> None:
    """Serve until killed."""
    messages, services = grpc.protos_and_services(PROTO)
    server = grpc.server(futures.ThreadPoolExecutor(_THREADS))
    with Path(log).open("a", buffering=1) as file:
        services.add_ExternalScalerServicer_to_server(Scaler(messages, file), server)
        server.add_insecure_port(address)
        server.start()
        server.wait_for_termination()


if __name__ == "__main__":
    main(*sys.argv[1:])
