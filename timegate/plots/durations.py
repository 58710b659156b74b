"""How long outages last: the data against what was fitted to them."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from timegate.core.distributions import LengthDistribution
from timegate.errors import InvalidTypeError, ReplayError, shown
from timegate.incidents.outages import OutageFit, OutageModel
from timegate.plots.drawing import Style, axes_of, inches, legend_below, titled
from timegate.pointer import guided
from timegate.show.text import counted, duration

__all__ = ["durations"]

Floats = npt.NDArray[np.float64]

PERCENTILES = (50, 90, 99)
PERCENTILES_OF_1 = np.array(PERCENTILES) / 100
DATA: Style = {"color": "#555555", "linewidth": 1.2, "drawstyle": "steps-pre"}
BEST: Style = {"color": "#332288", "linewidth": 2.0}
OTHERS: tuple[Style, ...] = (
    {"color": "#B8B2D6", "linewidth": 1.3, "linestyle": "--"},
    {"color": "#B8B2D6", "linewidth": 1.3, "linestyle": ":"},
)
NOTE: Style = {
    "fontsize": 8,
    "va": "bottom",
    "bbox": {"facecolor": "white", "alpha": 0.7, "pad": 0.5, "edgecolor": "none"},
}
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
# The ticks of the axis, from few to many: the first that has three or more within the data is taken.
LADDERS = (
    (0.001, 1, MINUTE_S, HOUR_S, DAY_S, 30 * DAY_S, 365 * DAY_S),
    tuple(
        number * unit_s
        for unit_s, numbers in ((0.001, (1, 10, 100)), (1, (1, 10)), (MINUTE_S, (1, 10)), (HOUR_S, (1, 6)),
                                (DAY_S, (1, 7, 30, 100, 365)))
        for number in numbers
    ),
    tuple(
        number * unit_s
        for unit_s, numbers in ((0.001, (1, 2, 5, 10, 20, 50, 100, 200, 500)), (1, (1, 2, 5, 10, 20, 30)),
                                (MINUTE_S, (1, 2, 5, 10, 20, 30)), (HOUR_S, (1, 2, 3, 6, 12)),
                                (DAY_S, (1, 2, 4, 7, 14, 30, 60, 100, 200, 365)))
        for number in numbers
    ),
)  # fmt: skip


@guided()
def durations(fit: OutageFit | npt.ArrayLike, ax: Axes | None = None) -> Axes:
    """Draw how many outages last at least how long, on logarithmic axes: the data as steps, the fit as a curve.

    Marked are the median, the 90th and the 99th percentile of the fit, beside those of the data. The distributions
    that were not chosen are drawn pale.

    Parameters
    ----------
    fit : OutageFit, or lengths in seconds
        What was fitted, or data alone.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Raises
    ------
    InvalidTypeError, ReplayError
        If an argument is of the wrong type, or the lengths are not positive numbers.

    Examples
    --------
    >>> ax = durations([600.0, 1200.0, 5400.0])
    >>> ax.get_ylabel()
    'outages at least so long'
    """
    fitted = fit if isinstance(fit, OutageFit) else None
    lengths_s = _lengths(fit.durations_s if isinstance(fit, OutageFit) else fit)
    data = marks = np.quantile(lengths_s, PERCENTILES_OF_1)
    curves = []
    if fitted is not None:
        marks = _quantiles_s(fitted, PERCENTILES_OF_1)
        curves = _curves(fitted, np.geomspace(1, 0.3 / len(lengths_s), 400)[1:])
    ax = axes_of(ax, (8.0, 4.5))
    width, height = inches(ax)
    ax.set(xscale="log", yscale="log")
    ax.set_xlabel("length of an outage", loc="left")
    ax.set_ylabel("outages at least so long", fontsize=min(10.0, 3.6 * height))
    notes = [f"p{p} {duration(s, 'rounded')}" for p, s in zip(PERCENTILES, marks, strict=True)]
    if fitted is not None and width > 5:
        notes = [f"{note} (data {duration(s, 'rounded')})" for note, s in zip(notes, data, strict=True)]

    # Room at the right for the note of the last percentile.
    low, high = min(lengths_s[0], marks[0]) / 1.3, max(lengths_s[-1], marks[-1]) * 1.3
    room = min(0.6, (0.065 * max(map(len, notes)) + 0.1) / width)
    ax.set_xlim(low, max(high, low * (marks[-1] / low) ** (1 / (1 - room))))
    _time_ticks(ax)
    bottom = min(0.007, 0.5 / len(lengths_s))
    decades = range(math.ceil(math.log10(bottom)), 1)
    ax.set_ylim(bottom, 1.3)
    ax.set_yticks([10.0**decade for decade in decades], [f"{10.0 ** (decade + 2):g}%" for decade in decades])
    ax.yaxis.set_minor_locator(NullLocator())

    handles = [Line2D([], [], label=counted(len(lengths_s), "outage"), **DATA)]
    for label, x, y, look in curves:
        ax.plot(x, y, **look)
        handles.append(Line2D([], [], label=label, **look))
    at_least = np.arange(len(lengths_s), 0, -1) / len(lengths_s)
    ax.plot([low, *lengths_s, lengths_s[-1]], [1.0, *at_least, bottom], **DATA)
    ax.scatter(marks, 1 - PERCENTILES_OF_1, s=18, color=(BEST if fitted else DATA)["color"], zorder=3)
    for at_s, share, note in zip(marks, 1 - PERCENTILES_OF_1, notes, strict=True):
        ax.annotate(note, (at_s, share), (6, 2), textcoords="offset points", **NOTE)
    legend_below(ax, handles)
    return titled(ax, "How long outages last")


def _lengths(given: npt.ArrayLike) -> Floats:
    try:
        lengths_s = np.sort(np.asarray(given, np.float64))
    except (TypeError, ValueError):
        raise InvalidTypeError(
            f"fit must be an OutageFit, or lengths of outages in seconds. Got {type(given).__name__}."
        ) from None
    if lengths_s.ndim != 1:
        raise InvalidTypeError(f"fit must be an OutageFit, or a list of lengths in seconds. Got {shown(given)}.")
    if not len(lengths_s):
        raise ReplayError("fit must hold at least one length of an outage. Got none.")
    wrong = lengths_s[~(np.isfinite(lengths_s) & (lengths_s > 0))]
    if len(wrong):
        raise ReplayError(f"the lengths of outages must be above 0, in seconds. Got {wrong[0]}.")
    return lengths_s


def _curves(fit: OutageFit, shares: Floats) -> list[tuple[str, Floats, Floats, Style]]:
    """Return label, x, y and look of each distribution, the chosen one first."""
    curves = []
    for look, (name, row) in zip((BEST, *OTHERS), fit.candidates.iterrows(), strict=True):
        shape = None if math.isnan(row["shape"]) else row["shape"]
        model = OutageModel(
            mtbf_s=fit.mtbf_s, mttr_s=row["mttr_s"], distribution=cast("LengthDistribution", name), shape=shape
        )
        curves.append((f"{name} (AIC {row['aic']:,.1f})", _quantiles_s(model, 1 - shares), shares, look))
    return curves


def _quantiles_s(model: OutageModel, shares: Floats) -> Floats:
    return np.array([model.quantile_s(p) for p in shares.tolist()])


def _time_ticks(ax: Axes) -> None:
    """Put ticks at the usual lengths of time, as many as have room."""
    low, high = ax.get_xlim()
    ladders = [[tick for tick in ladder if low <= tick <= high] for ladder in LADDERS]
    ticks = next((ticks for ticks in ladders if len(ticks) >= 3), ladders[-1])
    ticks = ticks or np.geomspace(low, high, 5)[1:-1].tolist()
    most = max(3, int(1.5 * inches(ax)[0]))
    ax.xaxis.set_major_locator(FixedLocator(ticks[:: math.ceil(len(ticks) / most)]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: duration(seconds, "rounded")))
