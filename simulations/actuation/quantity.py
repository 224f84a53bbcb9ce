"""Numbers as Kubernetes carries them: quantities in thousandths, read back as floats.

Sources: KEDA 2.21.0 pkg/scalers/scaler.go; apimachinery 0.37 pkg/api/resource/quantity.go.
"""

import math

_INT64_MOST = 2**63 - 1


def to_milli(value: float) -> int:
    """``value`` in thousandths as KEDA sends it: printed with three decimals, never truncated.

    ``%.3f`` rounds the binary value: 1.0005 -> 1000 (it is 1.000499999…), 1.0015 -> 1002 (it is
    1.0015000000000000568).
    NaN, infinities and negative numbers become 0 (``quantityFromFloat64``), and so does what does not fit 64
    bits in thousandths, 9.2e15 and more, when the HPA reads it back (``int64Amount.AsScaledInt64``).
    """
    if not math.isfinite(value) or value < 0:
        return 0
    whole, thousandths = f"{value:.3f}".split(".")
    milli = int(whole) * 1000 + int(thousandths)
    return milli if milli <= _INT64_MOST else 0


def from_milli(milli: int) -> float:
    """A quantity of thousandths as Go reads it (``AsApproximateFloat64``): the product, not the quotient.

    The two differ in the last digit for one value in seven: 9m is 0.009000000000000001.
    """
    return milli * 1e-3


def as_quantity(value: float) -> float:
    """A decimal from a manifest after its way through the API server: ``0.104`` is stored as 104m.

    The server keeps the shortest whole mantissa at an exponent that is a multiple of three, down to nano.
    """
    for exponent in (0, -3, -6, -9):
        mantissa = round(value * 10**-exponent)
        if math.isclose(mantissa * 10.0**exponent, value, rel_tol=1e-12, abs_tol=0.0):
            return mantissa * 10.0**exponent
    return math.ceil(value * 1e9) * 1e-9
