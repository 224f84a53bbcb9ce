"""What to ask while nothing is known of a replica's capacity: in-flight requests, and latency against the
objective.

A fleet at its very start must not be paralysed. A queue says that replicas are full, so what they carry now
is what
they can carry: all in flight over what one carries. Extensive (a total over a level), hence free of cascades.
"""

BOUND = 2.0
"""At most this multiple of the ready replicas (plus one): the evidence is coarse, and it comes again."""


def replicas(
    ready: int, running: float, waiting: float, itl_s: float | None, itl_slo_s: float, hopeless: bool
) -> float:
    """Replicas asked for by queue and latency; 0 when neither says anything."""
    if ready == 0:
        return 1.0 if waiting > 0.0 else 0.0
    ask = 0.0
    if waiting > 0.0:
        carried = max(1.0, running / ready)
        ask = (running + waiting) / carried
    if itl_s is not None and itl_s > itl_slo_s and not hopeless:
        ask = max(ask, ready * itl_s / itl_slo_s)
    return min(ask, BOUND * ready + 1.0)
