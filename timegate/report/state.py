"""What calls did to each other, for readers: how much deployments were asked for, and when calls fared as before."""

from __future__ import annotations

import numpy as np
import pandas as pd

from timegate.core.clock import SECOND_US
from timegate.plots.runs import frequency
from timegate.runs.load import REFUSALS
from timegate.runs.load import cooled_us as stretches_us
from timegate.runs.result import Replay
from timegate.runs.story import has_policies
from timegate.show.html import Markup
from timegate.show.text import duration, percent, shown_instant

__all__ = ["has_load", "load_table", "recovery_table"]

_MOST_ROWS = 48
_BINS = 1000


def has_load(run: Replay) -> bool:
    """Tell whether policies or capacities decide what deployments let through."""
    return has_policies(run.router, run.scenario)


def load_table(run: Replay) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of what deployments were asked for in all; refusals that none met are left out."""
    load = run.load(frequency(run, _BINS)).groupby("deployment", sort=False)
    sums, most = load.sum(), load["running_max"].max()
    refusals = [name for name in REFUSALS if sums[name].any()]
    until_us = run.trace.span_us[1] + 1
    cooled_us = [
        int(np.diff(stretches_us(run._log, i).clip(None, until_us)).sum()) for i in range(len(run.deployments))
    ]
    head = ["deployment", "asked", "let through", *(name.replace("_", " ") for name in refusals), "answered 429"]
    head += ["most at once", *(["cooled for"] if any(cooled_us) else [])]
    rows = []
    for name, us in zip(run.deployments, cooled_us, strict=True):
        counts = [*sums.loc[name, ["offered", "admitted", *refusals, "answered_429"]], most[name]]
        cooled = [duration(us / SECOND_US, "rounded")] if any(cooled_us) else []
        rows.append([name, *(f"{int(count):,}" for count in counts), *cooled])
    return head, rows


def recovery_table(run: Replay, tz: str = "UTC") -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of what each outage cost, and how long after it calls fared as before."""
    found = run.recovery()
    rows: list[list[str]] = []
    for each in found.head(_MOST_ROWS).to_dict("records"):
        before, recovery_s = each["served_before"], each["recovery_s"]
        rows.append(
            [
                each["deployments"],
                _unbroken(shown_instant(each["start"].tz_convert(tz))),
                _unbroken(shown_instant(each["end"].tz_convert(tz))),
                f"{each['calls']:,}",
                f"{each['unserved']:,}",
                "" if pd.isna(before) else percent(before),
                "never" if pd.isna(recovery_s) else duration(recovery_s, "rounded"),
                f"{each['unserved_after']:,}",
            ]
        )
    if len(found) > _MOST_ROWS:
        rows.append([f"and {len(found) - _MOST_ROWS:,} more", *[""] * 7])
    head = ["down", f"from ({tz})", "to", "calls", "unserved", "served before", "as before after"]
    return [*head, "unserved until then"], rows


def _unbroken(instant: str) -> Markup:
    return Markup(f"<span class='whole'>{instant}</span>")
