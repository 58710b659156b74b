"""How figures are drawn: axes, rows, the axis of time, names and legends."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import dates as mdates
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation

from timegate.core.columns import UNSERVED
from timegate.errors import InvalidTypeError
from timegate.runs.result import Replay
from timegate.show.palette import ALARM, ALARM_HATCH, chosen_colors, mix
from timegate.show.text import printable, shortened

__all__ = [
    "CLOSED",
    "LEGEND",
    "OUTAGE",
    "Style",
    "axes_of",
    "checked",
    "empty",
    "has_room",
    "inches",
    "label_across",
    "legend_below",
    "legend_columns",
    "plain",
    "printed_names",
    "room_for_lines",
    "row_axis",
    "seen_spans",
    "styles_of",
    "time_axis",
    "titled",
    "type_size",
    "x_of",
]

Style = dict[str, Any]
CLOSED: Style = {"facecolor": "#EEEEEE", "edgecolor": "#A0A0A0", "hatch": "////", "linewidth": 0.5}
OUTAGE: Style = {"facecolor": "#555555", "edgecolor": "#555555", "linewidth": 1.0}
DATES: dict[str, list[str]] = {
    "formats": ["%Y", "%Y-%m", "%d", "%H:%M", "%H:%M", "%S.%f"],
    "zero_formats": ["", "%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M"],
    "offset_formats": ["", "", "%Y-%m", "%Y-%m-%d", "%Y-%m-%d", "%Y-%m-%d %H:%M"],
}
"""How ticks of time are written, by year, month, day, hour, minute and second; dates in ISO 8601, as everywhere."""
LEAST_INCHES = 0.04
LEGEND: Style = {"loc": "upper left", "borderaxespad": 0, "frameon": False, "handlelength": 1.5}


def x_of(times: Any) -> Any:
    """Return instants as matplotlib counts them, in days."""
    return mdates.date2num(times)  # type: ignore[no-untyped-call]


def checked(run: Replay, name: str) -> Replay:
    """Return a replay, or say what was given in its place."""
    if not isinstance(run, Replay):
        raise InvalidTypeError(f"{name} must be a Replay, as replay() returns it. Got {type(run).__name__}.")
    return run


def styles_of(names: Sequence[str], given: Mapping[str, str] | None) -> list[Style]:
    """Return a style for each column of :meth:`Replay.share`; alarm is more than a colour, the same in all figures."""
    own: list[Style] = [{"facecolor": color, "edgecolor": "none"} for color in chosen_colors(names, given).values()]
    alarms: list[Style] = [
        {"facecolor": ALARM[outcome], "edgecolor": mix(ALARM[outcome], "white", 0.25), "hatch": ALARM_HATCH[outcome]}
        for outcome in UNSERVED
    ]
    return [style | {"linewidth": 0.0} for style in (*own, *alarms)]


def axes_of(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Return the axes given, or those of a new figure of so many inches."""
    if ax is None:
        width, height = size
        return plt.subplots(figsize=(min(width, 50.0), min(height, 50.0)), layout="constrained")[1]
    if not isinstance(ax, Axes):
        raise InvalidTypeError(f"ax must be one matplotlib Axes, or None. Got {type(ax).__name__}.")
    return ax


def inches(ax: Axes) -> tuple[float, float]:
    """Return the size of the axes, as far as it is known before the layout."""
    return ax.bbox.width / ax.figure.dpi, ax.bbox.height / ax.figure.dpi


def type_size(ax: Axes, lines: int) -> float:
    """Return the size of type at which so many lines fit beside the axes."""
    return float(np.clip(72 * inches(ax)[1] / (1.4 * max(lines, 1)), 5.0, 9.0))


def room_for_lines(ax: Axes) -> int:
    """Return how many lines of the smallest type fit beside the axes, less one."""
    return int(72 * inches(ax)[1] / (1.4 * 5.0)) - 1


def plain(name: str) -> str:
    """Return a name to be printed letter by letter: $ would begin mathematics, and _ hide it from a legend."""
    text = printable(" ".join(name.split())).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def printed_names(names: Iterable[str], ax: Axes) -> list[str]:
    """Return names to be printed, the middle of long ones left out unless two would look alike."""
    names = list(names)
    most = int(np.clip(5 * inches(ax)[0], 16, 32))
    return [plain(name) for name in shortened(names, most)]


def has_room(ax: Axes) -> bool:
    """Whether a figure has room for more than what is drawn: smaller ones are sketches."""
    return bool(ax.figure.bbox.width / ax.figure.dpi > 4)


def label_across(ax: Axes, label: str) -> None:
    """Write a label below the axes, as large as there is room."""
    ax.set_xlabel(label, loc="left", fontsize=min(10.0, 72 * inches(ax)[0] / (0.6 * len(label))))


def titled(ax: Axes, title: str) -> Axes:
    """Give axes a title, unless they have one, or no room for it; return them."""
    size = min(10.0, 72 * inches(ax)[0] / (0.6 * len(title)))
    if has_room(ax) and not any(ax.get_title(loc) for loc in ("left", "center", "right")):
        ax.set_title(plain(title), loc="left", fontsize=size)
    return ax


def empty(ax: Axes, text: str) -> Axes:
    """Say in words, on axes without ticks, why there is nothing to see; return them."""
    ax.set(xticks=[], yticks=[])
    text = textwrap.fill(text, max(12, int(inches(ax)[0] / 0.09)))
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", fontsize=9)
    return ax


def seen_spans(ax: Axes, left: Any, right: Any, start: float, end: float) -> list[tuple[float, float]]:
    """Return stretches of the axis of x from start to end as left ends and widths, none so thin that it is missed."""
    least = LEAST_INCHES / inches(ax)[0] * (end - start)
    missing = np.maximum(least - (right - left), 0)
    lefts = np.clip(left - missing / 2, start, end)
    widths = np.minimum(right - left + missing, end - lefts)
    return list(zip(lefts.tolist(), widths.tolist(), strict=True))


def row_axis(ax: Axes, labels: Sequence[str]) -> None:
    """Make the axis of y one of rows, the first on top."""
    ax.set_yticks(range(len(labels)), labels, fontsize=type_size(ax, len(labels)))
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(labels) - 0.5, -0.5)


def time_axis(ax: Axes, start: float, end: float, tz: str = "UTC") -> None:
    """Make the axis of x one of time in a zone."""
    zone = ZoneInfo(tz)
    # The formatter writes the date of the last tick at the right. That of the bins, not of the midnight after them.
    ax.set_xlim(start, end - 1e-6 * (end - start))
    ax.set_xlabel(f"time ({plain(tz)})", loc="left")
    if end - start < 3 / 86400:  # parts of a second say less than the time itself
        label = f"{mdates.num2date(start, tz=zone):%Y-%m-%d %H:%M:%S.%f}".rstrip("0").rstrip(".")  # type: ignore[no-untyped-call]
        ax.set_xticks([start], [label], ha="left")
        return
    most = int(np.clip(1.8 * inches(ax)[0], 6, 10))
    least = 3 if most > 6 else 2  # 3 of 6 would leave spans, such as 2.7 hours, for which no step fits
    locator = mdates.AutoDateLocator(tz=zone, minticks=least, maxticks=most)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator, tz=zone, **DATES))  # type: ignore[no-untyped-call]


def legend_columns(ax: Axes, labels: Iterable[str]) -> int:
    """Return how many columns a legend under the axes has room for."""
    longest = max(map(len, labels), default=0)
    return max(1, int(inches(ax)[0] / max(1.3, 0.45 + 0.065 * longest)))


def legend_below(ax: Axes, handles: Sequence[Artist], title: str | None = None) -> None:
    """Put a legend half an inch under the axes, where it hides no data, label or title."""
    under = ax.transAxes + ScaledTranslation(0, -0.5, ax.figure.dpi_scale_trans)
    labels = [str(handle.get_label()) for handle in handles]
    columns = min(len(handles), legend_columns(ax, labels))
    size = float(np.clip(72 * inches(ax)[0] / (0.62 * max(map(len, labels), default=0) + 4), 5.0, 8.0))
    title = title and textwrap.fill(title, max(20, int(inches(ax)[0] / 0.07)))
    text: Style = {"title": title, "fontsize": size, "title_fontsize": 8, "alignment": "left"}
    ax.legend(handles=handles, ncols=max(1, columns), bbox_to_anchor=(0, 0), bbox_transform=under, **text, **LEGEND)
