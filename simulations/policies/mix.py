"""The mean request of a workload: what an operator load-tests with before choosing a threshold."""

from dataclasses import dataclass

from simulations.requests import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Mean prompt and answer, tokens."""

    prompt_tokens: float
    output_tokens: float

    @property
    def resident_tokens(self) -> float:
        """KV tokens that a request holds on average while it decodes."""
        return self.prompt_tokens + self.output_tokens / 2.0


def of_trace(trace: Trace) -> Mix:
    """The mean request of the trace itself.

    Laws with thresholds get it in advance, as if their operator had profiled with exactly this workload: a
    generous reading of "configured as its authors would". Hearth does not.
    """
    n = len(trace)
    return Mix(prompt_tokens=sum(trace.input_tokens) / n, output_tokens=sum(trace.output_tokens) / n)
