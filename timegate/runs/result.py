"""What a replay gives: tables, figures, files."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.core.clock import FIRST_US, LAST_US, SECOND_US
from timegate.core.columns import FALLBACK, OUTCOMES
from timegate.core.explanation import Explanation
from timegate.core.routing import NOBODY, Router
from timegate.engines.record import Attempts, Calls, Log
from timegate.errors import ReplayError, shown
from timegate.faults import Scenario
from timegate.files import made_folder, replacing, write_csv
from timegate.runs.tables import (
    attempts_frame,
    bin_width_us,
    calls_frame,
    named_pairs,
    share_frame,
    skips_frame,
    stretches,
)
from timegate.show.html import figures, framed
from timegate.show.text import counted
from timegate.traffic.trace import Trace, iso_column, write_parquet

__all__ = ["Replay"]


class Replay:
    """The result of a replay.

    Attributes
    ----------
    router : Router
        The deployments and their windows.
    trace : Trace
    scenario : Scenario
    engine : str
        The engine that made it.
    """

    def __init__(
        self,
        router: Router,
        trace: Trace,
        scenario: Scenario,
        engine: str,
        calls: Calls,
        attempts: Attempts | Callable[[], Attempts],
        log: Log | Callable[[], Log],
    ) -> None:
        self.router = router
        self.trace = trace
        self.scenario = scenario
        self.engine = engine
        self._calls = calls
        self._attempts_source = attempts
        self._log_source = log

    def __len__(self) -> int:
        return len(self.trace)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count:,} {name}" for name, count in self.outcome_counts().items() if count)
        return f"<Replay of {counted(len(self), 'call')}: {counts}>"

    def _repr_html_(self) -> str:
        table = figures(self.summary(), ".4f")
        return framed(f"Replay of {counted(len(self), 'call')}", table, notes=self.trace.notes)

    @property
    def deployments(self) -> list[str]:
        """The names of the deployments in config order."""
        return list(self.router.names)

    @property
    def provenance(self) -> dict[str, Any]:
        """What is needed to make this result again."""
        from importlib.metadata import version  # slow to import, and seldom asked for

        return {
            "engine": self.engine,
            "seed": self.scenario.seed,
            "config_hash": self.router.fingerprint,
            "scenario_hash": self.scenario.fingerprint,
            "trace_hash": self.trace.fingerprint,
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("timegate", "numpy", "pandas", "tzdata")},
            },
        }

    @cached_property
    def calls(self) -> pd.DataFrame:
        """One row a call.

        ``at`` (datetime64[us, UTC]) of arrival; ``preferred`` (category) as the trace says; ``served_by``
        (category), missing for nobody; ``outcome`` (category): ``first_choice``, ``fallback``, ``failed`` (at least
        one was tried, and none answered), ``blocked`` (nobody was open) or ``shed`` (some were open, and none would
        take it); ``attempts`` (int16); ``latency_s`` (float64) from arrival to the answer, or to the error that the
        caller gets.

        A call's first choice is the deployment that it prefers, or else the first of the order, open or not.
        """
        return calls_frame(self.router, self.trace, self._calls)

    @cached_property
    def attempts(self) -> pd.DataFrame:
        """One row an attempt, in order.

        ``call`` (int64), the row in :attr:`calls`; ``attempt`` (int16), from 1; ``deployment`` (category);
        ``pause_s`` (float64) that the call waited before it; ``at`` (datetime64[us, UTC]) of its start; ``outcome``
        (category): ``ok`` or the kind of error; ``latency_s`` (float64), time in a provider's queue included.
        """
        return attempts_frame(self.router, self._attempts)

    @property
    def skips(self) -> pd.DataFrame:
        """One row for each deployment that a call passed over, in order of call.

        ``call`` (int64), the row in :attr:`calls`; ``deployment`` (category); ``at`` (datetime64[us, UTC]);
        ``reason`` (category), such as ``cooling``. Deployments that windows closed are not in it, and nothing is known
        of routers other than timegate's own.
        """
        return skips_frame(self.router, self._log.skips)

    @property
    def cooldowns(self) -> pd.DataFrame:
        """When deployments cooled, in order of the beginning; columns as :meth:`closed`. They may overlap."""
        return stretches([(self.deployments[i], start, end) for i, start, end in self._log.cooldowns.tolist()])

    def summary(self) -> pd.Series[Any]:
        """Return the figures of the replay, labelled.

        ``baseline_...`` is what the same calls give without windows and without faults. Shares are of all
        calls; latencies are of the calls that were served, in seconds; ``preference_passed_over`` counts calls
        whose preferred deployment was closed or unknown.

        Returns
        -------
        Series of object
        """
        served_by, latency_s = self._calls.served_by, self._calls.latency_us / SECOND_US
        served = served_by != NOBODY
        counts = self.outcome_counts()
        figures: dict[str, Any] = {
            "start": self.trace.start,
            "end": self.trace.end,
            "calls": len(self),
            **counts,
            "availability": float(served.mean()),
            "baseline_availability": 1.0,  # with every window open and no fault, each first choice serves
        }
        for name, share in self._shares(served_by).items():
            figures[f"share[{name}]"] = share
        for name, share in self._shares(self._first_choices).items():
            figures[f"baseline_share[{name}]"] = share
        figures["attempts_per_call"] = float(self._calls.attempts.mean())
        figures["preference_passed_over"] = self._passed_over()
        if served.any():
            figures["latency_mean_s"] = float(latency_s[served].mean())
            for percent in (50, 95, 99):
                figures[f"latency_p{percent}_s"] = float(np.percentile(latency_s[served], percent))
        provenance = self.provenance
        figures |= {key: provenance[key] for key in ("engine", "seed", "config_hash", "scenario_hash")}
        return pd.Series(figures, dtype=object, name="replay")

    def share(self, freq: str = "1h", *, counts: bool = False) -> pd.DataFrame:
        """Return who served, bin by bin.

        Parameters
        ----------
        freq : str
            A pandas frequency such as ``"15min"``. Bins are aligned to midnight UTC.
        counts : bool
            Whether to give numbers of calls in place of shares.

        Returns
        -------
        DataFrame
            A row a bin, indexed by its start; a column a deployment, then ``failed``, ``blocked`` and ``shed``. A row
            of shares sums to 1, or is missing where no call arrived.
        """
        step_us = bin_width_us(freq)
        part = self.reduced(step_us)
        return share_frame(part.by_bin, part.first_bin * step_us, step_us, self.router.names, counts)

    def reduced(self, step_us: int) -> Any:
        """Return the calls as a :class:`timegate.engines.totals.Part`: totals, and bins of so many microseconds."""
        from timegate.engines.totals import reduce_calls  # loads numba

        return reduce_calls(self.trace, self._calls, self.router, step_us)

    def fallbacks(self) -> pd.DataFrame:
        """Return who served in whose place.

        Returns
        -------
        DataFrame
            ``from`` (the first choice), ``to`` (who served), ``count``: most first. The counts sum to the calls
            whose outcome is ``fallback``.
        """
        size = len(self.deployments)
        fell_back = self._calls.outcome == FALLBACK
        pairs = self._first_choices[fell_back] * size + self._calls.served_by[fell_back]
        return named_pairs(np.bincount(pairs, minlength=size * size).reshape(size, size), self.router.names)

    def explain(self, call: int) -> Explanation:
        """Say why a call went where it went.

        Parameters
        ----------
        call : int
            Its row in :attr:`calls`.
        """
        if isinstance(call, bool) or not isinstance(call, Integral) or not 0 <= call < len(self):
            raise ReplayError(f"call must be a whole number between 0 and {len(self) - 1}. Got {shown(call)}.")
        row = self.calls.iloc[call]
        preferred = None if pd.isna(row["preferred"]) else str(row["preferred"])
        explained = self.router.explain(int(self.trace.at_us[call]), preferred)
        lo, hi = np.searchsorted(self._attempts.call, [call, call + 1])
        tried = self.attempts.iloc[lo:hi]
        rows = []
        for entry in explained.rows:
            outcomes = tried.loc[tried["deployment"] == entry["deployment"], "outcome"]
            rows.append(entry | {"outcome": ", ".join(map(str, outcomes))})
        served = f"served by {row['served_by']}" if pd.notna(row["served_by"]) else "not served"
        note = f"Call {call}: {served} ({row['outcome']}), {row['attempts']} attempts. {explained.note}".strip()
        return replace(explained, rows=rows, note=note)

    def closed(self) -> pd.DataFrame:
        """Return the stretches of the trace in which windows closed a deployment.

        Returns
        -------
        DataFrame
            ``deployment``, ``start``, ``end`` (datetime64[us, UTC], half-open).
        """
        lo, hi = int(self.trace.at_us[0]), int(self.trace.at_us[-1]) + 1
        rows = [(d.name, *span) for d in self.router.deployments for span in d.hours.closed_spans_us(lo, hi).tolist()]
        return stretches(rows)

    def outages(self) -> pd.DataFrame:
        """Return the scenario's outages, a row for each deployment that one hits; columns as :meth:`closed`.

        An outage without a start or an end is given those of the trace.
        """
        injector = self.scenario.injector(self.router.deployments, strict=False)
        first_us, last_us = self.trace.span_us
        rows = []
        for i, name in enumerate(self.deployments):
            for lo, hi in injector.outages_us(i):
                bounds = (first_us if lo == FIRST_US else lo, last_us + 1 if hi == LAST_US else hi)
                if bounds[0] < bounds[1]:
                    rows.append((name, *bounds))
        return stretches(rows)

    def to_csv(self, folder: str | Path) -> list[Path]:
        """Write ``calls.csv``, ``attempts.csv`` and ``provenance.json``, each whole or not at all.

        Returns
        -------
        list of Path
            The files.
        """
        return self._write(folder, "csv")

    def to_parquet(self, folder: str | Path) -> list[Path]:
        """Write ``calls.parquet``, ``attempts.parquet`` and ``provenance.json``, each whole or not at all."""
        return self._write(folder, "parquet")

    def _write(self, folder: str | Path, kind: str) -> list[Path]:
        folder = made_folder(folder, ReplayError)
        paths = []
        for name, frame, at_us in (
            ("calls", self.calls, self.trace.at_us),
            ("attempts", self.attempts, self._attempts.at_us),
        ):
            paths.append(folder / f"{name}.{kind}")
            if kind == "csv":
                write_csv(frame.assign(at=iso_column(at_us)), paths[-1])
                continue
            with replacing(paths[-1]) as unfinished:
                write_parquet(frame, unfinished)
        paths.append(folder / "provenance.json")
        with replacing(paths[-1]) as unfinished:
            unfinished.write_text(json.dumps(self.provenance, indent=2) + "\n", encoding="utf-8")
        return paths

    @cached_property
    def _attempts(self) -> Attempts:
        """The attempts, made when they are first asked for where the engine can do that."""
        source = self._attempts_source
        return source if isinstance(source, Attempts) else source()

    @cached_property
    def _log(self) -> Log:
        """What policies did, made when it is first asked for."""
        source = self._log_source
        return source if isinstance(source, Log) else source()

    @cached_property
    def _first_choices(self) -> npt.NDArray[np.integer[Any]]:
        return self._calls.first_choices(self.trace.preferred, self.trace.preferred_names, self.router)

    def outcome_counts(self) -> dict[str, int]:
        """Return the number of calls of each outcome."""
        return dict(zip(OUTCOMES, np.bincount(self._calls.outcome, minlength=len(OUTCOMES)).tolist(), strict=True))

    def _shares(self, deployment: npt.NDArray[np.integer[Any]]) -> dict[str, float]:
        counts = np.bincount(deployment[deployment != NOBODY], minlength=len(self.deployments))
        # A router that never called anybody has no deployments, and the counts one row too many.
        return {name: float(count / len(self)) for name, count in zip(self.deployments, counts, strict=False)}

    def _passed_over(self) -> int:
        """Count the calls whose preferred deployment was closed at their arrival, or is not there."""
        at_us, preferred = self.trace.at_us, self.trace.preferred
        if not self.deployments:  # a router that never called anybody
            return int(np.count_nonzero(preferred >= 0))
        segments = self.router.timetable.compile(int(at_us[0]), int(at_us[-1]) + 1)
        known = np.array([*(self.router.index.get(name, -1) for name in self.trace.preferred_names), -1])[preferred]
        met = (known >= 0) & segments.open[segments.index(at_us), known]
        return int(np.count_nonzero((preferred >= 0) & ~met))
