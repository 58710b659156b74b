"""How the columns of a replay become tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.core.clock import SECOND_US
from timegate.core.columns import ATTEMPT_OUTCOMES, OUTCOMES, UNSERVED
from timegate.core.policy import REASONS
from timegate.core.routing import Router
from timegate.engines.record import Attempts, Calls
from timegate.errors import ReplayError
from timegate.traffic.trace import Trace, category, utc_column

__all__ = ["attempts_frame", "bin_width_us", "calls_frame", "named_pairs", "share_frame", "skips_frame", "stretches"]


def calls_frame(router: Router, trace: Trace, calls: Calls, first: int = 0) -> pd.DataFrame:
    """Return the table of calls; ``first`` is the number of the first one."""
    return pd.DataFrame(
        {
            "at": utc_column(trace.at_us),
            "preferred": trace.preferred_column,
            "served_by": category(calls.served_by, router.names),
            "outcome": category(calls.outcome, OUTCOMES),
            "attempts": calls.attempts,
            "latency_s": calls.latency_us / SECOND_US,
        },
        index=pd.RangeIndex(first, first + len(trace), name="call"),
    )


def attempts_frame(router: Router, made: Attempts) -> pd.DataFrame:
    """Return the table of attempts."""
    return pd.DataFrame(
        {
            "call": made.call,
            "attempt": made.attempt,
            "deployment": category(made.deployment, router.names),
            "pause_s": made.pause_us / SECOND_US,
            "at": utc_column(made.at_us),
            "outcome": category(made.outcome, ATTEMPT_OUTCOMES),
            "latency_s": made.latency_us / SECOND_US,
        }
    )


def bin_width_us(freq: str) -> int:
    """Return the length of a pandas frequency in microseconds, or raise a ReplayError."""
    try:
        width_us = pd.Timedelta(pd.tseries.frequencies.to_offset(freq)).value // 1000  # type: ignore[arg-type]
    except (ValueError, TypeError) as error:
        raise ReplayError(f"freq must be a fixed length of time like '15min' or '1h'. Got {freq!r}.") from error
    if width_us < 1:
        raise ReplayError(f"freq must be at least a microsecond. Got {freq!r}.")
    return int(width_us)


def share_frame(
    by_bin: npt.NDArray[np.int64], start_us: int, step_us: int, names: Sequence[str], counts: bool
) -> pd.DataFrame:
    """Return calls by bin and who served them as a table of counts, or of shares."""
    starts = utc_column(start_us + np.arange(len(by_bin)) * step_us).rename("at")
    frame = pd.DataFrame(by_bin, starts, pd.Index([*names, *UNSERVED], name="served_by"))
    return frame if counts else frame.div(frame.sum(axis=1).replace(0, np.nan), axis=0)


def named_pairs(counts: npt.NDArray[np.int64], names: Sequence[str]) -> pd.DataFrame:
    """Return a matrix of who fell back (rows) to whom (columns) as a table, most first."""
    size, flat = len(names), counts.ravel()
    found = np.flatnonzero(flat)
    found = found[np.argsort(-flat[found], kind="stable")]
    labels = np.array(names, dtype=object)
    return pd.DataFrame({"from": labels[found // size], "to": labels[found % size], "count": flat[found]})


def skips_frame(router: Router, skips: npt.NDArray[np.int64]) -> pd.DataFrame:
    """Return the table of those that were passed over."""
    return pd.DataFrame(
        {
            "call": skips[:, 0],
            "deployment": category(skips[:, 1], router.names),
            "at": utc_column(skips[:, 2].copy()),
            "reason": category(skips[:, 3] - 1, REASONS[1:]),
        }
    )


def stretches(rows: Sequence[tuple[str, int, int]]) -> pd.DataFrame:
    """Return stretches of time, each of a deployment, as a table."""
    names = [name for name, _, _ in rows]
    bounds = np.array([bounds for _, *bounds in rows], np.int64).reshape(-1, 2)
    return pd.DataFrame(
        {
            "deployment": pd.Series(names, dtype="str"),
            "start": utc_column(bounds[:, 0].copy()),
            "end": utc_column(bounds[:, 1].copy()),
        }
    )
