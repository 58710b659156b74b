"""Random traffic: a process whose arrivals are drawn anew for each random day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator, model_validator

from timegate.clock import LAST_US, SECOND_US, to_us
from timegate.errors import InvalidValueError, TraceError
from timegate.traffic.arrivals import AZURE_2024_CODING_HOURLY
from timegate.traffic.trace import Trace
from timegate.validation import AwareInstant, FieldError, Value

__all__ = ["PoissonTraffic"]


class PoissonTraffic(Value):
    """A non-homogeneous Poisson process with a piecewise constant rate.

    Parameters
    ----------
    start : datetime or str
        The aware instant at which the profile begins.
    calls : float
        The expected number of calls in the whole profile.
    rates : sequence of float
        Relative rate in each bin. Default: the 24 hours of :data:`AZURE_2024_CODING_HOURLY`.
    bin_s : float
        Length of a bin in seconds.
    preferences : mapping of str to float
        The share of calls that prefer a deployment, by its name; the others prefer none.

    Raises
    ------
    TraceError
        If a value is out of its range.

    Examples
    --------
    >>> traffic = PoissonTraffic(start="2026-03-02T00:00Z", calls=100_000, preferences={"strong": 0.2})
    >>> float(traffic.edges_us[-1] - traffic.edges_us[0]) / 3.6e9       # hours
    24.0
    """

    error_class: ClassVar[type[InvalidValueError]] = TraceError

    start: AwareInstant
    calls: float = Field(gt=0, le=1e12)
    rates: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(strict=False)] = tuple(
        float(rate) for rate in AZURE_2024_CODING_HOURLY
    )
    bin_s: float = Field(default=3600.0, ge=1e-6)
    preferences: Mapping[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)

    @field_validator("rates")
    @classmethod
    def _are_not_all_zero(cls, rates: tuple[float, ...]) -> tuple[float, ...]:
        if not sum(rates) > 0:
            raise ValueError("must not all be 0.")
        return rates

    @model_validator(mode="after")
    def _lies_within_the_years(self) -> PoissonTraffic:
        if to_us(self.start, "start") + len(self.rates) * self.bin_s * SECOND_US >= LAST_US:
            raise FieldError("bin_s", "must keep the profile within the years 1900 to 2199.")
        return self

    @model_validator(mode="after")
    def _are_shares(self) -> PoissonTraffic:
        if sum(self.preferences.values()) > 1 + 1e-9:
            raise FieldError("preferences", f"must sum to at most 1. Got {dict(self.preferences)}.")
        return self

    def chunks(self, seed: int, size: int = 1 << 20) -> Iterator[Trace]:
        """Draw one realisation, in parts; the same one whatever their size.

        Parameters
        ----------
        seed : int
        size : int
            Calls in a part.
        """
        arrivals = import_module("timegate.traffic.drawn")  # loads numba
        if size < 1:
            raise TraceError(f"size must be at least 1. Got {size}.")
        keys, state = arrivals.stream_key(seed, "", "arrivals"), (0, 0.0, 0)
        while True:
            at_us, preferred = np.empty(size, np.int64), np.empty(size, np.int32)
            drawn, state = arrivals.draw_arrivals(
                *keys, state, self.edges_us, self.expected, self.cumulative_shares, at_us, preferred
            )
            if drawn:
                yield Trace.from_arrays(at_us[:drawn], preferred[:drawn], tuple(self.preferences))
            if drawn < size:
                return

    @property
    def cumulative_shares(self) -> npt.NDArray[np.float64]:
        """The share of calls that prefer one of the first *n* names; the last, for none, is infinite."""
        return np.cumsum(np.array([*self.preferences.values(), np.inf]))

    @property
    def edges_us(self) -> npt.NDArray[np.int64]:
        """The edges of the bins in microseconds, one more than there are bins."""
        steps = np.arange(len(self.rates) + 1) * (self.bin_s * SECOND_US)
        return to_us(self.start, "start") + steps.astype(np.int64)

    @property
    def expected(self) -> npt.NDArray[np.float64]:
        """The expected number of calls before each edge."""
        rates = np.array(self.rates)
        return np.concatenate([[0.0], np.cumsum(rates / rates.sum() * self.calls)])
