"""``static:N``: a fixed number of replicas, which every autoscaler has to be better than."""

from dataclasses import dataclass

from scaler.decision.model import Snapshot
from simulations.errors import InputError
from simulations.policies.base import Actuation, Ask, Gateway, Parameters, Policy
from simulations.policies.parameters import knob, read
from simulations.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``static:4`` sets ``replicas`` to 4."""

    replicas: int | None = knob(None, least=0, whole=True)


class Static:
    """Says the same at every tick."""

    def __init__(self, replicas: int) -> None:
        self.name = f"static:{replicas}"
        self.replicas = replicas
        self.actuation = Actuation(direct=True)
        self.tick_s = 60.0
        self._ask = Ask(
            replicas=replicas, wanted=float(replicas), active=replicas > 0, reason=f"fixed at {replicas}"
        )

    def tick(self, _: Snapshot, __: Gateway) -> Ask:
        """One turn."""
        return self._ask


def build(parameters: Parameters, scenario: Scenario) -> Policy:
    """The law with the given number of replicas."""
    replicas = read(Settings, "static", parameters).replicas
    least, most = scenario.cluster.min_replicas, scenario.cluster.max_replicas
    if replicas is None:
        raise InputError("policy", "static has no number of replicas", "use static:4, say")
    if replicas > most:
        raise InputError(
            "policy",
            f"static:{replicas} is more than cluster.max_replicas, {most}",
            f"set cluster.max_replicas to {replicas}",
        )
    if replicas < least:
        raise InputError(
            "policy",
            f"static:{replicas} is less than cluster.min_replicas, {least}",
            f"set cluster.min_replicas to {replicas}",
        )
    return Static(replicas)
