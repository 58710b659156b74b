"""What a replay gives: tables, figures, files."""

from __future__ import annotations

import platform
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.core.columns import NOBODY
from timegate.core.zones import bin_origin_us
from timegate.pointer import Pointer, guided
from timegate.runs.bill import ChargedAt
from timegate.runs.call_by_call import CallByCall
from timegate.runs.load import cooled_s, load_frame, refused
from timegate.runs.recovery import recovery_frame
from timegate.runs.spent import Failed
from timegate.runs.tables import (
    bin_width_us,
    passed_over,
    share_frame,
    write_tables,
)
from timegate.runs.waiting import Baseline, time_figures
from timegate.show.html import figures, framed
from timegate.show.text import counted

__all__ = ["Replay"]


class Replay(CallByCall):
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

    at = Pointer("run.calls, whose column 'at' has the arrivals, or run.explain(instant).")
    frame = Pointer("run.calls, run.attempts or run.summary(), which are tables.")
    df = Pointer("run.calls, run.attempts or run.summary(), which are tables.")
    plot = Pointer("timegate.plots, such as plots.day(run).")
    describe = Pointer("run.summary().")
    cost = Pointer("run.bill().")
    report = Pointer("timegate.report.page.write(run, folder).")

    def __repr__(self) -> str:
        counts = ", ".join(f"{count:,} {name}" for name, count in self.outcome_counts().items() if count)
        return f"<Replay of {counted(len(self), 'call')}: {counts}>"

    def _repr_html_(self) -> str:
        table = figures(self.summary(), ".4f")
        return framed(f"Replay of {counted(len(self), 'call')}", table, notes=self.trace.notes)

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

    @guided()
    def summary(self) -> pd.Series[Any]:
        """Return the figures of the replay, labelled.

        ``baseline_...`` is what the same calls give without windows and without failures. Shares are of all
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

        Examples
        --------
        >>> import timegate as tg
        >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
        >>> run = tg.replay(config, tg.Trace(["2026-03-02T03:10Z", "2026-03-02T03:40Z", "2026-03-02T09:00Z"]))
        >>> run.summary()["first_choice"]
        3
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
        figures |= {"engine": self.engine, "seed": self.scenario.seed, "config_hash": self.router.fingerprint}
        figures["scenario_hash"] = self.scenario.fingerprint
        return pd.Series(figures, dtype=object, name="replay")

    @guided()
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

        Raises
        ------
        ReplayError
            If ``freq`` is no fixed length of time, or makes too many bins.

        Examples
        --------
        >>> import timegate as tg
        >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
        >>> run = tg.replay(config, tg.Trace(["2026-03-02T03:10Z", "2026-03-02T03:40Z", "2026-03-02T09:00Z"]))
        >>> run.share("3h", counts=True)["strong"].tolist()
        [2, 0, 1]
        """
        step_us = bin_width_us(freq)
        origin_us = bin_origin_us(self.trace.span_us[0], step_us, tz)
        part = self.reduced(step_us, origin_us)
        start_us = origin_us + part.first_bin * step_us
        return share_frame(part.by_bin, start_us, step_us, self.router.names, counts).tz_convert(tz)

    @guided()
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
        """How long each call takes without windows and without failures."""
        return Baseline(self.router, self.scenario).latency_us(self.trace, self._first_choices)

    def totals(self, start_us: int, end_us: int) -> Any:
        """Return the :class:`timegate.engines.totals.Totals` of the calls that arrive in ``[start_us, end_us)``."""
        from timegate.engines.totals import totals_between  # loads numba

        return totals_between(self.trace, self._calls, self.router, start_us, end_us)

    @guided()
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

        Raises
        ------
        ReplayError
            If ``freq`` is no fixed length of time, or makes too many bins.

        Examples
        --------
        >>> import timegate as tg
        >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
        >>> run = tg.replay(config, tg.Trace(["2026-03-02T03:10Z", "2026-03-02T03:40Z", "2026-03-02T09:00Z"]))
        >>> run.load("6h").loc["strong", "admitted"].tolist()
        [2, 1]
        """
        step_us = bin_width_us(freq)
        origin_us = bin_origin_us(self.trace.span_us[0], step_us, tz)
        frame = load_frame(self.router, self.trace, self._attempts, self._log, step_us, origin_us)
        return frame.tz_convert(tz, level="at")

    @guided()
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

        Examples
        --------
        >>> import timegate as tg
        >>> config = tg.GatewayConfig(deployments=[{"model_name": n, "model": f"sim/{n}"} for n in ("strong", "weak")])
        >>> config = config.edited(weak={"time_constraints": [["22:00", "06:00"]]})
        >>> outage = tg.Outage(target="strong", start="2026-03-02T09:00Z", end="2026-03-02T10:00Z")
        >>> run = tg.replay(config, tg.Trace(["2026-03-02T03:10Z", "2026-03-02T09:00Z"]), tg.Scenario(faults=[outage]))
        >>> run.recovery()[["deployments", "calls", "unserved"]].values.tolist()
        [['strong', 1, 0]]
        """
        return recovery_frame(self.trace, self._calls, self.outages(), bin_width_us(window, "window"))

    @guided()
    def to_csv(self, folder: str | Path, *, escape_formulas: bool = False) -> list[Path]:
        """Write ``calls.csv``, ``attempts.csv`` and ``provenance.json``, each whole or not at all.

        Parameters
        ----------
        folder : path
        escape_formulas : bool
            Whether to put an apostrophe before names such as ``=1+1``, which a spreadsheet would compute; read again,
            they are other names.

        Returns
        -------
        list of Path
            The files.

        Examples
        --------
        >>> import timegate as tg
        >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
        >>> run = tg.replay(config, tg.Trace(["2026-03-02T03:10Z", "2026-03-02T03:40Z", "2026-03-02T09:00Z"]))
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     [path.name for path in run.to_csv(folder)]
        ['calls.csv', 'attempts.csv', 'provenance.json']
        """
        return self._write(folder, "csv", escape_formulas)

    @guided()
    def to_parquet(self, folder: str | Path) -> list[Path]:
        """Write ``calls.parquet``, ``attempts.parquet`` and ``provenance.json``, each whole or not at all.

        Parameters
        ----------
        folder : path

        Returns
        -------
        list of Path
            The files.

        Raises
        ------
        MissingExtraError
            If pyarrow is not installed.
        """
        return self._write(folder, "parquet")

    def _write(self, folder: str | Path, kind: str, escape_formulas: bool = False) -> list[Path]:
        tables = {"calls": (self.calls, self.trace.at_us), "attempts": (self.attempts, self._attempts.at_us)}
        return write_tables(folder, kind, tables, self.provenance, escape_formulas)

    def _shares(self, deployment: npt.NDArray[np.integer[Any]]) -> dict[str, float]:
        counts = np.bincount(deployment[deployment != NOBODY], minlength=len(self.deployments))
        # A router that never called anybody has no deployments, and the counts one row too many.
        return {name: float(count / len(self)) for name, count in zip(self.deployments, counts, strict=False)}
