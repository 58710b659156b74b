"""What happens in a stretch of time: who is open, counted by a sweep, and what each window adds to its list.

:meth:`Timetable.compile <timegate.core.timetable.Timetable.compile>` knows who is open between two edges. For thousands
of deployments that table would fill the memory; a sweep over the same edges that only counts does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from timegate.config.model import GatewayConfig
from timegate.core.clock import DAY_US, MINUTE_US
from timegate.core.deployment import LISTS, WindowPlace, windows_of
from timegate.core.spans import NO_SPANS, Spans, complement, union
from timegate.core.timetable import closed_spans_us

__all__ = ["Survey", "Tally", "intersection", "survey"]


_ALMOST_A_MINUTE_US = MINUTE_US - 1  # between a window that ends at 23:59 and one that begins at 00:00
_MOST_WINDOW_DAYS = 2_000_000  # looked at at once: some hundred megabytes


@dataclass(slots=True)
class Tally:
    """What one window did in the time that was surveyed. The others are windows of its list, by index."""

    pieces: int = 0
    total_us: int = 0
    effective_us: int = 0
    """How long the deployment's other list leaves it to this one to decide."""
    within: dict[int, int] = field(default_factory=dict)
    """Number of pieces that lie inside a piece of another window."""
    overlaps: set[int] = field(default_factory=set)
    """Windows before it in the list that it overlaps, without one lying within the other."""
    almost_meets: set[int] = field(default_factory=set)
    """Windows that begin a minute after this one's end, less a microsecond."""


class Survey(NamedTuple):
    """Who was open when. Stretches are clipped to the time that was surveyed."""

    nobody: Spans
    only: dict[int, Spans]
    """When a deployment, by index, was the only one open."""
    only_provider: dict[str, Spans]
    """When several were open, all of one provider."""
    open: list[Spans]
    """When each deployment was open."""
    tallies: dict[WindowPlace, Tally]


def survey(config: GatewayConfig, periods: Spans) -> Survey:
    """Look at every microsecond of some stretches of time.

    Parameters
    ----------
    config : GatewayConfig
    periods : ndarray of int64, shape (n, 2)
        Half-open, in microseconds, sorted and disjoint.
    """
    tallies = {place: Tally() for place, _, _ in windows_of(config.deployments)}
    members: dict[str, list[int]] = {}
    for i, deployment in enumerate(config.deployments):
        members.setdefault(deployment.provider, []).append(i)
    nobody = [NO_SPANS]
    is_open: list[list[Spans]] = [[] for _ in config.deployments]
    only: dict[int, list[Spans]] = {}
    only_provider: dict[str, list[Spans]] = {}
    for lo, hi in _slices(periods, len(tallies)):
        closed = []
        for i, deployment in enumerate(config.deployments):
            pieces = {name: [window.spans_us(lo, hi) for window in getattr(deployment, name)] for name in LISTS}
            available = pieces["available"] if deployment.available else None
            closed.append(closed_spans_us(pieces["time_constraints"], available, lo, hi))
            is_open[i].append(complement(closed[i], lo, hi))
            for name in LISTS:
                _compare([tallies[i, name, index] for index in range(len(pieces[name]))], pieces[name])
            _weigh(i, pieces, tallies)
        deployments = _sweep(closed, lo, hi)
        nobody.append(deployments.where(0))
        alone = deployments.alone()
        for i, spans in alone.items():
            only.setdefault(i, []).append(spans)
        providers = _sweep([_sweep([closed[i] for i in group], lo, hi).where(0) for group in members.values()], lo, hi)
        several = complement(union([nobody[-1], *alone.values()]), lo, hi)
        for number, spans in providers.alone().items():
            only_provider.setdefault([*members][number], []).append(intersection(spans, several))
    for (i, name, index), tally in tallies.items():
        if sum(tally.within.values()) < tally.pieces:  # on some dates only
            for other in tally.within:
                first, second = sorted([index, other])
                tallies[i, name, second].overlaps.add(first)
    return Survey(
        union(nobody),
        {i: union(parts) for i, parts in sorted(only.items())},
        {name: spans for name, parts in only_provider.items() if len(spans := union(parts))},
        [union(parts) for parts in is_open],
        tallies,
    )


def _total_us(spans: Spans) -> int:
    """Return how long disjoint stretches last together."""
    return int((spans[:, 1] - spans[:, 0]).sum())


def intersection(spans: Spans, others: Spans) -> Spans:
    """Return what lies in both of two sorted, disjoint lists of stretches.

    Examples
    --------
    >>> intersection(np.array([[0, 4], [6, 9]]), np.array([[3, 7]])).tolist()
    [[3, 4], [6, 7]]
    """
    edges = np.unique(np.concatenate([spans.ravel(), others.ravel()]))
    inside = [np.searchsorted(s.ravel(), edges[:-1], side="right") % 2 == 1 for s in (spans, others)]
    both = inside[0] & inside[1]
    return union([np.stack([edges[:-1][both], edges[1:][both]], axis=1)])


class _Swept(NamedTuple):
    """Segments between edges: how many are open in each, and the sum of their numbers."""

    edges: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]

    def where(self, count: int) -> Spans:
        """When so many were open."""
        return self._spans(self.counts == count)

    def alone(self) -> dict[int, Spans]:
        """When one was open alone: then the sum of numbers is its own."""
        starts = np.flatnonzero(self.counts == 1)
        owners = self.numbers[starts]
        order = np.argsort(owners, kind="stable")
        starts = starts[order]
        found, first = np.unique(owners[order], return_index=True)
        groups = np.split(starts, first)[1:]
        return {
            int(owner): union([np.stack([self.edges[group], self.edges[group + 1]], axis=1)])
            for owner, group in zip(found.tolist(), groups, strict=True)
        }

    def _spans(self, chosen: npt.NDArray[np.bool_]) -> Spans:
        return union([np.stack([self.edges[:-1][chosen], self.edges[1:][chosen]], axis=1)])


def _sweep(closed: Sequence[Spans], lo: int, hi: int) -> _Swept:
    """Count who is open between any two edges of ``[lo, hi)``; each list of closed stretches lies in it."""
    lengths = [len(spans) for spans in closed]
    numbers = np.repeat(np.arange(len(closed)), lengths)
    bounds = np.concatenate([NO_SPANS, *closed])
    at = np.concatenate([[lo], bounds[:, 0], bounds[:, 1]])
    change = np.concatenate([[len(closed)], np.full(len(bounds), -1), np.ones(len(bounds), np.int64)])
    change_numbers = np.concatenate([[len(closed) * (len(closed) - 1) // 2], -numbers, numbers])
    order = np.argsort(at, kind="stable")
    at = at[order]
    last = np.append(at[1:] > at[:-1], True) & (at < hi)  # of the changes at one instant, and none at the end
    count, sums = np.cumsum(change[order])[last], np.cumsum(change_numbers[order])[last]
    return _Swept(np.append(at[last], hi), count, sums)


def _compare(tallies: Sequence[Tally], pieces: Sequence[Spans]) -> None:
    """Tally how the windows of one list lie to each other."""
    if not pieces:
        return
    for tally, spans in zip(tallies, pieces, strict=True):
        tally.pieces += len(spans)
        tally.total_us += _total_us(spans)
    numbers = np.repeat(np.arange(len(pieces)), [len(spans) for spans in pieces])
    bounds = np.concatenate(pieces)
    order = np.lexsort((-bounds[:, 1], bounds[:, 0]))  # of those that begin together, the longest first
    (start, end), number = bounds[order].T, numbers[order]
    if len(start) < 2:
        return
    reach = np.maximum.accumulate(end)
    furthest = np.maximum.accumulate(np.where(np.append(True, end[1:] > reach[:-1]), np.arange(len(end)), 0))
    # The pieces of one window are disjoint: what reaches into a piece from before is another window's.
    start, end, number, reach, before = start[1:], end[1:], number[1:], reach[:-1], number[furthest[:-1]]
    within = reach >= end
    for pair, count in _counted(number[within] * len(pieces) + before[within]):
        others = tallies[pair // len(pieces)].within
        others[pair % len(pieces)] = others.get(pair % len(pieces), 0) + count
    # Both ends are included, so windows that follow each other share an instant: no overlap is meant.
    overlaps = (reach > start + 1) & ~within
    first, second = np.minimum(number, before)[overlaps], np.maximum(number, before)[overlaps]
    for pair, _ in _counted(second * len(pieces) + first):
        tallies[pair // len(pieces)].overlaps.add(pair % len(pieces))
    almost = start - reach == _ALMOST_A_MINUTE_US
    for pair, _ in _counted(before[almost] * len(pieces) + number[almost]):
        tallies[pair // len(pieces)].almost_meets.add(pair % len(pieces))


def _counted(values: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    if not len(values):  # as for most lists
        return
    found, counts = np.unique(values, return_counts=True)
    yield from zip(found.tolist(), counts.tolist(), strict=True)


def _weigh(i: int, pieces: Mapping[str, Sequence[Spans]], tallies: Mapping[WindowPlace, Tally]) -> None:
    """Tally how much of each window the deployment's other list leaves to it."""
    for name, other in (LISTS, reversed(LISTS)):
        spans = union(pieces[other]) if pieces[name] else NO_SPANS
        for index, part in enumerate(pieces[name]):
            tally = tallies[i, name, index]
            if not pieces[other]:
                tally.effective_us += _total_us(part)
            elif name == "available":  # opens what no time constraint closes
                tally.effective_us += _total_us(part) - _measure(spans, part)
            else:  # closes what is available at all
                tally.effective_us += _measure(spans, part)


def _measure(spans: Spans, parts: Spans) -> int:
    """Return how many microseconds of some parts lie in sorted, disjoint stretches."""
    if not len(spans) or not len(parts):
        return 0
    sums = np.append(0, np.cumsum(spans[:, 1] - spans[:, 0]))
    index = np.searchsorted(spans[:, 0], parts, side="right")
    beyond = np.where(index > 0, np.minimum(parts, spans[index - 1, 1]) - spans[index - 1, 0], 0)
    before = sums[np.maximum(index - 1, 0)] + beyond  # how much of the stretches lies before each bound
    return int(np.diff(before, axis=1).sum())


def _slices(periods: Spans, windows: int) -> Iterator[tuple[int, int]]:
    """Cut periods such that the pieces of all windows in one slice fit the memory."""
    step = max(1, _MOST_WINDOW_DAYS // max(1, windows)) * DAY_US
    for start, end in periods.tolist():
        for lo in range(start, end, step):
            yield lo, min(lo + step, end)
