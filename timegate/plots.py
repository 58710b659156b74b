"""Figures of a replay: what was closed, who served, who fell back to whom, and how two replays differ.

Every function takes a result and returns the Axes that it drew on. Without ``ax`` it makes a figure of its own.
With ``ax``, give that figure ``layout="constrained"``, so that names and legends get their room.

A deployment has one colour in all figures, by its name: the order of a config does not matter. A name that
comes or goes can move others, if their hashes collide: pass ``colors`` to pin them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.colors import is_color_like, to_hex, to_rgb
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter
from matplotlib.transforms import ScaledTranslation

from timegate.columns import UNSERVED
from timegate.errors import InvalidTypeError, ReplayError
from timegate.replay import Replay

__all__ = ["compare", "day", "deployment_colors", "fallbacks", "share"]

Floats = npt.NDArray[np.float64]

# Okabe and Ito, "Color Universal Design" (2008): eight colours that colour-blind people can tell apart.
# Vermillion and black are kept for the calls that nobody served, the other six are for deployments.
PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#CC79A7")
ALARM = {"failed": "#D55E00", "blocked": "#000000"}
# Alarm does not hang on colour alone.
ALARM_HATCH = {"failed": "xxxx", "blocked": "...."}

CLOSED = {"facecolor": "#EEEEEE", "edgecolor": "#9A9A9A", "hatch": "////", "linewidth": 0.0}
OUTAGE = {"facecolor": "#5A5A5A", "edgecolor": "#5A5A5A", "linewidth": 1.0}

# Lengths of a bin, in seconds, that divide a minute, an hour, a day or the next.
STEPS_S = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 21600, 43200, 86400),
    *(2 * 86400, 4 * 86400, 7 * 86400, 14 * 86400, 28 * 86400),
)  # fmt: skip


def day(run: Replay, ax: Axes | None = None, colors: Mapping[str, str] | None = None) -> Axes:
    """Draw a replay over time, one row a deployment in config order, and one for the calls that nobody served.

    A row shows when windows closed the deployment, its outages, and the calls that it served. All rows have the
    same scale, which the label of the axis states; a bin with any call at all is drawn high enough to be seen.

    Parameters
    ----------
    run : Replay
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
        If an argument is of the wrong type, or a colour is none.
    """
    _check_replay(run, "run")
    names = run.deployments
    palette = _colors(names, colors)
    ax = _axes(ax, (10.0, 1.5 + 0.55 * (len(names) + 1)))
    freq = _frequency(run, 200)
    counts, edges = _bins(run, freq)
    served, unserved = counts[:, : len(names)], counts[:, len(names) :]
    peak = max(served.max(initial=0), unserved.sum(axis=1).max())
    # Rows are 1 apart and counted downwards: heights are negative.
    heights = -0.8 * np.where(counts > 0, np.maximum(counts / peak, 0.1), 0.0)

    handles: list[Patch] = []
    for what, stretches, style, span in (
        ("closed by a window", run.closed(), CLOSED, (-0.45, 0.9)),
        ("outage", run.outages(), OUTAGE, (0.37, 0.08)),
    ):
        seen = _visible(run, stretches)
        for row, name in enumerate(names):
            if bars := _bars(seen, name):
                ax.broken_barh(bars, (row + span[0], span[1]), **style)
        if len(seen):
            handles.append(Patch(label=what, **style))  # type: ignore[arg-type]

    for row, name in enumerate(names):
        floor = np.full(len(counts), row + 0.37)
        ax.stairs(floor + heights[:, row], edges, baseline=floor, fill=True, color=palette[name], linewidth=0)
    floor = np.full(len(counts), len(names) + 0.37)
    for column, outcome in enumerate(UNSERVED, start=len(names)):
        if counts[:, column].any():
            top = floor + heights[:, column]
            ax.stairs(top, edges, baseline=floor, fill=True, **_alarm(outcome))
            handles.append(Patch(label=outcome, **_alarm(outcome)))
            floor = top

    totals = [*served.sum(axis=0), unserved.sum()]
    labels = [f"{name}  {total / len(run):.1%}" for name, total in zip([*_labels(names, ax), "unserved"], totals)]
    _rows(ax, labels)
    ax.axhline(len(names) - 0.5, color="#333333", linewidth=0.8)
    _time_axis(ax, run)
    ax.set_xlabel(f"time (UTC); a full row is {peak:,} calls in {freq}")
    _legend_below(ax, handles)
    return ax


def share(
    run: Replay, freq: str | None = None, ax: Axes | None = None, colors: Mapping[str, str] | None = None
) -> Axes:
    """Draw who served which share of the calls, bin by bin.

    Parameters
    ----------
    run : Replay
    freq : str, optional
        Length of a bin, such as ``"15min"``. Default: one that cuts the trace into 48 to 96 bins.
    ax : Axes, optional
        Where to draw.
    colors : mapping of str to str, optional
        Colours of deployments by name, in place of their own.

    Returns
    -------
    Axes
        Bins without calls are gaps.

    Raises
    ------
    InvalidTypeError, ReplayError
        If an argument is of the wrong type, ``freq`` is no length of time, or a colour is none.
    """
    _check_replay(run, "run")
    if not isinstance(freq, str | None):
        raise InvalidTypeError(f"freq must be text like '15min', or None. Got {freq!r} ({type(freq).__name__}).")
    names = run.deployments
    palette = _colors(names, colors)
    freq = freq or _frequency(run, 96)
    counts, edges = _bins(run, freq)
    ax = _axes(ax, (10.0, 4.0))
    total = counts.sum(axis=1)
    # Shares of the running sums: the topmost is 1 exactly. Not a number, where no call arrived, is a gap.
    tops = counts.cumsum(axis=1) / np.where(total > 0, total, np.nan)[:, None]
    bottoms = np.column_stack([np.where(total > 0, 0.0, np.nan), tops[:, :-1]])
    handles = []
    labels = [*_labels(names, ax), *UNSERVED]
    styles = [{"color": palette[name], "linewidth": 0.0} for name in names] + [_alarm(outcome) for outcome in UNSERVED]
    for column in np.flatnonzero(counts.any(axis=0)):
        ax.stairs(tops[:, column], edges, baseline=bottoms[:, column], fill=True, **styles[column])
        handles.append(Patch(label=labels[column], **styles[column]))
    ax.set_ylim(0, 1)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_ylabel(f"share of calls in {freq}")
    _time_axis(ax, run)
    ax.set_xlabel("time (UTC)")
    # Beside the stack and in its order.
    fontsize = _fit(_inches(ax)[1], len(handles))
    ax.legend(
        handles=handles[::-1], loc="upper left", bbox_to_anchor=(1, 1), borderaxespad=0, frameon=False, fontsize=fontsize
    )
    return ax


def fallbacks(run: Replay, ax: Axes | None = None) -> Axes:
    """Draw who served in whose place: a row a first choice, a column a deployment that served.

    Parameters
    ----------
    run : Replay
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Raises
    ------
    InvalidTypeError
        If an argument is of the wrong type.
    """
    _check_replay(run, "run")
    counts = _matrix(run)
    rows, columns = counts.shape
    ax = _axes(ax, (3.5 + 0.9 * columns, 1.5 + 0.5 * rows))
    ax.set_ylabel("first choice")
    ax.set_xlabel(f"served by ({counts.to_numpy().sum():,} calls fell back)")
    ax.tick_params(length=0)
    if counts.empty:
        ax.set(xticks=[], yticks=[])
        ax.text(0.5, 0.5, "No call fell back.", transform=ax.transAxes, ha="center", va="center")
        return ax
    values = counts.to_numpy()
    image = ax.imshow(np.ma.masked_equal(values, 0), cmap="cividis_r", vmin=0, aspect="auto")
    width, height = _inches(ax)
    longest = max(len(f"{value:,}") for value in values.flat)
    size = min(_fit(height, rows), max(5.0, 72 * width / columns / (0.7 * longest)))
    for row, column in zip(*np.nonzero(values), strict=True):
        value = values[row, column]
        ink = "black" if _luminance(image.cmap(image.norm(value))) > 0.18 else "white"
        ax.text(column, row, f"{value:,}", ha="center", va="center", color=ink, fontsize=size)
    # White lines part the cells.
    for at in np.arange(0.5, columns - 1):
        ax.axvline(at, color="white", linewidth=1.5)
    for at in np.arange(0.5, rows - 1):
        ax.axhline(at, color="white", linewidth=1.5)
    _rows(ax, _labels(counts.index, ax))
    labels = _labels(counts.columns, ax)
    slanted = sum(map(len, labels)) * 0.09 > width
    ax.set_xticks(
        range(columns), labels, rotation=30 if slanted else 0, ha="right" if slanted else "center", rotation_mode="anchor"
    )
    return ax


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
        The bars of A are pale, those of B full. Beside each pair stands B minus A in percentage points.

    Raises
    ------
    InvalidTypeError, ReplayError
        If an argument is of the wrong type, there are not two labels, or a colour is none.
    """
    _check_replay(run_a, "run_a")
    _check_replay(run_b, "run_b")
    label_a, label_b = _two(labels)
    shares = _shares(run_a, run_b)
    names = [name for name, unserved in shares.index if not unserved]
    palette = _colors(names, colors) 
    raise NotImplementedError
