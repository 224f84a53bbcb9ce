"""Ordinary least squares for a handful of columns (rivals fit planes and lines; no numerical library is
needed)."""

from collections.abc import Sequence

SINGULAR = 1e-10


def solve(rows: Sequence[Sequence[float]], values: Sequence[float]) -> tuple[float, ...] | None:
    """The coefficients that minimise Σ(row·c − value)²; None where the columns do not determine them.

    >>> [round(c, 6) for c in solve([(1, 0), (1, 1), (1, 2)], [5, 7, 9])]
    [5.0, 2.0]
    """
    width = len(rows[0]) if rows else 0
    scale = [max((abs(row[i]) for row in rows), default=0.0) or 1.0 for i in range(width)]
    unit = [[row[i] / scale[i] for i in range(width)] for row in rows]
    matrix = [[sum(row[i] * row[j] for row in unit) for j in range(width)] for i in range(width)]
    right = [sum(row[i] * value for row, value in zip(unit, values, strict=True)) for i in range(width)]
    found = _eliminate(matrix, right)
    return None if found is None else tuple(c / s for c, s in zip(found, scale, strict=True))


def _eliminate(matrix: list[list[float]], right: list[float]) -> list[float] | None:
    """Gauss-Jordan with partial pivoting."""
    n = len(right)
    for i in range(n):
        best = max(range(i, n), key=lambda r: abs(matrix[r][i]))
        if abs(matrix[best][i]) < SINGULAR:
            return None
        matrix[i], matrix[best] = matrix[best], matrix[i]
        right[i], right[best] = right[best], right[i]
        for r in range(n):
            if r != i:
                factor = matrix[r][i] / matrix[i][i]
                matrix[r] = [a - factor * b for a, b in zip(matrix[r], matrix[i], strict=True)]
                right[r] -= factor * right[i]
    return [right[i] / matrix[i][i] for i in range(n)]
