"""What a replay cost: made after it, of its attempts, from tables of prices."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.core.columns import NOBODY, OK
from timegate.core.prompt_cache import is_warm
from timegate.core.router import Router
from timegate.core.zones import bin_origin_us
from timegate.engines.record import Attempts, Calls
from timegate.errors import ReplayError, warn
from timegate.prices.listed import PriceList, prices_said
from timegate.prices.paid import Paid
from timegate.prices.tariff import PICO, UNKNOWN
from timegate.runs.spent import Failed, Spent, check_option, checked_bins, paid_frame
from timegate.traffic.trace import Trace

if TYPE_CHECKING:
    from timegate.prices.charges import Usage

__all__ = ["ChargedAt", "Ledger", "in_units", "lacking", "no_prices", "warn_of_no_tokens"]

ChargedAt = Literal["completion", "start", "arrival"]

Money = npt.NDArray[Any]
"""Whole pico-units: int64, or Python's integers where those do not suffice."""
ALL, NOTHING = np.empty(0, np.bool_), np.empty(0, np.int64)
"""Columns that are not there."""


class Ledger:
    """The bills of a replay.

    Parameters
    ----------
    router, trace, calls
        What was replayed, and what came of it.
    attempts : callable, optional
        Gives the attempts, where calls do not say everything. Default: those that failed are left out.
    prices : PriceList, optional
        Default: those of the router's deployments.
    """

    def __init__(
        self,
        router: Router,
        trace: Trace,
        calls: Calls,
        attempts: Callable[[], Attempts] | None,
        prices: PriceList | None = None,
    ) -> None:
        self.router = router
        self.trace = trace
        self._calls = calls
        self._attempts = attempts
        self._given = prices

    @property
    def has_prices(self) -> bool:
        """Whether any deployment says a price."""
        return prices_said(self.router.deployments)

    @cached_property
    def prices(self) -> PriceList:
        """The prices of the deployments.

        Warns
        -----
        TimegateWarning
            If tokens are paid for, and the trace has none; if a price book does not know a model.
        """
        if self._given is not None:
            return self._given
        prices = PriceList(self.router.deployments)
        warn_of_no_tokens(lacking(prices, self.trace))
        return prices

    @property
    def currency(self) -> str:
        """In which all is paid."""
        return self.prices.currency

    def paid(
        self, step_us: int = 0, charged_at: ChargedAt = "completion", failures: bool = True, origin_us: int = 0
    ) -> tuple[int, Paid]:
        """Return the number of the first bin, counted from an origin, and the sums by bin and deployment.

        Parameters
        ----------
        step_us : int
            Length of a bin. Default: all is one.
        charged_at : {"completion", "start", "arrival"}
            Whose instant decides the price of an attempt, and its bin.
        failures : bool
            Whether to look at failed attempts, too.
        origin_us : int
            From where bins count. Default: the epoch.
        """
        from timegate.prices.charges import add_charges, span_us  # loads numba

        usages, size = self._usages(charged_at, failures), len(self.router.names)
        span = span_us(*usages)
        if span is None:
            return 0, Paid.zero(0, size)
        first_bin, bins = 0, 1
        if step_us:
            first_bin = (span[0] - origin_us) // step_us
            bins = checked_bins((span[1] - origin_us) // step_us - first_bin + 1, size, step_us)
        tariff, paid = self.prices.tariff(*span), Paid.zero(bins, size)
        for usage in usages:
            paid = add_charges(paid, tariff, usage, first_bin, step_us, origin_us)
        return first_bin, paid

    def paid_for(self, start_us: int, end_us: int) -> Paid:
        """Return the sums of the answers to calls that arrive in ``[start_us, end_us)``, in one bin."""
        from timegate.prices.charges import add_charges, span_us  # loads numba

        lo, hi = np.searchsorted(self.trace.at_us, [start_us, end_us])
        answers = self._answers("completion")
        usage = type(answers)._make(column[lo:hi] for column in answers)  # what is empty stays so
        paid = Paid.zero(1, len(self.router.names))
        span = span_us(usage)
        return paid if span is None else add_charges(paid, self.prices.tariff(*span), usage)

    def spent(self, step_us: int = 0, origin_us: int = 0) -> Spent:
        """Return the sums, in bins of so many microseconds from an origin, with those of the baseline."""
        from timegate.prices.charges import add_charges, span_us  # loads numba

        baseline, usage = Paid.zero(1, len(self.router.names)), self._usage(self._first_choices, self.trace.at_us)
        baseline = add_charges(baseline, self.prices.tariff(*self.trace.span_us), usage)
        first_bin, paid = self.paid(step_us, origin_us=origin_us)
        answers = span_us(self._answers("completion")) if step_us else None
        ends = None if answers is None else ((answers[0] - origin_us) // step_us, (answers[1] - origin_us) // step_us)
        return Spent(first_bin, paid, baseline, ends)

    def figures(self) -> dict[str, Any]:
        """Return the labelled figures, the baseline's cost last; none without prices."""
        if not self.has_prices:
            return {}
        served = int(np.count_nonzero(self._calls.served_by != NOBODY))
        return self.spent().figures(len(self.trace), served, self.currency)

    def of_calls(self) -> Money:
        """Return what the answer of each call cost, charged when it came; -1 where unknown."""
        return _whole(*self._charges(self._answers("completion")))

    def answers_of(self, deployment: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Return when the answers of a deployment were charged, and what each cost; missing where unknown."""
        mine = self._calls.served_by == deployment
        return (self.trace.at_us + self._calls.latency_us)[mine], in_units(self.of_calls()[mine])

    def mean_call(self, deployment: int, at_us: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return what a call with the mean number of tokens costs at some instants; of 1,000 where none is known."""
        from timegate.prices.charges import Usage, charges, span_us  # loads numba

        tokens: list[Any] = []
        for column in (self.trace.prompt_tokens, self.trace.completion_tokens):
            known = NOTHING if column is None else column[column >= 0]
            tokens.append(np.full(len(at_us), round(known.mean()) if len(known) else 1000, np.int64))
        whom = np.full(len(at_us), deployment, np.int16)
        usage = Usage(whom, at_us, NOTHING, ALL, ALL, NOTHING, tokens[0], tokens[1], NOTHING)
        return in_units(_whole(*charges(self.prices.tariff(*(span_us(usage) or (0, 0))), usage)))

    def of_attempts(self, charged_at: ChargedAt = "completion") -> tuple[Money, Money]:
        """Return what each attempt cost, or would if it were charged: for its input, and for its answer."""
        return self._charges(self._of_attempts(charged_at))

    def call_columns(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return the column of money of the table of calls, by name."""
        return {f"cost_{self.currency.lower()}": in_units(self.of_calls())} if self.has_prices else {}

    def attempt_columns(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return the columns of money of the table of attempts, by name."""
        if not self.has_prices:
            return {}
        names = (f"{part}_cost_{self.currency.lower()}" for part in ("input", "output"))
        return dict(zip(names, map(in_units, self.of_attempts()), strict=True))

    def frame(self, step_us: int, charged_at: ChargedAt, failed: Failed, exact: bool, tz: str = "UTC") -> pd.DataFrame:
        """Return the sums by bin and deployment as a table."""
        if not self.has_prices:
            raise no_prices()
        check_option("charged_at", charged_at, ChargedAt)
        check_option("failed", failed, Failed)
        origin_us = bin_origin_us(self.trace.span_us[0], step_us, tz)
        first_bin, paid = self.paid(step_us, charged_at, failed != "nothing", origin_us)
        start_us = origin_us + first_bin * step_us
        return paid_frame(start_us, paid, step_us, self.router.names, failed, exact).tz_convert(tz)

    def _charges(self, usage: Usage) -> tuple[Money, Money]:
        from timegate.prices.charges import charges, span_us  # loads numba

        return charges(self.prices.tariff(*(span_us(usage) or self.trace.span_us)), usage)

    def _usages(self, charged_at: ChargedAt, failures: bool) -> list[Usage]:
        """Return what is to be summed."""
        calls = self._calls
        served = calls.served_by != NOBODY
        alone = bool((calls.attempts == served).all())  # nobody tried anything but what answered
        if charged_at == "start" and not (alone and not self.router.shares):
            return [self._of_attempts(charged_at)]
        # Calls that share nothing wait for nobody: a first attempt starts when its call arrives.
        answers = self._answers("arrival" if charged_at == "start" else charged_at)
        if alone or not failures or self._attempts is None:
            return [answers]
        return [answers, self._of_attempts(charged_at, self._made.outcome != OK)]

    def _answers(self, charged_at: ChargedAt) -> Usage:
        """Return what the answers used, a row a call."""
        calls = self._calls
        return self._usage(
            calls.served_by, self.trace.at_us, calls.latency_us if charged_at == "completion" else NOTHING
        )

    def _of_attempts(self, charged_at: ChargedAt, which: Any = slice(None)) -> Usage:
        """Return what some attempts used."""
        made = self._made
        call = made.call[which]
        at_us = self.trace.at_us[call] if charged_at == "arrival" else made.at_us[which]
        later_us = made.latency_us[which] if charged_at == "completion" else NOTHING
        return self._usage(made.deployment[which], at_us, later_us, made.outcome[which] == OK, call)

    def _usage(
        self, deployment: Any, at_us: Any, later_us: Any = NOTHING, answered: Any = ALL, call: Any = NOTHING
    ) -> Usage:
        from timegate.prices.charges import Usage  # loads numba

        tokens = (self.trace.prompt_tokens, self.trace.completion_tokens, self.trace.cached_tokens)
        columns = [NOTHING if column is None else np.ascontiguousarray(column) for column in tokens]
        warm = ALL
        if len(columns[-1]):
            warm = is_warm(deployment, self._first_choices[call] if len(call) else self._first_choices)
        return Usage(deployment.astype(np.int16, copy=False), at_us, later_us, answered, warm, call, *columns)

    @cached_property
    def _made(self) -> Attempts:
        if self._attempts is None:
            raise ReplayError("attempts were not kept.")
        return self._attempts()

    @cached_property
    def _first_choices(self) -> npt.NDArray[np.integer[Any]]:
        return self._calls.first_choices(self.trace.preferred, self.trace.preferred_names, self.router)


def lacking(prices: PriceList, traffic: Any) -> tuple[str, ...]:
    """Return which tokens are paid for, and are unknown of all calls."""
    names = ("prompt_tokens", "completion_tokens") if prices.by_token else ()
    return tuple(name for name in names if getattr(traffic, name) is None)


def no_prices() -> ReplayError:
    """Return the error of a bill without prices."""
    return ReplayError("no deployment says a price: give one `price: auto`, or `price: {input_per_mtok: ...}`.")


def warn_of_no_tokens(missing: Iterable[str]) -> None:
    """Say, if there are any, which tokens are paid for and unknown."""
    if names := " and no ".join(missing):
        text = f"the trace has no {names}: what is paid for them is unknown; only prices per call apply."
        warn(text)


def _whole(one: Money, other: Money) -> Money:
    whole: Money = np.where((one < 0) | (other < 0), UNKNOWN, one + other)
    return whole


def in_units(pico: Money) -> npt.NDArray[np.float64]:
    """Return whole pico-units as units of the currency; missing where unknown."""
    return np.where(pico < 0, np.nan, pico.astype(np.float64) / PICO)
