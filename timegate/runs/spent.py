"""What a replay, or a part of one, cost: exact sums by bin, which add up to the same in any order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd

from timegate.errors import ReplayError, did_you_mean, shown
from timegate.prices.paid import ANSWERED, FAILED_ALL, FAILED_INPUT, Paid
from timegate.prices.tariff import PICO
from timegate.traffic.trace import utc_column

__all__ = ["Failed", "Spent", "check_option", "checked_bins", "paid_frame"]

Failed = Literal["nothing", "input", "all"]
MAX_CELLS = 1_000_000
_KINDS = {"nothing": (ANSWERED,), "input": (ANSWERED, FAILED_INPUT), "all": (ANSWERED, FAILED_ALL)}


class Spent(NamedTuple):
    """Sums of a part of a replay.

    Attributes
    ----------
    first_bin : int
        Number of the first bin, counted from the origin of the bins.
    paid : Paid
        Of the attempts, by the bin in which they are charged.
    baseline : Paid
        Of what the same calls cost without windows and without failures, in one bin.
    answered : pair of int, optional
        Numbers of the first and the last bin in which an answer is charged.
    """

    first_bin: int
    paid: Paid
    baseline: Paid
    answered: tuple[int, int] | None = None

    def add(self, other: Spent, step_us: int) -> Spent:
        """Return the sums of both parts, whose bins have a length of ``step_us`` microseconds."""
        parts = [part for part in (self, other) if len(part.paid.money)] or [self]
        first = min(part.first_bin for part in parts)
        bins = max(part.first_bin + len(part.paid.money) for part in parts) - first
        shape = checked_bins(bins, self.paid.money.shape[1], step_us), *self.paid.money.shape[1:]
        money = np.zeros(shape, np.result_type(*(part.paid.money for part in parts)))
        for part in parts:
            place = part.first_bin - first
            money[place : place + len(part.paid.money)] += part.paid.money
        paid = Paid(money, self.paid.attempts + other.paid.attempts)
        ends = [part.answered for part in (self, other) if part.answered is not None]
        answered = (min(low for low, _ in ends), max(high for _, high in ends)) if ends else None
        return Spent(first, paid, self.baseline.add(other.baseline), answered)

    def billed(self, failed: Failed) -> tuple[int, Paid]:
        """Return the first bin and the sums that a bill lists: of answers alone, from the first to the last of them."""
        if failed != "nothing":
            return self.first_bin, self.paid
        low, high = self.answered or (self.first_bin, self.first_bin - 1)
        money = self.paid.money[low - self.first_bin : high + 1 - self.first_bin]
        return low, self.paid._replace(money=money)

    def figures(self, calls: int, served: int, currency: str) -> dict[str, Any]:
        """Return the labelled figures; what is taken per call is of the calls whose cost is known.

        Parameters
        ----------
        calls, served : int
            How many calls there are, and how many of them were served.
        currency : str
        """
        unit = currency.lower()
        cost, unknown = _amount(self.paid, ANSWERED), self.paid.unknown(ANSWERED)
        return {
            f"cost_{unit}": cost,
            f"cost_per_1000_calls_{unit}": 1000 * cost / (calls - unknown) if calls > unknown else math.nan,
            f"cost_per_served_call_{unit}": cost / (served - unknown) if served > unknown else math.nan,
            f"failed_attempts_input_{unit}": _amount(self.paid, FAILED_INPUT),
            f"failed_attempts_all_{unit}": _amount(self.paid, FAILED_ALL),
            "attempts_of_unknown_cost": unknown,
            f"baseline_cost_{unit}": _amount(self.baseline, ANSWERED),
        }


def paid_frame(
    start_us: int, paid: Paid, step_us: int, names: Sequence[str], failed: Failed, exact: bool
) -> pd.DataFrame:
    """Return sums by bin and deployment as a table: see :meth:`timegate.Replay.bill`."""
    kinds = _KINDS[failed]
    attempts = paid.attempts[:, list(kinds)].sum(axis=1)
    table = paid.exact(*kinds)
    table[:, (attempts[:, 0] > 0) & (attempts[:, 1] == 0)] = None
    starts = utc_column(start_us + np.arange(len(table)) * step_us).rename("charged_at")
    columns = pd.Index(names, name="deployment")
    if exact:
        return pd.DataFrame(table, starts, columns, dtype=object)
    values = [[math.nan if value is None else value / PICO for value in row] for row in table.tolist()]
    return pd.DataFrame(values, starts, columns, dtype=np.float64)


def check_option(name: str, given: object, known: Any) -> None:
    """Check that what was given is one of a Literal's words, or raise a ReplayError with the nearest."""
    words = get_args(known)
    if given not in words:
        hint = did_you_mean(str(given), words)
        raise ReplayError(f"{name} must be one of the known ones. Got {shown(given)}.{hint}")


def checked_bins(bins: int, deployments: int, step_us: int) -> int:
    """Return a number of bins, or raise a ReplayError if there are too many."""
    if bins * deployments > MAX_CELLS:
        raise ReplayError(f"freq '{step_us}us' makes {bins:,} bins, which is too many: give a longer one.")
    return bins


def _amount(paid: Paid, kind: int) -> float:
    """Return the sum of the known costs of a kind; missing if of some, and all of these, it is unknown."""
    return math.nan if paid.unknown(kind) and not paid.known(kind) else paid.total(kind) / PICO
