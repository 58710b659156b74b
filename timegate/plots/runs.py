"""Figures of one or two replays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter
from pandas.tseries.frequencies import to_offset

from timegate.core.columns import UNSERVED
from timegate.errors import InvalidTypeError, shown
from timegate.plots.drawing import (
    CLOSED,
    LEGEND,
    OUTAGE,
    axes_of,
    checked,
    has_room,
    inches,
    legend_below,
    plain,
    printed_names,
    room_for_lines,
    row_axis,
    seen_spans,
    styles_of,
    time_axis,
    titled,
    type_size,
    x_of,
)
from timegate.pointer import guided
from timegate.runs.compare import two_labels
from timegate.runs.result import Replay
from timegate.show.palette import ALARM, chosen_colors, mix
from timegate.show.text import counted, listed, percent

__all__ = ["compare", "day", "frequency", "share"]

Floats = npt.NDArray[np.float64]

# The usual lengths of a bin. The last serves traces of years.
STEPS = (
    *("1s", "2s", "5s", "10s", "15s", "30s", "1min", "2min", "5min", "10min", "15min", "30min"),
    *("1h", "2h", "3h", "6h", "12h", "24h", "2D", "4D", "7D", "14D", "28D"),
)


@guided()
def day(run: Replay, ax: Axes | None = None, colors: Mapping[str, str] | None = None, *, tz: str = "UTC") -> Axes:
    """Draw a replay over time: a row a deployment in config order, and one for the calls that nobody served.

    A row shows when windows closed the deployment, when it was out, and the calls that it served. All rows have
    one scale, which the legend states; a bin with any call at all is drawn high enough to be seen.

    Parameters
    ----------
    run : Replay
    ax : Axes, optional
        Where to draw.
    colors : mapping of str to str, optional
        Colours of deployments by name, in place of their own.
    tz : str
        The zone of the axis of time, and of the midnights that bins are aligned to.

    Returns
    -------
    Axes

    Raises
    ------
    InvalidTypeError, ReplayError
        If an argument is of the wrong type, or a colour is none.

    Examples
    --------
    >>> import timegate as tg
    >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
    >>> run = tg.replay(config, tg.Trace(["2026-03-02T03:10Z", "2026-03-02T03:40Z", "2026-03-02T09:00Z"]))
    >>> ax = day(run)
    >>> ax.get_title(loc="left")
    'Calls over time, by who served them'
    """
    styles = styles_of(checked(run, "run").deployments, colors)
    ax = axes_of(ax, (10.0, 1.5 + 0.55 * (len(run.deployments) + 1)))
    freq = frequency(run, 200)
    counts, edges = _bins(run, freq, tz)
    bottom = len(run.deployments)
    peak = int(max(counts[:, :bottom].max(initial=0), counts[:, bottom:].sum(axis=1).max()))
    heights = np.where(counts > 0, np.maximum(0.8 * counts / peak, 0.02), 0.0)

    handles = []
    for label, stretches, style, above, thick in (
        ("closed by a window", run.closed(), CLOSED, 0.45, 0.9),
        ("outage", run.outages(), OUTAGE, -0.37, 0.08),
    ):
        bars = _bars(run, stretches)
        for name, spans in bars.items():
            if label == "outage":
                lefts, widths = np.array(spans).T
                spans = seen_spans(ax, lefts, lefts + widths, edges[0], edges[-1])
            ax.broken_barh(spans, (run.deployments.index(name) - above, thick), **style)
        if bars:
            handles.append(Patch(label=label, **style))
    floors = [np.full(len(counts), row + 0.37) for row in range(bottom + 1)]
    for column in np.flatnonzero(counts.any(axis=0)).tolist():
        row = min(column, bottom)  # all that nobody served share the last
        top = floors[row] - heights[:, column]  # rows are counted downwards
        ax.stairs(top, edges, baseline=floors[row], fill=True, **styles[column])
        floors[row] = top
        if row == bottom:
            handles.append(Patch(label=UNSERVED[column - bottom], **styles[column]))

    totals = counts.sum(axis=0) / len(run)
    shares = [*totals[:bottom], totals[bottom:].sum()]
    names = [*printed_names(run.deployments, ax), "unserved"]
    row_axis(ax, [f"{name}  {percent(part, 1, short=True)}" for name, part in zip(names, shares, strict=True)])
    ax.axhline(bottom - 0.5, color="#333333", linewidth=0.8)
    time_axis(ax, edges[0], edges[-1], tz)
    notes = [f"full row: {counted(peak, 'call')} per {freq}"]
    notes += ["a line: few calls", *_partial_faults(run)] if has_room(ax) else []
    legend_below(ax, handles, "; ".join(notes))
    return titled(ax, "Calls over time, by who served them")


@guided()
def share(
    run: Replay,
    freq: str | None = None,
    ax: Axes | None = None,
    colors: Mapping[str, str] | None = None,
    *,
    tz: str = "UTC",
) -> Axes:
    """Draw who served which share of the calls, bin by bin. Bins without calls are gaps.

    Parameters
    ----------
    run : Replay
    freq : str, optional
        Length of a bin, such as ``"15min"``. Default: one that cuts the trace into 40 to 96 bins.
    ax : Axes, optional
        Where to draw.
    colors : mapping of str to str, optional
        Colours of deployments by name, in place of their own.
    tz : str
        The zone of the axis of time, and of the midnights that bins are aligned to.

    Returns
    -------
    Axes

    Raises
    ------
    InvalidTypeError, ReplayError
        If an argument is of the wrong type, ``freq`` is no length of time, or a colour is none.

    Examples
    --------
    >>> import timegate as tg
    >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
    >>> run = tg.replay(config, tg.Trace(["2026-03-02T03:10Z", "2026-03-02T03:40Z", "2026-03-02T09:00Z"]))
    >>> ax = share(run, "1h")
    >>> ax.get_title(loc="left")
    'Who served, of the calls that arrived'
    """
    styles = styles_of(checked(run, "run").deployments, colors)
    freq = frequency(run, 96, freq)
    counts, edges = _bins(run, freq, tz)
    ax = axes_of(ax, (10.0, 4.0))
    totals = counts.sum(axis=0)
    total = counts.sum(axis=1, keepdims=True)
    sums = np.column_stack([np.zeros(len(counts)), counts.cumsum(axis=1)]) / np.where(total > 0, total, np.nan)
    labels = [*printed_names(run.deployments, ax), *UNSERVED]
    drawn = np.flatnonzero(totals).tolist()
    for column in drawn:
        ax.stairs(sums[:, column + 1], edges, baseline=sums[:, column], fill=True, **styles[column])
    ax.set_ylim(0, 1)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_ylabel(f"share of calls per {freq}")
    time_axis(ax, edges[0], edges[-1], tz)
    # Beside the stack, in its order. If there is no room for all, those that served most are named.
    drawn.sort(key=lambda column: (column >= len(run.deployments), totals[column]), reverse=True)
    named = sorted(drawn[: room_for_lines(ax)], reverse=True)
    handles = [Patch(label=labels[column], **styles[column]) for column in named]
    if rest := len(drawn) - len(named):
        handles.append(Patch(label=f"and {rest} more", facecolor="none"))
    ax.legend(handles=handles, bbox_to_anchor=(1, 1), fontsize=type_size(ax, len(handles)), **LEGEND)
    return titled(ax, "Who served, of the calls that arrived")


@guided()
def compare(
    run_a: Replay,
    run_b: Replay,
    labels: Sequence[str] = ("A", "B"),
    ax: Axes | None = None,
    colors: Mapping[str, str] | None = None,
) -> Axes:
    """Draw two replays side by side: each deployment's share of the calls, and the shares that nobody served.

    Parameters
    ----------
    run_a, run_b : Replay
        They may differ in deployments and in calls.
    labels : sequence of two str
        What the legend calls them.
    ax : Axes, optional
        Where to draw.
    colors : mapping of str to str, optional
        Colours of deployments by name, in place of their own.

    Returns
    -------
    Axes
        The bars of A are pale, those of B full. Beside each pair stands B minus A in percentage points, with
        ``new`` or ``gone`` where only B or only A has the deployment.

    Raises
    ------
    InvalidTypeError, ReplayError
        If an argument is of the wrong type, there are not two labels, or a colour is none.

    Examples
    --------
    >>> import timegate as tg
    >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
    >>> run = tg.replay(config, tg.Trace(["2026-03-02T03:10Z", "2026-03-02T03:40Z", "2026-03-02T09:00Z"]))
    >>> ax = compare(run, run)
    >>> ax.get_title(loc="left")
    'Who served, and what nobody served'
    """
    names = list(dict.fromkeys([*checked(run_a, "run_a").deployments, *checked(run_b, "run_b").deployments]))
    label_a, label_b = map(plain, two_labels(labels))
    # As in the figures of each run alone. Should a name of A and one of B share a colour, the rows part them.
    palette = chosen_colors(run_b.deployments, colors) | chosen_colors(run_a.deployments, colors)
    shed = any(run.outcome_counts()["shed"] for run in (run_a, run_b))  # without policies no call is
    unserved = [outcome for outcome in UNSERVED if outcome != "shed" or shed]
    tones = [palette[name] for name in names] + [ALARM[outcome] for outcome in unserved]
    shares = np.stack([_shares(run, names, unserved) for run in (run_a, run_b)])
    notes = [_change(a, b) for a, b in shares.T]
    shares = np.nan_to_num(shares)
    longest = shares.max()
    ax = axes_of(ax, (8.0, 1.2 + 0.5 * len(tones)))
    row_axis(ax, [*printed_names(names, ax), *unserved])
    for row, tone in enumerate(tones):
        ax.barh(row - 0.2, shares[0, row], height=0.36, facecolor=mix(tone, "white", 0.7), edgecolor=tone)
        ax.barh(row + 0.2, shares[1, row], height=0.36, facecolor=tone, edgecolor=tone)
        end = (shares[:, row].max(), row)
        ax.annotate(
            notes[row], end, (5, 0), textcoords="offset points", va="center", fontsize=type_size(ax, len(tones))
        )
    width, _ = inches(ax)
    room = min(0.6, (0.08 * max(map(len, notes)) + 0.15) / width)  # for the notes, right of the bars
    ax.set_xlim(0, longest / (1 - room))
    ticks = MaxNLocator(5).tick_values(0, longest)
    ax.set_xticks(ticks[ticks <= longest])
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel("share of all calls", loc="left")
    looks = ((label_a, "#DDDDDD"), (label_b, "#666666"))
    handles = [Patch(label=label, facecolor=face, edgecolor="#666666") for label, face in looks]
    legend_below(ax, handles)
    return titled(ax, "Who served, and what nobody served")


# What is drawn


def frequency(run: Replay, most: int, asked: str | None = None) -> str:
    """Return the length of a bin that was asked for, or the shortest usual one that makes at most so many."""
    if asked is not None:
        if not isinstance(asked, str):
            raise InvalidTypeError(
                f"freq must be text like '15min', or None. Got {shown(asked)} ({type(asked).__name__})."
            )
        return asked
    span = run.trace.end - run.trace.start
    return next((step for step in STEPS if span / pd.Timedelta(step) <= most), STEPS[-1])


def _bins(run: Replay, freq: str, tz: str = "UTC") -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the calls of each bin, a column a deployment or reason not to be served, and the edges of the bins."""
    counts = run.share(freq, counts=True, tz=tz)
    end = counts.index[-1] + pd.Timedelta(to_offset(freq))  # type: ignore[arg-type]
    return counts.to_numpy(), np.array([*x_of(counts.index), x_of(end)])


def _bars(run: Replay, stretches: pd.DataFrame) -> dict[str, list[tuple[float, float]]]:
    """Return the stretches of each deployment within the trace, as left ends and widths."""
    first, last = run.trace.start, run.trace.end + pd.Timedelta(1, "us")
    seen = stretches[(stretches["start"] < last) & (stretches["end"] > first)]
    # A trace that is too short to be seen is drawn as wide as its bins, of a second.
    start, end = (first, last) if last - first > pd.Timedelta(1, "s") else (first.floor("s"), last.ceil("s"))
    lefts = x_of(seen["start"].where(seen["start"] > first, start))
    rights = x_of(seen["end"].where(seen["end"] < last, end))
    bars: dict[str, list[tuple[float, float]]] = {}
    for name, left, right in zip(seen["deployment"], lefts, rights, strict=True):
        bars.setdefault(name, []).append((left, right - left))
    return bars


def _partial_faults(run: Replay) -> Iterator[str]:
    """Say what else happened than outages, by deployment."""
    injector = run.scenario.injector(run.router.deployments, strict=False)
    effects = [list(dict.fromkeys(filter(None, map(injector.effect, rules)))) for rules in injector.rules]
    besides = [f"{name} {listed(texts)}" for name, texts in zip(run.deployments, effects, strict=True) if texts]
    if besides:
        yield f"besides: {plain(listed(besides, ','))}"


def _shares(run: Replay, names: Sequence[str], unserved: Sequence[str]) -> Floats:
    """Return the share of each deployment, missing if the run does not have it, and of the calls not served."""
    served = run.calls["served_by"].value_counts()
    outcomes = run.calls["outcome"].value_counts()
    return np.array([served.get(name, np.nan) for name in names] + [outcomes[o] for o in unserved]) / len(run)


def _change(a: float, b: float) -> str:
    points = 100 * float(np.nan_to_num(b) - np.nan_to_num(a))
    # What rounds to nothing is no nothing: two digits of it are shown.
    text = f"{points:+.1f} pp" if round(points, 1) else f"{points:+.1g} pp" if points else ""
    state = "gone" if np.isnan(b) else "new" if np.isnan(a) else ""
    return f"{text} ({state})" if text and state else text or state or "same"
