"""Who served in whose place."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm

from timegate.core.columns import UNSERVED
from timegate.plots.drawing import Style, axes_of, checked, empty, inches, printed_names, row_axis, titled, type_size
from timegate.pointer import guided
from timegate.runs.result import Replay
from timegate.show.palette import luminance
from timegate.show.text import counted, listed

__all__ = ["fallbacks", "fallbacks_height", "no_fallback"]


@guided()
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

    Examples
    --------
    >>> import timegate as tg
    >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
    >>> run = tg.replay(config, tg.Trace(["2026-03-02T03:10Z", "2026-03-02T03:40Z", "2026-03-02T09:00Z"]))
    >>> ax = fallbacks(run)
    >>> ax.get_title(loc="left")
    'Who served in whose place, in calls'
    """
    counts = _matrix(checked(run, "run"))
    rows, columns = counts.shape
    width = max(5.0, 3.5 + 0.9 * columns)
    ax = axes_of(ax, (width, fallbacks_height(run, width)))
    ax.set(xlabel="served by", ylabel="first choice")
    titled(ax, "Who served in whose place, in calls")
    if counts.empty:
        return empty(ax, no_fallback(run))
    values = counts.to_numpy()
    ax.set_xlabel(f"served by ({counted(values.sum(), 'call')} fell back)", loc="left")
    ax.set_ylabel("first choice", loc="top")
    # The square root sets small numbers apart as well; cells without calls stay white.
    image = ax.imshow(np.ma.masked_equal(values, 0), cmap="Blues", norm=PowerNorm(0.5, vmin=0), aspect="auto")
    fills = image.to_rgba(values)
    width, height = inches(ax)
    # Few cells do not fill the axes: what is beyond them stays empty.
    across, down = max(columns, width / 2), max(rows, height / 0.8)
    longest = len(f"{values.max():,}")
    size = min(type_size(ax, rows), max(4.0, 72 * width / across / (0.75 * longest)))
    for row, column in np.argwhere(values):
        ink = "black" if luminance(fills[row, column]) > 0.18 else "white"
        ax.text(column, row, f"{values[row, column]:,}", ha="center", va="center", color=ink, fontsize=size)
    ax.hlines(np.arange(rows + 1) - 0.5, -0.5, columns - 0.5, color="#CCCCCC", linewidth=0.8)
    ax.vlines(np.arange(columns + 1) - 0.5, -0.5, rows - 0.5, color="#CCCCCC", linewidth=0.8)
    ax.spines[:].set_visible(False)
    ax.spines["bottom"].set_position(("data", rows - 0.5))  # the names below the cells stand with it
    row_axis(ax, printed_names(counts.index, ax))
    ax.set(xlim=(-0.5, across - 0.5), ylim=(down - 0.5, -0.5))
    labels = printed_names(counts.columns, ax)
    slant: Style = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}
    crowded = 0.1 * across * max(map(len, labels)) > width
    ax.set_xticks(range(columns), labels, fontsize=type_size(ax, rows), **(slant if crowded else {}))
    ax.tick_params(axis="x", length=0)
    return ax


def fallbacks_height(run: Replay, width: float) -> float:
    """Return how high a figure of :func:`fallbacks` is, in inches: long names below many columns are slanted."""
    pairs = run.fallbacks()
    rows, columns = pairs["from"].nunique(), pairs["to"].nunique()
    longest = min(int(pairs["to"].str.len().max()), 32) if len(pairs) else 0
    slanted = 0.1 * longest * columns > 0.7 * width
    return max(2.4, 1.5 + 0.5 * rows + (0.045 * longest if slanted else 0.0))


def no_fallback(run: Replay) -> str:
    """Say that no fallback served, and what became of the calls that nobody served."""
    unserved = [f"{counted(count, 'call')} {word}" for word, count in _unserved(run).items() if count]
    return " ".join(["No call was served by a fallback.", *([f"{listed(unserved)}."] if unserved else [])])


def _matrix(run: Replay) -> pd.DataFrame:
    """Return the fallbacks, first choice by who served, in config order, without the deployments that have none."""
    counts = run.fallbacks()
    table = counts.pivot_table(index="from", columns="to", values="count", aggfunc="sum", fill_value=0)
    order = run.deployments
    return table.loc[[n for n in order if n in table.index], [n for n in order if n in table.columns]]


def _unserved(run: Replay) -> dict[str, int]:
    counts = run.outcome_counts()
    words = {"failed": "failed", "blocked": "met none that was open", "shed": "met none that would take them"}
    return {words[outcome]: counts[outcome] for outcome in UNSERVED}
