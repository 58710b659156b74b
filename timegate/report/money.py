"""What a replay cost, for readers: the words of its figures, and the bill as a table."""

from __future__ import annotations

import math
import re

import pandas as pd

from timegate.plots.runs import frequency
from timegate.prices.paid import ANSWERED
from timegate.prices.tariff import PICO
from timegate.runs.result import Replay
from timegate.show.text import amount, figure, percent

__all__ = ["bill_freq", "bill_table", "money_label", "money_text", "paid_to"]

_NAME = re.compile(
    r"(cost|cost_per_1000_calls|cost_per_served_call|failed_attempts_input|failed_attempts_all)_([a-z]{3})"
)
_LABELS = {
    "cost": "cost of answers",
    "cost_per_1000_calls": "cost per 1,000 calls",
    "cost_per_served_call": "cost per served call",
    "failed_attempts_input": "failed attempts, input charged",
    "failed_attempts_all": "failed attempts, all charged",
    "attempts_of_unknown_cost": "answers of unknown cost",
}
_COUNT = "attempts_of_unknown_cost"
_NAME = re.compile(rf"({'|'.join(_LABELS)})_([a-z]{{3}})")
_MOST_ROWS = 48


def money_label(name: str) -> str | None:
    """Return what a figure of money is called in a table for readers; None of other figures.

    Examples
    --------
    >>> money_label("failed_attempts_all_usd"), money_label("attempts_per_call")
    ('failed attempts, all charged', None)
    """
    found = _NAME.fullmatch(name)
    return _LABELS.get(found[1] if found else name)


def money_text(name: str, value: object) -> str | None:
    """Write a figure of money with its currency; None of other figures.

    Examples
    --------
    >>> money_text("cost_eur", 12.5), money_text("calls", 3)
    ('12.50 EUR', None)
    """
    found = _NAME.fullmatch(name)
    if name == _COUNT and isinstance(value, float):  # as a comparison has it
        return f"{value:,.0f}"
    return amount(float(value), found[2].upper()) if found and isinstance(value, float) else None


def paid_to(run: Replay) -> dict[str, tuple[str, str]]:
    """Return what the answers of each deployment cost, and its share of all, as text; none without prices."""
    if not run.ledger.has_prices:
        return {}
    _, paid = run.ledger.paid(failures=False)
    sums = [value / PICO for value in paid.exact(ANSWERED).sum(axis=0).tolist()]
    unknown = (paid.attempts[:, ANSWERED, 0] > 0) & (paid.attempts[:, ANSWERED, 1] == 0)
    texts = [amount(math.nan if unknown[i] else value, run.ledger.currency) for i, value in enumerate(sums)]
    shares = [percent(value / sum(sums)) if sum(sums) else "" for value in sums]
    return dict(zip(run.deployments, zip(texts, shares, strict=True), strict=True))


def bill_freq(run: Replay) -> str:
    """Return the length of a bin of the bill, in the plot and in the table."""
    return frequency(run, _MOST_ROWS)


def bill_table(run: Replay, tz: str = "UTC") -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of the bill: a row a bin, and their sums; a column a deployment, and all.

    Deployments without an attempt are left out; there is no row if nothing was paid for any.
    """
    paid = run.bill(bill_freq(run), tz=tz)
    paid = paid.loc[:, [bool(column.isna().any() or column.any()) for _, column in paid.items()]]
    unit = run.ledger.currency
    whole = paid.assign(all=paid.sum(axis=1))
    sums = whole.sum(min_count=1)

    largest = float(whole.max().max()) if whole.size else 0.0
    digits = max(2, 4 - math.floor(math.log10(largest))) if largest > 0 else 2

    def texts(values: pd.Series[float]) -> list[str]:
        return [figure(float(value), f",.{digits}f") or "unknown" for value in values]

    if whole.empty:
        return [], []
    rows = [[f"{at:%Y-%m-%d %H:%M}", *texts(values)] for at, values in whole.iterrows()]
    return [f"from ({tz}), {unit}", *map(str, paid.columns), "all"], [*rows, ["all", *texts(sums)]]
