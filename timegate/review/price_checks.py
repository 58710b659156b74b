"""Checks of prices: bands that never hold, overlap or leave a gap, and what books no longer say, or never did."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress

import numpy as np

from timegate.config.model import GatewayConfig
from timegate.core.clock import MINUTE_US, from_us
from timegate.core.deployment import Deployment
from timegate.core.price import Band, Price
from timegate.core.spans import Spans, complement, union
from timegate.errors import ConfigError, MissingExtraError, shown
from timegate.prices.book import PACKAGES, PriceBook, opened
from timegate.review.findings import Finding

__all__ = ["check_prices"]


def check_prices(config: GatewayConfig, periods: Spans) -> Iterator[Finding]:
    """Look at the price of every deployment, in the time that was looked at."""
    for i, deployment in enumerate(config.deployments):
        if deployment.price is None:
            continue
        if deployment.price.auto:
            yield from _unknown(i, deployment)
        else:
            yield from _changed(i, deployment, deployment.price, periods)
        held = [union(band.spans_us(lo, hi) for lo, hi in periods.tolist()) for band in deployment.price.bands]
        yield from _bands(i, deployment, held, periods)


def _bands(i: int, deployment: Deployment, held: list[Spans], periods: Spans) -> Iterator[Finding]:
    def finding(code: str, index: int, message: str, fix: str, spans: Spans) -> Finding:
        return Finding.of_deployment(code, (i, "price", "bands", index), deployment.model_name, message, fix, spans)

    bands = deployment.price.bands if deployment.price else ()
    for index, spans in enumerate(held):
        if not len(spans):
            yield finding(
                "TG801",
                index,
                f"The band{_named(bands[index])} never holds in the time looked at.",
                "Look at its since and until, and at the dates of its windows; remove it if it is past.",
                spans,
            )
        for later in range(index + 1, len(held)):
            if _follows(deployment, index, later):
                continue
            common = _common(spans, held[later], periods)
            if len(common):
                yield finding(
                    "TG802",
                    index,
                    f"It{_named(bands[index])} overlaps bands[{later}]{_named(bands[later])}, which counts alone where "
                    "both hold: the last of the list does.",
                    "Put the band that shall count last, or let them not overlap.",
                    common,
                )
    every = union(held)
    gaps = np.stack([every[:-1, 1], every[1:, 0]], axis=1)
    short = gaps[(gaps[:, 1] - gaps[:, 0] <= MINUTE_US)]
    if len(short):
        yield finding(
            "TG803",
            0,
            "A band ends a minute or less before the next begins: in between another price holds.",
            "Bands are read without their ends: write the start of the next as the end of the one before.",
            short,
        )


def _named(band: Band) -> str:
    return "" if band.name is None else f" {shown(band.name)}"


def _follows(deployment: Deployment, index: int, later: int) -> bool:
    """Whether the later of two bands is the next of a list of prices, each of which holds until there is another."""
    bands = deployment.price.bands if deployment.price else ()
    one, other = bands[index], bands[later]
    dated = other.since is not None and (one.since is None or one.since < other.since)
    return dated and one.until is None and not one.windows and not other.windows


def _changed(i: int, deployment: Deployment, price: Price, periods: Spans) -> Iterator[Finding]:
    """Find a price that is what a book said once, and says no more, or not to the end of the time looked at."""
    start_us, end_us = int(periods[0, 0]), int(periods[-1, 1])
    for book in _books():
        try:
            theirs = book.price(deployment.model)
        except ConfigError:
            continue
        cuts = sorted({band.span_us[0] for band in theirs.bands if not band.windows and band.since is not None})
        for cut_us in (us for us in cuts if us < end_us):
            book_says, mine = theirs.listed_at(cut_us), price.listed_at(max(cut_us, start_us))
            later = any(us > cut_us and us <= start_us for us in cuts)
            if later or not _same(price.listed_at(cut_us - 1), theirs.listed_at(cut_us - 1)) or _same(mine, book_says):
                continue
            amounts = Price.model_validate(book_says).text()
            yield Finding.of_deployment(
                "TG805",
                (i, "price"),
                deployment.model_name,
                f"It is that of before {from_us(cut_us):%Y-%m-%d}: since then {book.name} has {amounts}.",
                "Write a band with that since, or the price that holds now; or price: auto.",
            )
            return


def _books() -> Iterator[PriceBook]:
    """Yield the books that are installed."""
    for package in PACKAGES:
        with suppress(MissingExtraError):
            yield opened(package)


def _same(mine: Mapping[str, float], theirs: Mapping[str, float]) -> bool:
    """Whether two prices are one, as far as both say something; and both say what input and output cost."""
    names = [name for name in mine if name in theirs]
    both = {"input_per_mtok", "output_per_mtok"} <= set(names)
    return both and all(math.isclose(mine[name], theirs[name], rel_tol=1e-9) for name in names)


def _common(one: Spans, other: Spans, periods: Spans) -> Spans:
    lo, hi = int(periods[0, 0]), int(periods[-1, 1])
    return complement(union([complement(one, lo, hi), complement(other, lo, hi)]), lo, hi)


def _unknown(i: int, deployment: Deployment) -> Iterator[Finding]:
    place, name = (i, "price"), deployment.model_name
    try:
        book = opened("genai-prices")
        other = book.entry(deployment.model).other
    except MissingExtraError as error:
        message, fix = f"Its price is unknown: {error}.", "Install it, or write the price."
    except ConfigError as error:
        message, fix = f"Its price is unknown: {error}", "Write the price, or the name that the book knows."
    else:
        if other is not None:
            fix = "Write the price, if the provider asks another."
            text = book.assumed(deployment.model, other)
            yield Finding.of_deployment("TG806", place, name, text, fix)
        return
    yield Finding.of_deployment("TG804", place, name, message, fix)
