"""What tests of plots draw, and what they ask of an Axes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_rgb
from matplotlib.text import Text

import timegate as tg


def config(**windows: list[list[str]]) -> tg.GatewayConfig:
    """Return deployments by name, each closed in its windows."""
    return tg.GatewayConfig.model_validate(
        {
            "deployments": [
                {"model_name": name, "model": f"sim/{name}", "time_constraints": closed}
                for name, closed in windows.items()
            ]
        }
    )


def texts(ax: Axes) -> list[str]:
    legend = ax.get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []


def row_labels(ax: Axes) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def contrast(one: str, other: str) -> float:
    def luminance(color: str) -> float:
        rgb = np.array(to_rgb(color))
        return float(np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def assert_nothing_is_cut(ax: Axes) -> None:
    """Render the figure, and look for text that leaves it."""
    figure = ax.figure
    figure.canvas.draw()
    legend = ax.get_legend()
    written = [ax.xaxis.label, ax.yaxis.label, *_seen_ticks(ax.xaxis), *_seen_ticks(ax.yaxis), *ax.texts]
    written += [*legend.get_texts(), legend.get_title()] if legend else []
    for text in written:
        if text.get_text() and text.get_visible():
            box = text.get_window_extent()
            outside = max(-box.x0, -box.y0, box.x1 - figure.bbox.width, box.y1 - figure.bbox.height)
            assert outside <= 2, f"{text.get_text()!r} is cut by {outside:.0f} pixels"


def _seen_ticks(axis: Axis) -> list[Text]:
    """Return the labels of the ticks that lie within the axis: others are not drawn."""
    low, high = sorted(axis.get_view_interval())
    labels = zip(axis.get_majorticklocs(), axis.get_majorticklabels(), strict=True)
    return [label for at, label in labels if low <= at <= high and label.get_text()]


def assert_labels_keep_apart(ax: Axes) -> None:
    """Render the figure, and look for labels of an axis that overlap each other, its name or its date."""
    ax.figure.canvas.draw()
    for axis in (ax.xaxis, ax.yaxis):
        written = _seen_ticks(axis)
        written += [text for text in (axis.label, axis.get_offset_text()) if text.get_text()]
        boxes = [text.get_window_extent() for text in written]
        for i, box in enumerate(boxes):
            for j in range(i):
                assert not box.overlaps(boxes[j]), f"{written[i].get_text()!r} on {written[j].get_text()!r}"
