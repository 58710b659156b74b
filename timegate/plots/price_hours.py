"""Dear hours against cheap ones: what a deployment takes by weekday and hour, and where the money went."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from timegate.core.clock import MINUTE_US
from timegate.core.spelling import DAYS
from timegate.core.zones import check_zone
from timegate.errors import InvalidTypeError, ReplayError, did_you_mean, shown
from timegate.plots.drawing import axes_of, checked, inches, legend_below, plain, row_axis, titled
from timegate.pointer import guided
from timegate.runs.bill import no_prices
from timegate.runs.result import Replay
from timegate.show.palette import chosen_colors, luminance, mix
from timegate.show.text import amount
from timegate.traffic.trace import utc_column

__all__ = ["price_hours"]

Floats = npt.NDArray[np.float64]

HOURS = 24
WIDTH, HEIGHT = 0.92, 0.88  # of a cell; what is left keeps them apart
PALE = 0.8  # how much white is mixed into the cheapest
WEEKS = 8  # at most, over which prices are averaged
LEVELS = 5  # of a price, named one by one in the legend


@guided()
def price_hours(
    run: Replay,
    deployment: str | None = None,
    tz: str = "UTC",
    ax: Axes | None = None,
    colors: Mapping[str, str] | None = None,
) -> Axes:
    """Draw what a deployment takes by weekday and hour, and how much of its bill falls into each hour.

    A cell is the deeper in colour, the dearer a call of mean length is in that hour, on average over the whole weeks of
    the trace (the first eight), or its first. The figure in it is the share of what was paid to the deployment, in
    percent, by the instant at which it was charged; those that would be rounded to 0 are left out.

    Parameters
    ----------
    run : Replay
    deployment : str, optional
        Default: of those whose price has bands, or else of all, the one that was paid most.
    tz : str
        The zone of weekdays and hours.
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
        If an argument is of the wrong type, the deployment is not there or has no known price, or no deployment says
        a price.
    WindowError
        If ``tz`` is no zone.

    Examples
    --------
    >>> import timegate as tg
    >>> price = {"per_call": 0.01, "bands": [{"windows": [["08:00", "18:00"]], "times": 3}]}
    >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large", "price": price}])
    >>> run = tg.replay(config, tg.Trace(["2026-03-02T03:10Z", "2026-03-02T09:00Z"]))
    >>> ax = price_hours(run)
    >>> ax.get_title(loc="left")
    'Dear hours'
    """
    names = checked(run, "run").deployments
    style = chosen_colors(names, colors)
    if not run.ledger.has_prices:
        raise no_prices()
    which = _chosen(run, deployment)
    price, paid = _price_by_hour(run, which, check_zone(tz)), _paid_by_hour(run, which, tz)
    ax = axes_of(ax, (10.0, 3.4))
    if np.isnan(price).any():
        raise ReplayError(f"the price of {shown(names[which])} is unknown at some hours.")
    low, high = float(np.min(price)), float(np.max(price))
    span = high - low
    shades = (price - low) / span if span > 1e-9 * max(high, 1e-30) else np.zeros_like(price)
    share = paid / paid.sum() if paid.sum() else paid
    digits = 0 if share.max() >= 0.1 else 1
    size = float(np.clip(72 * inches(ax)[0] / HOURS / 3.2, 4.0, 8.0))
    for day, hour in np.ndindex(price.shape):
        color = mix(style[names[which]], "white", PALE * (1 - float(shades[day, hour])))
        ax.bar(hour + (1 - WIDTH) / 2, -HEIGHT, WIDTH, day + HEIGHT / 2, align="edge", color=color)
        if share[day, hour] >= 0.005 / 10**digits:
            ink = "white" if luminance(color) < 0.4 else "black"
            text = f"{100 * share[day, hour]:.{digits}f}"
            ax.text(hour + 0.5, day, text, ha="center", va="center", fontsize=size, color=ink)
    ax.set_xlim(0, HOURS)
    ticks = range(0, HOURS + 1, 3 if inches(ax)[0] > 3 else 6)
    ax.set_xticks(ticks, [f"{tick:02}" for tick in ticks])
    ax.set_xlabel(f"hour of the day ({plain(tz)})", loc="left")
    row_axis(ax, [name.capitalize() for name in DAYS])
    levels = np.unique(np.round(price, 12))
    named = levels if len(levels) <= LEVELS else np.array([low, high])
    unit = run.ledger.currency
    handles = []
    for level in named.tolist():
        times = "" if level <= 1.000001 * low or not low else f", {level / low:.3g} times the least"
        white = PALE * (1 - float(np.clip((level - low) / span, 0, 1)) if span else 1.0)  # levels are rounded
        color = mix(style[names[which]], "white", white)
        handles.append(Patch(label=f"{amount(level, unit)} a call{times}", facecolor=color))
    figures = "figures: percent of what was paid to it" if paid.any() else "nothing was paid to it"
    legend_below(ax, handles, f"{plain(names[which])}: a call of mean length; {figures}")
    return titled(ax, "Dear hours")


def _chosen(run: Replay, deployment: str | None) -> int:
    """Return the number of the deployment to draw."""
    prices, names = run.ledger.prices.prices, run.deployments
    if deployment is None:
        _, paid = run.ledger.paid(failures=False)
        sums = paid.money.sum(axis=(0, 2))[:, 1].tolist() if len(paid.money) else [0] * len(names)
        known = [i for i, price in enumerate(prices) if price is not None]
        if not known:
            raise ReplayError("no deployment has a price that is known.")
        return max(known, key=lambda i: (bool(prices[i].bands), sums[i]))  # type: ignore[union-attr]
    if not isinstance(deployment, str):
        raise InvalidTypeError(f"deployment must be a name, or None. Got {shown(deployment)}.")
    if deployment not in names:
        raise ReplayError(
            f"deployment must be one of the run. Got {shown(deployment)}.{did_you_mean(deployment, names)}"
        )
    if prices[names.index(deployment)] is None:
        raise ReplayError(f"the price of {shown(deployment)} is unknown.")
    return names.index(deployment)


def _price_by_hour(run: Replay, which: int, tz: str) -> Floats:
    """Return what a call of mean length costs by local weekday and hour, on average over its minutes."""
    first, last = (at.tz_convert(tz).tz_localize(None) for at in (run.trace.start, run.trace.end))
    monday = first.normalize() - timedelta(days=first.day_of_week)
    weeks = min(WEEKS, max(1, (last - monday).days // 7))
    start = monday.tz_localize(tz, nonexistent="shift_forward", ambiguous=True)
    at_us = start.value // 1000 + np.arange(weeks * 7 * 24 * 60, dtype=np.int64) * MINUTE_US
    cell, cost = _cells(at_us, tz), run.ledger.mean_call(which, at_us)
    counts, sums = (np.bincount(cell, values, minlength=len(DAYS) * HOURS) for values in (None, cost))
    return (sums / np.maximum(counts, 1)).reshape(len(DAYS), HOURS)


def _paid_by_hour(run: Replay, which: int, tz: str) -> Floats:
    """Return what was paid to a deployment by local weekday and hour."""
    at_us, cost = run.ledger.answers_of(which)
    paid = np.bincount(_cells(at_us, tz), np.nan_to_num(cost), len(DAYS) * HOURS).astype(np.float64)
    return paid.reshape(len(DAYS), HOURS)


def _cells(at_us: npt.NDArray[np.int64], tz: str) -> npt.NDArray[np.int64]:
    """Return the number of the hour of the local week that each instant lies in."""
    local = pd.Series(utc_column(at_us)).dt.tz_convert(tz).dt
    cells: npt.NDArray[np.int64] = local.day_of_week.to_numpy().astype(np.int64) * HOURS + local.hour.to_numpy()
    return cells
