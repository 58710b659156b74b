"""What became of each call of a replay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.core.clock import FIRST_US, LAST_US, Instant, to_us
from timegate.core.columns import FALLBACK, OUTCOMES
from timegate.core.explanation import Explanation
from timegate.core.router import Router
from timegate.engines.record import Attempts, Calls, Log
from timegate.errors import ReplayError, shown
from timegate.faults import Scenario
from timegate.pointer import guided
from timegate.runs.bill import Ledger
from timegate.runs.story import has_policies, story_frame
from timegate.runs.tables import (
    attempts_frame,
    calls_frame,
    named_pairs,
    skips_frame,
    stretches,
)
from timegate.show.text import counted, iso
from timegate.traffic.trace import Trace

__all__ = ["CallByCall"]


class CallByCall:
    """The tables of a replay that have a row a call, an attempt or an event, and the story of each call."""

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

    @property
    def deployments(self) -> list[str]:
        """The names of the deployments in config order."""
        return list(self.router.names)

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

    @cached_property
    def ledger(self) -> Ledger:
        """The bills of the attempts, from which tables and figures of money are made."""
        return Ledger(self.router, self.trace, self._calls, lambda: self._attempts)

    @guided()
    def fallbacks(self) -> pd.DataFrame:
        """Return who served in whose place.

        Returns
        -------
        DataFrame
            ``from`` (the first choice), ``to`` (who served), ``count``: most first. The counts sum to the calls
            whose outcome is ``fallback``.

        Examples
        --------
        >>> import timegate as tg
        >>> config = tg.GatewayConfig(deployments=[{"model_name": n, "model": f"sim/{n}"} for n in ("strong", "weak")])
        >>> config = config.edited(weak={"time_constraints": [["22:00", "06:00"]]})
        >>> outage = tg.Outage(target="strong", start="2026-03-02T09:00Z", end="2026-03-02T10:00Z")
        >>> run = tg.replay(config, tg.Trace(["2026-03-02T03:10Z", "2026-03-02T09:00Z"]), tg.Scenario(faults=[outage]))
        >>> run.fallbacks().values.tolist()
        [['strong', 'weak', 1]]
        """
        size = len(self.deployments)
        fell_back = self._calls.outcome == FALLBACK
        pairs = self._first_choices[fell_back] * size + self._calls.served_by[fell_back]
        return named_pairs(np.bincount(pairs, minlength=size * size).reshape(size, size), self.router.names)

    @guided()
    def explain(self, call: int | Instant) -> Explanation:
        """Say why a call went where it went; where there are policies, the whole story of it.

        Parameters
        ----------
        call : int, or aware datetime or str
            Its row in :attr:`calls`; or an instant, for the first call that arrives then or later.

        Examples
        --------
        >>> import timegate as tg
        >>> config = tg.GatewayConfig(deployments=[{"model_name": n, "model": f"sim/{n}"} for n in ("strong", "weak")])
        >>> config = config.edited(weak={"time_constraints": [["22:00", "06:00"]]})
        >>> outage = tg.Outage(target="strong", start="2026-03-02T09:00Z", end="2026-03-02T10:00Z")
        >>> run = tg.replay(config, tg.Trace(["2026-03-02T03:10Z", "2026-03-02T09:00Z"]), tg.Scenario(faults=[outage]))
        >>> print(str(run.explain(1)).splitlines()[1])
        Call 1: served by weak (fallback), 2 attempts.
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
        note = (
            f"Call {call}: {served} ({row['outcome']}), {counted(row['attempts'], 'attempt')}. {explained.note}".strip()
        )
        story = self.story(call) if has_policies(self.router, self.scenario) else None
        return replace(explained, rows=rows, note=note, story=story)

    @guided()
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

    def closed(self) -> pd.DataFrame:
        """Return the stretches of the trace in which windows closed a deployment.

        Returns
        -------
        DataFrame
            ``deployment``, ``start``, ``end`` (datetime64[us, UTC], half-open).

        Examples
        --------
        >>> import timegate as tg
        >>> config = tg.GatewayConfig(deployments=[{"model_name": n, "model": f"sim/{n}"} for n in ("strong", "weak")])
        >>> config = config.edited(weak={"time_constraints": [["22:00", "06:00"]]})
        >>> outage = tg.Outage(target="strong", start="2026-03-02T09:00Z", end="2026-03-02T10:00Z")
        >>> run = tg.replay(config, tg.Trace(["2026-03-02T03:10Z", "2026-03-02T09:00Z"]), tg.Scenario(faults=[outage]))
        >>> run.closed()[["deployment", "start"]].values.tolist()
        [['weak', Timestamp('2026-03-02 03:10:00+0000', tz='UTC')]]
        """
        lo, hi = int(self.trace.at_us[0]), int(self.trace.at_us[-1]) + 1
        rows = [(d.name, *span) for d in self.router.deployments for span in d.hours.closed_spans_us(lo, hi).tolist()]
        return stretches(rows)

    def outages(self) -> pd.DataFrame:
        """Return the scenario's outages, a row for each deployment that one hits; columns as :meth:`closed`.

        An outage without a start or an end is given those of the trace.

        Examples
        --------
        >>> import timegate as tg
        >>> config = tg.GatewayConfig(deployments=[{"model_name": n, "model": f"sim/{n}"} for n in ("strong", "weak")])
        >>> config = config.edited(weak={"time_constraints": [["22:00", "06:00"]]})
        >>> outage = tg.Outage(target="strong", start="2026-03-02T09:00Z", end="2026-03-02T10:00Z")
        >>> run = tg.replay(config, tg.Trace(["2026-03-02T03:10Z", "2026-03-02T09:00Z"]), tg.Scenario(faults=[outage]))
        >>> run.outages()[["deployment", "end"]].values.tolist()
        [['strong', Timestamp('2026-03-02 10:00:00+0000', tz='UTC')]]
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
        """Return the number of calls of each outcome.

        Examples
        --------
        >>> import timegate as tg
        >>> config = tg.GatewayConfig(deployments=[{"model_name": n, "model": f"sim/{n}"} for n in ("strong", "weak")])
        >>> config = config.edited(weak={"time_constraints": [["22:00", "06:00"]]})
        >>> outage = tg.Outage(target="strong", start="2026-03-02T09:00Z", end="2026-03-02T10:00Z")
        >>> run = tg.replay(config, tg.Trace(["2026-03-02T03:10Z", "2026-03-02T09:00Z"]), tg.Scenario(faults=[outage]))
        >>> run.outcome_counts()
        {'first_choice': 1, 'fallback': 1, 'failed': 0, 'blocked': 0, 'shed': 0}
        """
        return dict(zip(OUTCOMES, np.bincount(self._calls.outcome, minlength=len(OUTCOMES)).tolist(), strict=True))
