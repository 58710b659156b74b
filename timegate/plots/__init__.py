"""Figures of replays, of random days, of outages and of their lengths.

Each function takes a result and returns the Axes that it drew on. Without ``ax`` it makes a figure; give the
figure of an ``ax`` of yours ``layout="constrained"``, so that names and legends get their room.

A deployment has the same colour in all figures, by its name, whatever the order of the config. A name that
comes or goes can move others, if their hashes meet: ``colors`` pins them.
"""

from timegate.plots.availability import availability
from timegate.plots.durations import durations
from timegate.plots.fallbacks import fallbacks
from timegate.plots.gantt import gantt
from timegate.plots.load import load
from timegate.plots.money import cost
from timegate.plots.price_hours import price_hours
from timegate.plots.proposals import frontier, schedule, walk_forward
from timegate.plots.runs import compare, day, share
from timegate.plots.story import story
from timegate.plots.sweep import sweep
from timegate.plots.week import heatmap
from timegate.show.palette import deployment_colors

__all__ = [
    "availability",
    "compare",
    "cost",
    "day",
    "deployment_colors",
    "durations",
    "fallbacks",
    "frontier",
    "gantt",
    "heatmap",
    "load",
    "price_hours",
    "schedule",
    "share",
    "story",
    "sweep",
    "walk_forward",
]
