"""How the columns of a replay become tables, figures and files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.core.columns import UNSERVED
from timegate.core.policy import REASONS
from timegate.core.router import Router
from timegate.engines.record import Attempts, Calls
from timegate.errors import ReplayError
from timegate.files import made_folder, replacing, write_csv, write_parquet
from timegate.traffic.trace import Trace, category, iso_column, utc_column

__all__ = [
    "attempts_frame",
    "bin_width_us",
    "calls_frame",
    "named_pairs",
    "passed_over",
    "share_frame",
    "skips_frame",
    "stretches",
    "write_tables",
]


def calls_frame(router: Router, trace: Trace, calls: Calls, first: int = 0) -> pd.DataFrame:
    """Return the table of calls; ``first`` is the number of the first one."""
    return pd.DataFrame(
        {"at": utc_column(trace.at_us), "preferred": trace.preferred_column, **calls.table(router)},
        index=pd.RangeIndex(first, first + len(trace), name="call"),
    )


def attempts_frame(router: Router, made: Attempts) -> pd.DataFrame:
    """Return the table of attempts."""
    return pd.DataFrame(made.table(router))


def bin_width_us(freq: str, name: str = "freq") -> int:
    """Return the length of a pandas frequency in microseconds, or raise a ReplayError that names the parameter."""
    try:
        if freq is None:  # which pandas takes for no length
            raise TypeError
        width_us = pd.Timedelta(pd.tseries.frequencies.to_offset(freq)).value // 1000  # type: ignore[arg-type]
    except (ValueError, TypeError, OverflowError) as error:
        raise ReplayError(f"{name} must be a fixed length of time like '15min' or '1h'. Got {freq!r}.") from error
    if width_us < 1:
        raise ReplayError(f"{name} must be at least a microsecond. Got {freq!r}.")
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


def passed_over(router: Router, trace: Trace) -> int:
    """Count the calls whose preferred deployment was closed at their arrival, or is not there."""
    at_us, preferred = trace.at_us, trace.preferred
    if not router.names:  # a router that never called anybody
        return int(np.count_nonzero(preferred >= 0))
    segments = router.timetable.compile(int(at_us[0]), int(at_us[-1]) + 1)
    known = np.array([*(router.index.get(name, -1) for name in trace.preferred_names), -1])[preferred]
    met = (known >= 0) & segments.open[segments.index(at_us), known]
    return int(np.count_nonzero((preferred >= 0) & ~met))


def write_tables(
    folder: str | Path,
    kind: str,
    tables: Mapping[str, tuple[pd.DataFrame, npt.NDArray[np.int64]]],
    provenance: Mapping[str, Any],
    escape_formulas: bool = False,
) -> list[Path]:
    """Write tables, each with the instants of its column ``at``, and ``provenance.json``, each whole or not at all.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    kind : str
        ``"csv"`` or ``"parquet"``.
    tables : mapping of str to pair of DataFrame and ndarray of int64
    provenance : mapping
    escape_formulas : bool
        Whether to keep spreadsheets from computing names.
    """
    folder = made_folder(folder, ReplayError)
    paths = []
    for name, (frame, at_us) in tables.items():
        paths.append(folder / f"{name}.{kind}")
        if kind == "csv":
            write_csv(frame.assign(at=iso_column(at_us)), paths[-1], escape_formulas)
            continue
        with replacing(paths[-1]) as unfinished:
            write_parquet(frame, unfinished)
    paths.append(folder / "provenance.json")
    with replacing(paths[-1]) as unfinished:
        unfinished.write_text(json.dumps(provenance, indent=2) + "\n", encoding="utf-8")
    return paths
