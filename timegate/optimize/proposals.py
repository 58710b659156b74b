"""What comes of choosing windows: schedules, what each costs, and what each window is worth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.config import GatewayConfig
from timegate.core.clock import DAY_US, MINUTE_US, from_us
from timegate.core.price import Price
from timegate.core.spelling import DAYS
from timegate.errors import ReplayError, did_you_mean, shown
from timegate.faults import Scenario
from timegate.optimize.grid import Grid
from timegate.optimize.limits import written
from timegate.optimize.program import closes
from timegate.optimize.slots import Totals
from timegate.prices.book import prices_of
from timegate.review.diff import Diff, diff
from timegate.runs.replay import replay
from timegate.show.html import framed, numbers
from timegate.show.text import counted, percent, time_of_day
from timegate.traffic.trace import Trace

__all__ = ["FRONTIER_COLUMNS", "Proposal", "Proposals"]

FRONTIER_COLUMNS = ("schedule", "cost_usd", "failed", "unserved", "latency_mean_s", "closings")


class Proposal(NamedTuple):
    """One schedule.

    Attributes
    ----------
    name : str
    config : GatewayConfig
    totals : Totals
        What it comes to over the trace.
    is_open : ndarray of bool, shape (slots, deployments)
    """

    name: str
    config: GatewayConfig
    totals: Totals
    is_open: npt.NDArray[np.bool_]


class Proposals:
    """Schedules to choose from. Prints in words; shows as a table in a notebook.

    Attributes
    ----------
    config : GatewayConfig
        As it is today.
    trace : Trace
    scenario : Scenario
    grid : Grid
        The slots.
    limits : dict of str to float
        What was asked.
    gap : float
        By which share of what is minimised any other schedule could be better than the best one, at most: 0 is optimal.
        What the best one gives up to be simple to say is in it. Not a number where nothing is known, as of a heuristic.
    words : str
        What the best one keeps to, such as "the same hours every day, whole hours".
    notes : list of str
    heuristic : bool
        Whether calls share state, so that schedules were tried by replay, and better ones may be left.
    interrupted : bool
        Whether somebody ended the search: then the best is the best so far.

    Examples
    --------
    >>> import pandas as pd
    >>> import timegate as tg
    >>> peak = {"windows": [{"start": "08:00", "end": "18:00", "end_included": False}], "times": 3}
    >>> config = tg.GatewayConfig(deployments=[
    ...     {"model_name": "strong", "model": "sim/large", "price": {"per_call": 0.01, "bands": [peak]}},
    ...     {"model_name": "weak", "model": "sim/small", "price": {"per_call": 0.02}},
    ... ])
    >>> calls = tg.Trace(pd.date_range("2026-03-02T00:05Z", periods=144, freq="10min"))
    >>> found = tg.optimise(config, calls, period="day", step="1h")
    >>> found.words
    'the same hours every day, whole hours'
    >>> found.best.deployments[0].time_constraints
    (Window('08:00', '18:00', end_included=False),)
    """

    def __init__(
        self,
        config: GatewayConfig,
        trace: Trace,
        scenario: Scenario,
        *,
        best: Proposal,
        today: Proposal,
        others: Callable[[], Iterable[Proposal]],
        grid: Grid,
        limits: dict[str, float],
        gap: float,
        words: str,
        notes: Sequence[str],
        heuristic: bool,
        interrupted: bool,
    ) -> None:
        self.config, self.trace, self.scenario = config, trace, scenario
        self.grid, self.limits, self.gap, self.words = grid, limits, gap, words
        self.notes, self.heuristic, self.interrupted = list(notes), heuristic, interrupted
        self._best, self._today, self._others = best, today, others

    @cached_property
    def _rows(self) -> dict[str, Proposal]:
        """The schedules by name; those without are numbered, the cheapest first, and none is given twice."""
        rows = [self._best, self._today, *self._others()]
        named = {p.name: p for p in rows if p.name}
        seen = {p.is_open.tobytes() for p in named.values()}
        number = 1
        for proposal in sorted((p for p in rows if not p.name), key=lambda p: (p.totals.cost, p.totals.unserved)):
            if proposal.is_open.tobytes() not in seen:
                seen.add(proposal.is_open.tobytes())
                named[f"proposal {number}"] = proposal._replace(name=f"proposal {number}")
                number += 1
        return named

    @property
    def best(self) -> GatewayConfig:
        """The config to ship, if it is to be believed."""
        return self._best.config

    @property
    def currency(self) -> str:
        """The currency of the costs."""
        return next((d.price.currency for d in self.config.deployments if d.price is not None), "USD")

    def schedule(self, name: str = "best") -> Proposal:
        """Return a row of :attr:`frontier` with its config, totals and slots.

        Parameters
        ----------
        name : str

        Returns
        -------
        Proposal

        Raises
        ------
        ReplayError
            If no row has that name.
        """
        if name in ("best", "today"):  # the others are computed when somebody asks for them
            return self._best if name == "best" else self._today
        if name not in self._rows:
            raise ReplayError(f"no schedule is called {shown(name)}.{did_you_mean(name, self._rows)}")
        return self._rows[name]

    @cached_property
    def frontier(self) -> pd.DataFrame:
        """The trade between cost and failures: one row a schedule, the cheapest first.

        ``schedule`` (str): ``best``, ``today``, ``always open``, and the cheapest ones under other limits on failures,
        which keep all else that was asked; ``cost_usd`` (float64), or another currency, missing without prices;
        ``failed`` (float64), the share of the calls that nobody served, and ``unserved`` (int64), their number;
        ``latency_mean_s`` (float64) of the others; ``closings`` (int64), how often deployments close in a period.
        A replay of the schedule's config gives the same, to the last call. It is computed when it is first asked for.
        """
        rows = [
            (
                name,
                totals.paid if any(d.price for d in self.config.deployments) else math.nan,
                totals.failed,
                totals.unserved,
                totals.latency_mean_s,
                int(closes(is_open).sum()),
            )
            for name, _, totals, is_open in self._rows.values()
        ]
        columns = [c.replace("cost_usd", f"cost_{self.currency.lower()}") for c in FRONTIER_COLUMNS]
        frame = pd.DataFrame(rows, columns=columns).astype({"schedule": "str"})
        return frame.sort_values(columns[1:4], kind="stable", ignore_index=True)

    def slots(self, name: str = "best") -> pd.DataFrame:
        """Return who is open in each slot, today and in a schedule.

        Parameters
        ----------
        name : str
            A schedule of :attr:`frontier`.

        Returns
        -------
        DataFrame
            A row a deployment and slot: ``deployment`` (str); ``day`` (str), such as ``Mon``, or ``daily``; ``start``
            (str), such as ``08:15``; ``today`` and ``schedule`` (bool), whether it is open; ``band`` (bool), whether a
            band of its price holds in the first period of the trace.

        Examples
        --------
        >>> import pandas as pd
        >>> import timegate as tg
        >>> peak = {"windows": [{"start": "08:00", "end": "18:00", "end_included": False}], "times": 3}
        >>> config = tg.GatewayConfig(deployments=[
        ...     {"model_name": "strong", "model": "sim/large", "price": {"per_call": 0.01, "bands": [peak]}},
        ...     {"model_name": "weak", "model": "sim/small", "price": {"per_call": 0.02}},
        ... ])
        >>> calls = tg.Trace(pd.date_range("2026-03-02T00:05Z", periods=144, freq="10min"))
        >>> found = tg.optimise(config, calls, period="day", step="1h")
        >>> list(found.slots().columns)
        ['deployment', 'day', 'start', 'today', 'schedule', 'band']
        """
        is_open, grid = self.schedule(name).is_open, self.grid
        size, deployments = is_open.shape
        day, place = np.divmod(np.arange(size), grid.per_day)
        minutes = place * (grid.step_us // MINUTE_US)
        days = np.array([word.capitalize() for word in DAYS] if grid.days == 7 else ["daily"])[day]
        starts = [*map(time_of_day, minutes.tolist())]
        at_us = grid.middles_us(self.trace.span_us[0])
        holds = np.zeros((size, deployments), np.bool_)
        for column, price in enumerate(self.prices):
            for band in price.bands if price else ():
                spans = band.spans_us(int(at_us.min()), int(at_us.max()) + 1).ravel()
                holds[:, column] |= np.searchsorted(spans, at_us, side="right") % 2 == 1
        return pd.DataFrame(
            {
                "deployment": pd.Series(np.repeat([d.name for d in self.config.deployments], size), dtype="str"),
                "day": pd.Series(np.tile(days, deployments), dtype="str"),
                "start": pd.Series(starts * deployments, dtype="str"),
                "today": self._today.is_open.T.ravel(),
                "schedule": is_open.T.ravel(),
                "band": holds.T.ravel(),
            }
        )

    @cached_property
    def windows(self) -> pd.DataFrame:
        """What each window of the best schedule is worth: the replay without it, less that with it.

        ``deployment`` (str); ``window`` (str), its name; ``when`` (str); ``saves_usd`` (float64), or another currency;
        ``costs_calls`` (int64), how many calls nobody serves because of it; ``waits_s`` (float64), how much longer
        calls take on average.
        """
        best = self._best
        names = {window: name for name, window in best.config.windows.items()}
        rows = []
        for i, deployment in enumerate(best.config.deployments):
            before = self.config.deployments[i]
            if (deployment.time_constraints, deployment.available) == (before.time_constraints, before.available):
                continue
            for window in deployment.time_constraints:
                rest = tuple(other for other in deployment.time_constraints if other != window)
                changed = deployment.model_copy(update={"time_constraints": rest})
                deployments = tuple(changed if d is deployment else d for d in best.config.deployments)
                without = best.config.model_copy(update={"deployments": deployments, "windows": {}})
                totals = Totals.of(replay(without, self.trace, self.scenario), self._priced)
                rows.append(
                    (
                        deployment.name,
                        names.get(window, ""),
                        window.text("daily"),
                        totals.paid - best.totals.paid if self._priced else math.nan,
                        best.totals.unserved - totals.unserved,
                        best.totals.latency_mean_s - totals.latency_mean_s,
                    )
                )
        columns = ["deployment", "window", "when", f"saves_{self.currency.lower()}", "costs_calls", "waits_s"]
        return pd.DataFrame(rows, columns=columns).astype(
            {
                "deployment": "str",
                "window": "str",
                "when": "str",
                columns[3]: float,
                "costs_calls": int,
                "waits_s": float,
            }
        )

    @cached_property
    def diff(self) -> Diff:
        """Where the best schedule routes differently than today's, in a week of the trace."""
        start_us = int(self.grid.middles_us(self.trace.span_us[0])[0]) - self.grid.step_us // 2
        return diff(self.config, self.best, from_us(start_us), from_us(start_us + 7 * DAY_US))

    @property
    def prices(self) -> list[Price | None]:
        """The price of each deployment."""
        return prices_of(self.config.deployments)

    @property
    def _priced(self) -> bool:
        return any(d.price is not None for d in self.config.deployments)

    @property
    def headline(self) -> str:
        """The answer in one line."""
        best, today = self._best.totals, self._today.totals
        if self._none_yet:
            return "The search was interrupted before it had found other windows: these are today's."
        if self.best == self.config:
            return "No change of windows is worth it."
        parts = [f"leaves {percent(best.failed, 3)} of calls unserved, today {percent(today.failed, 3)}"]
        if self._priced:
            saved = today.cost - best.cost
            share = f" ({percent(abs(saved) / today.cost, 1)})" if today.cost else ""
            word = "saves" if saved >= 0 else "costs"
            parts.insert(0, f"{word} {abs(today.paid - best.paid):,.4g} of {today.paid:,.6g} {self.currency}{share}")
        return f"The best schedule {' and '.join(parts)}."

    @property
    def _none_yet(self) -> bool:
        return self.interrupted and self.best == self.config

    def _said(self) -> Iterator[str]:
        kept = ", ".join(f"{name} at most {written(name, limit)}" for name, limit in self.limits.items())
        yield f"Over {counted(len(self.trace), 'call')}, {self.trace.period}; {self.grid.words}."
        if self._none_yet:
            return
        yield f"Its windows have {self.words}." + (f" It keeps to its limits: {kept}." if kept else "")
        if self.heuristic:
            yield "Heuristic: calls share state, so schedules were tried by replay, and better ones may be left."
        elif math.isnan(self.gap):
            yield "How much better another schedule could be is not known."
        elif self.gap < 1e-9:
            yield "No schedule on these slots is better; of those as good, it is the nearest to today's."
        else:
            yield f"No schedule on these slots is better by more than {percent(self.gap, 3)}."
        yield "It was chosen on these very calls: tg.walk_forward says what remains on others."
        yield from self.notes
        if self.interrupted:
            yield "The search was interrupted: this is the best so far."

    def __repr__(self) -> str:
        windows = [
            f"  {d.name}: closed {'; '.join(w.text('daily') for w in d.time_constraints) or 'never'}"
            for d in self.best.deployments
        ]
        return "\n".join([self.headline, *self._said(), *windows])

    def _repr_html_(self) -> str:
        table = numbers(self.frontier, index=False, float_format=lambda v: f"{v:,.6g}")
        return framed(self.headline, self.diff._repr_html_(), table, notes=list(self._said()))
