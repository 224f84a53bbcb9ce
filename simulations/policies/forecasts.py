"""One-step load predictors as Dynamo's planner has them: constant, ARIMA in small form, Kalman local trend.

Source: ai-dynamo/dynamo components/src/dynamo/planner/core/load/predictors.py and config/defaults.py.
Leading zeros (an idle start) are skipped. The planner's ARIMA is pmdarima's ``auto_arima``: the order is
selected once, on the first five points (d by a KPSS test at 5 %, then AIC), kept, and the coefficients
follow every new point; where it collapses to (0, d, 0) it is selected again in log(1+y). Deviation:
moving-average terms are left out (p ≤ 2, q = 0), and coefficients come from conditional least squares,
not from exact likelihood.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean
from typing import Protocol

from simulations.policies.least_squares import solve

LEAST_POINTS = 5
"""``minimum_data_points``."""
KPSS_CRITICAL = 0.463
"""5 % critical value of the KPSS level test (Kwiatkowski et al. 1992, table 1)."""
MOST_AR = 2


class Forecast(Protocol):
    """Takes one observation an interval, answers the next one."""

    def add(self, value: float) -> None:
        """One interval's observation."""
        ...

    def next(self) -> float:
        """The next interval; 0 before the first observation."""
        ...


class Constant:
    """The next interval is like the last."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def add(self, value: float) -> None:
        """Leading zeros are skipped."""
        if value or self.values:
            self.values.append(value)

    def next(self) -> float:
        """The last value."""
        return self.values[-1] if self.values else 0.0


class Kalman:
    """Local linear trend with the planner's variances: level 1, trend 0.1, observation 10."""

    LEVEL, TREND, NOISE = 1.0, 0.1, 10.0

    def __init__(self) -> None:
        self._level, self._slope = 0.0, 0.0
        self._variance = (1000.0, 0.0, 1000.0)
        """Of level, of both, of slope."""
        self._begun = False

    def add(self, value: float) -> None:
        """Predict one step, then correct by the observation."""
        if not self._begun:
            if value:
                self._level, self._begun = value, True
            return
        level = self._level + self._slope
        a, b, c = self._variance
        a, b, c = a + 2.0 * b + c + self.LEVEL, b + c, c + self.TREND
        gain_level, gain_slope = a / (a + self.NOISE), b / (a + self.NOISE)
        error = value - level
        self._level, self._slope = level + gain_level * error, self._slope + gain_slope * error
        self._variance = (a * (1.0 - gain_level), b * (1.0 - gain_level), c - gain_slope * b)

    def next(self) -> float:
        """Level plus slope."""
        return max(0.0, self._level + self._slope)


class Arima:
    """ARI(p, d) whose order is fixed by the first five points."""

    def __init__(self) -> None:
        self._values: list[float] = []
        self._order: tuple[int, int] | None = None
        self._logarithmic = False

    def add(self, value: float) -> None:
        """Leading zeros are skipped."""
        if value or self._values:
            self._values.append(value)

    def next(self) -> float:
        """One step ahead; the last value until five points are there, and for constant data."""
        values = self._values
        if len(values) < LEAST_POINTS:
            return values[-1] if values else 0.0
        if len(set(values)) == 1:
            return values[0]
        if self._order is None:
            self._select()
        series = self._series()
        return max(0.0, self._back(_ahead(series, self._order or (0, 0))))

    def _select(self) -> None:
        order = _order(self._values)
        if order[0] == 0:
            self._logarithmic = True
            order = _order(self._series())
        self._order = order

    def _series(self) -> list[float]:
        return [math.log1p(value) for value in self._values] if self._logarithmic else self._values

    def _back(self, forecast: float) -> float:
        return math.expm1(min(forecast, 700.0)) if self._logarithmic else forecast


def _order(values: Sequence[float]) -> tuple[int, int]:
    """(p, d): d from the KPSS test, p from AIC."""
    d = 1 if _kpss(values) > KPSS_CRITICAL else 0
    moved = _differences(values) if d else list(values)
    return min(range(MOST_AR + 1), key=lambda p: _aic(moved, p)), d


def _kpss(values: Sequence[float]) -> float:
    """The level statistic with lag int(3·sqrt(n)/13), pmdarima's short lag."""
    n = len(values)
    mean = fmean(values)
    errors = [value - mean for value in values]
    lag = int(3.0 * math.sqrt(n) / 13.0)
    variance = math.fsum(e * e for e in errors) / n
    for k in range(1, lag + 1):
        weight = 2.0 * (1.0 - k / (lag + 1.0)) / n
        variance += weight * math.fsum(a * b for a, b in zip(errors[k:], errors, strict=False))
    partial, squares = 0.0, 0.0
    for error in errors:
        partial += error
        squares += partial * partial
    return squares / (n * n * variance) if variance > 0.0 else 0.0


def _differences(values: Sequence[float]) -> list[float]:
    return [after - before for before, after in pairwise(values)]


def _fit(values: Sequence[float], p: int) -> tuple[float, ...] | None:
    """Intercept and AR coefficients by conditional least squares; None where they are not determined."""
    rows = [(1.0, *(values[t - k] for k in range(1, p + 1))) for t in range(p, len(values))]
    return solve(rows, values[p:]) if len(rows) > p + 1 else None


def _aic(values: Sequence[float], p: int) -> float:
    fitted = _fit(values, p)
    if fitted is None:
        return math.inf
    errors = [values[t] - _predict(values[:t], fitted) for t in range(p, len(values))]
    mean_square = math.fsum(e * e for e in errors) / len(errors)
    return len(errors) * math.log(max(mean_square, 1e-12)) + 2.0 * (p + 2)


def _predict(past: Sequence[float], fitted: tuple[float, ...]) -> float:
    return fitted[0] + math.fsum(fitted[k] * past[-k] for k in range(1, len(fitted)))


def _ahead(values: Sequence[float], order: tuple[int, int]) -> float:
    p, d = order
    moved = _differences(values) if d else values
    fitted = _fit(moved, p)
    if fitted is None:
        return values[-1]
    step = _predict(moved, fitted)
    return values[-1] + step if d else step


PREDICTORS: dict[str, type[Constant] | type[Kalman] | type[Arima]] = {
    "constant": Constant,
    "arima": Arima,
    "kalman": Kalman,
}
"""``load_predictor``; the planner's ``prophet`` is not modelled."""
