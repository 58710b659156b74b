"""The week of a replay: who serves in each hour of each weekday."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from timegate.core.columns import FAILED, UNSERVED
from timegate.core.spelling import DAYS
from timegate.core.zones import check_zone
from timegate.plots.drawing import (
    axes_of,
    checked,
    inches,
    label_across,
    legend_below,
    legend_columns,
    plain,
    printed_names,
    row_axis,
    styles_of,
    titled,
)
from timegate.pointer import guided
from timegate.runs.result import Replay
from timegate.show.palette import mix

__all__ = ["heatmap"]

HOURS = 24
WIDTH, HEIGHT = 0.92, 0.88  # of a cell; what is left keeps them apart
PALE = 0.72  # how much white is mixed into the part of a cell that others than its main server have
LEAST = 0.06  # of a cell's height: a single call that nobody served is seen


@guided()
def heatmap(run: Replay, tz: str = "UTC", ax: Axes | None = None, colors: Mapping[str, str] | None = None) -> Axes:
    """Draw who serves by weekday and hour: a row a day, a cell an hour, in the colour of who serves most in it.

    The cell is filled from below as far as the share of that deployment reaches. Above it, pale, is what others
    served; from the top hangs, in alarm colours, what nobody served. All shares are of the calls that arrived in
    that hour of the week, over all the weeks of the trace. Cells without calls are empty.

    Parameters
    ----------
    run : Replay
    tz : str
        The zone of weekdays and hours. Hours that its clocks repeat are counted together.
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
    WindowError
        If ``tz`` is no zone.

    Examples
    --------
    >>> import timegate as tg
    >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
    >>> ax = heatmap(tg.replay(config, tg.Trace(["2026-03-02T03:10Z"]), engine="stepped"), tz="Asia/Tokyo")
    >>> ax.get_xlabel()
    'hour of the day (Asia/Tokyo)'
    """
    names = checked(run, "run").deployments
    styles = styles_of(names, colors)
    own, alarms = styles[: len(names)], styles[len(names) :]
    counts = _by_hour(run, check_zone(tz))
    ax = axes_of(ax, (10.0, 3.8))

    day, hour = np.nonzero(counts.sum(axis=2))
    shares = counts[day, hour] / counts[day, hour].sum(axis=1, keepdims=True)
    served, unserved = shares[:, : len(names)], shares[:, len(names) :]
    left, low, high = hour + (1 - WIDTH) / 2, day + HEIGHT / 2, day - HEIGHT / 2  # rows are counted downwards
    mains = served.argmax(axis=1) if names else np.zeros(len(day), np.intp)
    drawn = []
    for main in np.unique(mains[served.any(axis=1)]).tolist():
        mine = (mains == main) & served.any(axis=1)
        pale = own[main] | {"facecolor": mix(str(own[main]["facecolor"]), "white", PALE)}
        ax.bar(left[mine], -HEIGHT, WIDTH, low[mine], align="edge", **pale)
        ax.bar(left[mine], -HEIGHT * served[mine, main], WIDTH, low[mine], align="edge", **own[main])
        drawn.append((int(np.count_nonzero(mine)), main))
    handles = []
    depths = _seen(unserved)
    for outcome, depth, style in zip(UNSERVED, depths.T, alarms, strict=True):
        if depth.any():
            ax.bar(left[depth > 0], HEIGHT * depth[depth > 0], WIDTH, high[depth > 0], align="edge", **style)
            high = high + HEIGHT * depth
            handles.append(Patch(label=outcome, **style))

    ax.set_xlim(0, HOURS)
    ticks = range(0, HOURS + 1, 3 if inches(ax)[0] > 3 else 6)
    ax.set_xticks(ticks, [f"{tick:02}" for tick in ticks])
    label_across(ax, f"hour of the day ({plain(tz)})")
    row_axis(ax, [name.capitalize() for name in DAYS])
    labels = printed_names(names, ax)
    room = max(1, int(1.1 * inches(ax)[1])) * legend_columns(ax, (labels[main] for _, main in drawn))
    named = sorted(main for _, main in sorted(drawn, reverse=True)[: max(1, room - len(handles))])
    if rest := len(drawn) - len(named):
        handles.append(Patch(label=f"and {rest} more", facecolor="none"))
    handles = [Patch(label=labels[main], **own[main]) for main in named] + handles
    title = "who serves most, as high as its share of the hour's calls; pale: others"
    legend_below(ax, handles, title if len(day) == counts[:, :, 0].size else f"{title}; empty: no calls")
    return titled(ax, "Who serves by weekday and hour")


def _by_hour(run: Replay, tz: str) -> npt.NDArray[np.int64]:
    """Return the calls by local weekday, hour, and who served them, then the unserved."""
    at = run.calls["at"].dt.tz_convert(tz).dt
    served_by, outcome = (run.calls[name].cat.codes.to_numpy() for name in ("served_by", "outcome"))
    columns = len(run.deployments) + len(UNSERVED)
    column = np.where(served_by >= 0, served_by, len(run.deployments) + outcome - FAILED)
    cell = at.day_of_week.to_numpy().astype(np.int64) * HOURS + at.hour.to_numpy()
    counts = np.bincount(cell * columns + column, minlength=len(DAYS) * HOURS * columns)
    return counts.reshape(len(DAYS), HOURS, columns)


def _seen(unserved: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return shares raised to what can be seen, unless they are none, and together not more than all."""
    raised = np.where(unserved > 0, np.maximum(unserved, LEAST), 0.0)
    seen: npt.NDArray[np.float64] = raised / np.maximum(raised.sum(axis=1, keepdims=True), 1.0)
    return seen
