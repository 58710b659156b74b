"""How choices of windows fared on what came after them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.config import GatewayConfig
from timegate.errors import MissingExtraError
from timegate.optimize.evidence import block_interval, deflated_ratio, expected_best, overfitting
from timegate.prices.tariff import PICO
from timegate.show.html import framed, numbers
from timegate.show.text import counted, duration, percent
from timegate.traffic.trace import Trace

__all__ = ["ALWAYS", "TODAY", "Days", "Fold", "WalkForward"]

Int64s = npt.NDArray[np.int64]
Days = tuple[npt.NDArray[np.object_], Int64s, Int64s]
"""Of each judged day of a fold: the cost in whole pico-units, the calls that nobody served, and all calls."""
TODAY, ALWAYS = "today", "always open"


class Fold(NamedTuple):
    """A stretch to choose on, and the one after it.

    Attributes
    ----------
    train_us : int
        When the first begins.
    days_us : tuple of int
        The midnights of the other, its end included.
    """

    train_us: int
    days_us: tuple[int, ...]

    @property
    def test_us(self) -> int:
        """When the first ends, and the other begins."""
        return self.days_us[0]

    @property
    def end_us(self) -> int:
        """When the other ends."""
        return self.days_us[-1]


class WalkForward:
    """How choices fared after they were made. Prints in words; shows as a table in a notebook.

    Attributes
    ----------
    config : GatewayConfig
        As it is today.
    trace : Trace
    folds : list of Fold
        Each a stretch to choose on and the one after it, in microseconds.
    chosen : dict of (int, str) to GatewayConfig
        What each choice shipped, by the number of the fold and the name of the choice.
    tz : str
        The zone of the midnights that part days.
    """

    def __init__(
        self,
        config: GatewayConfig,
        trace: Trace,
        folds: list[Fold],
        chosen: dict[tuple[int, str], GatewayConfig],
        days: Mapping[str, list[Days]],
        tz: str,
        currency: str,
        seed: int,
        tried: list[list[Days]],
    ) -> None:
        self.config, self.trace, self.folds, self.chosen = config, trace, folds, chosen
        self._days, self.tz, self._currency, self._seed, self._tried = days, tz, currency, seed, tried

    @property
    def choices(self) -> list[str]:
        """The names of what chose."""
        return [name for name in self._days if name not in (TODAY, ALWAYS)]

    @cached_property
    def days(self) -> pd.DataFrame:
        """One row a judged day and schedule: ``fold`` (int64), ``day`` (datetime64, local midnight), ``choice`` (str),
        ``cost_usd`` (float64), or another currency, ``calls`` and ``unserved`` (int64).
        """  # noqa: D205 - a list of columns
        rows = []
        for name, folds in self._days.items():
            for number, (cost, unserved, calls) in enumerate(folds):
                starts = pd.to_datetime(self.folds[number].days_us[:-1], unit="us", utc=True).tz_convert(self.tz)
                rows += [
                    (number, day, name, int(paid) / PICO, int(of), int(failed))
                    for day, paid, failed, of in zip(starts, cost, unserved, calls, strict=True)
                ]
        columns = ["fold", "day", "choice", f"cost_{self._currency.lower()}", "calls", "unserved"]
        return pd.DataFrame(rows, columns=columns).astype({"choice": "str"})

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a choice, and one for having all open, against today's windows, over all days that were judged.

        ``choice`` (str); ``saved_usd`` (float64), or another currency; ``share`` (float64) of today's cost, with
        ``low`` and ``high`` (float64), an interval of 95 % by moving blocks of days; ``believed`` (bool), whether it
        lies above 0, a test at 2.5 %; ``failed_more`` (int64), the calls that nobody served beyond today's; ``days``
        (int64).
        """
        cost, unserved, _ = _joined(self._days[TODAY])
        whole = float(cost.sum()) / PICO
        rows = []
        for name in (*self.choices, ALWAYS):
            own, failed, _ = _joined(self._days[name])
            saved = self._saved(name)
            low, high = block_interval(saved, seed=self._seed)
            share = len(saved) / whole if whole else math.nan
            rows.append(
                (
                    name,
                    int(cost.sum() - own.sum()) / PICO,
                    float(saved.mean()) * share,
                    low * share,
                    high * share,
                    low > 0,
                    int(failed.sum() - unserved.sum()),
                    len(saved),
                )
            )
        columns = [
            "choice",
            f"saved_{self._currency.lower()}",
            "share",
            "low",
            "high",
            "believed",
            "failed_more",
            "days",
        ]
        return pd.DataFrame(rows, columns=columns).astype({"choice": "str"})

    @cached_property
    def overfitting(self) -> float:
        """The probability that the best of several choices is overfitted.

        Of one choice: the best of the schedules that it tried, those of today and of each fold, over all days that were
        judged. See :func:`timegate.optimize.evidence.overfitting`. Missing if it is always the same, or of fewer than
        eight days.
        """
        gains = self._gains if len(self.choices) > 1 else self._gains_of(self._tried)
        return overfitting(gains) if gains.shape[1] > 1 and len(gains) >= 8 else math.nan

    @cached_property
    def deflated(self) -> float:
        """The probability that the best choice saves anything, given how many were tried.

        The deflated Sharpe ratio of its days, see :func:`~timegate.optimize.evidence.deflated_ratio`; it takes days as
        independent. Missing where no choice's savings vary.
        """
        from scipy.stats import kurtosis, skew

        gains = self._gains
        spread = gains.std(axis=0, ddof=1) if len(gains) > 1 else np.zeros(gains.shape[1])
        if not (spread > 0).any():
            return math.nan
        ratios = np.where(spread > 0, gains.mean(axis=0) / np.where(spread > 0, spread, 1), -np.inf)
        best = int(ratios.argmax())
        tried = ratios[np.isfinite(ratios)]
        benchmark = expected_best(float(tried.var(ddof=1)), len(tried)) if len(tried) > 1 else 0.0
        days = gains[:, best]
        return deflated_ratio(
            float(ratios[best]), benchmark, len(days), float(skew(days)), float(kurtosis(days, fisher=False))
        )

    def reality_check(self, draws: int = 1000) -> float:
        """Return the p-value of the test for superior predictive ability: that no choice is better than today.

        Hansen (2005), an improved reality check of White (2000), by the package arch; blocks are a week. 1 where no
        choice saved anything; one whose days are all as today's is left out.

        Parameters
        ----------
        draws : int
            Of the bootstrap.

        Raises
        ------
        MissingExtraError
            If arch is not installed.
        """
        try:
            from arch.bootstrap import SPA
        except ImportError:
            raise MissingExtraError("the reality check needs arch: pip install 'timegate[evidence]'") from None
        gains = self._gains
        gains = gains[:, gains.any(axis=0)]
        if not (gains.mean(axis=0) > 0).any():
            return 1.0
        test = SPA(
            np.zeros(len(gains)),
            -gains,
            block_size=min(7, len(gains)),
            reps=draws,
            bootstrap="moving block",
            seed=self._seed,
        )
        test.compute()
        return float(test.pvalues["consistent"])

    @property
    def _gains(self) -> npt.NDArray[np.float64]:
        return self._gains_of([self._days[name] for name in self.choices])

    def _gains_of(self, schedules: Iterable[list[Days]]) -> npt.NDArray[np.float64]:
        """Return what was saved against today, a row a day and a column a schedule, in units of the currency."""
        today = _joined(self._days[TODAY])[0]
        saved = [(today - _joined(days)[0]).astype(np.float64) / PICO for days in schedules]
        return np.stack(saved, axis=1)

    def _saved(self, name: str) -> npt.NDArray[np.float64]:
        """Return what was saved against today, day by day, in units of the currency."""
        return self._gains_of([self._days[name]])[:, 0]

    @property
    def headline(self) -> str:
        """The answer in one line, for the choice that saved most."""
        row = self.table.iloc[: len(self.choices)].sort_values("share", ascending=False).iloc[0]
        share, low, high = (f"{100 * row[name]:.1f}" for name in ("share", "low", "high"))
        days = counted(int(row["days"]), "day")
        what = f"{row['choice']} saved {share} % of today's cost over {days} that it had not seen"
        if not math.isfinite(row["low"]):
            return f"{what}: too few to tell."
        verdict = "a saving" if row["believed"] else "no more than noise would give"
        return f"{what} (95 % interval {low} to {high} %): {verdict}."

    def _said(self) -> list[str]:
        first = self.folds[0]
        lengths = [
            duration((b - a) / 1e6, "exact")
            for a, b in ((first.train_us, first.test_us), (first.test_us, first.end_us))
        ]
        said = [
            f"{counted(len(self.folds), 'fold')}, each chosen on {lengths[0]} and judged on the {lengths[1]} after."
        ]
        if not math.isnan(self.overfitting):
            probability = percent(self.overfitting, 0)
            several = len(self.choices) > 1
            what = f"{len(self.choices)} choices" if several else f"{len(self._tried)} schedules that were tried"
            said.append(f"The best of {what} is overfitted with a probability of {probability}.")
        more = int(self.table["failed_more"].iloc[: len(self.choices)].max())
        if more > 0:
            said.append(
                f"Up to {counted(more, 'call')} more than today failed: what they would have cost is in the saving."
            )
        return said

    def __repr__(self) -> str:
        return "\n".join([self.headline, *self._said(), self.table.to_string(index=False)])

    def _repr_html_(self) -> str:
        return framed(
            self.headline, numbers(self.table, index=False, float_format=lambda v: f"{v:,.4g}"), notes=self._said()
        )


def _joined(folds: list[Days]) -> Days:
    cost, unserved, calls = (np.concatenate(parts) for parts in zip(*folds, strict=True))
    return cost, unserved, calls
