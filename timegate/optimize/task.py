"""What was asked of the choice of windows, checked."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, Literal, NamedTuple, get_args

from timegate.config import GatewayConfig
from timegate.config.given import as_config
from timegate.core.clock import DAY_US
from timegate.core.columns import NOBODY
from timegate.core.router import Router
from timegate.errors import ReplayError, did_you_mean, shown
from timegate.faults import Scenario
from timegate.optimize.grid import Grid
from timegate.optimize.limits import read_limits
from timegate.optimize.schedule import split_fixed
from timegate.runs.prepare import Prepared, as_scenario, as_trace, from_files
from timegate.runs.replay import replay, replayed
from timegate.runs.result import Replay
from timegate.runs.tables import bin_width_us
from timegate.show.text import duration, listed
from timegate.traffic.trace import Trace

__all__ = ["Minimise", "Task", "number"]

Minimise = Literal["cost", "failed"]


class Task(NamedTuple):
    """What was asked, checked."""

    config: GatewayConfig
    router: Router
    trace: Trace
    scenario: Scenario
    minimise: Minimise
    limits: dict[str, float]
    grid: Grid
    free: tuple[int, ...]
    rules: list[Any]
    most_windows: int
    shortest: int
    today: Replay

    @property
    def priced(self) -> bool:
        """Whether there are costs to speak of."""
        return self.today.ledger.has_prices

    @classmethod
    def read(
        cls,
        config: Any,
        trace: Any,
        scenario: Any,
        minimise: Any,
        limits: Any,
        period: Any,
        step: str,
        tz: str,
        most_windows: Any,
        shortest: str,
        fixed: Any,
    ) -> Task:
        """Check the arguments of :func:`timegate.optimize.choose.optimise`."""
        _, trace, scenario = from_files(None, trace, scenario)
        config, trace = as_config(config), as_trace(trace, "traffic")
        if minimise not in get_args(Minimise):
            hint = did_you_mean(minimise, get_args(Minimise))
            raise ReplayError(f"minimise must be one of the known ones. Got {shown(minimise)}.{hint}")
        if isinstance(most_windows, bool) or not isinstance(most_windows, int) or most_windows < 0:
            raise ReplayError(f"most_windows must be a whole number, 0 or more. Got {shown(most_windows)}.")
        grid = Grid.of(period, step, tz)
        length_us = bin_width_us(shortest, "shortest")
        if length_us > grid.period_us:
            raise ReplayError(f"shortest must not be longer than the period, a {period}. Got {shortest!r}.")
        names = [d.name for d in config.deployments]
        stay, rules = split_fixed(fixed, names)
        free = tuple(i for i, name in enumerate(names) if name not in stay)
        if not free:
            raise ReplayError("fixed names every deployment: there is nothing to choose.")
        first_us, last_us = trace.span_us
        enough_us = grid.period_us - min(DAY_US, grid.period_us // 6)  # its ends may be quiet
        if last_us - first_us < enough_us:
            text = (
                f"the trace must be as long as the period, a {period}. It lasts {duration((last_us - first_us) / 1e6)}"
            )
            hint = ": pass period='day' for windows that are the same every day." if period == "week" else "."
            if last_us - first_us < DAY_US - DAY_US // 6:
                hint = "."
            raise ReplayError(text + hint)
        scenario = as_scenario(scenario)
        today = replay(config, trace, scenario)
        wanted = read_limits(limits, today.ledger.currency)
        unserved = int((today._calls.served_by == NOBODY).sum())
        wanted.setdefault("failed", unserved / len(trace))
        unpriced = [d.name for d in config.deployments if d.price is None]
        if unpriced and (minimise == "cost" or any(name.startswith("cost_") for name in wanted)):
            who = f"{listed(map(repr, unpriced))} {'does' if len(unpriced) == 1 else 'do'} not say"
            who = "no deployment says" if len(unpriced) == len(names) else who
            raise ReplayError(f"costs need the price of every deployment, and {who} one: `price: auto`, or an amount.")
        slots = max(1, -(-length_us // grid.step_us))
        return cls(
            config, config.router(), trace, scenario, minimise, wanted, grid, free, rules, most_windows, slots, today
        )

    def replay(self, config: GatewayConfig) -> Replay:
        """Replay another schedule of the same deployments."""
        return replayed(Prepared(config.router(), self.scenario), self.trace)

    def shares(self) -> bool:
        """Whether calls touch each other."""
        from timegate.engines.ordered import shares  # loads numba

        return shares(self.router, self.scenario.injector(self.router.deployments))


def number(name: str, value: Any, least: float) -> float:
    """Return a finite number, or say what was given in its place."""
    if isinstance(value, bool) or not isinstance(value, Real) or not least <= float(value) < math.inf:
        raise ReplayError(f"{name} must be a number that is not below {least}. Got {shown(value)}.")
    return float(value)
