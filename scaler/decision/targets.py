"""One model's replicas over its targets: the cheapest first, the others at their minimum."""

from collections.abc import Sequence

from scaler.decision.model import Target


def split(total: int, targets: Sequence[Target]) -> list[int]:
    """Replicas of each target, in the given order: everyone's minimum, then by cost up to each maximum."""
    shares = [t.min_replicas for t in targets]
    rest = total - sum(shares)
    for i in sorted(range(len(targets)), key=lambda i: (targets[i].cost, i)):
        if rest <= 0:
            break
        more = min(rest, targets[i].max_replicas - shares[i])
        shares[i] += more
        rest -= more
    return shares
