"""Prices as people write them: what an attempt costs, by its tokens and the instant at which it is charged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import AfterValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from timegate.core.clock import FIRST_US, LAST_US, AwareInstant, to_us
from timegate.core.spans import NO_SPANS, Spans, union
from timegate.core.window_value import Windows
from timegate.core.windows import FIELDS, Window
from timegate.errors import ConfigError, InvalidValueError, WindowError, shown
from timegate.problems import Problem
from timegate.show.text import counted
from timegate.validation import FieldError, Text, Value

__all__ = ["AMOUNTS", "AUTO", "Amounts", "Band", "Price", "Tier", "half_open", "odd_currency"]

AUTO = "auto"

Amount = Annotated[float, Field(ge=0, le=1e6)]
Fee = Annotated[float, Field(ge=0, le=1e4)]  # in pico-units, and times 10 twice, it fits into 64 bits
Times = Annotated[float, Field(ge=0, le=10)]

_CODE = "^[A-Z]{3}$"  # of a currency


def _is_code(currency: str) -> str:
    if not re.fullmatch(_CODE, currency):
        raise ValueError(f"must be three capital letters, as in 'USD'. Got {shown(currency)}.")
    return currency


Currency = Annotated[str, AfterValidator(_is_code)]


class Amounts(Value):
    """What is paid, per million tokens and per call.

    Parameters
    ----------
    input_per_mtok, output_per_mtok : float, optional
        Per million tokens of prompts and of answers. A price that says only ``per_call`` takes nothing for tokens; of
        one that says only one of the two, the other is unknown.
    cached_input_per_mtok : float, optional
        Per million tokens of prompts that the deployment has in its cache. Default: that of all input.
    cache_write_per_mtok : float, optional
        Per million tokens that a deployment whose cache is cold has to write. Default: that of all input.
    per_call : float, optional
        Per attempt, whatever its length.
    """

    error_class: ClassVar[type[InvalidValueError]] = ConfigError
    guesses: ClassVar[Mapping[str, str]] = {
        "input": "Did you mean 'input_per_mtok'?",
        "output": "Did you mean 'output_per_mtok'?",
    }

    input_per_mtok: Amount | None = None
    output_per_mtok: Amount | None = None
    cached_input_per_mtok: Amount | None = None
    cache_write_per_mtok: Amount | None = None
    per_call: Fee | None = None

    def amounts(self) -> dict[str, float]:
        """Return the amounts that it says."""
        return {name: value for name in AMOUNTS if (value := getattr(self, name)) is not None}


AMOUNTS = tuple(Amounts.model_fields)
"""The names of what is paid."""


class Tier(Amounts):
    """Other amounts for all of a call whose prompt is long.

    Parameters
    ----------
    above_tokens : int
        It holds for prompts of more tokens than this.
    """

    above_tokens: int = Field(ge=1)

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if not self.amounts():
            raise FieldError("input_per_mtok", "is missing: a tier says other amounts.")
        return self


def _ordered(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    bounds = [tier.above_tokens for tier in tiers]
    if bounds != sorted(set(bounds)):
        raise FieldError("tiers", f"must be in order of above_tokens, each another. Got {bounds}.")
    return tiers


class Band(Amounts):
    """Other amounts at certain times. What it does not say is as at other times.

    Of several bands that hold at an instant, the last of the list counts, alone.

    Parameters
    ----------
    windows : list of windows
        When it holds: each read half-open, ``[start, end)``, as providers publish their hours. Default: always.
    since, until : datetime or str, optional
        Aware instants: it holds in ``[since, until)``, within its windows.
    times : float, optional
        Multiplies what is paid at other times. In place of amounts.
    tiers : list of Tier
        For long prompts. Default: those of other times.
    name : str, optional
        Such as ``peak``; figures and ``check`` show it.
    """

    guesses: ClassVar[Mapping[str, str]] = {
        **Amounts.guesses,
        **dict.fromkeys(("factor", "multiplier"), "Did you mean 'times'?"),
    }

    windows: Windows = ()
    since: AwareInstant | None = None
    until: AwareInstant | None = None
    times: Times | None = None
    tiers: Annotated[tuple[Tier, ...], Field(strict=False)] = ()
    name: Text | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _says_what_and_when(self) -> Self:
        _ordered(self.tiers)
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise FieldError(
                "until", f"must lie after since. Got {self.since.isoformat()} to {self.until.isoformat()}."
            )
        if self.times is not None and (self.amounts() or self.tiers):
            raise FieldError("times", "multiplies what is paid at other times: give it, or amounts, not both.")
        if self.times is None and not self.amounts() and not self.tiers:
            raise FieldError("times", "is missing: a band says times, or amounts of its own.")
        for i, window in enumerate(self.windows):
            try:
                half_open(window)
            except WindowError:
                text = f"is a single instant, {window.start}: a band is read without its end, and holds none."
                raise FieldError(("windows", i), text, "For a whole day write 00:00 to 24:00.") from None
        return self

    @property
    def span_us(self) -> tuple[int, int]:
        """When it is in force, as a half-open stretch in microseconds; all time where it has no since or until."""
        since_us = FIRST_US if self.since is None else to_us(self.since, "since")
        return since_us, LAST_US if self.until is None else to_us(self.until, "until")

    def spans_us(self, start_us: int, end_us: int) -> Spans:
        """Return the stretches of ``[start_us, end_us)`` in which it holds: half-open, sorted and disjoint."""
        since_us, until_us = self.span_us
        start_us, end_us = max(start_us, since_us), min(end_us, until_us)
        if end_us <= start_us:
            return NO_SPANS
        if not self.windows:
            return np.array([[start_us, end_us]], np.int64)
        return union([half_open(window).spans_us(start_us, end_us) for window in self.windows])


class Price(Amounts):
    """What a deployment costs. Money is a label here: nothing is converted.

    Amounts are exact to a whole pico-unit of the currency per token, which is six decimals per million tokens.

    Parameters
    ----------
    bands : list of Band
        Other amounts at certain times.
    tiers : list of Tier
        Other amounts for long prompts.
    times : float
        Multiplies everything: 0.5 for a batch, or a flexible tier at half price. Default: 1.
    currency : str
        Three capital letters.
    auto : bool
        Whether a price book says the rest, by the deployment's model. ``price: auto`` is short for it.

    Examples
    --------
    >>> Price(input_per_mtok=0.3, output_per_mtok=1.2, bands=[{"windows": [["16:00", "24:00"]], "times": 0.5}])
    Price(input_per_mtok=0.3, output_per_mtok=1.2, bands=(Band(windows=(Window('16:00', '24:00'),), times=0.5),))
    """

    tiers: Annotated[tuple[Tier, ...], Field(strict=False)] = ()
    bands: Annotated[tuple[Band, ...], Field(strict=False)] = ()
    times: Times = 1.0
    currency: Currency = Field(default="USD", examples=["USD", "EUR", "CNY"], json_schema_extra={"pattern": _CODE})
    auto: bool = False

    @model_validator(mode="before")
    @classmethod
    def _read_auto(cls, data: Any) -> Any:
        if isinstance(data, str):
            if data != AUTO:
                raise ValueError(f"must be {AUTO!r}, or a mapping of amounts. Got {shown(data)}.")
            return {AUTO: True}
        return data

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        _ordered(self.tiers)
        said = bool(self.amounts() or self.tiers or self.bands)
        if self.auto and said:
            raise FieldError(AUTO, "takes amounts, tiers and bands from a book: give those, or auto, not both.")
        if not self.auto and not said:
            raise FieldError("input_per_mtok", "is missing: a price says amounts, or auto.")
        if self.auto and self.currency != "USD":
            raise FieldError("currency", f"must be USD with auto: so are the books. Got {shown(self.currency)}.")
        return self

    @model_serializer(mode="wrap")
    def _write_auto(self, write: SerializerFunctionWrapHandler) -> Any:
        return AUTO if self.auto and self.times == 1 else write(self)

    def text(self) -> str:
        """Write the price in a line.

        Examples
        --------
        >>> Price(input_per_mtok=0.3, output_per_mtok=1.2, bands=[{"since": "2026-08-16T16:00Z", "times": 2}]).text()
        'input 0.3, output 1.2 USD per million tokens, 1 band'
        """
        names = {name: name.removesuffix("_per_mtok").replace("_", " ") for name in AMOUNTS if name != "per_call"}
        said = self.amounts()
        by_token = ", ".join(f"{names[name]} {said[name]:g}" for name in names if name in said)
        parts = [AUTO] if self.auto else []
        parts += [f"{by_token} {self.currency} per million tokens"] if by_token else []
        parts += [] if self.per_call is None else [f"{self.per_call:g} {self.currency} per call"]
        parts += [counted(len(self.tiers), "tier")] if self.tiers else []
        parts += [counted(len(self.bands), "band")] if self.bands else []
        parts += [] if self.times == 1 else [f"times {self.times:g}"]
        return ", ".join(parts)

    def listed_at(self, at_us: int) -> dict[str, float]:
        """Return the amounts at an instant, whatever the hour: bands that have windows do not count.

        Examples
        --------
        >>> price = Price(input_per_mtok=1, output_per_mtok=4, bands=[{"since": "1970-01-02T00:00Z", "times": 0.5}])
        >>> price.listed_at(0), price.listed_at(86_400_000_000)
        ({'input_per_mtok': 1.0, 'output_per_mtok': 4.0}, {'input_per_mtok': 0.5, 'output_per_mtok': 2.0})
        """
        lasting = [band for band in self.bands if not band.windows and band.span_us[0] <= at_us < band.span_us[1]]
        _, amounts, times = next(self.within(lasting[-1] if lasting else None))
        return {name: amounts[name] * times for name in AMOUNTS if name in amounts}

    def within(self, band: Band | None) -> Iterator[tuple[int, Mapping[str, float], float]]:
        """Yield what is paid in a band, or outside of all, by the length of the prompt.

        Yields
        ------
        above_tokens : int
            From 0 on, in order.
        amounts : dict of str to float
        times : float

        Examples
        --------
        >>> next(Price(input_per_mtok=2.5, times=0.5).within(None))
        (0, {'input_per_mtok': 2.5}, 0.5)
        """
        amounts, tiers, times = self.amounts(), self.tiers, self.times
        if band is not None:
            amounts, tiers = amounts | band.amounts(), band.tiers or tiers
            times *= 1.0 if band.times is None else band.times
        yield 0, amounts, times
        for tier in tiers:
            yield tier.above_tokens, amounts | tier.amounts(), times


def odd_currency(prices: Sequence[Price | None]) -> Problem | None:
    """Say whose currency is not that of the first price; None if all are one."""
    said = [(i, price.currency) for i, price in enumerate(prices) if price is not None]
    for i, currency in said:
        if currency != said[0][1]:
            first = f"must be that of deployments[{said[0][0]}], {shown(said[0][1])}: nothing is converted."
            return Problem(("deployments", i, "price", "currency"), f"{first} Got {shown(currency)}.")
    return None


def half_open(window: Window) -> Window:
    """Return a window without its end.

    Examples
    --------
    >>> print(half_open(Window("01:00", "04:00")))
    01:00-04:00 UTC, end not included
    """
    return Window(**{name: getattr(window, name) for name in FIELDS} | {"end_included": False})
