"""Checks of prices: bands that never hold, overlap or leave a gap, and models that a book does not know."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np

from timegate.config.model import GatewayConfig
from timegate.core.clock import MINUTE_US
from timegate.core.deployment import Deployment
from timegate.core.spans import Spans, complement, union
from timegate.errors import MissingExtraError
from timegate.prices.book import prices_of
from timegate.problems import written
from timegate.review.findings import Finding

__all__ = ["check_prices"]


def check_prices(config: GatewayConfig, periods: Spans) -> Iterator[Finding]:
    """Look at the price of every deployment, in the time that was looked at."""
    for i, deployment in enumerate(config.deployments):
        if deployment.price is None:
            continue
        if deployment.price.auto:
            yield from _unknown(i, deployment)
        held = [union(band.spans_us(lo, hi) for lo, hi in periods.tolist()) for band in deployment.price.bands]
        yield from _bands(i, deployment, held, periods)


def _bands(i: int, deployment: Deployment, held: list[Spans], periods: Spans) -> Iterator[Finding]:
    def finding(code: str, index: int, message: str, fix: str, spans: Spans) -> Finding:
        place = written(("deployments", i, "price", "bands", index), repr(deployment.model_name))
        return Finding(code, place, message, fix, deployment.model_name, spans_us=spans)

    for index, spans in enumerate(held):
        if not len(spans):
            yield finding(
                "TG801",
                index,
                "The band never holds in the time looked at.",
                "Look at its since and until, and at the dates of its windows; remove it if it is past.",
                spans,
            )
        for later in range(index + 1, len(held)):
            common = _common(spans, held[later], periods)
            if len(common):
                yield finding(
                    "TG802",
                    index,
                    f"It overlaps bands[{later}], which counts alone where both hold: the last of the list does.",
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


def _common(one: Spans, other: Spans, periods: Spans) -> Spans:
    lo, hi = int(periods[0, 0]), int(periods[-1, 1])
    return complement(union([complement(one, lo, hi), complement(other, lo, hi)]), lo, hi)


def _unknown(i: int, deployment: Deployment) -> Iterator[Finding]:
    place = written(("deployments", i, "price"), repr(deployment.model_name))
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            known = prices_of([deployment]) != [None]
    except MissingExtraError as error:
        message, fix = f"Its price is unknown: {error}.", "Install it, or write the price."
    else:
        if known:
            return
        message = str(caught[-1].message).partition(": ")[2]
        message, fix = message[0].upper() + message[1:], "Write the price, or the name that the book knows."
    yield Finding("TG804", place, message, fix, deployment.model_name)
