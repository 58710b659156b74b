"""Streaming: traces larger than memory, replayed to totals chunk by chunk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sized
from contextlib import ExitStack
from html import escape
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.clock import from_us
from timegate.columns import UNSERVED
from timegate.config import GatewayConfig
from timegate.errors import InvalidTypeError, MissingExtraError, ReplayError, TraceError
from timegate.faults import Scenario
from timegate.faults.injection import Injector
from timegate.files import replacing
from timegate.gateway import ModelGateway
from timegate.replay import compiled
from timegate.replay.progress import progress
from timegate.replay.record import Calls, columns_of, first_choice_by_name
from timegate.replay.result import bin_width_us, calls_frame, named_pairs
from timegate.replay.totals import Totals, add_calls
from timegate.routing import Router
from timegate.traffic import Trace
from timegate.traffic.trace import utc_column

__all__ = ["StreamReplay", "replay_stream"]

MAX_BINS = 10_000_000


class StreamReplay:
    """The result of a streaming replay: totals, and totals by bin.

    Attributes
    ----------
    router : Router
    scenario : Scenario
    freq : str
        Length of a bin.
    """

    def __init__(self, router: Router, scenario: Scenario, freq: str) -> None:
        self.router = router
        self.scenario = scenario
        self.freq = freq
        self._totals = Totals.zero(len(router.deployments))
        self._step_us = bin_width_us(freq)
        self._first_bin = 0
        self._by_bin = np.zeros((0, len(router.deployments) + len(UNSERVED)), np.int64)
        self._span_us = (0, 0)

    def __len__(self) -> int:
        return int(self._totals.outcomes.sum())

    def __repr__(self) -> str:
        return f"<Streaming replay of {len(self):,} calls>"

    def _repr_html_(self) -> str:
        table = self.summary().to_frame("value").to_html(border=0)
        return f"<p><b>{escape(repr(self)[1:-1])}</b></p>{table}"

    def summary(self) -> pd.Series[Any]:
        """Return the figures of the replay, labelled as in :meth:`Replay.summary`; quantiles to 0.4 %."""
        start, end = (pd.Timestamp(from_us(at_us)) for at_us in self._span_us)
        figures = {"start": start, "end": end, **self._totals.figures(self.router.names)}
        figures |= {"seed": self.scenario.seed, "config_hash": self.router.fingerprint}
        figures["scenario_hash"] = self.scenario.fingerprint
        return pd.Series(figures, dtype=object, name="replay")

    def share(self, counts: bool = False) -> pd.DataFrame:
        """Return who served, bin by bin, as :meth:`Replay.share` does."""
        starts = utc_column((self._first_bin + np.arange(len(self._by_bin))) * self._step_us).rename("at")
        columns = pd.Index([*self.router.names, *UNSERVED], name="served_by")
        frame = pd.DataFrame(self._by_bin, starts, columns)
        return frame if counts else frame.div(frame.sum(axis=1).replace(0, np.nan), axis=0)

    def fallbacks(self) -> pd.DataFrame:
        """Return who served in whose place, as :meth:`Replay.fallbacks` does."""
        moved = self._totals.served * ~np.eye(len(self.router.names), dtype=bool)
        return named_pairs(moved, self.router.names)

    def _add(self, trace: Trace, calls: Calls, first_choices: npt.NDArray[np.int64]) -> None:
        first_us, last_us = trace.span_us
        if not len(self):
            self._first_bin = first_us // self._step_us
            self._span_us = trace.span_us
        missing = last_us // self._step_us - self._first_bin + 1 - len(self._by_bin)
        if len(self._by_bin) + missing > MAX_BINS:
            raise ReplayError(f"freq {self.freq!r} cuts this trace into more than {MAX_BINS:,} bins.")
        if missing > 0:
            self._by_bin = np.pad(self._by_bin, ((0, missing), (0, 0)))
        self._span_us = (self._span_us[0], last_us)
        add_calls(
            self._totals,
            self._by_bin,
            self._first_bin,
            self._step_us,
            trace.at_us,
            trace.preferred,
            first_choices,
            columns_of(calls),
        )


def replay_stream(
    router: GatewayConfig | ModelGateway | Router,
    chunks: str | Path | Iterable[Trace | pd.DataFrame],
    scenario: Scenario | None = None,
    *,
    freq: str = "1h",
    to_parquet: str | Path | None = None,
    threads: int | None = None,
) -> StreamReplay:
    """Replay a trace that need not fit in memory.

    The totals are whole numbers and the draws belong to the number of a call, so the result does not depend on
    how the trace is cut into chunks.

    Parameters
    ----------
    router : GatewayConfig, ModelGateway or Router
    chunks : path, or iterable of Trace or DataFrame
        A Parquet file or a folder of them (in order of name), or parts of a trace in order of time, such as
        ``PoissonTraffic.chunks()`` gives.
    scenario : Scenario, optional
    freq : str
        Length of a bin, a pandas frequency such as ``"15min"``.
    to_parquet : path, optional
        Where to write the calls, a row group a chunk. Needs ``pip install "timegate[scale]"``.
    threads : int, optional
        Default: the number of cores that this process may use.

    Returns
    -------
    StreamReplay

    Raises
    ------
    TraceError
        If a chunk begins before the one before it ends.
    ReplayError
        If the source of the chunks raises: the message says how far it came, and the Parquet file, if one was
        asked for, holds that much in complete row groups.
    """
    routing = router.router() if isinstance(router, GatewayConfig) else getattr(router, "router", router)
    if not isinstance(routing, Router):
        raise InvalidTypeError(f"router must be a GatewayConfig or a ModelGateway. Got {type(router).__name__}.")
    scenario = Scenario() if scenario is None else scenario
    injector = scenario.injector(routing.deployments)
    result = StreamReplay(routing, scenario, freq)
    source, total = _traces(chunks)
    with ExitStack() as stack:
        write = stack.enter_context(_CallsWriter(to_parquet)) if to_parquet is not None else None
        for number, trace in enumerate(progress(_watched(source, result, to_parquet), total, unit="chunk")):
            if len(result) and trace.span_us[0] < result._span_us[1]:
                raise TraceError(
                    f"chunk {number} begins at {trace.start}, before the one before it ends: chunks must be in order "
                    "of time."
                )
            _replay_chunk(result, trace, injector, write, threads)
    if not len(result):
        raise TraceError("the trace is empty: there was no chunk.")
    return result


def _replay_chunk(
    result: StreamReplay, trace: Trace, injector: Injector, write: _CallsWriter | None, threads: int | None
) -> None:
    first = len(result)
    calls = compiled.run(result.router, trace, injector, threads, first)
    result._add(trace, calls, first_choice_by_name(trace.preferred_names, result.router.names))
    if write is not None:
        write.chunk(calls_frame(result.router, trace, calls, first))


def _watched(source: Iterator[Trace], result: StreamReplay, path: str | Path | None) -> Iterator[Trace]:
    """Pass chunks on; if their source fails, say how far it came."""
    number = 0
    while True:
        try:
            trace = next(source)
        except StopIteration:
            return
        except Exception as error:
            kept = f" {path} holds them in {number} complete row groups." if path and number else ""
            raise ReplayError(
                f"the source raised {type(error).__name__} in chunk {number}, after {len(result):,} calls: "
                f"{error}.{kept}"
            ) from error
        yield trace
        number += 1


def _traces(chunks: str | Path | Iterable[Trace | pd.DataFrame]) -> tuple[Iterator[Trace], int | None]:
    """Return the chunks as traces, and how many there are if that is known."""
    if isinstance(chunks, str | os.PathLike):
        return _row_groups(Path(chunks))
    total = len(chunks) if isinstance(chunks, Sized) else None
    return (chunk if isinstance(chunk, Trace) else Trace(chunk) for chunk in chunks), total


def _row_groups(path: Path) -> tuple[Iterator[Trace], int]:
    parquet = _pyarrow_parquet()
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files or not files[0].exists():
        raise TraceError(f"{path}: no Parquet file there.")
    try:
        opened = [parquet.ParquetFile(file) for file in files]
    except (ValueError, OSError) as error:
        raise TraceError(f"{path}: cannot be read as Parquet: {' '.join(str(error).split())}") from None

    def read() -> Iterator[Trace]:
        for file in opened:
            for group in range(file.num_row_groups):
                yield Trace(file.read_row_group(group).to_pandas())

    return read(), sum(file.num_row_groups for file in opened)


class _CallsWriter:
    """Writes calls to a Parquet file, a row group a chunk.

    The file takes its place with what is complete, also if the source of the chunks or an interrupt ends the
    replay early; if writing itself fails, there is no file, or the old one stays.
    """

    def __init__(self, path: str | Path) -> None:
        self._parquet = _pyarrow_parquet()
        self._pyarrow = import_module("pyarrow")
        self._place = replacing(path)
        self._writer: Any = None
        self._torn = False

    def __enter__(self) -> _CallsWriter:
        self._unfinished = self._place.__enter__()
        return self

    def chunk(self, calls: pd.DataFrame) -> None:
        # Plain text in place of categories, whose codes would differ from chunk to chunk.
        plain = calls.astype(dict.fromkeys(("preferred", "served_by", "outcome"), "str")).reset_index()
        table = self._pyarrow.Table.from_pandas(plain, preserve_index=False)
        try:
            if self._writer is None:
                self._writer = self._parquet.ParquetWriter(self._unfinished, table.schema)
            self._writer.write_table(table.cast(self._writer.schema), row_group_size=len(plain))
        except BaseException:
            self._torn = True
            raise

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if self._writer is not None:
            try:
                self._writer.close()
            except OSError as failed:
                kind, error, self._torn = type(failed), failed, True
        if self._torn or self._writer is None:
            self._place.__exit__(kind or ReplayError, error or ReplayError("nothing was written"), trace)
        else:
            self._place.__exit__(None, None, None)


def _pyarrow_parquet() -> Any:
    try:
        return import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingExtraError("Parquet needs pyarrow: pip install 'timegate[scale]'.") from error
