"""What outages cost in calls, and how long after them until calls fare as before."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.core.clock import SECOND_US
from timegate.core.columns import BLOCKED, NOBODY
from timegate.engines.record import Calls
from timegate.traffic.trace import Trace, utc_column

__all__ = ["LEVEL_WINDOWS", "Service", "recovery_frame"]

Int64s = npt.NDArray[np.int64]
LEVEL_WINDOWS = 10
"""The level before an outage is measured over so many windows."""
NEVER_US = np.iinfo(np.int64).min  # what pandas reads as a missing instant


class Service:
    """When calls arrived and how many of them were served; without those that windows blocked.

    Parameters
    ----------
    trace : Trace
    calls : Calls
    """

    def __init__(self, trace: Trace, calls: Calls) -> None:
        counted = calls.outcome != BLOCKED
        self.at_us = trace.at_us[counted]
        self._served = np.concatenate([[0], np.cumsum(calls.served_by[counted] != NOBODY)])
        self._last_us = int(trace.at_us[-1])

    def between(self, start_us: int, end_us: int) -> tuple[int, int]:
        """Return how many calls arrived in ``[start_us, end_us)``, and how many of them were served."""
        i, j = np.searchsorted(self.at_us, [start_us, end_us])
        return int(j - i), int(self._served[j] - self._served[i])

    def share(self, start_us: int, end_us: int) -> float:
        """Return the share served of the calls of a stretch; NaN if there were none."""
        calls, served = self.between(start_us, end_us)
        return served / calls if calls else float("nan")

    def back_us(self, level: float, end_us: int, window_us: int) -> int | None:
        """Return the first instant from ``end_us`` on from which a window serves a share of at least ``level``.

        It is ``end_us`` itself or the arrival of a call, and the window must lie within the trace.
        """
        from_us = np.concatenate([[end_us], self.at_us[np.searchsorted(self.at_us, end_us) :]])
        from_us = from_us[from_us + window_us <= self._last_us + 1]
        i, j = np.searchsorted(self.at_us, from_us), np.searchsorted(self.at_us, from_us + window_us)
        good = (j > i) & (self._served[j] - self._served[i] >= level * (j - i) - 1e-9)
        return int(from_us[good.argmax()]) if good.any() else None


def recovery_frame(trace: Trace, calls: Calls, outages: pd.DataFrame, window_us: int) -> pd.DataFrame:
    """Return the table that :meth:`timegate.Replay.recovery` describes; ``outages`` are those of a replay."""
    service, last_us = Service(trace, calls), int(trace.at_us[-1]) + 1
    hit: dict[tuple[int, int], list[str]] = {}  # whatever goes down together is one outage
    spans = np.stack([outages[name].dt.as_unit("us").astype("int64").to_numpy() for name in ("start", "end")], axis=1)
    for name, (start_us, end_us) in zip(outages["deployment"], spans.tolist(), strict=True):
        hit.setdefault((start_us, end_us), []).append(name)
    rows = []
    for start_us, end_us in sorted(hit):
        arrived, served = service.between(start_us, end_us)
        level = service.share(start_us - LEVEL_WINDOWS * window_us, start_us)
        back_us = None if np.isnan(level) else service.back_us(level, end_us, window_us)
        after, served_after = service.between(end_us, last_us if back_us is None else back_us)
        rows.append(
            {
                "deployments": ", ".join(hit[start_us, end_us]),
                "start": start_us,
                "end": end_us,
                "calls": arrived,
                "unserved": arrived - served,
                "served_before": level,
                "back_at": NEVER_US if back_us is None else back_us,
                "recovery_s": float("nan") if back_us is None else (back_us - end_us) / SECOND_US,
                "unserved_after": after - served_after,
            }
        )
    columns = {
        "deployments": "str", "start": "int64", "end": "int64", "calls": "int64", "unserved": "int64",
        "served_before": "float64", "back_at": "int64", "recovery_s": "float64", "unserved_after": "int64",
    }  # fmt: skip
    frame = pd.DataFrame(rows, columns=list(columns)).astype(columns)
    for name in ("start", "end", "back_at"):
        frame[name] = utc_column(frame[name].to_numpy().copy())
    return frame
