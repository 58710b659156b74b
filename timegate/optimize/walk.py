"""Whether to believe a choice: choose on the past, judge on the weeks after it, again and again."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.config import GatewayConfig
from timegate.config.given import as_config
from timegate.core.clock import DAY_US
from timegate.core.columns import NOBODY
from timegate.core.zones import check_zone
from timegate.engines.progress import progress
from timegate.errors import InvalidTypeError, ReplayError, TimegateWarning, shown
from timegate.faults import Scenario
from timegate.optimize.choose import optimise
from timegate.optimize.walked import ALWAYS, TODAY, Days, Fold, WalkForward
from timegate.pointer import guided
from timegate.runs.prepare import as_scenario, as_trace, from_files
from timegate.runs.replay import replay
from timegate.runs.tables import bin_width_us
from timegate.show.text import counted
from timegate.traffic.trace import Trace

__all__ = ["Choose", "walk_forward"]

Choose = Callable[[GatewayConfig, Trace, Scenario], GatewayConfig]
"""Given today's config, the calls of the past and the scenario, the config to ship."""
Int64s = npt.NDArray[np.int64]


@guided()
def walk_forward(
    config: GatewayConfig | str | Path,
    traffic: Trace | pd.DataFrame | pd.DatetimeIndex | str | Path,
    scenario: Scenario | str | Path | None = None,
    *,
    train: str = "28D",
    test: str = "7D",
    choose: Choose | Mapping[str, Choose] | None = None,
    tz: str = "UTC",
    seed: int = 0,
    frontier: bool = False,
    **options: Any,
) -> WalkForward:
    """Choose windows on the past and judge them on what follows, fold by fold.

    Each fold chooses on ``train`` and is judged on the ``test`` after it, then all moves on by ``test``: no call is
    judged that was chosen on. Every schedule is replayed over the whole trace, so all face the same calls and luck.

    Parameters
    ----------
    config : GatewayConfig or path
        As it is today.
    traffic : Trace, DataFrame, DatetimeIndex or path
    scenario : Scenario or path, optional
        What fails, in the past and after it. Default: nothing.
    train, test : str
        Whole days, such as ``"28D"``.
    choose : callable, or mapping of str to callable, optional
        ``choose(config, trace, scenario)`` returns a config. Several, by name, are compared. Default:
        :func:`timegate.optimise`.
    tz : str
        The zone of days, and of what :func:`timegate.optimise` chooses.
    seed : int
        Of the intervals.
    frontier : bool
        Whether the schedules on the frontier of each fold count as tried, too, in the probability of overfitting:
        where somebody looks at them all before one is shipped. Takes the programs of that many frontiers.
    **options
        For :func:`timegate.optimise`, where it chooses: ``limits``, ``step`` and others.

    Returns
    -------
    WalkForward

    Raises
    ------
    ReplayError
        If the trace is shorter than a fold, a length is none of whole days, or the cost of a call is not known.

    Examples
    --------
    >>> import pandas as pd
    >>> import timegate as tg
    >>> price = {"per_call": 0.02, "bands": [{"windows": [["08:00", "18:00"]], "times": 3}]}
    >>> config = tg.GatewayConfig(deployments=[
    ...     {"model_name": "strong", "model": "sim/large", "price": price},
    ...     {"model_name": "weak", "model": "sim/small", "price": {"per_call": 0.03}},
    ... ])
    >>> calls = tg.Trace(pd.date_range("2026-03-02T00:05Z", periods=24 * 14, freq="1h"))
    >>> walk = tg.walk_forward(config, calls, train="4D", test="1D", period="day", step="1h")
    >>> walk.table[["choice", "saved_usd", "believed"]].values.tolist()
    [['optimise', 3.0, True], ['always open', 0.0, False]]
    """
    _, traffic, scenario = from_files(None, traffic, scenario)
    config, traffic = as_config(config), as_trace(traffic, "traffic")
    tried = [config]
    choices = _choices(choose, tz, options, tried if frontier else None)
    scenario = as_scenario(scenario)
    folds = _folds(traffic, _days("train", train), _days("test", test), check_zone(tz))
    bare = (d.model_copy(update={"time_constraints": (), "available": ()}) for d in config.deployments)
    always = config.model_copy(update={"deployments": tuple(bare)})
    judge = _Judge(traffic, scenario)
    days = {TODAY: [judge.days(config, fold) for fold in folds], ALWAYS: [judge.days(always, fold) for fold in folds]}
    chosen: dict[tuple[int, str], GatewayConfig] = {}
    for number in progress(range(len(folds)), len(folds), "fold"):
        fold = folds[number]
        past = judge.part(fold.train_us, fold.test_us)
        for name, chooses in choices.items():
            with warnings.catch_warnings():  # of faults that a stretch of the trace does not meet
                warnings.filterwarnings("ignore", "no .* meets the calls", TimegateWarning)
                picked = chooses(config, past, scenario)
            if not isinstance(picked, GatewayConfig):
                raise InvalidTypeError(f"choose must return a GatewayConfig. {name!r} returned {shown(picked)}.")
            chosen[number, name] = picked
            tried.append(picked)
            days.setdefault(name, []).append(judge.days(picked, fold))
    schedules = [[judge.days(one, fold) for fold in folds] for one in dict.fromkeys(tried)]
    return WalkForward(config, traffic, folds, chosen, days, tz, judge.currency, seed, schedules)


class _Judge:
    """Replays schedules over the whole trace, once each, and looks at stretches of it."""

    def __init__(self, trace: Trace, scenario: Scenario) -> None:
        self.trace, self.scenario, self.currency = trace, scenario, "USD"
        self._kept: dict[GatewayConfig, Any] = {}

    def part(self, start_us: int, end_us: int) -> Trace:
        """Return the calls of ``[start_us, end_us)``."""
        trace = self.trace
        lo, hi = np.searchsorted(trace.at_us, [start_us, end_us])
        if lo == hi:
            first = pd.Timestamp(start_us, unit="us")
            raise ReplayError(f"the trace has no calls from {first} UTC on, to choose on or to judge.")
        tokens = (trace.completion_tokens, trace.prompt_tokens, trace.cached_tokens)
        columns = [None if column is None else column[lo:hi] for column in tokens]
        return Trace.from_arrays(trace.at_us[lo:hi], trace.preferred[lo:hi], trace.preferred_names, *columns)

    def days(self, config: GatewayConfig, fold: Fold) -> Days:
        """Return cost, unserved calls and calls of each day of a fold's test."""
        cost, served = self._replayed(config)
        trace = self.trace
        lo, hi = np.searchsorted(trace.at_us, [fold.test_us, fold.end_us])
        size = len(fold.days_us) - 1
        day = np.searchsorted(fold.days_us, trace.at_us[lo:hi], side="right") - 1
        paid = np.zeros(size, object)
        np.add.at(paid, day, cost[lo:hi].astype(object))
        return paid, np.bincount(day[~served[lo:hi]], minlength=size), np.bincount(day, minlength=size)

    def _replayed(self, config: GatewayConfig) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        if config not in self._kept:
            run = replay(config, self.trace, self.scenario)
            if not run.ledger.has_prices:
                raise ReplayError("no deployment says a price: savings are of money.")
            cost = run.ledger.of_calls()
            if unknown := int(np.count_nonzero(cost < 0)):
                raise ReplayError(f"the cost of {counted(unknown, 'call')} is not known: savings cannot be told.")
            self.currency = run.ledger.currency
            self._kept[config] = cost, run._calls.served_by != NOBODY
        kept: tuple[npt.NDArray[Any], npt.NDArray[np.bool_]] = self._kept[config]
        return kept


def _choices(choose: Any, tz: str, options: Mapping[str, Any], tried: list[GatewayConfig] | None) -> dict[str, Choose]:
    """Return what chooses, by name. ``tried`` takes the schedules of frontiers, if they are wanted."""
    if choose is None:

        def by_program(config: GatewayConfig, trace: Trace, scenario: Scenario) -> GatewayConfig:
            found = optimise(config, trace, scenario, tz=tz, **options)
            if found.interrupted:  # a fold that was ended early says nothing of the choice
                raise KeyboardInterrupt
            if tried is not None:
                tried.extend(found.schedule(name).config for name in found.frontier["schedule"])
            return found.best

        return {"optimise": by_program}
    if tried is not None:
        raise ReplayError("frontier is that of optimise, which chooses only where choose is not given.")
    if options:
        name = next(iter(options))
        raise ReplayError(f"{name!r} is an option of optimise, which chooses only where choose is not given.")
    named = dict(choose) if isinstance(choose, Mapping) else {"choice": choose}
    for name, chooses in named.items():
        if not isinstance(name, str) or name in (TODAY, ALWAYS) or not callable(chooses):
            raise InvalidTypeError(
                "choose must be a function of config, trace and scenario, or several by name. "
                f"Got {shown(name)}: {shown(chooses)}."
            )
    if not named:
        raise ReplayError("choose must hold at least one function. Got none.")
    return named


def _days(name: str, text: str) -> int:
    length_us = bin_width_us(text, name)
    if length_us % DAY_US:
        raise ReplayError(f"{name} must be whole days, such as '28D'. Got {text!r}.")
    return length_us // DAY_US


def _folds(trace: Trace, train: int, test: int, tz: str) -> list[Fold]:
    """Cut the local days of a trace."""
    first, last = (pd.Timestamp(at).tz_convert(tz).tz_localize(None).normalize() for at in (trace.start, trace.end))
    local = pd.date_range(first, last + pd.Timedelta(days=1))
    midnights = local.tz_localize(tz, nonexistent="shift_forward", ambiguous=np.ones(len(local), bool))
    at_us = midnights.tz_convert("UTC").as_unit("us").asi8.tolist()
    days = len(at_us) - 1
    if days < train + test:
        raise ReplayError(
            f"the trace must last {train + test} days, to choose on {train} and to judge on {test}. "
            f"It has {counted(days, 'day')}."
        )
    starts = range(0, days - train - test + 1, test)
    return [Fold(at_us[start], tuple(at_us[start + train : start + train + test + 1])) for start in starts]
