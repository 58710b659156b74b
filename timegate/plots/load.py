"""What deployments were asked for, and what they let through."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from pandas.tseries.frequencies import to_offset

from timegate.plots.drawing import (
    Style,
    axes_of,
    checked,
    empty,
    legend_below,
    printed_names,
    row_axis,
    time_axis,
    titled,
    x_of,
)
from timegate.plots.runs import frequency
from timegate.pointer import guided
from timegate.runs.load import REFUSALS
from timegate.runs.result import Replay
from timegate.show.palette import ALARM, chosen_colors
from timegate.show.text import counted, percent

__all__ = ["load"]

FLOOR, TALLEST, STRIP = 0.37, 0.78, 0.08  # of a row whose middle is 0; the strip stands below the floor
LIMITED: Style = {"facecolor": ALARM["failed"], "edgecolor": "none", "linewidth": 0.0}
REFUSED: Style = {"facecolor": ALARM["shed"], "edgecolor": "none", "linewidth": 0.0}
COOLED: Style = {"facecolor": "#222222", "edgecolor": "none", "linewidth": 0.0}


@guided()
def load(
    run: Replay,
    freq: str | None = None,
    ax: Axes | None = None,
    colors: Mapping[str, str] | None = None,
    *,
    tz: str = "UTC",
) -> Axes:
    """Draw the attempts that each deployment was asked for: a row a deployment in config order.

    Of each bin the attempts that it let through are at the bottom, those answered 429 above them, and those that a
    cooldown or a limit of the gateway refused on top. Below it the time is dark in which it cooled. All rows have one
    scale, which the legend states. :meth:`Replay.load` has the figures; beside a name stands the share refused.

    Parameters
    ----------
    run : Replay
    freq : str, optional
        Length of a bin, such as ``"15min"``. Default: one that cuts the trace into 80 to 200 bins.
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
    >>> ax = load(run)
    >>> ax.get_title(loc="left")
    'What deployments were asked for'
    """
    tones = chosen_colors(checked(run, "run").deployments, colors)
    freq = frequency(run, 200, freq)
    table = run.load(freq, tz=tz)
    ax = axes_of(ax, (10.0, 1.5 + 0.55 * max(len(run.deployments), 1)))
    titled(ax, "What deployments were asked for")
    if not table["offered"].any():
        return empty(ax, "No attempt was made, and none was refused.")
    starts = table.index.unique("at")
    edges = np.array([*x_of(starts), x_of(starts[-1] + pd.Timedelta(to_offset(freq)))])  # type: ignore[arg-type]
    peak = int(table["offered"].max())
    labels, seen = [], dict[str, Style]()
    for row, (name, shown) in enumerate(zip(run.deployments, printed_names(run.deployments, ax), strict=True)):
        mine = table.loc[name]
        refused = mine[list(REFUSALS)].to_numpy().sum(axis=1)
        limited = mine["answered_429"].to_numpy()
        own: Style = {"facecolor": tones[name], "edgecolor": "none", "linewidth": 0.0}
        floor = np.full(len(mine), row + FLOOR)
        layers = ((mine["admitted"].to_numpy() - limited, own, ""), (limited, LIMITED, "answered 429"))
        for counts, style, label in (*layers, (refused, REFUSED, "refused by a limit or a cooldown")):
            if counts.any():
                top = floor - np.where(counts > 0, np.maximum(TALLEST * counts / peak, 0.02), 0.0)
                ax.stairs(top, edges, baseline=floor, fill=True, **style)
                floor = top
                if label:
                    seen[label] = style
        offered = int(mine["offered"].sum())
        labels.append(f"{shown}  {percent(refused.sum() / offered, 1, short=True) if offered else '-'}")
    for name, start, end in run.cooldowns.itertuples(index=False):
        left, right = np.clip(x_of([start, end]), edges[0], edges[-1])
        ax.broken_barh([(left, right - left)], (run.deployments.index(name) + FLOOR, STRIP), **COOLED)
        seen["cooling"] = COOLED
    row_axis(ax, labels)
    time_axis(ax, edges[0], edges[-1], tz)
    handles = [Patch(label=label, **style) for label, style in seen.items()]
    legend_below(ax, handles, f"full row: {counted(peak, 'attempt')} per {freq}; in colour: let through; %: refused")
    return ax
