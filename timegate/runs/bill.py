"""What a replay cost: made after it, of its attempts, from tables of prices."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.core.columns import OK
from timegate.core.price import Price
from timegate.core.routing import NOBODY, Router
from timegate.engines.record import Attempts, Calls
from timegate.errors import ReplayError, TimegateWarning, did_you_mean, shown
from timegate.prices.book import price_hash, prices_of
from timegate.prices.tariff import PICO, UNKNOWN, Money, Usage, compile_tariff, costs, sums
from timegate.traffic.trace import Trace, utc_column

__all__ = ["Bill", "ChargedAt", "Failed", "Ledger", "in_units"]

ChargedAt = Literal["completion", "start", "arrival"]
Failed = Literal["nothing", "input", "all"]
MAX_BINS = 1_000_000


class Bill(NamedTuple):
    """What each attempt of a replay cost: one row an attempt, in order of call.

    Attributes
    ----------
    calls : int
        How many the replay has.
    currency : str
    call : ndarray of int64
    deployment : ndarray of int
    charged_us : ndarray of int64
    answered : ndarray of bool
    input, output : ndarray of int64, or of int
        What is taken for the prompt, with what is taken per call, and for the answer: whole pico-units of the currency;
        -1 where unknown.
    """

    calls: int
    currency: str
    call: npt.NDArray[np.int64]
    deployment: npt.NDArray[np.integer[Any]]
    charged_us: npt.NDArray[np.int64]
    answered: npt.NDArray[np.bool_]
    input: Money
    output: Money

    def cost(self, failed: Failed = "nothing") -> Money:
        """Return what each attempt cost, if failed ones are charged nothing, their input, or all; -1 where unknown."""
        whole = np.where((self.input < 0) | (self.output < 0), UNKNOWN, self.input + self.output)
        if failed == "all" or self.answered.all():
            return whole
        return np.where(self.answered, whole, self.input if failed == "input" else 0)

    def by_call(self, failed: Failed = "nothing") -> Money:
        """Return what each call cost; -1 where that is unknown of one of its attempts."""
        cost = self.cost(failed)
        if len(self.call) == self.calls:  # an attempt each
            return cost
        many = int(np.bincount(self.call).max(initial=0)) > 1000  # then 64 bits might not hold their sum
        total = np.zeros(self.calls, object if many else cost.dtype)
        np.add.at(total, self.call, np.maximum(cost, 0))
        total[self.call[cost < 0]] = UNKNOWN
        return total

    def by_bin(self, step_us: int, deployments: int, failed: Failed = "nothing") -> tuple[int, list[list[int | None]]]:
        """Return the number of the first bin, counted from the epoch, and the sums by bin and deployment.

        The sums of a deployment of which no attempt's cost is known are None, and those of known costs otherwise.
        """
        if not len(self.call):
            return 0, []
        first, last = (int(at_us // step_us) for at_us in (self.charged_us.min(), self.charged_us.max()))
        bins = last - first + 1
        if bins * deployments > MAX_BINS:
            raise ReplayError(f"freq makes {bins:,} bins, which is too many: give a longer one.")
        cost = self.cost(failed)
        group = (self.charged_us // step_us - first) * deployments + self.deployment
        known = np.bincount(self.deployment[cost >= 0], minlength=deployments)
        met = np.bincount(self.deployment, minlength=deployments)
        total = sums(np.maximum(cost, 0), group, bins * deployments)
        missing = ((met > 0) & (known == 0)).tolist()
        return first, [
            [None if missing[i] else total[row * deployments + i] for i in range(deployments)] for row in range(bins)
        ]

    def total(self, failed: Failed = "nothing") -> int:
        """Return the sum of all costs that are known."""
        return sums(np.maximum(self.cost(failed), 0), np.zeros(len(self.call), np.int64), 1)[0]

    def figures(self, served: int) -> dict[str, Any]:
        """Return the labelled figures; what is taken per call is of the calls whose cost is known.

        Parameters
        ----------
        served : int
            How many calls were served.
        """
        unit = self.currency.lower()
        cost = self.cost()
        unknown = int(np.count_nonzero(cost < 0))
        total = self.total() / PICO if unknown < int(np.count_nonzero(self.answered)) or not unknown else math.nan
        figures: dict[str, Any] = {
            f"cost_{unit}": total,
            f"cost_per_1000_calls_{unit}": 1000 * total / (self.calls - unknown) if self.calls > unknown else math.nan,
            f"cost_per_served_call_{unit}": total / (served - unknown) if served > unknown else math.nan,
        }
        if not self.answered.all():
            for bound in ("input", "all"):
                more, lost = self._of_failed(bound)
                figures[f"failed_attempts_{bound}_{unit}"] = math.nan if lost else more / PICO
        figures["attempts_of_unknown_cost"] = unknown
        return figures

    def _of_failed(self, bound: Literal["input", "all"]) -> tuple[int, bool]:
        """Return what attempts that came to nothing cost at most, and whether that is unknown of all of them."""
        cost = self.cost(bound)[~self.answered]
        return sums(np.maximum(cost, 0), np.zeros(len(cost), np.int64), 1)[0], bool((cost < 0).all())


class Ledger:
    """The bills of a replay.

    Parameters
    ----------
    router, trace, calls
        What was replayed, and what came of it.
    attempts : callable
        Gives the attempts, where calls do not say everything.
    first_choices : callable
        Gives the first choice of each call, whose cache is warm.
    """

    def __init__(
        self,
        router: Router,
        trace: Trace,
        calls: Calls,
        attempts: Callable[[], Attempts],
        first_choices: Callable[[], npt.NDArray[np.integer[Any]]],
    ) -> None:
        self.router = router
        self.trace = trace
        self._calls = calls
        self._attempts = attempts
        self._first_choices = first_choices

    @property
    def has_prices(self) -> bool:
        """Whether any deployment says a price."""
        return any(deployment.price is not None for deployment in self.router.deployments)

    @cached_property
    def prices(self) -> list[Price | None]:
        """The price of each deployment; None is unknown.

        Warns
        -----
        TimegateWarning
            If tokens are paid for, and the trace has none; if a price book does not know a model.
        """
        prices = prices_of(self.router.deployments)
        by_token = any(price is not None and set(price.amounts()) != {"per_call"} for price in prices)
        missing = [name for name in ("prompt_tokens", "completion_tokens") if getattr(self.trace, name) is None]
        if by_token and missing:
            warnings.warn(
                f"the trace has no {' and no '.join(missing)}: what is paid for them is unknown; only prices per call "
                "apply.",
                TimegateWarning,
                stacklevel=5,
            )
        return prices

    @property
    def price_hash(self) -> str:
        """A hash of the prices."""
        return price_hash(self.prices)

    @property
    def currency(self) -> str:
        """The currency of the prices; a config has one."""
        return next((price.currency for price in self.prices if price is not None), "USD")

    @cached_property
    def bill(self) -> Bill:
        """What each attempt cost, charged when it ended."""
        return self.charged("completion")

    def charged(self, at: ChargedAt) -> Bill:
        """Bill the attempts.

        Parameters
        ----------
        at : {"completion", "start", "arrival"}
            Whose instant decides the price of an attempt: its end, its start, or the arrival of its call.
        """
        if at not in get_args(ChargedAt):
            hint = did_you_mean(at, get_args(ChargedAt))
            raise ReplayError(f"charged_at must be one of the known ones. Got {shown(at)}.{hint}")
        calls, at_us = self._calls, self.trace.at_us
        served = calls.served_by != NOBODY
        # Calls that share nothing wait for nobody: then a first attempt starts when its call arrives.
        if (calls.attempts == served).all() and not (at == "start" and self.router.shares):
            call = np.flatnonzero(served)
            rows = slice(None) if len(call) == len(served) else call
            deployment, latency_us = calls.served_by[rows], calls.latency_us[rows]
            arrival_us = start_us = at_us[rows]
            answered = np.ones(len(call), np.bool_)
        else:
            made = self._attempts()
            call, deployment, latency_us = made.call, made.deployment, made.latency_us
            rows, arrival_us, start_us, answered = call, at_us[call], made.at_us, made.outcome == OK
        charged_us = {"completion": start_us + latency_us, "start": start_us, "arrival": arrival_us}[at]
        cached = self.trace.cached_tokens is not None
        warm = self._first_choices()[rows] == deployment if cached else None
        return self._billed(call, rows, deployment, charged_us, answered, warm)

    def baseline(self) -> Bill:
        """Bill what the same calls cost without windows and without faults: each first choice answers at once."""
        size = len(self.trace)
        yes = np.ones(size, np.bool_)
        return self._billed(np.arange(size), slice(None), self._first_choices(), self.trace.at_us, yes, yes)

    def figures(self) -> dict[str, Any]:
        """Return the labelled figures, the baseline's cost last; none without prices."""
        if not self.has_prices:
            return {}
        baseline = self.baseline()
        served = int(np.count_nonzero(self._calls.served_by != NOBODY))
        whole = f"cost_{self.currency.lower()}"
        figures = self.bill.figures(served)
        figures[f"baseline_{whole}"] = baseline.figures(len(self.trace))[whole]
        return figures

    def column(self) -> tuple[str, npt.NDArray[np.float64]]:
        """Return the name of a column of costs, and what each call cost: its answer, not what failed before."""
        return f"cost_{self.currency.lower()}", in_units(self.bill.by_call())

    def frame(self, step_us: int, charged_at: ChargedAt, failed: Failed, exact: bool) -> pd.DataFrame:
        """Return the sums by bin and deployment as a table."""
        if not self.has_prices:
            raise ReplayError("no deployment says a price: give one `price: auto`, or `price: {input_per_mtok: ...}`.")
        if failed not in get_args(Failed):
            hint = did_you_mean(failed, get_args(Failed))
            raise ReplayError(f"failed must be one of the known ones. Got {shown(failed)}.{hint}")
        bill = self.bill if charged_at == "completion" else self.charged(charged_at)
        first, table = bill.by_bin(step_us, len(self.router.names), failed)
        starts = utc_column((first + np.arange(len(table))) * step_us).rename("charged_at")
        columns = pd.Index(self.router.names, name="deployment")
        if exact:
            return pd.DataFrame(table, starts, columns, dtype=object)
        values = [[math.nan if value is None else value / PICO for value in row] for row in table]
        return pd.DataFrame(values, starts, columns, dtype=np.float64)

    def _billed(
        self,
        call: npt.NDArray[np.int64],
        rows: slice | npt.NDArray[np.int64],
        deployment: npt.NDArray[np.integer[Any]],
        charged_us: npt.NDArray[np.int64],
        answered: npt.NDArray[np.bool_],
        warm: npt.NDArray[np.bool_] | None,
    ) -> Bill:
        tokens = (self.trace.prompt_tokens, self.trace.completion_tokens, self.trace.cached_tokens)
        prompt, completion, cached = (None if column is None else column[rows] for column in tokens)
        bounds = (int(charged_us.min()), int(charged_us.max()) + 1) if len(charged_us) else (0, 1)
        usage = Usage(deployment, charged_us, prompt, completion, cached, warm)
        paid_in, paid_out = costs(compile_tariff(self.prices, *bounds), usage)
        return Bill(len(self.trace), self.currency, call, deployment, charged_us, answered, paid_in, paid_out)


def in_units(pico: Money) -> npt.NDArray[np.float64]:
    """Return whole pico-units as units of the currency; missing where unknown."""
    return np.where(pico < 0, np.nan, pico.astype(np.float64) / PICO)
