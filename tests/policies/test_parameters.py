"""Settings: the authors' defaults, and one line that names key, value and fix for whatever is wrong."""

from dataclasses import dataclass

import pytest

from simulations.errors import InputError
from simulations.policies.base import Parameters
from simulations.policies.parameters import knob, read


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    share: float = knob(0.5, above=0.0, most=1.0)
    pods: int = knob(2, least=1)
    mode: str = knob("slow", choices=("slow", "fast"))
    guard: bool = knob(default=True)
    target: float | None = knob(None, above=0.0)


def test_nothing_given_means_the_authors_defaults() -> None:
    assert read(Settings, "law", {}) == Settings()


@pytest.mark.parametrize(
    ("given", "key", "value"),
    [
        pytest.param({"share": 0.25}, "share", 0.25, id="a number within bounds is taken"),
        pytest.param({"share": 1}, "share", 1.0, id="a whole number does for a float"),
        pytest.param({"pods": 3.0}, "pods", 3, id="a whole float does for an integer"),
        pytest.param({"mode": "fast"}, "mode", "fast", id="a choice is taken"),
        pytest.param({"guard": "off"}, "guard", False, id="off means false"),
        pytest.param({"guard": False}, "guard", False, id="false means false"),
        pytest.param({"target": 4}, "target", 4.0, id="a value replaces what would be measured"),
    ],
)
def test_a_given_value_replaces_the_default(given: Parameters, key: str, value: object) -> None:
    assert getattr(read(Settings, "law", given), key) == value


@pytest.mark.parametrize(
    ("given", "line"),
    [
        pytest.param({"shrae": 1}, "did you mean policy.share?", id="an unknown key names the nearest"),
        pytest.param({"share": 0.0}, "use a number above 0 and at most 1", id="the open bound is refused"),
        pytest.param({"share": 1.5}, "policy.share: 1.5 is out of range", id="above the bound is refused"),
        pytest.param({"share": float("nan")}, "nan is not a number", id="nan is refused"),
        pytest.param({"target": 1e308}, "1e+308 is out of range", id="a number whose products are infinite"),
        pytest.param({"share": "much"}, "'much' is not a number", id="a word for a number is refused"),
        pytest.param({"share": True}, "True is not a number", id="a flag for a number is refused"),
        pytest.param({"pods": 1.5}, "1.5 is not a whole number", id="half a pod is refused"),
        pytest.param({"mode": "quick"}, "use one of slow, fast", id="an unknown choice lists them"),
        pytest.param({"guard": "maybe"}, "use true or false", id="a flag is true or false"),
    ],
)
def test_a_bad_value_is_one_line_with_the_fix(given: Parameters, line: str) -> None:
    with pytest.raises(InputError) as caught:
        read(Settings, "law", given)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
