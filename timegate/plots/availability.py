"""The availability of many random days."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter

from timegate.errors import InvalidTypeError, ReplayError, shown
from timegate.plots.drawing import Style, axes_of, inches, legend_below, printed_names, row_axis, titled, type_size
from timegate.pointer import guided
from timegate.runs.replicas import MonteCarlo

__all__ = ["availability"]

BINS = 60
# A row has the histogram above its middle, and the interval below.
FLOOR, TALLEST, LINE = 0.12, 0.55, 0.28
REPLICAS: Style = {"facecolor": "#A9B8C8", "edgecolor": "none"}
SPREAD: Style = {"color": "#7A7A7A", "linewidth": 1.5, "solid_capstyle": "butt"}
MEAN: Style = {"color": "black", "marker": "o", "markersize": 4, "linewidth": 3, "solid_capstyle": "butt"}


@guided()
def availability(
    results: MonteCarlo | Mapping[str, MonteCarlo], confidence: float = 0.95, ax: Axes | None = None
) -> Axes:
    """Draw the availability of random days: a row a result, on one axis.

    A row shows how the replicas spread (a histogram, as high as its fullest bin), from the 5th to the 95th
    percentile (thin line), and their mean with its confidence interval (dot and thick line), which also stands
    right of it. The interval is that of :meth:`MonteCarlo.summary`.

    Parameters
    ----------
    results : MonteCarlo or mapping of str to MonteCarlo
        One, or several by the names that the rows shall have.
    confidence : float
        Of the interval for the mean, between 0 and 1.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Raises
    ------
    InvalidTypeError, ReplayError
        If an argument is of the wrong type, no result is given, a name is blank, or ``confidence`` is out of range.

    Notes
    -----
    Intervals that overlap do not say that two results are alike: if both faced the same days, ask
    :meth:`MonteCarlo.compare`, which knows the difference far better.

    Examples
    --------
    >>> import timegate as tg
    >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
    >>> scenario = tg.Scenario(faults=[tg.ErrorRate(target="strong", rate=0.1)])
    >>> traffic = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=100)
    >>> result = tg.monte_carlo(config, traffic, scenario, replicas=20)
    >>> ax = availability({"today": result, "tomorrow": result})
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['today', 'tomorrow']
    """
    named = _named(results)
    if isinstance(confidence, bool) or not isinstance(confidence, Real):
        raise InvalidTypeError(f"confidence must be a number between 0 and 1. Got {shown(confidence)}.")
    rows = [(_days(result), result.summary(float(confidence)).loc["availability"]) for result in named.values()]
    ax = axes_of(ax, (8.0, 1.4 + 0.8 * len(rows)))
    row_axis(ax, printed_names(named, ax) if isinstance(results, Mapping) else [""])
    ends = [np.array(figures[["ci_low", "ci_high"]], np.float64) for days, figures in rows if len(days)]
    low, high = _reach([days for days, _ in rows] + ends)
    edges = np.linspace(low, high, BINS + 1)
    size = type_size(ax, 2 * len(rows))
    notes = []
    for row, (days, figures) in enumerate(rows):
        if not len(days):
            ax.text(0.5, row, "no calls", transform=ax.get_yaxis_transform(), ha="center", va="center")
            continue
        counts = np.histogram(days, edges)[0]
        ax.stairs(row + FLOOR - TALLEST * counts / counts.max(), edges, baseline=row + FLOOR, fill=True, **REPLICAS)
        line = np.full(2, row + LINE)
        ax.plot([figures["p05"], figures["p95"]], line, **SPREAD)
        ax.plot([figures["ci_low"], figures["ci_high"]], line, **MEAN | {"marker": None})
        ax.plot(figures["mean"], line[0], **MEAN)
        notes.append(_note(*figures[["mean", "ci_low", "ci_high"]].tolist()))
        ax.annotate(notes[-1], (1, row), (-4, 0), ax.get_yaxis_transform(), "offset points", ha="right", va="center",
                    fontsize=size)  # fmt: skip

    width, _ = inches(ax)
    room = min(0.6, (0.009 * size * max(map(len, notes), default=0) + 0.15) / width)  # for the notes at the right
    margin = 0.02 * (high - low)
    ax.set_xlim(low - margin, low - margin + (high - low + margin) / (1 - room))
    ticks = MaxNLocator(int(np.clip(1.3 * width * (1 - room), 2, 8)), steps=[1, 2, 5, 10]).tick_values(low, high)
    ax.set_xticks(ticks[(ticks >= low - margin) & (ticks <= high + margin)])
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel("availability: share of calls served", loc="left", fontsize=min(10.0, 3 * width))
    handles = [
        Patch(label="replicas", **REPLICAS),
        Line2D([], [], label="5th to 95th percentile", **SPREAD),
        Line2D([], [], label=f"mean, {100 * confidence:.4g}% interval", **MEAN),
    ]
    legend_below(ax, handles)
    return titled(ax, "Availability of random days")


def _named(results: MonteCarlo | Mapping[str, MonteCarlo]) -> dict[str, MonteCarlo]:
    named = dict(results) if isinstance(results, Mapping) else {"": results}
    if not named:
        raise ReplayError("results must hold at least one MonteCarlo. Got none.")
    for name, result in named.items():
        if not isinstance(result, MonteCarlo):
            place = f"results[{name!r}]" if isinstance(results, Mapping) else "results"
            raise InvalidTypeError(
                f"{place} must be a MonteCarlo, as monte_carlo() returns it. Got {type(result).__name__}."
            )
        if isinstance(results, Mapping) and not isinstance(name, str):
            raise InvalidTypeError(f"results must be named by text. Got the name {shown(name)}.")
        if isinstance(results, Mapping) and not name.strip():
            raise ReplayError("results must be named: a name is blank.")
    return named


def _days(result: MonteCarlo) -> npt.NDArray[np.float64]:
    """Return the availability of the replicas that had any calls."""
    return result.replicas["availability"].dropna().to_numpy(np.float64)


def _reach(rows: list[npt.NDArray[np.float64]]) -> tuple[float, float]:
    """Return the ends of the axis: those of the data and of the intervals, or a little more where they are one."""
    days = np.concatenate([np.empty(0), *rows])
    low, high = (float(days.min()), float(days.max())) if len(days) else (0.0, 1.0)
    if high - low < 1e-9:
        low, high = max(0.0, low - 0.005), min(1.0, high + 0.005)
    return low, high


def _note(mean: float, low: float, high: float) -> str:
    """Write a mean with its interval, to two digits of the interval's width."""
    width = 100 * (high - low)
    digits = int(np.clip(1 - math.floor(math.log10(width)), 0, 4)) if width > 1e-9 else 2
    return f"{100 * mean:.{digits}f}% ({100 * low:.{digits}f} to {100 * high:.{digits}f})"
