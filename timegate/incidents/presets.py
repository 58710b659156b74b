"""Random outages with published figures, ready to use.

The figures and their sources stand in ``data/outages.yaml``. Where only the means are published, the lengths of the
outages are exponential. Where the median is published too, they are lognormal: the mean of a lognormal distribution
is its median times exp(sigma^2 / 2), so that ``sigma = sqrt(2 ln(mean / median))`` keeps both. The other published
quantiles are then a check: ``outages(name).summary()`` shows them beside those of the preset.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd

from timegate.errors import ScenarioError, did_you_mean
from timegate.files import read_document
from timegate.incidents.outages import OutageModel
from timegate.samples import sample
from timegate.show.html import framed, numbers, paragraph
from timegate.show.text import duration, percent

__all__ = ["OutagePreset", "names", "outages", "table"]

FILE = "outages.yaml"
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class OutagePreset(OutageModel):
    """Random outages with the figures that were published of a service.

    Attributes
    ----------
    name, title : str
        Of the preset and of the service.
    sources : tuple of str
        Where the figures were published.
    published_s : dict of str to float
        The published quantiles of the lengths: ``p50``, ``p90``, ``p99``; empty if there are none.
    """

    name: str
    title: str
    sources: tuple[str, ...]
    published_s: Mapping[str, float]

    def summary(self) -> pd.DataFrame:
        """Return the published figures beside those of the preset; columns ``published`` and ``preset``."""
        rows = {"mtbf_s": (self.mtbf_s, self.mtbf_s), "mttr_s": (self.mttr_s, self.mttr_s)}
        for q in (50, 90, 99):
            published = self.published_s.get(f"p{q}", math.nan)
            rows[f"p{q}_s"] = published, self.quantile_s(q / 100)
        return pd.DataFrame.from_dict(rows, orient="index", columns=["published", "preset"])

    @property
    def _headline(self) -> str:
        shape = "" if self.shape is None else f", shape {self.shape:.3g}"
        mtbf, mttr = duration(self.mtbf_s, "rounded"), duration(self.mttr_s, "rounded")
        figures = f"MTBF {mtbf}, MTTR {mttr} ({self.distribution}{shape})"
        return f"Outages of {self.title}: {figures}, availability {percent(self.availability)}"

    def __repr__(self) -> str:
        return "\n".join([f"<{self._headline}>", *self.sources])

    def _repr_html_(self) -> str:
        figures = self.summary().map(lambda seconds: "" if math.isnan(seconds) else duration(seconds, "rounded"))
        figures.index = figures.index.str.removesuffix("_s")
        return framed(self._headline, numbers(figures), paragraph(self.sources))


def names() -> list[str]:
    """Return the names of the presets.

    Examples
    --------
    >>> names()
    ['openai-api', 'chatgpt', 'anthropic-api', 'claude', 'character-ai']
    """
    return list(_published()["services"])


def outages(name: str) -> OutagePreset:
    """Return the preset of a service.

    Parameters
    ----------
    name : str
        One of :func:`names`.

    Raises
    ------
    ScenarioError
        If there is none of that name.

    Examples
    --------
    >>> preset = outages("openai-api")
    >>> preset.distribution, round(preset.shape, 2), round(preset.availability, 4)
    ('lognormal', 1.21, 0.9814)
    >>> fault = preset.outages("strong", "2026-03-01T00:00Z", "2026-04-01T00:00Z")
    """
    published = _published()
    if name not in published["services"]:
        raise ScenarioError(f"there is no preset {name!r}.{did_you_mean(name, names())}")
    service = published["services"][name]
    mttr_s = service["mttr_h"] * HOUR_S
    quantiles: dict[str, Any] = service.get("durations_min", {})
    published_s = {key: quantiles[key] * MINUTE_S for key in ("p50", "p90", "p99") if quantiles}
    return OutagePreset(
        name=name,
        title=service["title"],
        mtbf_s=service["mtbf_d"] * DAY_S,
        mttr_s=mttr_s,
        distribution="lognormal" if published_s else "exponential",
        shape=math.sqrt(2 * math.log(mttr_s / published_s["p50"])) if published_s else None,
        sources=tuple(published["sources"][part["source"]] for part in (service, quantiles) if part),
        published_s=published_s,
    )


def table() -> pd.DataFrame:
    """Return the presets: a row each, with ``title``, ``mtbf_s``, ``mttr_s``, ``distribution``, ``shape``, ..."""
    rows = {name: outages(name) for name in names()}
    columns = ["title", "mtbf_s", "mttr_s", "distribution", "shape", "availability", "sources"]
    return pd.DataFrame(
        [[getattr(preset, column) for column in columns] for preset in rows.values()], index=list(rows), columns=columns
    ).rename_axis("name")


@cache
def _published() -> dict[str, Any]:
    published: dict[str, Any] = read_document(sample(FILE), ScenarioError)
    return published
