"""Choices of windows: the trade between cost and failures, who is open before and after, and how choices fared."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from timegate.errors import InvalidTypeError
from timegate.optimize.proposals import Proposals
from timegate.optimize.walked import ALWAYS, TODAY, WalkForward
from timegate.plots.drawing import (
    Style,
    axes_of,
    inches,
    legend_below,
    plain,
    printed_names,
    row_axis,
    time_axis,
    titled,
    x_of,
)
from timegate.pointer import guided
from timegate.show.palette import ALARM, chosen_colors, mix
from timegate.show.text import percent

__all__ = ["frontier", "schedule", "walk_forward"]

_MARKS: dict[str, Style] = {  # of three that meet in one point, each is seen
    TODAY: {"marker": "s", "markersize": 10.0, "color": "#555555", "fillstyle": "none", "zorder": 3},
    ALWAYS: {"marker": "D", "markersize": 8.0, "color": "#555555", "fillstyle": "none", "zorder": 3},
    "best": {"marker": "*", "markersize": 8.0, "color": "#d55e00", "zorder": 4},
}
_ROW, _LOW_ROW, _ROOMY = 0.24, 0.12, 35  # inches of a row, of one among many, and how many rows are no lower for it
_HIGH, _STRIP = 0.52, 0.2  # of a row: its bar, and the band below it
_BAND: Style = {"facecolor": "white", "edgecolor": "#555555", "hatch": "//////", "linewidth": 0.4}


@guided()
def frontier(found: Proposals, ax: Axes | None = None) -> Axes:
    """Draw what schedules cost against the share of the calls that they fail.

    The line joins the cheapest schedules for ever fewer failures; today's, that which is always open and the best are
    marked. A dashed line is the limit that was asked for.

    Parameters
    ----------
    found : Proposals
        What :func:`timegate.optimise` returned; its ``frontier`` is the same as a table.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Raises
    ------
    InvalidTypeError
        If an argument is of the wrong type.

    Examples
    --------
    >>> import pandas as pd
    >>> import timegate as tg
    >>> peak = {"windows": [{"start": "08:00", "end": "18:00", "end_included": False}], "times": 3}
    >>> config = tg.GatewayConfig(deployments=[
    ...     {"model_name": "strong", "model": "sim/large", "price": {"per_call": 0.01, "bands": [peak]}},
    ...     {"model_name": "weak", "model": "sim/small", "price": {"per_call": 0.02}},
    ... ])
    >>> calls = tg.Trace(pd.date_range("2026-03-02T00:05Z", periods=144, freq="10min"))
    >>> found = tg.optimise(config, calls, period="day", step="1h")
    >>> ax = frontier(found)
    >>> ax.get_title(loc="left")
    'What schedules cost, and how many calls they fail'
    """
    table = _checked(found).frontier
    ax = axes_of(ax, (6.5, 4.2))
    cost = table.columns[1]
    line = table[~table["schedule"].isin([*_MARKS])].sort_values("failed")
    if len(line):
        look: Style = {"color": "#332288", "markersize": 4, "linewidth": 1, "zorder": 2}
        ax.plot(line["failed"], line[cost], "o-", label="the cheapest", **look)
    for name, style in _MARKS.items():
        row = table[table["schedule"] == name]
        ax.plot(row["failed"], row[cost], linestyle="", label=name, **style)
    if (limit := found.limits.get("failed")) is not None and limit <= 1.5 * float(table["failed"].max()):
        ax.axvline(limit, color="#999999", linestyle="--", linewidth=1, label="limit", zorder=1)
    ax.set_xlabel("calls that nobody serves", loc="left")
    ax.set_ylabel(f"cost ({found.currency})")
    ax.margins(0.08)
    _within_range(ax, float(table["failed"].max()))
    if not table[cost].any():
        ax.set_ylim(-0.05, 1.0)
    ax.grid(color="#eeeeee", zorder=0)
    ax.set_axisbelow(True)
    legend_below(ax, ax.get_legend_handles_labels()[0])
    return titled(ax, "What schedules cost, and how many calls they fail")


@guided()
def schedule(
    found: Proposals, name: str = "best", ax: Axes | None = None, colors: Mapping[str, str] | None = None
) -> Axes:
    """Draw who is open by weekday and hour, before and after: a block of rows a deployment, a row a weekday.

    Full is what is open today and in the schedule; hatched what the schedule closes; dark-edged what it opens. Below
    each row a hatched strip shows when a band of the deployment's price holds.

    Parameters
    ----------
    found : Proposals
        What :func:`timegate.optimise` returned; ``found.slots(name)`` is the same as a table.
    name : str
        A schedule of ``found.frontier``.
    ax : Axes, optional
        Where to draw.
    colors : mapping of str to str, optional
        Colours of deployments by name, in place of their own.

    Returns
    -------
    Axes

    Raises
    ------
    InvalidTypeError, ReplayError
        If an argument is of the wrong type, a colour is none, or no schedule has that name.

    Examples
    --------
    >>> import pandas as pd
    >>> import timegate as tg
    >>> peak = {"windows": [{"start": "08:00", "end": "18:00", "end_included": False}], "times": 3}
    >>> config = tg.GatewayConfig(deployments=[
    ...     {"model_name": "strong", "model": "sim/large", "price": {"per_call": 0.01, "bands": [peak]}},
    ...     {"model_name": "weak", "model": "sim/small", "price": {"per_call": 0.02}},
    ... ])
    >>> calls = tg.Trace(pd.date_range("2026-03-02T00:05Z", periods=144, freq="10min"))
    >>> found = tg.optimise(config, calls, period="day", step="1h")
    >>> ax = schedule(found)
    >>> ax.get_title(loc="left")
    "Who is open, today and in 'best'"
    """
    slots = _checked(found).slots(name)
    names = [d.name for d in found.config.deployments]
    shades = chosen_colors(names, colors)
    days = slots["day"].unique().tolist()
    rows = len(days) * len(names)
    ax = axes_of(ax, (8.5, 1.2 + max(_ROW * min(rows, _ROOMY), _LOW_ROW * rows)))
    labels: list[str] = []
    printed = printed_names(names, ax)
    drawn, shut = set(), False
    for place, (deployment, own) in enumerate(slots.groupby("deployment", sort=False)):
        shade = shades[str(deployment)]
        styles: dict[str, Style] = {
            "open": {"facecolor": shade, "edgecolor": "none"},
            "closes": {"facecolor": "white", "edgecolor": ALARM["failed"], "hatch": "xxxx", "linewidth": 0.6},
            "opens": {"facecolor": mix(shade, "white", 0.5), "edgecolor": "black", "linewidth": 1.0},
        }
        for day, part in own.groupby("day", sort=False):
            row = len(labels)
            before, after, band = (part[column].to_numpy(bool) for column in ("today", "schedule", "band"))
            kinds = {"open": before & after, "closes": before & ~after, "opens": ~before & after}
            shut |= bool((~before & ~after).any())
            for kind, inside in kinds.items():
                if bars := _bars(inside):
                    ax.broken_barh(bars, (row - 0.4, _HIGH), **styles[kind])
                    drawn.add(kind)
            if bars := _bars(band):
                ax.broken_barh(bars, (row - 0.4 + _HIGH + 0.04, _STRIP), **_BAND)
                drawn.add("band")
            labels.append(f"{printed[place]}  {day!s}" if day == days[0] else str(day))
        if place:
            ax.axhline(place * len(days) - 0.5, color="#555555", linewidth=0.6)
    ax.set_xlim(0, 24)
    ticks = range(0, 25, 3 if inches(ax)[0] > 3 else 6)
    ax.set_xticks(ticks, [f"{tick:02}" for tick in ticks])
    ax.set_xlabel(f"hour of the day ({plain(found.grid.tz)})", loc="left")
    row_axis(ax, labels)
    legend: dict[str, tuple[str, Style]] = {
        "open": ("open, as today", {"facecolor": "#888888", "edgecolor": "none"}),
        "closes": ("closes", {"facecolor": "white", "edgecolor": ALARM["failed"], "hatch": "xxxx"}),
        "opens": ("opens", {"facecolor": "#cccccc", "edgecolor": "black"}),
        "band": ("a band of its price", _BAND),
    }
    handles = [Patch(label=label, **style) for kind, (label, style) in legend.items() if kind in drawn]
    legend_below(ax, handles, "white: closed, as today" if shut else None)
    return titled(ax, f"Who is open, today and in {name!r}")


@guided()
def walk_forward(walk: WalkForward, ax: Axes | None = None) -> Axes:
    """Draw what choices saved against today's windows, day by day, added up over the days that they had not seen.

    Vertical lines are where windows were chosen anew. The bar at the right end of each line is its interval of 95 %.

    Parameters
    ----------
    walk : WalkForward
        What :func:`timegate.walk_forward` returned; its ``days`` and ``table`` are the same as tables.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Raises
    ------
    InvalidTypeError
        If an argument is of the wrong type.

    Examples
    --------
    >>> import pandas as pd
    >>> import timegate as tg
    >>> price = {"per_call": 0.02, "bands": [{"windows": [["08:00", "18:00"]], "times": 3}]}
    >>> config = tg.GatewayConfig(deployments=[
    ...     {"model_name": "strong", "model": "sim/large", "price": price},
    ...     {"model_name": "weak", "model": "sim/small", "price": {"per_call": 0.03}},
    ... ])
    >>> calls = tg.Trace(pd.date_range("2026-03-02T00:05Z", periods=24 * 14, freq="1h"))
    >>> ax = walk_forward(tg.walk_forward(config, calls, train="4D", test="1D", period="day", step="1h"))
    >>> ax.get_title(loc="left")
    'What choices saved on days that they had not seen'
    """
    if not isinstance(walk, WalkForward):
        raise InvalidTypeError(f"walk must be what tg.walk_forward() returned. Got {type(walk).__name__}.")
    ax = axes_of(ax, (8.5, 4.0))
    days, cost = walk.days, walk.days.columns[3]
    paid = days.pivot_table(index="day", columns="choice", values=cost, sort=False)
    at = x_of(paid.index)
    ends = np.append(at[0], at + 1)
    table = walk.table.set_index("choice")
    whole = float(paid[TODAY].sum())
    shades = ("#332288", "#d55e00", "#117733", "#aa4499", "#88ccee", "#999933")
    handles: list[Line2D] = []
    for number, name in enumerate(table.index):
        saved = np.append(0.0, (paid[TODAY] - paid[name]).to_numpy().cumsum())
        style: Style = (
            {"color": "#777777", "linestyle": "--"} if name == ALWAYS else {"color": shades[number % len(shades)]}
        )
        row = table.loc[name]
        verdict = "a saving" if row["believed"] else "no more than noise" if np.isfinite(row["low"]) else "too few days"
        label = f"{plain(str(name))}: {percent(row['share'], 1)}, {verdict}"
        handles += ax.plot(ends, saved, label=label, linewidth=1.5, **style)
        if np.isfinite(row["low"]):
            right = ends[-1] + (1 + number) * 0.012 * (ends[-1] - ends[0])
            bounds = [whole * row["low"], whole * row["high"]]
            ax.plot([right, right], bounds, color=style["color"], linewidth=3, solid_capstyle="butt", alpha=0.6)
    for fold in walk.folds[1:]:
        ax.axvline(x_of(np.datetime64(fold.test_us, "us")), color="#dddddd", linewidth=1, zorder=0)
    ax.axhline(0, color="black", linewidth=0.8)
    time_axis(ax, ends[0], ends[-1] + 0.012 * (2 + len(table)) * (ends[-1] - ends[0]), walk.tz)
    ax.set_ylabel(f"saved so far ({cost.removeprefix('cost_').upper()})")
    legend_below(ax, handles, "against today's windows; bars: 95% intervals; light lines: windows are chosen anew")
    return titled(ax, "What choices saved on days that they had not seen")


def _checked(found: Proposals) -> Proposals:
    if not isinstance(found, Proposals):
        raise InvalidTypeError(f"found must be what tg.optimise() returned. Got {type(found).__name__}.")
    return found


def _within_range(ax: Axes, most: float) -> None:
    """Keep an axis of shares between 0 and 1, and a little room beyond, where a mark is cut by nothing."""
    low, high = ax.get_xlim() if most > 0 else (-0.0005, 0.01)
    ax.set_xlim(max(low, -0.05 * high), min(high, 1.05))
    ax.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.6g}%" if 0 <= share <= 1 else "")


def _bars(inside: npt.NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Return the stretches of a day in which something holds, as start and length in hours."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]])))
    hours = 24 / len(inside)
    return [(float(lo) * hours, float(hi - lo) * hours) for lo, hi in edges.reshape(-1, 2)]
