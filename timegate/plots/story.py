"""One call on its way."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from timegate.plots.drawing import (
    CLOSED,
    Style,
    axes_of,
    checked,
    inches,
    legend_below,
    plain,
    printed_names,
    row_axis,
    titled,
    type_size,
)
from timegate.pointer import guided
from timegate.runs.result import Replay
from timegate.show.palette import ALARM, chosen_colors
from timegate.show.text import duration

__all__ = ["story"]

THICK = 0.5
FAILED: Style = {"facecolor": "white", "edgecolor": ALARM["failed"], "linewidth": 1.2, "hatch": "xxxx"}
SKIPPED: Style = {"color": ALARM["shed"], "marker": "X", "markersize": 8, "linestyle": "none"}
NOTE: Style = {
    "textcoords": "offset points",
    "va": "center",
    "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.9},
}
PAUSE: Style = {"color": "#555555", "linewidth": 1.2, "linestyle": ":"}


@guided()
def story(run: Replay, call: int, ax: Axes | None = None, colors: Mapping[str, str] | None = None) -> Axes:
    """Draw what happened to one call: a row a deployment, in the order of the call, over the time since its arrival.

    An attempt that was answered is a bar in the deployment's colour, one that failed is crossed; a cross marks a
    deployment that was passed over, and a dotted line a pause. Windows closed those rows that are hatched.
    :meth:`Replay.story` has the figures.

    Parameters
    ----------
    run : Replay
    call : int
        Its row in :attr:`Replay.calls`.
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
        If an argument is of the wrong type, there is no such call, or a colour is none.

    Examples
    --------
    >>> import timegate as tg
    >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
    >>> ax = story(tg.replay(config, tg.Trace(["2026-03-02T09:00Z"])), 0)
    >>> ax.get_title(loc="left")
    'call 0: first_choice after 0 s'
    """
    tones = chosen_colors(checked(run, "run").deployments, colors)
    events, order = run.story(call), run.explain(call).order
    names = [*order, *(name for name in run.deployments if name not in order)]
    ax = axes_of(ax, (10.0, 1.6 + 0.4 * max(len(names), 1)))
    end_s = float(events["after_s"].iloc[-1])
    width_s = end_s if end_s > 0 else 1.0
    row_axis(ax, printed_names(names, ax) or [""])
    size = type_size(ax, 2 * len(names))
    notes = [
        f"{what}, {duration(for_s, 'rounded')}" if event == "tries" else what if event == "passes over" else ""
        for event, for_s, what in events[["event", "for_s", "what"]].itertuples(index=False)
    ]
    room = min(0.6, (0.009 * size * max(map(len, notes)) + 0.2) / inches(ax)[0])  # for a note right of the last bar
    ax.set_xlim(-0.02 * width_s, width_s / (1 - room))
    seen = dict[str, Artist]()
    for row in range(len(order), len(names)):
        ax.axhspan(row - THICK / 2, row + THICK / 2, **CLOSED)
        seen["closed by a window"] = Patch(label="closed by a window", **CLOSED)

    second_in = inches(ax)[0] * (1 - room) / width_s
    begins = events[events["event"].isin(["tries", "passes over"])]
    beside = _Notes([begins.loc[begins["deployment"] == name, "after_s"].tolist() for name in names])
    high = 0.36 * 72 * inches(ax)[1] / max(len(names), 1)
    was_row = 0
    for (after_s, event, name, for_s, what), text in zip(events.itertuples(index=False), notes, strict=True):
        if event == "tries":
            row, served = names.index(name), what == "ok"
            style: Style = {"facecolor": tones[name], "edgecolor": tones[name], "linewidth": 1.2} if served else FAILED
            ax.barh(row, max(for_s, 0.004 * width_s), THICK, after_s, **style)
            if not served:
                seen["failed"] = Patch(label="failed", **FAILED)
            needed_s = (0.009 * size * len(text) + 0.2) / second_in
            if for_s > needed_s:
                ax.annotate(plain(text), (after_s + for_s / 2, row), (0, 0), **NOTE, ha="center", fontsize=size)
            elif (level := beside.level(row, after_s, after_s + for_s, needed_s)) is not None:
                ax.annotate(plain(text), (after_s + for_s, row), (6, level * high), **NOTE, fontsize=size)
            was_row = row
        elif event == "passes over":
            row = names.index(name)
            ax.plot([after_s], [row], **SKIPPED)
            seen["passed over"] = Line2D([], [], label="passed over", **SKIPPED)
            needed_s = (0.009 * size * len(text) + 0.2) / second_in
            if (level := beside.level(row, after_s, after_s, needed_s)) is not None:
                ax.annotate(plain(text), (after_s, row), (6, level * high), **NOTE, fontsize=size)
            was_row = row
        elif event == "waits":
            ax.plot([after_s, after_s + for_s], [was_row, was_row], **PAUSE)
            seen["pause"] = Line2D([], [], label="pause", **PAUSE)
    ax.axvline(end_s, color="#333333", linewidth=0.8)
    ticks = np.array(MaxNLocator(int(np.clip(inches(ax)[0], 2, 8)), steps=[1, 2, 2.5, 5, 10]).tick_values(0, width_s))
    ax.set_xticks(ticks[(ticks >= 0) & (ticks <= 1.001 * width_s)])
    ax.set_xlabel("seconds since arrival", loc="left")
    met = set(events["deployment"].dropna())
    if seen or not met.issuperset(order):
        legend_below(ax, list(seen.values()), None if met.issuperset(order) else "empty rows: not reached")
    return titled(ax, f"call {call}: {events['what'].iloc[-1]} after {duration(end_s, 'rounded')}")


class _Notes:
    """Where notes go, right of what they tell of: on its row, above that or below, so that none hides anything.

    Parameters
    ----------
    starts_s : list of list of float
        When something begins on each row, which a note on the row must not hide.
    """

    def __init__(self, starts_s: list[list[float]]) -> None:
        self._starts_s = starts_s
        self._taken: list[tuple[int, int, float, float]] = []

    def level(self, row: int, start_s: float, at_s: float, needed_s: float) -> int | None:
        """Return where a note on what begins at ``start_s`` goes: 0 on the row, 1 above, -1 below; None for nowhere."""
        until_s = at_s + needed_s
        for level in (0, 1, -1):
            on_row = () if level else self._starts_s[row]
            taken = [(lo, hi) for in_row, at, lo, hi in self._taken if (in_row, at) == (row, level)]
            hides = any(at_s - 5e-7 < start < until_s and start != start_s for start in on_row)
            if not hides and all(at_s >= hi or until_s <= lo for lo, hi in taken):
                self._taken.append((row, level, at_s, until_s))
                return level
        return None
