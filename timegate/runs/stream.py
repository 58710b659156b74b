"""Streaming: traces larger than memory, replayed to totals chunk by chunk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from timegate.config import GatewayConfig
from timegate.core.clock import from_us
from timegate.core.routing import Router
from timegate.engines import compiled
from timegate.engines.ordered import OrderedReplay, shares
from timegate.engines.progress import progress
from timegate.engines.record import Calls
from timegate.engines.totals import MAX_BINS, Part, reduce_calls, too_many_bins
from timegate.errors import MissingExtraError, ReplayError, TraceError
from timegate.faults import Scenario
from timegate.faults.injector import Injector
from timegate.files import replacing
from timegate.gateway.live import ModelGateway
from timegate.runs.cluster import Client, run_in_order
from timegate.runs.prepare import as_router, as_scenario, check_tokens
from timegate.runs.tables import bin_width_us, calls_frame, named_pairs, share_frame
from timegate.show.html import figures, framed
from timegate.show.text import counted
from timegate.traffic import Trace

__all__ = ["StreamReplay", "replay_stream"]


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
        self._step_us = bin_width_us(freq)
        self._part: Part | None = None
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

    @property
    def _whole(self) -> Part:
        if self._part is None:
            raise TraceError("the trace is empty: there was no chunk.")
        return self._part

    def summary(self) -> pd.Series[Any]:
        """Return the figures of the replay, labelled as in :meth:`Replay.summary`; quantiles to 0.4 %."""
        start, end = (pd.Timestamp(from_us(at_us)) for at_us in self._whole.span_us)
        figures = {"start": start, "end": end, **self._whole.totals.figures(self.router.names)}
        figures |= {"seed": self.scenario.seed, "config_hash": self.router.fingerprint}
        figures["scenario_hash"] = self.scenario.fingerprint
        return pd.Series(figures, dtype=object, name="replay")

    def share(self, *, counts: bool = False) -> pd.DataFrame:
        """Return who served, bin by bin, as :meth:`Replay.share` does."""
        whole = self._whole
        return share_frame(whole.by_bin, whole.first_bin * self._step_us, self._step_us, self.router.names, counts)

    def fallbacks(self) -> pd.DataFrame:
        """Return who served in whose place, as :meth:`Replay.fallbacks` does."""
        fallbacks = self._whole.totals.served * ~np.eye(len(self.router.names), dtype=bool)
        return named_pairs(fallbacks, self.router.names)

    def _add(self, part: Part) -> None:
        """Add the next chunk."""
        before, number = self._part, self._chunks
        self._chunks += 1
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


def replay_stream(
    router: GatewayConfig | ModelGateway | Router,
    chunks: str | Path | Trace | pd.DataFrame | Iterable[Trace | pd.DataFrame],
    scenario: Scenario | None = None,
    *,
    freq: str = "1h",
    to_parquet: str | Path | None = None,
    client: Client = None,
    threads: int | None = None,
) -> StreamReplay:
    """Replay a trace that need not fit in memory.

    The totals are whole numbers and the draws belong to the number of a call, so the result does not depend on
    how the trace is cut into chunks.

    Parameters
    ----------
    router : GatewayConfig, ModelGateway or Router
    chunks : path, Trace, DataFrame, or iterable of Trace or DataFrame
        A Parquet file or a folder of them (in order of name), or parts of a trace in order of time, such as
        ``PoissonTraffic.chunks(seed)`` gives.
    scenario : Scenario, optional
    freq : str
        Length of a bin, a pandas frequency such as ``"15min"``.
    to_parquet : path, optional
        Where to write the calls, a row group a chunk. Needs ``pip install "timegate[scale]"``.
    client : "local", address or dask.distributed.Client, optional
        Where to compute; then ``to_parquet`` cannot be given. Workers read Parquet files themselves, by the same
        path. Default: in threads of this process.
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
    """
    routing, scenario = as_router(router), as_scenario(scenario)
    injector = scenario.injector(routing.deployments)  # checks the targets, before the first chunk is read
    if client is not None and to_parquet is not None:
        raise ReplayError("to_parquet writes from this process: it cannot be given together with client.")
    in_order = shares(routing, injector)
    if client is not None and in_order:
        raise ReplayError("calls touch each other here, so a stream of them is replayed in order: leave out client.")
    result = StreamReplay(routing, scenario, freq)
    source, total = _chunks(chunks)
    run = partial(_replay_chunk, routing, scenario, result._step_us)
    watched = _watched(source, result, to_parquet)
    if client is not None:
        jobs = ((first, chunk, 1, False) for first, chunk in _numbered(watched))
        for part, _ in progress(run_in_order(client, run, jobs), total, unit="chunk"):
            result._add(part)
    else:
        with _writing(to_parquet) as write:
            numbered = progress(_numbered(watched), total, unit="chunk")
            tasks: Iterator[Job] = ((first, chunk, threads, write is not None) for first, chunk in numbered)
            made = _in_order(routing, injector, result._step_us, tasks) if in_order else map(run, tasks)
            for part, calls in made:
                result._add(part)
                if write is not None and calls is not None:
                    write.chunk(calls)
    if result._part is None:
        raise TraceError("the trace is empty: there was no chunk.")
    return result


class RowGroup(NamedTuple):
    """A part of a Parquet file, read where it is replayed."""

    path: Path
    number: int
    rows: int

    def load(self) -> Trace:
        """Read it."""
        try:
            return Trace(_pyarrow_parquet().ParquetFile(self.path).read_row_group(self.number).to_pandas())
        except (ValueError, OSError) as error:
            raise TraceError(f"{self.path}, row group {self.number}: {error}") from error


Job = tuple[int, Trace | RowGroup, int | None, bool]


def _replay_chunk(router: Router, scenario: Scenario, step_us: int, job: Job) -> tuple[Part, pd.DataFrame | None]:
    """Replay a chunk whose first call has a number; return its totals and, if wanted, the table of its calls."""
    first, chunk, threads, wants_calls = job
    trace = chunk.load() if isinstance(chunk, RowGroup) else chunk
    injector = scenario.injector(router.deployments)
    check_tokens(injector, trace)
    calls = compiled.run(router, trace, injector, threads, first)
    return _reduced(router, step_us, wants_calls, first, trace, calls)


def _in_order(
    router: Router, injector: Injector, step_us: int, jobs: Iterable[Job]
) -> Iterator[tuple[Part, pd.DataFrame | None]]:
    """Replay chunks in turn whose calls touch each other; each is given once all of its calls have ended."""
    ordered, wants_calls = OrderedReplay(router, injector), False
    for _, chunk, _, wants_calls in jobs:
        trace = chunk.load() if isinstance(chunk, RowGroup) else chunk
        check_tokens(injector, trace)
        for ended in ordered.add(trace):
            yield _reduced(router, step_us, wants_calls, *ended)
    for ended in ordered.finish():
        yield _reduced(router, step_us, wants_calls, *ended)


def _reduced(
    router: Router, step_us: int, wants_calls: bool, first: int, trace: Trace, calls: Calls
) -> tuple[Part, pd.DataFrame | None]:
    frame = calls_frame(router, trace, calls, first) if wants_calls else None
    return reduce_calls(trace, calls, router, step_us), frame


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
            kept = f" {_place_of_part(path)} holds them in {number} complete row groups." if path and number else ""
            raise ReplayError(
                f"the source raised {type(error).__name__} in chunk {number}, after {len(result):,} calls: "
                f"{error}.{kept}"
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
    if isinstance(chunks, Trace | pd.DataFrame):
        chunks = [chunks]
    total = len(chunks) if isinstance(chunks, Sized) else None
    return (chunk if isinstance(chunk, Trace) else Trace(chunk) for chunk in chunks), total


def _row_groups(path: Path) -> list[RowGroup]:
    parquet = _pyarrow_parquet()
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files or not files[0].exists():
        raise TraceError(f"{path}: no Parquet file there.")
    try:
        metadata = [(file, parquet.ParquetFile(file).metadata) for file in files]
    except (ValueError, OSError) as error:
        raise TraceError(f"{path}: cannot be read as Parquet: {' '.join(str(error).split())}") from None
    sizes = (
        (file, group, data.row_group(group).num_rows) for file, data in metadata for group in range(data.num_row_groups)
    )
    return [RowGroup(file.absolute(), group, rows) for file, group, rows in sizes if rows]


class _CallsWriter:
    """Writes calls to a Parquet file, a row group a chunk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parquet = _pyarrow_parquet()
        import pyarrow

        self._pyarrow = pyarrow
        self._writer: Any = None
        self.broken = True  # until a row group is complete

    def chunk(self, calls: pd.DataFrame) -> None:
        """Write the next row group."""
        # Plain text in place of categories, whose codes would differ from chunk to chunk.
        names = ("preferred", "served_by", "outcome")
        plain = calls.assign(**{name: calls[name].astype(object) for name in names}).reset_index()
        if self._writer is None:
            empty = self._pyarrow.Table.from_pandas(plain, preserve_index=False).schema
            for name in names:
                empty = empty.set(empty.get_field_index(name), self._pyarrow.field(name, self._pyarrow.string()))
            self._writer = self._parquet.ParquetWriter(self._path, empty)
        self.broken = True
        table = self._pyarrow.Table.from_pandas(plain, self._writer.schema, preserve_index=False)
        self._writer.write_table(table, row_group_size=len(plain))
        self.broken = False

    def close(self) -> None:
        """Write the footer."""
        if self._writer is not None:
            self._writer.close()


@contextmanager
def _writing(path: str | Path | None) -> Iterator[_CallsWriter | None]:
    """Give a writer whose file takes its place with the row groups that are complete.

    It does so too if the source of the chunks or an interrupt ends the replay early; an older file then stays, and what
    is complete of the new one lies beside it (:func:`_place_of_part`). If writing itself fails, or nothing was written,
    there is no file, or the old one stays.
    """
    if path is None:
        yield None
        return
    early: BaseException | None = None
    with replacing(path) as unfinished:
        writer = _CallsWriter(unfinished)
        try:
            yield writer
        except BaseException as error:
            early = error
        if early is not None and writer.broken:
            with suppress(Exception):
                writer.close()
            raise early
        writer.close()
        if early is not None and (place := _place_of_part(path)) != Path(path):
            unfinished.chmod(Path(path).stat().st_mode)
            unfinished.replace(place)
            raise early
    if early is not None:
        raise early


def _place_of_part(path: str | Path) -> Path:
    """Return where the calls of a replay that ended early lie: a part never takes the place of an older whole."""
    path = Path(path)
    return path.with_name(f"{path.stem}.partial{path.suffix}") if path.exists() else path


def _pyarrow_parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("Parquet needs pyarrow: pip install 'timegate[scale]'.") from error
    return parquet
