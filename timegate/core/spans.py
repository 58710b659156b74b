"""The algebra of stretches of time."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

__all__ = ["NO_SPANS", "Spans", "complement", "union"]

Spans = npt.NDArray[np.int64]
"""Half-open stretches of time: shape (n, 2), microseconds, sorted and disjoint."""

NO_SPANS: Spans = np.empty((0, 2), np.int64)


def union(parts: Iterable[Spans]) -> Spans:
    """Return the union of stretches of time as sorted, disjoint stretches.

    Examples
    --------
    >>> union([np.array([[5, 9]]), np.array([[0, 3], [3, 6]])]).tolist()
    [[0, 9]]
    """
    rows = [part for part in parts if len(part)]
    if not rows:
        return np.empty((0, 2), np.int64)
    spans = np.concatenate(rows)
    if len(spans) == 1 or (spans[1:, 0] > spans[:-1, 1]).all():  # as most are already
        return np.ascontiguousarray(spans)
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    reach = np.maximum.accumulate(spans[:, 1])
    opens = np.concatenate([[True], spans[1:, 0] > reach[:-1]])  # nothing before it reaches this start
    closes = np.concatenate([opens[1:], [True]])
    return np.stack([spans[opens, 0], reach[closes]], axis=1)


def complement(spans: Spans, start_us: int, end_us: int) -> Spans:
    """Return the rest of ``[start_us, end_us)`` beside sorted, disjoint stretches that lie in it.

    Examples
    --------
    >>> complement(np.array([[0, 3], [5, 9]]), 0, 10).tolist()
    [[3, 5], [9, 10]]
    """
    gaps = np.concatenate([[start_us], spans.ravel(), [end_us]]).reshape(-1, 2)
    return gaps[gaps[:, 0] < gaps[:, 1]]
