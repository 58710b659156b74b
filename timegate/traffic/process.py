"""Random traffic: processes whose arrivals are drawn anew for each random day."""

from __future__ import annotations

import hashlib
import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, Field, model_validator

from timegate.core.clock import LAST_US, SECOND_US, AwareInstant, to_us
from timegate.core.distributions import DISTRIBUTIONS, GapDistribution
from timegate.errors import InvalidValueError, TraceError, shown
from timegate.show.text import counted, duration
from timegate.traffic.published import AZURE_2024_CODING_HOURLY
from timegate.traffic.trace import Trace
from timegate.validation import FieldError, Value

__all__ = [
    "EvenTraffic",
    "Gaps",
    "PoissonTraffic",
    "Rates",
    "RenewalTraffic",
    "Share",
    "Tokens",
    "Traffic",
    "weibull_shape",
]


MOST_DAYS = 3_660
_Z90 = 1.2815515655446004  # the standard normal distribution's 90th percentile


def _are_not_all_zero(rates: tuple[float, ...]) -> tuple[float, ...]:
    if not sum(rates) > 0:
        raise ValueError("must not all be 0.")
    return rates


Share = Annotated[float, Field(ge=0, le=1)]
Rates = Annotated[
    tuple[Annotated[float, Field(ge=0, le=1e12)], ...],
    Field(strict=False, min_length=1),
    AfterValidator(_are_not_all_zero),
]


class Tokens(Value):
    """Token counts of calls: lognormal, rounded to whole tokens, at least 1.

    Parameters
    ----------
    median : float
        Half of the calls have more tokens.
    p90 : float
        One call in ten has more.

    Raises
    ------
    TraceError
        If a value is out of its range.

    Examples
    --------
    >>> round(Tokens(median=13, p90=55).sigma, 3)
    1.125
    """

    error_class: ClassVar[type[InvalidValueError]] = TraceError

    median: float = Field(gt=0, le=1e9)
    p90: float = Field(gt=0, le=1e9)

    @model_validator(mode="after")
    def _quantiles_in_order(self) -> Tokens:
        if self.p90 < self.median:
            raise FieldError("p90", f"must not be below median. Got {self.p90:g} and {self.median:g}.")
        return self

    @property
    def sigma(self) -> float:
        """The standard deviation of the logarithm."""
        return math.log(self.p90 / self.median) / _Z90


class Gaps(NamedTuple):
    """The distribution of the gaps between calls, whose mean is 1."""

    kind: str
    shape: float = 1.0
    scale: float = 1.0


class Traffic(Value):
    """What all processes have: a piecewise constant rate, and what the calls are like.

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
    days : int, optional
        How often the profile is repeated; ``calls`` are those of all of it.
    preferences : mapping of str to float
        The share of calls that prefer a deployment, by its name; the others prefer none.
    prompt_tokens, completion_tokens : Tokens, optional
        Their distribution, also as ``{"median": 13, "p90": 55}``; those of a published trace are
        ``**AZURE_2023_CODING_TOKENS``. Default: calls have no token counts.

    Raises
    ------
    TraceError
        If a value is out of its range.
    """

    error_class: ClassVar[type[InvalidValueError]] = TraceError
    shorthands: ClassVar[tuple[str, ...]] = ("days",)

    start: AwareInstant
    calls: float = Field(gt=0, le=1e12)
    rates: Rates = tuple(float(rate) for rate in AZURE_2024_CODING_HOURLY)
    bin_s: float = Field(default=3600.0, ge=1e-6)
    preferences: Mapping[str, Share] = Field(default_factory=dict)
    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None

    @model_validator(mode="before")
    @classmethod
    def _repeat(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or "days" not in data:
            return data
        days = data["days"]
        if type(days) is not int or not 1 <= days <= MOST_DAYS:
            raise FieldError("days", f"must be a whole number from 1 to {MOST_DAYS:,}. Got {shown(days)}.")
        rates = data.get("rates", cls.model_fields["rates"].default)
        repeated = list(rates) * days if isinstance(rates, Sequence) and not isinstance(rates, str) else rates
        return {key: value for key, value in data.items() if key != "days"} | {"rates": repeated}

    @model_validator(mode="after")
    def _lies_within_the_years(self) -> Traffic:
        if to_us(self.start, "start") + len(self.rates) * self.bin_s * SECOND_US >= LAST_US:
            raise FieldError("bin_s", "must keep the profile within the years 1900 to 2199.")
        return self

    @model_validator(mode="after")
    def _are_shares(self) -> Traffic:
        if sum(self.preferences.values()) > 1 + 1e-9:
            raise FieldError("preferences", f"must sum to at most 1. Got {dict(self.preferences)}.")
        return self

    def __repr__(self) -> str:
        bins = (
            f"{counted(len(self.rates), 'bin')} of {duration(self.bin_s, 'exact')} from {self.start:%Y-%m-%d %H:%M} UTC"
        )
        return f"<{type(self).__name__}: {self.calls:,.7g} calls expected, {bins}, {self.gaps.kind} gaps>"

    @property
    @abstractmethod
    def gaps(self) -> Gaps:
        """How the gaps between calls are distributed, in operational time: as if the rate were always 1."""

    def trace(self, seed: int) -> Trace:
        """Draw one realisation.

        Raises
        ------
        TraceError
            If the realisation holds no call.

        Examples
        --------
        >>> PoissonTraffic(start="2026-03-02T00:00Z", calls=1000).trace(seed=1)
        <Trace: 1,014 calls, 2026-03-02 00:00:35 to 2026-03-02 23:59:49 UTC>
        """
        chunks = list(self.chunks(seed))
        if not chunks:
            raise TraceError(f"the trace is empty: no call was drawn, of {self.calls:g} expected.")
        return chunks[0] if len(chunks) == 1 else Trace.concat(chunks)

    def chunks(self, seed: int, size: int = 1 << 20) -> Iterator[Trace]:
        """Draw one realisation, in parts; the same one whatever their size.

        Parameters
        ----------
        seed : int
            At least 0.
        size : int
            Calls in a part.
        """
        _check_whole(seed, "seed", 0)
        _check_whole(size, "size", 1)
        return self._draw(seed, size)

    def _draw(self, seed: int, size: int) -> Iterator[Trace]:
        from timegate.traffic import drawn  # loads numba

        process, keys, state = self.process, drawn.stream_key(seed, "", "arrivals"), drawn.FIRST
        draws = [self.token_draws(name, seed) for name in ("completion_tokens", "prompt_tokens")]
        count = size
        while count == size:
            first, at_us, preferred = state[0], np.empty(size, np.int64), np.empty(size, np.int32)
            count, state = drawn.draw_arrivals(process, *keys, state, at_us, preferred)
            if count:
                tokens = (None if some is None else drawn.draw_tokens(some, first, count) for some in draws)
                yield Trace.from_arrays(at_us[:count], preferred[:count], self.preferred_names, *tokens)

    def token_draws(self, name: str, seed: int) -> tuple[float, float, int, int] | None:
        """Return what :func:`timegate.traffic.drawn.draw_tokens` needs; None where calls have no such tokens.

        Parameters
        ----------
        name : str
            ``prompt_tokens`` or ``completion_tokens``.
        seed : int
        """
        tokens: Tokens | None = getattr(self, name)
        if tokens is None:
            return None
        from timegate.traffic import drawn

        return (tokens.median, tokens.sigma, *drawn.stream_key(seed, "", name))

    @property
    def process(self) -> Any:
        """The process as the compiled kernels take it, a :class:`timegate.traffic.drawn.Process`."""
        from timegate.traffic import drawn

        kind, shape, scale = self.gaps
        shares = np.cumsum(np.array([*self.preferences.values(), np.inf]))
        return drawn.Process(self.edges_us, self.expected, shares, DISTRIBUTIONS.index(kind), shape, scale)

    @property
    def fingerprint(self) -> str:
        """A hash of the process."""
        return hashlib.sha256(f"{type(self).__name__}{self.model_dump_json()}".encode()).hexdigest()[:12]

    @property
    def preferred_names(self) -> tuple[str, ...]:
        """The names that calls prefer."""
        return tuple(self.preferences)

    @property
    def edges_us(self) -> npt.NDArray[np.int64]:
        """The edges of the bins in microseconds, one more than there are bins."""
        steps = np.arange(len(self.rates) + 1) * (self.bin_s * SECOND_US)
        return to_us(self.start, "start") + steps.astype(np.int64)

    @property
    def expected(self) -> npt.NDArray[np.float64]:
        """The expected number of calls before each edge."""
        passed: npt.NDArray[np.float64] = np.concatenate([[0.0], np.cumsum(self.rates)])
        return np.asarray(passed * self.calls / passed[-1])  # in this order, whole numbers of calls stay whole


class PoissonTraffic(Traffic):
    """A Poisson process: calls that know nothing of each other. With one bin its rate is constant.

    ``PoissonTraffic(start="2026-03-02T00:00Z", calls=1000).trace(seed=1)`` is a day of about so many calls, whose rate
    follows the hours of a real weekday.

    Parameters are those of :class:`Traffic`: ``start``, ``calls``, ``rates``, ``bin_s``, ``preferences``,
    ``prompt_tokens``, ``completion_tokens``.

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

    @property
    def gaps(self) -> Gaps:
        """Exponential."""
        return Gaps("exponential")


class EvenTraffic(Traffic):
    """Evenly spaced calls, the first of them at ``start``; where the rate changes, so does the spacing.

    There are ``calls`` of them, rounded up. The arrivals do not depend on the seed; preferences and token counts
    do. Parameters are those of :class:`Traffic`.

    Raises
    ------
    TraceError
        If a value is out of its range.

    Examples
    --------
    >>> traffic = EvenTraffic(start="2026-03-02T00:00Z", calls=4, rates=[1, 3], bin_s=60)
    >>> [f"{at:%H:%M:%S}" for at in traffic.trace(seed=0).frame["at"]]
    ['00:00:00', '00:01:00', '00:01:20', '00:01:40']
    """

    @property
    def gaps(self) -> Gaps:
        """All alike."""
        return Gaps("even")


class RenewalTraffic(Traffic):
    """Bursty (or regular) calls: a renewal process in operational time.

    The gaps between calls are independent with a given coefficient of variation, and run on a clock that goes as
    fast as the rate: so the rates are those of the profile, and burstiness is the same at any rate. (The inversion
    method of Gerhardt and Nelson 2009, doi:10.1287/ijoc.1080.0316. Gamma and Weibull gaps, by their coefficient of
    variation, are what ServeGen found in production traffic: Xiang et al., NSDI 2026.) The number of calls in a
    stretch of time varies with it too: its variance is about ``cv**2`` times its mean.

    Other parameters are those of :class:`Traffic`.

    Parameters
    ----------
    cv : float
        The gaps' standard deviation as a share of their mean, 0.01 to 100. 1 is as bursty as Poisson, more is
        burstier, less is more regular.
    distribution : str
        ``"gamma"`` (default) or ``"weibull"``.

    Raises
    ------
    TraceError
        If a value is out of its range.

    Examples
    --------
    >>> RenewalTraffic(start="2026-03-02T00:00Z", calls=100_000, cv=2).gaps
    Gaps(kind='gamma', shape=0.25, scale=4.0)
    """

    cv: float = Field(ge=0.01, le=100)
    distribution: GapDistribution = "gamma"

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]} with cv {self.cv:g}>"

    @property
    def gaps(self) -> Gaps:
        """Gamma or Weibull, with mean 1."""
        if self.distribution == "gamma":
            return Gaps("gamma", self.cv**-2, self.cv**2)
        shape = weibull_shape(self.cv)
        return Gaps("weibull", shape, 1 / math.gamma(1 + 1 / shape))


def _check_whole(value: object, name: str, least: int) -> None:
    """Raise an error that names a value unless it is a whole number of at least so much."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TraceError(f"{name} must be a whole number. Got {shown(value)}.")
    if value < least:
        raise TraceError(f"{name} must be at least {least}. Got {value}.")


def weibull_shape(cv: float) -> float:
    """Return the shape of the Weibull distribution with a coefficient of variation, 0.01 to 100.

    It solves ``1 + cv**2 = gamma(1 + 2 / shape) / gamma(1 + 1 / shape)**2``, whose right side falls as the shape
    grows, by halving an interval.

    Examples
    --------
    >>> round(weibull_shape(1.0), 12), round(weibull_shape(5**0.5), 12)
    (1.0, 0.5)
    """
    low, high = 0.05, 1000.0
    for _ in range(80):
        shape = math.sqrt(low * high)
        if math.lgamma(1 + 2 / shape) - 2 * math.lgamma(1 + 1 / shape) > math.log1p(cv * cv):
            low = shape
        else:
            high = shape
    return shape
