"""Load against length of outage."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.patches import Patch, Rectangle

from timegate.errors import InvalidTypeError, ReplayError, did_you_mean
from timegate.plots.drawing import Style, axes_of, inches, label_across, legend_below, row_axis, titled, type_size
from timegate.pointer import guided
from timegate.runs.sweep import SWEEP_COLUMNS
from timegate.show.palette import ALARM, luminance
from timegate.show.text import duration, percent

__all__ = ["sweep"]

VALUES = {
    "recovery_s": "time until calls fare as before",
    "unserved": "calls not served",
    "served_during": "share served during the outage",
    "served_after": "share served after the outage",
}
NEVER: Style = {"facecolor": "none", "edgecolor": ALARM["failed"], "linewidth": 0.0, "hatch": "xxxx"}


@guided()
def sweep(table: pd.DataFrame, value: str = "recovery_s", ax: Axes | None = None) -> Axes:
    """Draw a sweep as a heat map: load from left to right, length of outage from top to bottom.

    Cells that do not come back are crossed.

    Parameters
    ----------
    table : DataFrame
        What :func:`timegate.sweep` returned.
    value : {"recovery_s", "unserved", "served_during", "served_after"}
        What a cell shows.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Raises
    ------
    InvalidTypeError, ReplayError
        If an argument is of the wrong type, the table is no sweep, or the value is unknown.

    Examples
    --------
    >>> import timegate as tg
    >>> config = tg.GatewayConfig(deployments=[{"model_name": n, "model": f"sim/{n}"} for n in ("strong", "weak")])
    >>> outage = tg.Outage(target="strong", start="2026-03-02T09:10Z", duration="10min")
    >>> trace = tg.EvenTraffic(start="2026-03-02T09:00Z", rates=[1], calls=3600).trace(0)
    >>> table = tg.sweep(config, trace, tg.Scenario(faults=[outage]), outage_s=[60, 600], load=[0.5, 1])
    >>> ax = sweep(table, "unserved")
    >>> ax.get_title(loc="left")
    'What load and length of an outage do'
    """
    if not {*SWEEP_COLUMNS} <= {*getattr(table, "columns", ())}:
        raise InvalidTypeError(f"table must be what tg.sweep() returned. Got {type(table).__name__}.")
    if value not in VALUES:
        raise ReplayError(f"value {value!r} is not known.{did_you_mean(str(value), VALUES)}")
    loads = sorted(table["load"].unique().tolist())
    lengths_s = sorted(table["outage_s"].fillna(-1.0).unique().tolist())
    cells = table.assign(outage_s=table["outage_s"].fillna(-1.0)).sort_values(["outage_s", "load"])
    shape = len(lengths_s), len(loads)
    if len(cells) != shape[0] * shape[1]:
        raise ReplayError(
            f"table must have a row for each load and length. Got {len(cells)} for {shape[0]} x {shape[1]}."
        )
    ax = axes_of(ax, (max(5.5, 2.5 + 0.9 * len(loads)), 1.8 + 0.5 * len(lengths_s)))
    grid = cells[value].to_numpy(np.float64).reshape(shape)
    back = cells["comes_back"].to_numpy(np.bool_).reshape(shape)
    is_share = value.startswith("served")
    norm = PowerNorm(1.0, 0, 1) if is_share else PowerNorm(0.5, vmin=0, vmax=max(np.nanmax([*grid.flat, 0.0]), 1e-9))
    image = ax.imshow(np.ma.masked_invalid(grid), cmap="Blues", norm=norm, aspect="auto")
    width, _ = inches(ax)
    size = min(type_size(ax, len(lengths_s)), max(4.0, 72 * width / len(loads) / 6))
    for row, column in np.ndindex(grid.shape):
        number = float(grid[row, column])
        fill = "white" if np.isnan(number) else image.to_rgba(np.array([number]))[0]
        ground: Style = {"facecolor": fill, "edgecolor": "none", "pad": 1.5}
        if not back[row, column]:
            ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **NEVER))
        ink = "black" if luminance(fill) > 0.18 else "white"
        ax.text(column, row, _written(value, number), ha="center", va="center", color=ink, fontsize=size, bbox=ground)
    row_axis(ax, ["as it is" if length_s < 0 else duration(length_s, "rounded") for length_s in lengths_s])
    ax.set_xticks(range(len(loads)), [f"{load:g}x" for load in loads], fontsize=type_size(ax, len(lengths_s)))
    ax.tick_params(axis="x", length=0)
    ax.set_xlabel("load", loc="left")
    ax.set_ylabel("outage")
    handles = [] if back.all() else [Patch(label="does not come back", **NEVER)]
    if handles:
        legend_below(ax, handles, VALUES[value])
    else:
        label_across(ax, f"load ({VALUES[value]})")
    return titled(ax, "What load and length of an outage do")


def _written(value: str, number: float) -> str:
    if np.isnan(number):
        return "never" if value == "recovery_s" else "-"
    if value == "recovery_s":
        return duration(number, "rounded")
    return f"{number:,.0f}" if value == "unserved" else percent(number, 1, short=True)
