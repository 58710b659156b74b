"""Streaming: traces larger than memory, replayed to totals chunk by chunk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sized
from copy import copy
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from timegate.config import GatewayConfig
from timegate.core.clock import FIRST_US, from_us
from timegate.core.router import Router
from timegate.core.zones import bin_origin_us, check_zone
from timegate.engines import compiled
from timegate.engines.ordered import Ended, OrderedReplay, shares
from timegate.engines.progress import progress
from timegate.engines.totals import MAX_BINS, Part, too_many_bins
from timegate.errors import InvalidTypeError, ReplayError, TraceError, shown
from timegate.faults import Scenario
from timegate.faults.injector import Injector
from timegate.files import as_path
from timegate.gateway.live import ModelGateway
from timegate.pointer import guided
from timegate.prices.listed import PriceList
from timegate.runs.bill import Ledger, no_prices, warn_of_no_tokens
from timegate.runs.cluster import Client, run_in_order, run_in_turn
from timegate.runs.parquet import place_of_part, pyarrow_parquet, writing
from timegate.runs.parts import Bins, Reduced, ledger_of_part, prices_of_router, reduced
from timegate.runs.prepare import from_files, prepare
from timegate.runs.spent import Failed, Spent, check_option, paid_frame
from timegate.runs.tables import bin_width_us, named_pairs, share_frame
from timegate.runs.waiting import Baseline
from timegate.show.html import figures, framed
from timegate.show.text import counted
from timegate.traffic import Trace, Traffic

__all__ = ["StreamReplay", "replay_stream"]

_BINS = " Its bins are as long as the freq that replay_stream was given, in its tz."


class StreamReplay:
    """The result of a streaming replay: totals, and totals by bin.

    Attributes
    ----------
    router : Router
    scenario : Scenario
    freq : str
        Length of a bin.
    tz : str
        The zone of the midnights to which bins are aligned.
    """

    def __init__(self, router: Router, scenario: Scenario, freq: str, tz: str = "UTC") -> None:
        self.router = router
        self.scenario = scenario
        self.freq = freq
        self.tz = check_zone(tz)
        self._step_us, self._origin_us = bin_width_us(freq), 0
        self._in_order = shares(router, scenario.injector(router.deployments))
        self._prices = prices_of_router(router)
        self._part: Part | None = None
        self._spent: Spent | None = None
        self._lacks: dict[str, None] = {}
        self._chunks = 0

    def __len__(self) -> int:
        return 0 if self._part is None else int(self._part.totals.outcomes.sum())

    def __repr__(self) -> str:
        return f"<{self._headline}>"

    def _repr_html_(self) -> str:
        return framed(self._headline, figures(self.summary(), ".4f"))

    @property
    def _headline(self) -> str:
        return f"Streaming replay of {counted(len(self), 'call')}"

    def _cut_from(self, head: Trace | RowGroup) -> Bins:
        """Return the bins, which count from the midnight before the first arrival where another will not do."""
        if self.tz != "UTC" or bin_origin_us(FIRST_US, self._step_us, self.tz) != 0:
            trace = head.load() if isinstance(head, RowGroup) else head
            self._origin_us = bin_origin_us(trace.span_us[0], self._step_us, self.tz)
        return Bins(self._step_us, self._origin_us)

    @property
    def _whole(self) -> Part:
        if self._part is None:
            raise TraceError("the trace is empty: there was no chunk.")
        return self._part

    def summary(self) -> pd.Series[Any]:
        """Return the figures of the replay, labelled as in :meth:`Replay.summary`; quantiles to 0.4 %.

        Examples
        --------
        >>> import timegate as tg
        >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
        >>> chunks = [tg.Trace(["2026-03-02T03:10Z"]), tg.Trace(["2026-03-02T09:00Z"])]
        >>> run = tg.replay_stream(config, chunks, freq="6h")
        >>> run.summary()["availability"]
        1.0
        """
        start, end = (pd.Timestamp(from_us(at_us)) for at_us in self._whole.span_us)
        totals = self._whole.totals
        counts = totals.figures(self.router.names, self.scenario.has_latency, who_first=True)
        figures = {"start": start, "end": end, **counts}
        if self._spent is not None and self._prices is not None:
            figures |= self._spent.figures(len(self), int(totals.served.sum()), self._prices.currency)
        figures |= {"seed": self.scenario.seed, "config_hash": self.router.fingerprint}
        figures["scenario_hash"] = self.scenario.fingerprint
        return pd.Series(figures, dtype=object, name="replay")

    @guided(_BINS)
    def share(self, *, counts: bool = False) -> pd.DataFrame:
        """Return who served, bin by bin, as :meth:`Replay.share` does.

        Parameters
        ----------
        counts : bool
            Whether to give numbers of calls in place of shares.

        Returns
        -------
        DataFrame

        Examples
        --------
        >>> import timegate as tg
        >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
        >>> chunks = [tg.Trace(["2026-03-02T03:10Z"]), tg.Trace(["2026-03-02T09:00Z"])]
        >>> run = tg.replay_stream(config, chunks, freq="6h")
        >>> run.share(counts=True)["strong"].tolist()
        [1, 1]
        """
        whole = self._whole
        start_us = self._origin_us + whole.first_bin * self._step_us
        return share_frame(whole.by_bin, start_us, self._step_us, self.router.names, counts).tz_convert(self.tz)

    @guided(_BINS)
    def bill(self, *, failed: Failed = "nothing", exact: bool = False) -> pd.DataFrame:
        """Return what was paid, bin by bin, charged at completion, as :meth:`Replay.bill` does.

        Raises
        ------
        ReplayError
            If no deployment says a price.
        """
        check_option("failed", failed, Failed)
        if self._spent is None:
            raise no_prices()
        first_bin, paid = self._spent.billed(failed)
        start_us = self._origin_us + first_bin * self._step_us
        return paid_frame(start_us, paid, self._step_us, self.router.names, failed, exact).tz_convert(self.tz)

    def fallbacks(self) -> pd.DataFrame:
        """Return who served in whose place, as :meth:`Replay.fallbacks` does.

        Examples
        --------
        >>> import timegate as tg
        >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
        >>> chunks = [tg.Trace(["2026-03-02T03:10Z"]), tg.Trace(["2026-03-02T09:00Z"])]
        >>> run = tg.replay_stream(config, chunks, freq="6h")
        >>> len(run.fallbacks())
        0
        """
        fallbacks = self._whole.totals.served * ~np.eye(len(self.router.names), dtype=bool)
        return named_pairs(fallbacks, self.router.names)

    def _add(self, chunk: Reduced) -> None:
        """Add the next chunk."""
        part, before, number = chunk.part, self._part, self._chunks
        self._chunks += 1
        self._lacks |= dict.fromkeys(chunk.lacks)
        if chunk.spent is not None:
            self._spent = chunk.spent if self._spent is None else self._spent.add(chunk.spent, self._step_us)
        if before is None:
            self._part = part
            return
        if part.span_us[0] < before.span_us[1]:
            raise TraceError(
                f"chunk {number} begins at {from_us(part.span_us[0])}, before the one before it ends: chunks must be "
                "in order of time."
            )
        offset = part.first_bin - before.first_bin
        missing = offset + len(part.by_bin) - len(before.by_bin)
        if len(before.by_bin) + missing > MAX_BINS:
            raise too_many_bins(len(before.by_bin) + missing, self._step_us)
        by_bin = np.pad(before.by_bin, ((0, missing), (0, 0))) if missing else before.by_bin
        by_bin[offset:] += part.by_bin
        before.totals.add(part.totals)
        self._part = Part((before.span_us[0], part.span_us[1]), before.first_bin, by_bin, before.totals)


@guided()
def replay_stream(
    router: GatewayConfig | ModelGateway | Router | str | Path,
    chunks: str | Path | Trace | pd.DataFrame | Iterable[Trace | pd.DataFrame],
    scenario: Scenario | str | Path | None = None,
    *,
    freq: str = "1h",
    tz: str = "UTC",
    to_parquet: str | Path | None = None,
    client: Client = None,
    threads: int | None = None,
) -> StreamReplay:
    """Replay a trace that need not fit in memory.

    The totals are whole numbers and the draws belong to the number of a call, so the result does not depend on
    how the trace is cut into chunks.

    Parameters
    ----------
    router : GatewayConfig, ModelGateway, Router or path
    chunks : path, Trace, DataFrame, or iterable of Trace or DataFrame
        A Parquet file or a folder of them (in order of name), or parts of a trace in order of time, such as
        ``PoissonTraffic.chunks(seed)`` gives.
    scenario : Scenario or path, optional
    freq : str
        Length of a bin, a pandas frequency such as ``"15min"``. Bins are aligned as those of :meth:`Replay.share`.
    tz : str
        The zone of the midnights, and of the indices of tables.
    to_parquet : path, optional
        Where to write the calls, a row group a chunk. Needs ``pip install "timegate[scale]"``.
    client : "local", address or dask.distributed.Client, optional
        Where to compute; then ``to_parquet`` cannot be given. Workers read Parquet files themselves, by the same
        path. Where calls touch each other, one chunk is replayed after another there, too. Default: in threads of this
        process.
    threads : int, optional
        Without a client. Default: the number of cores that this process may use.

    Returns
    -------
    StreamReplay

    Raises
    ------
    TraceError
        If a chunk begins before the one before it ends.
    ReplayError
        If the source of the chunks raises: the message says how far it came, and the Parquet file, if one was
        asked for, holds that much in complete row groups; beside it, as ``NAME.partial.parquet``, if there is an
        older one, which stays.

    Examples
    --------
    >>> import timegate as tg
    >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
    >>> parts = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=1000).chunks(seed=1)
    >>> int(replay_stream(config, parts).share(counts=True)["strong"].sum())
    1014
    """
    router, _, scenario = from_files(router, None, scenario)
    prepared = prepare(router, None, scenario)  # checks the targets, before the first chunk is read
    routing, scenario = prepared.router, prepared.scenario
    if client is not None and to_parquet is not None:
        raise ReplayError("to_parquet writes from this process: it cannot be given together with client.")
    to_parquet = None if to_parquet is None else as_path(to_parquet)
    result = StreamReplay(routing, scenario, freq, tz)
    source, total = _chunks(chunks)
    watched = _watched(source, result, to_parquet)
    head = next(watched, None)
    if head is None:
        raise TraceError("the trace is empty: there was no chunk.")
    bins = result._cut_from(head)
    watched = chain([head], watched)
    run = partial(_replay_chunk, routing, scenario, result._prices, bins)
    if client is not None:
        jobs = ((first, chunk, 1, False) for first, chunk in _numbered(watched))
        done = run_in_order(client, run, jobs)
        if result._in_order:
            ordered = _Ordered(routing, scenario, prepared.injector, result._prices, bins)
            done = chain.from_iterable(run_in_turn(client, _go_on, ordered, chain(jobs, [None])))
        for chunk in progress(done, total, unit="chunk"):
            prepared.check(chunk.facts)
            result._add(chunk)
    else:
        with writing(to_parquet) as write:
            numbered = progress(_numbered(watched), total, unit="chunk")
            tasks: Iterator[Job] = ((first, chunk, threads, write is not None) for first, chunk in numbered)
            parts: Iterable[Reduced] = map(run, tasks)
            if result._in_order:
                ordered = _Ordered(routing, scenario, prepared.injector, result._prices, bins)
                parts = chain.from_iterable(map(ordered.take, chain(tasks, [None])))
            for chunk in parts:
                prepared.check(chunk.facts)
                result._add(chunk)
                if write is not None and chunk.calls is not None:
                    write.chunk(chunk.calls)
    prepared.finish(result._whole.span_us)
    warn_of_no_tokens(result._lacks)
    return result


class RowGroup(NamedTuple):
    """A part of a Parquet file, read where it is replayed."""

    path: Path
    number: int
    rows: int

    def load(self) -> Trace:
        """Read it."""
        try:
            return Trace(pyarrow_parquet().ParquetFile(self.path).read_row_group(self.number).to_pandas())
        except (ValueError, OSError) as error:
            raise TraceError(f"{self.path}, row group {self.number}: {error}") from error


Job = tuple[int, Trace | RowGroup, int | None, bool]


def _replay_chunk(router: Router, scenario: Scenario, prices: PriceList | None, bins: Bins, job: Job) -> Reduced:
    """Replay a chunk whose first call has a number, here or on a worker, whose warnings nobody would see."""
    first, chunk, threads, wants_calls = job
    trace = chunk.load() if isinstance(chunk, RowGroup) else chunk
    injector = scenario.injector(router.deployments)
    calls = compiled.run(router, trace, injector, threads, first)
    ledger = None if prices is None else ledger_of_part(router, injector, trace, calls, prices, threads, first)
    return reduced(router, Baseline(router, scenario), trace, calls, ledger, bins, first, wants_calls, threads)


class _Ordered:
    """Replays chunks in turn whose calls touch each other; each is given once all of its calls have ended."""

    def __init__(
        self, router: Router, scenario: Scenario, injector: Injector, prices: PriceList | None, bins: Bins
    ) -> None:
        self._router, self._prices, self._bins = router, prices, bins
        self._baseline = Baseline(router, scenario)
        self._ordered = OrderedReplay(router, injector, keeps_attempts=prices is not None)
        self._wants_calls = False

    def copy(self) -> _Ordered:
        """Return a replay that stands where this one does, and goes on by itself."""
        other = copy(self)
        other._ordered = self._ordered.copy()
        return other

    def take(self, job: Job | None) -> list[Reduced]:
        """Replay the next chunk, or let all calls end if there is none; return the chunks that have ended."""
        if job is None:
            return [self._reduced(part) for part in self._ordered.finish()]
        _, chunk, _, self._wants_calls = job
        trace = chunk.load() if isinstance(chunk, RowGroup) else chunk
        return [self._reduced(part) for part in self._ordered.add(trace)]

    def _reduced(self, part: Ended) -> Reduced:
        first, trace, calls, made = part
        ledger = None
        if self._prices is not None:
            ledger = Ledger(self._router, trace, calls, lambda: made.since(first), self._prices)
        return reduced(self._router, self._baseline, trace, calls, ledger, self._bins, first, self._wants_calls)


def _go_on(ordered: _Ordered, job: Job | None) -> tuple[_Ordered, list[Reduced]]:
    """Take a chunk on a cluster, where what a task is given must stay as it is: a task may run again."""
    ordered = ordered.copy()
    ended = ordered.take(job)
    return ordered, ended


def _numbered(chunks: Iterable[Trace | RowGroup]) -> Iterator[tuple[int, Trace | RowGroup]]:
    """Yield each chunk with the number of its first call."""
    first = 0
    for chunk in chunks:
        yield first, chunk
        first += chunk.rows if isinstance(chunk, RowGroup) else len(chunk)


def _watched(
    source: Iterator[Trace | RowGroup], result: StreamReplay, path: str | Path | None
) -> Iterator[Trace | RowGroup]:
    """Pass chunks on; if their source fails, say how far it came."""
    number = 0
    while True:
        try:
            chunk = next(source)
        except StopIteration:
            return
        except Exception as error:
            kept = f" {place_of_part(path)} holds them in {number} complete row groups." if path and number else ""
            raise ReplayError(
                f"the source raised {type(error).__name__} in chunk {number}, after {len(result):,} calls: "
                f"{str(error).rstrip('.')}.{kept}"
            ) from error
        yield chunk
        number += 1


def _chunks(
    chunks: str | Path | Trace | pd.DataFrame | Iterable[Trace | pd.DataFrame],
) -> tuple[Iterator[Trace | RowGroup], int | None]:
    """Return the chunks, and how many there are if that is known."""
    if isinstance(chunks, str | os.PathLike):
        groups = _row_groups(Path(chunks))
        return iter(groups), len(groups)
    if isinstance(chunks, Traffic):
        raise InvalidTypeError(
            f"chunks must be parts of a trace: pass {type(chunks).__name__}(...).chunks(seed). Got the process itself."
        )
    if isinstance(chunks, Trace | pd.DataFrame):
        chunks = [chunks]
    if not isinstance(chunks, Iterable):
        raise InvalidTypeError(f"chunks must be a path, a Trace, or parts of one in their order. Got {shown(chunks)}.")
    total = len(chunks) if isinstance(chunks, Sized) else None
    return (chunk if isinstance(chunk, Trace) else Trace(chunk) for chunk in chunks), total


def _row_groups(path: Path) -> list[RowGroup]:
    parquet = pyarrow_parquet()
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files or not files[0].exists():
        raise TraceError(f"{path}: no Parquet file there.")
    try:
        metadata = [(file, parquet.ParquetFile(file).metadata) for file in files]
    except (ValueError, OSError) as error:
        way = "" if path.is_dir() else " A file of another kind is read whole: replay_stream(config, read_trace(path))."
        what = " ".join(str(error).split()).rstrip(".")
        raise TraceError(f"{path}: cannot be read as Parquet: {what}.{way}") from None
    sizes = (
        (file, group, data.row_group(group).num_rows) for file, data in metadata for group in range(data.num_row_groups)
    )
    return [RowGroup(file.absolute(), group, rows) for file, group, rows in sizes if rows]
