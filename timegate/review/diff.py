"""Where two configs route differently."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from timegate.config.given import as_config
from timegate.config.model import GatewayConfig
from timegate.core.clock import DAY_US, SECOND_US, WEEK_US, Instant, SystemClock, from_us, to_us
from timegate.core.zones import monday_us
from timegate.errors import InstantError, InvalidValueError, did_you_mean, shown
from timegate.pointer import guided
from timegate.review.orders import Order, Orders, Rank, preferring
from timegate.review.otherwise import models_of, other_deployments, other_terms
from timegate.review.recurrence import patterns, terms_of
from timegate.show.html import framed, table
from timegate.show.text import and_more, duration, listed, period, rounded

__all__ = ["NOBODY", "Diff", "diff"]

NOBODY = "nobody"
HEADINGS = {"preferred": "preferred", "when": "when", "order_before": "before", "order_after": "after"}
MOST_ROWS = 40
_MOST_CELLS = 64_000_000  # of the tables of who is open, held at once
_MOST_NAMES = 4_000_000  # in the orders of calls with preferences


class _Piece(NamedTuple):
    """A stretch ``[start_us, end_us)`` in which calls are routed differently."""

    start_us: int
    end_us: int
    before: Order
    after: Order


@guided()
def diff(
    config_a: GatewayConfig | str | Path,
    config_b: GatewayConfig | str | Path,
    start: Instant | None = None,
    end: Instant | None = None,
) -> Diff:
    """Find where two configs route differently, to the microsecond.

    Routing differs where a call would try other deployments, or the same in another order, as windows, priorities and
    weights have it. Deployments are the same if name and model are. What else decides what becomes of a call, such as
    retries, stands in the notes.

    Parameters
    ----------
    config_a, config_b : GatewayConfig or path
        Before and after.
    start : datetime or str, optional
        Where to begin. Default: 00:00 UTC on the Monday of the present week.
    end : datetime or str, optional
        Where to end, itself not included. Default: a week after the start.

    Returns
    -------
    Diff
        True if a call may fare otherwise, by its order or by what the notes say.

    Raises
    ------
    ConfigError
        If a file cannot be read, or is no valid config.
    InstantError
        If the end is not after the start.

    Examples
    --------
    >>> from timegate import Deployment
    >>> strong = {"model_name": "strong", "model": "sim/large"}
    >>> weak = Deployment(model_name="weak", model="sim/small")
    >>> before, after = (
    ...     GatewayConfig(deployments=[strong | {"time_constraints": [[start, "06:00"]]}, weak])
    ...     for start in ("22:00", "21:00")
    ... )
    >>> diff(before, after, "2026-03-02T00:00Z", "2026-03-09T00:00Z")
    Routing differs for 7 h of 168 h, 2026-03-02 00:00 to 2026-03-09 00:00 UTC.
    from 21:00 to 22:00 UTC every day:
      - strong -> weak
      + weak
    from 21:00 to 22:00 UTC every day, if weak is preferred:
      - weak -> strong
      + weak
    """
    before, after = as_config(config_a, "config_a"), as_config(config_b, "config_b")
    start_us = monday_us(SystemClock().now_us(), "UTC") if start is None else to_us(start, "start")
    end_us = to_us(from_us(start_us + WEEK_US) if end is None else end, "end")
    if end_us <= start_us:
        raise InstantError(f"end must lie after start. Got {from_us(start_us)} to {from_us(end_us)}.")
    return Diff(before, after, start_us, end_us)


class Diff:
    """Where two configs route differently. Prints as text, shows as a table in a notebook, is true if they do.

    Attributes
    ----------
    start, end : datetime
        The time that was compared, ``[start, end)``.
    notes : list of str
        The deployments that only one of the configs has, those whose model changes, and each field that changes and has
        nothing to do with time or order: timeouts, retries, cooldowns, limits.
    """

    def __init__(self, before: GatewayConfig, after: GatewayConfig, start_us: int, end_us: int) -> None:
        self.start, self.end = from_us(start_us), from_us(end_us)
        self._configs = (before, after)
        models = models_of(before, after)
        self._names = list(models[0] | models[1])
        self._changed = {name for name in self._names if len({m[name] for m in models if name in m}) > 1}
        same = before.router().fingerprint == after.router().fingerprint and not self._changed
        self._terms = [] if same else list(other_terms(before, after))
        self.notes = [*other_deployments(before, after), *self._terms]
        self._pieces = [] if same else list(_joined(_pieces(self._configs, start_us, end_us)))
        orders = {order for piece in self._pieces for order in piece[2:]}
        self._preferences: list[str | None] = [None, *self._names]
        if (len(self._pieces) + len(orders) * len(self._names)) * len(self._names) > _MOST_NAMES:
            self._preferences = [None]
            which = f"each of {len(self._names):,} deployments"
            self.notes.append(f"Calls that prefer {which} are too many to tell: .preferring(name) has them.")

    def __len__(self) -> int:
        return len(self.frame)

    def __bool__(self) -> bool:
        return bool(self._pieces or self._terms)

    @property
    def total_s(self) -> float:
        """How long calls without preference are routed differently, in seconds."""
        return sum(piece.end_us - piece.start_us for piece in self._pieces) / SECOND_US

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a stretch, for calls without preference first and then for those that prefer each deployment.

        ``preferred`` (str), missing without preference; ``start``, ``end`` (datetime64[us, UTC]), the end not
        included; ``duration_s`` (float64); ``before``, ``after`` (str), who would serve, missing for nobody;
        ``order_before``, ``order_after`` (str), all that would be tried, as in ``"strong -> weak"``; where chance
        decides, as in ``"strong 75% or weak 25%"``. Where the model of a deployment changes, it stands behind the name.
        Of some hundred deployments at once, only calls without preference are told, and a note says so.
        """
        return self._table(self._preferences)

    def _table(self, preferences: Sequence[str | None]) -> pd.DataFrame:
        rows = [
            (preferred, *piece[:2], *(self._first(order) for order in piece[2:]), *map(self._written, piece[2:]))
            for preferred in preferences
            for piece in self._preferring(preferred)
        ]
        columns = ["preferred", "start", "end", "before", "after", "order_before", "order_after"]
        frame = pd.DataFrame(rows, columns=columns)
        bounds = frame[["start", "end"]].to_numpy(np.int64)
        frame.insert(3, "duration_s", (bounds[:, 1] - bounds[:, 0]) / SECOND_US)
        for i, name in enumerate(("start", "end")):
            frame[name] = pd.Series(bounds[:, i].copy().view("M8[us]")).dt.tz_localize("UTC")
        texts = ("preferred", "before", "after", "order_before", "order_after")
        return frame.astype(dict.fromkeys(texts, "str"))

    @cached_property
    def recurring(self) -> pd.DataFrame:
        """The same in words, a row for what recurs at the same local time.

        ``preferred`` (str), missing without preference; ``when`` (str); ``duration_s`` (float64) in all;
        ``order_before``, ``order_after`` (str). Stretches in which a preference changes nothing are not repeated, and
        single instants beside a longer stretch, at which both windows with an included end hold, belong to that.
        """
        period = np.array([[to_us(self.start, "start"), to_us(self.end, "end")]])
        zones, calendars = terms_of(*self._configs)
        rows, general = [], set(self._pieces)
        for preferred in self._preferences:
            groups: dict[tuple[Order, Order], list[tuple[int, int]]] = {}
            for piece in _folded([*self._preferring(preferred)]):
                if preferred is None or piece not in general:
                    groups.setdefault((piece.before, piece.after), []).append(piece[:2])
            for orders, bounds in groups.items():
                for words, spans in patterns(np.array(bounds), zones, period, calendars):
                    length_s = float(np.diff(spans, axis=1).sum()) / SECOND_US
                    rows.append((preferred, words, length_s, *map(self._written, orders)))
        frame = pd.DataFrame(rows, columns=["preferred", "when", "duration_s", "order_before", "order_after"])
        return frame.astype(dict.fromkeys(("preferred", "when", "order_before", "order_after"), "str"))

    def preferring(self, name: str | None) -> pd.DataFrame:
        """Return the rows of :attr:`frame` for calls that prefer a deployment, or None, however many there are.

        Raises
        ------
        InvalidValueError
            If neither config has it.
        """
        if name is not None and name not in self._names:
            raise InvalidValueError(f"name must be a deployment. Got {shown(name)}.{did_you_mean(name, self._names)}")
        return self._table([name])

    def _preferring(self, name: str | None) -> Iterator[_Piece]:
        """Give the pieces for calls with a preference: what is preferred comes first, if it is open."""
        pieces = (p._replace(before=preferring(p.before, name), after=preferring(p.after, name)) for p in self._pieces)
        return _joined(piece for piece in pieces if piece.before != piece.after)

    def _written(self, order: Order) -> str:
        return " -> ".join(map(self._together, order)) or NOBODY

    def _first(self, order: Order) -> str | None:
        return self._together(order[0]) if order else None

    def _together(self, rank: Rank) -> str:
        if len(rank) == 1:
            return self._label(*rank[0][:2])
        return listed((f"{self._label(n, m)} {rounded(100 * share, 3)}%" for n, m, share in rank), "or", len(rank))

    def _label(self, name: str, model: str) -> str:
        return f"{name} ({model})" if name in self._changed else name

    @property
    def headline(self) -> str:
        """The answer in one line."""
        total_s = (self.end - self.start).total_seconds()
        span = period(self.start, self.end, "%Y-%m-%d %H:%M")
        if not self:
            return f"Routing is the same, {span}."
        if not self._pieces:
            return f"The same deployments are tried in the same order, under other terms, {span}."
        return f"Routing differs for {duration(self.total_s)} of {duration(total_s)}, {span}."

    def __repr__(self) -> str:
        lines = [self.headline, *self.notes]
        for preferred, when, _, before, after in self.recurring.head(MOST_ROWS).itertuples(index=False):
            lines.append(f"{when}{'' if pd.isna(preferred) else f', if {preferred} is preferred'}:")
            for sign, order in (("-", before), ("+", after)):
                lines += textwrap.wrap(order, 110, initial_indent=f"  {sign} ", subsequent_indent="    ")
        return "\n".join([*lines, *self._more()])

    def _repr_html_(self) -> str:
        rows = self.recurring[list(HEADINGS)].head(MOST_ROWS).fillna("").to_numpy().tolist()
        return framed(self.headline, table(HEADINGS.values(), rows), notes=(*self.notes, *self._more()))

    def _more(self) -> list[str]:
        return and_more(len(self.recurring), MOST_ROWS, "more; all stretches stand in .frame.")


def _pieces(configs: Sequence[GatewayConfig], start_us: int, end_us: int) -> Iterator[_Piece]:
    """Compare two configs slice by slice; what crosses the edge of a slice comes in two pieces."""
    both = [Orders(config, models) for config, models in zip(configs, models_of(*configs), strict=True)]
    width, windows = (sum(sizes) for sizes in zip(*(orders.size for orders in both), strict=True))
    step_us = max(DAY_US // 24, DAY_US * _MOST_CELLS // (2 * windows * width + 1))  # a window has two edges a day
    for lo in range(start_us, end_us, step_us):
        parts = [orders.compile(lo, min(lo + step_us, end_us)) for orders in both]
        edges = np.union1d(*(part.edges_us for part in parts))
        rows = [part.index(edges[:-1]) for part in parts]
        for i, (start, end) in enumerate(pairwise(edges.tolist())):
            before, after = (
                orders.order(part.open[row[i]]) for orders, part, row in zip(both, parts, rows, strict=True)
            )
            if before != after:
                yield _Piece(start, end, before, after)


def _joined(pieces: Iterator[_Piece]) -> Iterator[_Piece]:
    """Join pieces that follow each other without a change."""
    last: _Piece | None = None
    for piece in pieces:
        if last is not None and last.end_us == piece.start_us and last[2:] == piece[2:]:
            last = last._replace(end_us=piece.end_us)
            continue
        if last is not None:
            yield last
        last = piece
    if last is not None:
        yield last


def _folded(pieces: Sequence[_Piece]) -> Iterator[_Piece]:
    """Leave out single instants that touch a longer stretch: there two windows meet, whose ends are included."""
    longer = {at for start, end, *_ in pieces if end - start > 1 for at in (start, end)}
    return (piece for piece in pieces if piece.end_us - piece.start_us > 1 or longer.isdisjoint(piece[:2]))
