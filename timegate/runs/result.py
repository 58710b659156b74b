"""What a replay gives: tables, figures, files."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.core.clock import FIRST_US, LAST_US, Instant, to_us
from timegate.core.columns import FALLBACK, NOBODY, OUTCOMES
from timegate.core.explanation import Explanation
from timegate.core.routing import Router
from timegate.core.zones import bin_origin_us
from timegate.engines.record import Attempts, Calls, Log
from timegate.errors import ReplayError, shown
from timegate.faults import Scenario
from timegate.pointer import Pointer
from timegate.runs.bill import ChargedAt, Ledger
from timegate.runs.load import cooled_s, load_frame, refused
from timegate.runs.recovery import recovery_frame
from timegate.runs.spent import Failed
from timegate.runs.story import has_policies, story_frame
from timegate.runs.tables import (
    attempts_frame,
    bin_width_us,
    calls_frame,
    named_pairs,
    passed_over,
    share_frame,
    skips_frame,
    stretches,
    write_tables,
)
from timegate.runs.waiting import baseline_us, time_figures
from timegate.show.html import figures, framed
from timegate.show.text import counted, iso
from timegate.traffic.trace import Trace

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

    at = Pointer("run.calls, whose column 'at' has the arrivals, or run.explain(instant).")

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

        prices = {"price_hash": self.ledger.prices.fingerprint} if self.ledger.has_prices else {}
        return {
            "engine": self.engine,
            "seed": self.scenario.seed,
            "config_hash": self.router.fingerprint,
            "scenario_hash": self.scenario.fingerprint,
            "trace_hash": self.trace.fingerprint,
            **prices,
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
        caller gets. With prices also ``cost_usd`` (float64), or another currency: what the answer cost, missing where
        that is unknown; what failed attempts cost nobody knows, and is not in it.

        A call's first choice is the deployment that it prefers, or else the first of the order, open or not.
        """
        return calls_frame(self.router, self.trace, self._calls).assign(**self.ledger.call_columns())

    @cached_property
    def attempts(self) -> pd.DataFrame:
        """One row an attempt, in order.

        ``call`` (int64), the row in :attr:`calls`; ``attempt`` (int16), from 1; ``deployment`` (category);
        ``pause_s`` (float64) that the call waited before it; ``at`` (datetime64[us, UTC]) of its start; ``outcome``
        (category): ``ok`` or the kind of error; ``latency_s`` (float64), time in a provider's queue included. With
        prices also ``input_cost_usd`` (float64), with what is taken per call, and ``output_cost_usd``, or another
        currency: of an attempt that failed, what it costs if it is charged, which nobody knows.
        """
        return attempts_frame(self.router, self._attempts).assign(**self.ledger.attempt_columns())

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
        calls; ``preference_passed_over`` counts calls whose preferred deployment was closed or unknown.
        ``latency_...`` is of the calls that were served, in seconds, missing if none was; ``wait_...`` is of all calls,
        until the answer or the error, so that a call which is rescued late makes nothing look worse. Both are left out
        if no latency is modelled and no call took any time. Where calls share state, ``attempts_refused`` are those
        that a cooldown or a limit kept from a deployment, and ``cooled_s`` is how long deployments cooled in all.

        With prices: ``cost_usd`` of all answers, also per thousand calls and per call that was served; what the
        attempts that came to nothing cost besides, if they are charged their input (``failed_attempts_input_usd``) or
        all (``..._all_usd``), which nobody knows; and how many answers have an unknown cost, which are in none of
        these.

        Returns
        -------
        Series of object
        """
        served_by = self._calls.served_by
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
        if self.router.shares:
            figures["attempts_refused"] = len(refused(self._log))
            figures["cooled_s"] = cooled_s(self._log, self.trace.span_us[1] + 1)
        figures["preference_passed_over"] = passed_over(self.router, self.trace)
        if self.takes_time:
            figures |= time_figures(self._calls.latency_us, served, self._baseline_us)
        figures |= self.ledger.figures()
        provenance = self.provenance
        figures |= {key: provenance[key] for key in ("engine", "seed", "config_hash", "scenario_hash")}
        return pd.Series(figures, dtype=object, name="replay")

    def share(self, freq: str = "1h", *, counts: bool = False, tz: str = "UTC") -> pd.DataFrame:
        """Return who served, bin by bin.

        Parameters
        ----------
        freq : str
            A pandas frequency such as ``"15min"``. Bins are all of one length, and aligned to midnight; those that do
            not divide a day to that of the first day.
        counts : bool
            Whether to give numbers of calls in place of shares.
        tz : str
            The zone of the midnights, and of the index.

        Returns
        -------
        DataFrame
            A row a bin, indexed by its start; a column a deployment, then ``failed``, ``blocked`` and ``shed``. A row
            of shares sums to 1, or is missing where no call arrived.
        """
        step_us = bin_width_us(freq)
        origin_us = bin_origin_us(self.trace.span_us[0], step_us, tz)
        part = self.reduced(step_us, origin_us)
        start_us = origin_us + part.first_bin * step_us
        return share_frame(part.by_bin, start_us, step_us, self.router.names, counts).tz_convert(tz)

    def bill(
        self,
        freq: str = "1h",
        *,
        charged_at: ChargedAt = "completion",
        failed: Failed = "nothing",
        exact: bool = False,
        tz: str = "UTC",
    ) -> pd.DataFrame:
        """Return what was paid, bin by bin.

        Parameters
        ----------
        freq : str
            A pandas frequency such as ``"15min"``. Bins are aligned as those of :meth:`share`.
        charged_at : {"completion", "start", "arrival"}
            Which instant decides the price of an attempt, and its bin: its end, its start, or the arrival of its call.
        failed : {"nothing", "input", "all"}
            What a failed attempt is charged, which nobody knows: nothing, its prompt, or as if it had answered.
        exact : bool
            Whether to give whole pico-units of the currency, as Python's integers, whose sums are exact.
        tz : str
            The zone of the midnights, and of the index.

        Returns
        -------
        DataFrame
            A row a bin, indexed by its start; a column a deployment, in the currency of the prices. It is missing where
            no attempt's cost is known; otherwise those that are unknown are left out, and :meth:`summary` counts them.

        Raises
        ------
        ReplayError
            If no deployment says a price.

        Examples
        --------
        >>> import timegate as tg
        >>> price = {"input_per_mtok": 2, "output_per_mtok": 8}
        >>> config = tg.GatewayConfig(deployments=[{"model_name": "a", "model": "sim/a", "price": price}])
        >>> frame = pd.DataFrame({"at": ["2026-03-02T09:00Z"], "prompt_tokens": [1000], "completion_tokens": [100]})
        >>> float(tg.replay(config, tg.Trace(frame)).bill("1D").sum().sum())
        0.0028
        """
        return self.ledger.frame(bin_width_us(freq), charged_at, failed, exact, tz)

    @cached_property
    def ledger(self) -> Ledger:
        """The bills of the attempts, from which tables and figures of money are made."""
        return Ledger(self.router, self.trace, self._calls, lambda: self._attempts)

    def reduced(self, step_us: int, origin_us: int = 0) -> Any:
        """Return the calls as a :class:`timegate.engines.totals.Part`: totals, and bins of so many microseconds."""
        from timegate.engines.totals import reduce_calls  # loads numba

        return reduce_calls(self.trace, self._calls, self.router, step_us, origin_us)

    @cached_property
    def takes_time(self) -> bool:
        """Whether latencies were modelled, or any call took any time: else there is nothing to say of how long."""
        return self.scenario.has_latency or bool(self._calls.latency_us.any())

    @cached_property
    def _baseline_us(self) -> npt.NDArray[np.int64]:
        """How long each call takes without windows and without faults."""
        if not self.scenario.has_latency:
            return np.zeros(len(self), np.int64)
        return baseline_us(self.router, self.trace, self.scenario, self._first_choices)

    def totals(self, start_us: int, end_us: int) -> Any:
        """Return the :class:`timegate.engines.totals.Totals` of the calls that arrive in ``[start_us, end_us)``."""
        from timegate.engines.totals import totals_between  # loads numba

        return totals_between(self.trace, self._calls, self.router, start_us, end_us)

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

    def explain(self, call: int | Instant) -> Explanation:
        """Say why a call went where it went; where there are policies, the whole story of it.

        Parameters
        ----------
        call : int, or aware datetime or str
            Its row in :attr:`calls`; or an instant, for the first call that arrives then or later.
        """
        if isinstance(call, str | datetime):
            call = self._first_since(call)
        row = self.calls.iloc[self._checked(call)]
        explained = self._explained(call)
        lo, hi = np.searchsorted(self._attempts.call, [call, call + 1])
        tried = self.attempts.iloc[lo:hi]
        rows = []
        for entry in explained.rows:
            outcomes = tried.loc[tried["deployment"] == entry["deployment"], "outcome"]
            rows.append(entry | {"outcome": ", ".join(map(str, outcomes))})
        served = f"served by {row['served_by']}" if pd.notna(row["served_by"]) else "not served"
        note = f"Call {call}: {served} ({row['outcome']}), {row['attempts']} attempts. {explained.note}".strip()
        story = self.story(call) if has_policies(self.router, self.scenario) else None
        return replace(explained, rows=rows, note=note, story=story)

    def story(self, call: int) -> pd.DataFrame:
        """Return what happened to a call, in order of time.

        Parameters
        ----------
        call : int
            Its row in :attr:`calls`.

        Returns
        -------
        DataFrame
            ``after_s`` (float64) since its arrival; ``event`` (category): ``arrives``, ``passes over``, ``waits``,
            ``tries`` or ``ends``; ``deployment`` (category), at the end the one that served; ``for_s`` (float64), how
            long an attempt or a pause took; ``what``: how many are open, the reason, or the outcome.

        Examples
        --------
        >>> import timegate as tg
        >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
        >>> tg.replay(config, tg.Trace(["2026-03-02T09:00Z"])).story(0)["event"].tolist()
        ['arrives', 'tries', 'ends']
        """
        order = self._explained(self._checked(call)).order
        return story_frame(self.router, self.trace, self._calls, self._attempts, self._log, call, order)

    def load(self, freq: str = "1min", *, tz: str = "UTC") -> pd.DataFrame:
        """Return what each deployment was asked for and what it let through, bin by bin.

        Parameters
        ----------
        freq : str
            A pandas frequency such as ``"15min"``. Bins are aligned as those of :meth:`share`.
        tz : str
            The zone of the midnights, and of the index.

        Returns
        -------
        DataFrame
            A row a deployment and bin, indexed by ``deployment`` and ``at``, up to the last attempt. ``offered``: the
            attempts that calls wanted, which are those ``admitted`` and those refused, by the first reason that the
            gateway had: ``cooling``, ``probing``, ``concurrent``, ``requests_per_min``, ``tokens_per_min``.
            ``answered_429``: of those admitted in this bin, how many a capacity or another fault answered 429.
            ``running_max``: how many ran at once at most, waiting ones included; one that takes no time counts for
            none. ``cooled_share``: the share of the bin in which it cooled.
        """
        step_us = bin_width_us(freq)
        origin_us = bin_origin_us(self.trace.span_us[0], step_us, tz)
        frame = load_frame(self.router, self.trace, self._attempts, self._log, step_us, origin_us)
        return frame.tz_convert(tz, level="at")

    def recovery(self, window: str = "1min") -> pd.DataFrame:
        """Return what each outage cost in calls, and how long after its end calls fared as before it.

        They do from the first instant at or after the end from which on, for a whole ``window`` within the trace, the
        share of calls served is at least what it was over the ten windows before the outage. Calls that windows
        blocked count nowhere. A window that is shorter than what a system needs to fall over again ends too soon.

        Parameters
        ----------
        window : str
            A length of time such as ``"5min"``, a pandas frequency.

        Returns
        -------
        DataFrame
            A row an outage, those that chance drew included; what goes down together is one. ``deployments``,
            ``start``, ``end``; ``calls`` that arrived during it, and how many were ``unserved``; ``served_before``, the
            share; ``back_at`` and ``recovery_s`` since the end, missing if calls never fare as before, or none came
            before; ``unserved_after``: of those that arrived between the end and ``back_at``, or the last call.
        """
        return recovery_frame(self.trace, self._calls, self.outages(), bin_width_us(window))

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
        tables = {"calls": (self.calls, self.trace.at_us), "attempts": (self.attempts, self._attempts.at_us)}
        return write_tables(folder, kind, tables, self.provenance)

    @cached_property
    def _attempts(self) -> Attempts:
        """The attempts, made when they are first asked for where the engine can do that."""
        source = self._attempts_source
        return source if isinstance(source, Attempts) else source()

    def _checked(self, call: int) -> int:
        if isinstance(call, bool) or not isinstance(call, Integral) or not 0 <= call < len(self):
            raise ReplayError(f"call must be a whole number between 0 and {len(self) - 1}. Got {shown(call)}.")
        return int(call)

    def _first_since(self, at: Instant) -> int:
        call = int(np.searchsorted(self.trace.at_us, to_us(at, "call")))
        if call == len(self):
            raise ReplayError(f"no call arrives at {shown(at)} or later: the last does at {iso(self.trace.end)}.")
        return call

    def _explained(self, call: int) -> Explanation:
        """Return the order of a call, as it was drawn for it."""
        preferred = int(self.trace.preferred[call])
        name = self.trace.preferred_names[preferred] if preferred >= 0 else None
        draws = None
        if self.router.draws_order:
            from timegate.engines.luck import Luck  # loads numba

            draws = Luck(self.scenario.seed, self.router.names).of(call)
        return self.router.explain(int(self.trace.at_us[call]), name, draws)

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
