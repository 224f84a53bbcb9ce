"""Four unknowns: small symmetric systems, solved without negative parts.

Written out for n <= 4 in plain Python: 5-10 µs a solve, once a tick.
"""

from collections.abc import Sequence

Matrix = list[list[float]]


def unpack(upper: Sequence[float]) -> Matrix:
    """The symmetric 4x4 matrix of ten upper-triangle entries, row by row."""
    a, b, c, d, e, f, g, h, i, j = upper
    return [[a, b, c, d], [b, e, f, g], [c, f, h, i], [d, g, i, j]]


def solve(matrix: Matrix, right: Sequence[float]) -> list[float]:
    """x of ``matrix · x = right`` for a positive definite matrix (elimination without pivoting is stable
    there)."""
    n = len(right)
    rows = [[*matrix[i], right[i]] for i in range(n)]
    for i in range(n):
        pivot = rows[i]
        inverse = 1.0 / pivot[i]
        for k in range(i + 1, n):
            row = rows[k]
            factor = row[i] * inverse
            if factor:
                for j in range(i, n + 1):
                    row[j] -= factor * pivot[j]
    x = [0.0] * n
    for i in range(n - 1, -1, -1):
        row = rows[i]
        rest = row[n]
        for j in range(i + 1, n):
            rest -= row[j] * x[j]
        x[i] = rest / row[i]
    return x


def solve_nonnegative(matrix: Matrix, right: Sequence[float]) -> list[float]:
    """The minimiser of ½x'Mx - r'x over x >= 0, by leaving out the most negative part until none is left.

    Exact where at most one part wants to be negative, and a good answer otherwise: with four parts the order
    of
    elimination rarely matters (Lawson and Hanson's NNLS re-admits parts; a step time has no use for that).
    """
    active = list(range(len(right)))
    while active:
        x = solve([[matrix[i][j] for j in active] for i in active], [right[i] for i in active])
        worst = min(range(len(active)), key=x.__getitem__)
        if x[worst] >= 0.0:
            full = [0.0] * len(right)
            for i, value in zip(active, x, strict=True):
                full[i] = value
            return full
        del active[worst]
    return [0.0] * len(right)
