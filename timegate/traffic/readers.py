"""Readers of trace files: our own format, and those of published traces."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from timegate.columns import TRACE_COLUMNS
from timegate.errors import MissingExtraError, TraceError, did_you_mean
from timegate.files import check_readable
from timegate.traffic.trace import Trace

__all__ = ["read_trace"]


class Format(NamedTuple):
    """A published format: its columns by our names, and the zone of its times, which the files do not state."""

    name: str
    columns: dict[str, str]
    tz: str


FORMATS = (
    # github.com/Azure/AzurePublicDataset, AzureLLMInferenceTrace_{code,conv}.csv
    Format(
        "Azure 2023",
        {"TIMESTAMP": "at", "ContextTokens": "prompt_tokens", "GeneratedTokens": "completion_tokens"},
        "UTC",
    ),
)


def read_trace(path: str | Path, tz: str | None = None, sort: bool = False) -> Trace:
    """Read a trace from a CSV or Parquet file.

    Parameters
    ----------
    path : path
        Our own format (columns ``at``, and optionally ``model_preference``, ``prompt_tokens``,
        ``completion_tokens``), or the Azure 2023 format (``TIMESTAMP``, ``ContextTokens``,
        ``GeneratedTokens``). Parquet if the name ends in ``.parquet``, else CSV, which may be compressed.
    tz : str, optional
        The zone of naive times. Published formats that state none are read as UTC, and the trace says so.
    sort : bool
        Whether to sort by time; otherwise times out of order are an error.

    Raises
    ------
    TraceError
        If the file cannot be read or breaks a rule; the message begins with the path.
    """
    path = Path(path)
    check_readable(path, TraceError)
    frame = _read_frame(path)
    notes = []
    for known in FORMATS:
        if set(known.columns) <= set(frame.columns):
            frame = frame[list(known.columns)].rename(columns=known.columns)
            notes.append(f"read as {known.name}, times taken as {tz or known.tz}")
            tz = tz or known.tz
    if "at" not in frame.columns:
        found = ", ".join(repr(str(column)) for column in frame.columns[:8])
        others = [column for column in frame.columns if column not in TRACE_COLUMNS]
        hint = next((h for c in others if "Did" in (h := did_you_mean(c, TRACE_COLUMNS))), "")
        raise TraceError(f"{path}: column 'at' is missing. Found {found}.{hint}")
    try:
        return Trace(frame, tz=tz, sort=sort, notes=notes)
    except TraceError as error:
        raise TraceError(f"{path}: {error}") from None


def _read_frame(path: Path) -> pd.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(
            path,
            dtype={"at": str, "TIMESTAMP": str, "model_preference": str},
            skipinitialspace=True,
            index_col=False,
            keep_default_na=False,  # a deployment may be called "NA"
            na_values=[""],
        )
    except ImportError as error:
        if path.suffix != ".parquet":
            raise MissingExtraError(f"{path}: {error}") from error
        raise MissingExtraError(f"{path}: Parquet needs pyarrow: pip install 'timegate[scale]'.") from error
    except Exception as error:  # pandas lets through what pyarrow and the decompressors raise
        kind = "Parquet" if path.suffix == ".parquet" else "CSV"
        raise TraceError(f"{path}: cannot be read as {kind}: {' '.join(str(error).split())}") from None
