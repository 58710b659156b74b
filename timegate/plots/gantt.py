"""Outages against windows: when each deployment can serve, and when nobody can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from timegate.config import GatewayConfig
from timegate.core.clock import SECOND_US, Instant, from_us, to_us
from timegate.core.router import Router
from timegate.core.spans import Spans, union
from timegate.core.zones import check_zone
from timegate.errors import InvalidTypeError, ReplayError
from timegate.faults import Scenario
from timegate.faults.injector import Injector
from timegate.gateway.live import ModelGateway
from timegate.plots.drawing import (
    CLOSED,
    OUTAGE,
    Style,
    axes_of,
    inches,
    legend_below,
    plain,
    printed_names,
    row_axis,
    seen_spans,
    time_axis,
    titled,
    x_of,
)
from timegate.pointer import guided
from timegate.runs.prepare import as_router, as_scenario
from timegate.runs.result import Replay
from timegate.show.palette import ALARM, chosen_colors, mix
from timegate.show.text import percent

__all__ = ["gantt"]

Mask = npt.NDArray[np.bool_]

PALE = 0.65  # how much white is mixed into a bar while faults concern some attempts
LABELLED, FULL = (-0.08, 0.46), (-0.36, 0.72)
"""The top and the height of bars in a row whose middle is 0, with labels above them and without."""
LABEL_POINTS = 7.0


@guided()
def gantt(
    run: Replay | GatewayConfig | ModelGateway | Router,
    scenario: Scenario | None = None,
    start: Instant | None = None,
    end: Instant | None = None,
    ax: Axes | None = None,
    colors: Mapping[str, str] | None = None,
    *,
    tz: str = "UTC",
) -> Axes:
    """Draw outages against windows: a row a deployment in config order, and one for when nobody can serve.

    A bar in the deployment's colour is time in which it can serve; its share stands beside the name. Windows that
    close it are hatched, outages dark. Faults that only a share of the attempts feels are paler, with a label.
    Random outages are those that the seed of the scenario draws.

    Parameters
    ----------
    run : Replay, GatewayConfig or ModelGateway
        A replay has a scenario and a stretch of time. A config needs no trace: give it a scenario, start and end.
    scenario : Scenario, optional
        Of a config. Default: nothing goes wrong.
    start, end : datetime or str, optional
        The stretch ``[start, end)``. Default: from the first call of the replay to its last.
    ax : Axes, optional
        Where to draw.
    colors : mapping of str to str, optional
        Colours of deployments by name, in place of their own.
    tz : str
        The zone of the axis of time.

    Returns
    -------
    Axes

    Raises
    ------
    InvalidTypeError, ReplayError
        If an argument is of the wrong type, a replay is given another scenario, the stretch is empty, or a colour
        is none.
    InstantError
        If start or end is missing, naive or not a time.
    ScenarioError
        If a fault targets a deployment that is not there.

    Examples
    --------
    >>> import timegate as tg
    >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
    >>> outage = tg.Outage(target="strong", start="2026-03-02T06:00Z", end="2026-03-02T12:00Z")
    >>> ax = gantt(config, tg.Scenario(faults=[outage]), "2026-03-02T00:00Z", "2026-03-03T00:00Z")
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['strong  75.0%', 'nobody  25.0%']
    """
    router, injector, (lo, hi) = _what(run, scenario, start, end)
    tones = chosen_colors(router.names, colors)
    size = len(router.names)
    ax = axes_of(ax, (10.0, 1.5 + 0.45 * (size + 1)))
    closed = [deployment.hours.closed_spans_us(lo, hi) for deployment in router.deployments]
    out = [_clipped(injector.outages_us(i), lo, hi) for i in range(size)]
    labelled = [list(_partial(injector, i, lo, hi)) for i in range(size)]
    weak = [_clipped([piece[:2] for piece in pieces], lo, hi) for pieces in labelled]
    edges = np.unique(np.concatenate([[lo, hi], *(spans.ravel() for spans in (*closed, *out, *weak))]))
    is_closed, is_out, is_weak = (_within(edges, spans) for spans in (closed, out, weak))
    can = ~is_closed & ~is_out

    is_written = [bool(pieces) and _has_room_above(ax, size + 1) for pieces in labelled]
    for row, name in enumerate(router.names):
        top, thick = LABELLED if is_written[row] else FULL
        own: Style = {"facecolor": tones[name], "edgecolor": "none"}
        pale = own | {"facecolor": mix(tones[name], "white", PALE)}
        _draw(ax, edges, is_closed[row], row - 0.45, 0.9, CLOSED)
        for mask, style in ((can[row] & ~is_weak[row], own), (can[row] & is_weak[row], pale), (is_out[row], OUTAGE)):
            _draw(ax, edges, mask, row + top, thick, style, seen=style is OUTAGE)
    nobody = ~can.any(axis=0) & (size > 0)
    blocked = np.logical_and(nobody, is_closed.all(axis=0))
    unserved = {"failed": nobody & ~blocked, "blocked": blocked}
    for outcome, mask in unserved.items():
        _draw(ax, edges, mask, size - 0.36, 0.72, _alarm(outcome), seen=True)

    width = np.diff(edges)  # whole numbers, whose sum is all where it is all
    parts = [*((can @ width) / (hi - lo)).tolist(), float((nobody @ width) / (hi - lo))]
    names = [*printed_names(router.names, ax), "nobody"]
    row_axis(ax, [f"{name}  {percent(part, 1, short=True)}" for name, part in zip(names, parts, strict=True)])
    ax.axhline(size - 0.5, color="#333333", linewidth=0.8)
    left, right = _x([lo, hi])
    time_axis(ax, left, right, check_zone(tz))
    for row in np.flatnonzero(is_written).tolist():
        _write(ax, row + LABELLED[0], labelled[row], lo, hi)
    handles = [
        Patch(label=label, **style)
        for label, style, seen in (
            ("closed by a window", CLOSED, is_closed.any()),
            ("outage", OUTAGE, is_out.any()),
            ("partial fault (paler)", {"facecolor": "#DDDDDD"}, (can & is_weak).any()),
            ("all that are open are out", _alarm("failed"), unserved["failed"].any()),
            ("all are closed", _alarm("blocked"), unserved["blocked"].any()),
        )
        if seen
    ]
    legend_below(ax, handles, "%: the time in which it can serve")
    return titled(ax, "When each can serve")


def _what(
    run: object, scenario: Scenario | None, start: Instant | None, end: Instant | None
) -> tuple[Router, Injector, tuple[int, int]]:
    """Return who is routed to, what goes wrong, and the stretch to draw."""
    if isinstance(run, Replay):
        if scenario is not None:
            raise ReplayError("scenario goes with a config: a Replay has its own, which decided its calls.")
        first_us, last_us = run.trace.span_us
        last_us = max(last_us, first_us + SECOND_US - 1)  # less cannot be seen
        start, end = from_us(first_us) if start is None else start, from_us(last_us + 1) if end is None else end
        router, injector = run.router, run.scenario.injector(run.router.deployments, strict=False)
    elif isinstance(run, GatewayConfig | ModelGateway | Router):
        router = as_router(run)
        injector = as_scenario(scenario).injector(router.deployments)
    else:
        given = type(run).__name__
        raise InvalidTypeError(f"run must be a Replay, or a GatewayConfig with start and end. Got {given}.")
    lo, hi = to_us(cast("Instant", start), "start"), to_us(cast("Instant", end), "end")  # None is refused by name
    if hi <= lo:
        raise ReplayError(f"end must lie after start. Got {from_us(lo).isoformat()} to {from_us(hi).isoformat()}.")
    return router, injector, (lo, hi)


def _clipped(stretches: Sequence[tuple[int, int]], lo: int, hi: int) -> Spans:
    """Return what of some stretches lies in ``[lo, hi)``, sorted and disjoint."""
    spans = np.array(stretches, np.int64).reshape(-1, 2).clip(lo, hi)
    return union([spans[spans[:, 0] < spans[:, 1]]])


def _within(edges: Spans, each: Sequence[Spans]) -> Mask:
    """Return whether each segment between two edges lies in the stretches of each deployment, one a row."""
    inside = [np.searchsorted(spans.ravel(), edges[:-1], side="right") % 2 == 1 for spans in each]
    return np.array(inside, np.bool_).reshape(len(each), len(edges) - 1)


def _partial(injector: Injector, deployment: int, lo: int, hi: int) -> Iterator[tuple[int, int, str]]:
    """Yield when faults concern a deployment that are not outages, and what they do."""
    for rule in injector.rules[deployment]:
        label = injector.effect(rule)
        if label and rule.start_us < hi and rule.end_us > lo:
            yield max(rule.start_us, lo), min(rule.end_us, hi), label


def _draw(ax: Axes, edges: Spans, mask: Mask, top: float, thick: float, style: Style, seen: bool = False) -> None:
    """Draw the segments of a mask, neighbours as one, as bars of a row."""
    ends = edges[np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))]
    if len(ends):
        left, right = _x(ends[::2]), _x(ends[1::2])
        bars = seen_spans(ax, left, right, *_x(edges[[0, -1]])) if seen else list(zip(left, right - left, strict=True))
        ax.broken_barh(bars, (top, thick), **style)


def _x(at_us: object) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = x_of(np.asarray(at_us, "datetime64[us]"))
    return found


def _alarm(outcome: str) -> Style:
    return {"facecolor": ALARM[outcome], "edgecolor": ALARM[outcome], "linewidth": 1.0}


def _has_room_above(ax: Axes, rows: int) -> bool:
    """Whether rows are so high that labels fit above their bars."""
    return bool(72 * inches(ax)[1] / rows >= 2.4 * LABEL_POINTS)


def _write(ax: Axes, y: float, pieces: Sequence[tuple[int, int, str]], lo: int, hi: int) -> None:
    """Write what faults do above the bar, where they begin; what would hide an earlier label is added to it."""
    width = inches(ax)[0]
    ground: Style = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8}
    look: Style = {"fontsize": LABEL_POINTS, "va": "bottom", "color": "#333333", "bbox": ground}
    written: list[tuple[int, list[str]]] = []
    free_us = lo
    for at_us, _, label in sorted(pieces):
        if at_us >= free_us:
            written.append((at_us, []))
        if label not in written[-1][1]:
            written[-1][1].append(label)
        length = len(", ".join(written[-1][1]))
        needed_us = int((0.54 * LABEL_POINTS / 72 * length + 0.1) / width * (hi - lo))
        free_us = written[-1][0] + needed_us
    for at_us, labels in written:
        late = at_us > lo + 0.8 * (hi - lo)  # it would leave the axes
        x, align = (hi, "right") if late else (at_us, "left")
        place: Style = {"xytext": (-2 if late else 2, 1), "textcoords": "offset points", "ha": align}
        ax.annotate(plain(", ".join(labels)), (float(_x(x)), y), **place, **look)
