"""What a replay cost over time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from pandas.tseries.frequencies import to_offset

from timegate.core.clock import from_us, to_us
from timegate.plots.drawing import (
    LEGEND,
    Style,
    axes_of,
    checked,
    empty,
    plain,
    printed_names,
    room_for_lines,
    time_axis,
    titled,
    type_size,
    x_of,
)
from timegate.plots.runs import frequency
from timegate.pointer import guided
from timegate.prices.paid import ANSWERED
from timegate.runs.result import Replay
from timegate.show.palette import chosen_colors
from timegate.show.text import listed

__all__ = ["cost"]

NOTHING_PAID = "No call was answered, and nothing was paid for answers."
STRIP, GAP = 0.035, 0.015  # of the height: a deployment's bands, and what is between them


@guided()
def cost(
    run: Replay,
    freq: str | None = None,
    ax: Axes | None = None,
    colors: Mapping[str, str] | None = None,
    *,
    tz: str = "UTC",
) -> Axes:
    """Draw what was paid, bin by bin, stacked by deployment, with the bands of prices above.

    A strip above the stack shows when a band of a deployment's price held, hatched and in its colour; the legend has
    the names of bands. What failed attempts cost nobody knows, and is not drawn; neither is what is unknown, which the
    legend counts.

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
        If an argument is of the wrong type, ``freq`` is no length of time, a colour is none, or no deployment says a
        price.

    Examples
    --------
    >>> import timegate as tg
    >>> price = {"per_call": 0.01, "bands": [{"windows": [["08:00", "18:00"]], "times": 3}]}
    >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large", "price": price}])
    >>> run = tg.replay(config, tg.Trace(["2026-03-02T03:10Z", "2026-03-02T09:00Z"]))
    >>> ax = cost(run, "1h")
    >>> ax.get_title(loc="left")
    'What was paid'
    """
    chosen = chosen_colors(checked(run, "run").deployments, colors).values()
    styles: list[Style] = [{"facecolor": color, "edgecolor": "none", "linewidth": 0.0} for color in chosen]
    freq = frequency(run, 96, freq)
    paid = run.bill(freq, tz=tz)
    ax = axes_of(ax, (10.0, 1.6 if paid.empty else 4.0))
    titled(ax, "What was paid")
    if paid.empty:
        return empty(ax, NOTHING_PAID)
    step = pd.Timedelta(to_offset(freq))  # type: ignore[arg-type]
    arrivals = run.share(freq, counts=True, tz=tz).index  # whose time is shown, whether they were answered or not
    first, last = min(paid.index[0], arrivals[0]), max(paid.index[-1], arrivals[-1])
    paid = paid.reindex(pd.date_range(first, last, freq=step))
    end = last + step
    edges = np.array([*x_of(paid.index), x_of(end)])
    amounts = paid.fillna(0.0).to_numpy()
    sums = np.column_stack([np.zeros(len(amounts)), amounts.cumsum(axis=1)])
    drawn = np.flatnonzero(amounts.any(axis=0)).tolist()
    for column in drawn:
        ax.stairs(sums[:, column + 1], edges, baseline=sums[:, column], fill=True, **styles[column])
    peak = float(sums[:, -1].max()) or 1.0
    labels = printed_names(run.deployments, ax)
    top, bands = _strips(run, ax, paid.index[0], end, 1.04 * peak, peak, styles)
    ax.set_ylim(0, top)
    unit = run.ledger.currency
    ax.set_ylabel(f"{unit} per {freq}")
    time_axis(ax, edges[0], edges[-1], tz)
    named = drawn[::-1][: room_for_lines(ax) - 2]
    handles = [Patch(label=f"{labels[i]}  {amounts[:, i].sum():,.4g} {unit}", **styles[i]) for i in named]
    if top > 1.05 * peak:
        label = ": ".join(["a band of its price", *([listed(map(plain, bands))] if bands else [])])
        handles.append(Patch(label=label, facecolor="white", edgecolor="#555555", hatch="////"))
    if unknown := int(run.ledger.paid(failures=False)[1].unknown(ANSWERED)):
        handles.append(Patch(label=f"unknown: {unknown:,}", facecolor="none"))
    ax.legend(handles=handles, bbox_to_anchor=(1, 1), fontsize=type_size(ax, len(handles)), **LEGEND)
    return ax


def _strips(
    run: Replay,
    ax: Axes,
    start: pd.Timestamp,
    end: pd.Timestamp,
    bottom: float,
    peak: float,
    styles: list[Style],
) -> tuple[float, list[str]]:
    """Draw when bands held, a strip a deployment that has some; return the height of all, and the names of bands."""
    names: dict[str, None] = {}
    start_us, end_us = to_us(start.to_pydatetime(), "start"), to_us(end.to_pydatetime(), "end")
    for price, style in zip(run.ledger.prices.prices, styles, strict=False):
        held = [(band.name, band.spans_us(start_us, end_us).tolist()) for band in (price.bands if price else ())]
        names |= {name: None for name, spans in held if name and spans}
        if spans := [span for _, spans in held for span in spans]:
            bars = [(x_of(from_us(lo)), x_of(from_us(hi)) - x_of(from_us(lo))) for lo, hi in spans]
            look: Style = {"facecolor": "white", "edgecolor": style["facecolor"], "hatch": "////", "linewidth": 0.8}
            ax.broken_barh(bars, (bottom, STRIP * peak), **look)
            bottom += (STRIP + GAP) * peak
    return bottom, list(names)
