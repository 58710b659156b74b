"""What attempts cost: whole pico-units, exact, by instant, length and cache; unknown where something is missing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples
from test_price import DEEPSEEK

from timegate.core.clock import DAY_US, MINUTE_US, to_us
from timegate.core.price import AMOUNTS, Price
from timegate.prices.charges import NOTHING, Usage, add_charges, charges, span_us
from timegate.prices.paid import ANSWERED, FAILED_ALL, FAILED_INPUT, Paid
from timegate.prices.tariff import PICO, UNKNOWN, compile_tariff

HOUR_US = 60 * MINUTE_US
START_US = to_us("2026-08-24T00:00Z", "start")


def cost(price: Price | None, at: str | int, prompt: int = 0, answer: int = 0, **cache: Any) -> tuple[int, int]:
    """Return what one attempt costs, input and output."""
    at_us = to_us(at, "at") if isinstance(at, str) else at
    columns: dict[str, Any] = {name: [value] for name, value in cache.items()}
    used = usage([0], [at_us], prompt=[prompt], completion=[answer], **columns)
    paid_in, paid_out = charges(compile_tariff([price], at_us - DAY_US, at_us + DAY_US), used)
    return int(paid_in[0]), int(paid_out[0])


def usage(deployment: Any, at_us: Any, **columns: Any) -> Usage:
    """Return what attempts used; columns that are not given are not there."""
    kinds = {"answered": np.bool_, "warm": np.bool_}
    given = {name: np.array(values, kinds.get(name, np.int64)) for name, values in columns.items()}
    absent = {name: NOTHING.astype(kinds.get(name, np.int64)) for name in Usage._fields[2:]}
    return Usage(np.array(deployment, np.int16), np.array(at_us, np.int64), **absent | given)


def test_an_invoice_to_the_cent() -> None:
    """A table as an invoice has it, computed by hand: DeepSeek's flash model on a Monday, peak and off-peak.

    Peak is $0.30 and $1.20 per million tokens, $0.006 from the cache; off-peak is half.
    """
    flash = Price(input_per_mtok=0.15, output_per_mtok=0.6, cached_input_per_mtok=0.003, bands=[DEEPSEEK.model_dump()])
    rows = [
        # at, prompts, of which cached, answers, dollars: new input + cached + output
        ("2026-08-24T00:30Z", 40_000_000, 10_000_000, 5_000_000, "7.53"),  # 30 x 0.15 + 10 x 0.003 + 5 x 0.6
        ("2026-08-24T01:00Z", 40_000_000, 10_000_000, 5_000_000, "15.06"),  # 30 x 0.30 + 10 x 0.006 + 5 x 1.2
        ("2026-08-24T04:00Z", 12_345_678, 0, 2_000_000, "3.05185170"),  # 12.345678 x 0.15 + 2 x 0.6
        ("2026-08-24T09:59Z", 1_000_000, 1_000_000, 0, "0.006"),
    ]
    total = 0
    for at, prompt, cached, answer, dollars in rows:
        paid = sum(cost(flash, at, prompt, answer, cached=cached, warm=True))
        assert Decimal(paid) / PICO == Decimal(dollars)
        total += paid
    assert round(Decimal(total) / PICO, 2) == Decimal("25.65")


amounts = st.integers(0, 10**9).map(lambda micros: micros / 10**6)
prices = st.builds(
    lambda values, fee, above, longer, times: Price(
        input_per_mtok=values[0],
        output_per_mtok=values[1],
        cached_input_per_mtok=values[2],
        cache_write_per_mtok=values[3],
        per_call=fee,
        tiers=[{"above_tokens": above, "output_per_mtok": longer}],
        bands=[{"windows": [["06:00", "12:00"], ["22:00", "02:00"]], "times": times}],
    ),
    st.tuples(amounts, amounts, amounts, amounts),
    amounts,
    st.integers(1, 2000),
    amounts,
    st.sampled_from([0.0, 0.5, 2.0]),
)


@examples(50)
@given(
    listed=st.lists(prices, min_size=1, max_size=3),
    rows=st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(0, DAY_US - 1), st.integers(0, 10**6), st.integers(0, 10**6), st.booleans()
        ),
        min_size=1,
        max_size=20,
    ),
)
def test_costs_are_what_decimals_give(listed: list[Price], rows: list[tuple[int, int, int, int, bool]]) -> None:
    """Each attempt costs what the rule says, computed one by one with decimals: time, length, cache, fee."""
    rows = [(row[0] % len(listed), *row[1:]) for row in rows]
    deployment, at_us, prompt, answer, warm = (np.array(column) for column in zip(*rows, strict=True))
    cached = prompt // 3
    columns = {"prompt": prompt, "completion": answer, "cached": cached, "warm": warm}
    paid = charges(compile_tariff(listed, 0, DAY_US), usage(deployment, at_us, **columns))
    for i, (which, when_us, tokens, answered, is_warm) in enumerate(rows):
        price = listed[which]
        hour = when_us / HOUR_US
        times = price.bands[0].times if 6 <= hour < 12 or hour >= 22 or hour < 2 else 1
        out = price.tiers[0].output_per_mtok if tokens > price.tiers[0].above_tokens else price.output_per_mtok
        of_cache = price.cached_input_per_mtok if is_warm else price.cache_write_per_mtok
        rates = [
            Decimal(repr(value)) * Decimal(repr(times))
            for value in (price.input_per_mtok, of_cache, out, price.per_call)
        ]
        per_token = [(rate * 10**6).to_integral_value() for rate in rates[:3]]
        fee = (rates[3] * PICO).to_integral_value()
        old = tokens // 3
        assert paid[0][i] == (tokens - old) * per_token[0] + old * per_token[1] + fee
        assert paid[1][i] == answered * per_token[2]


def test_the_last_band_counts_alone() -> None:
    """Where bands overlap the last of the list holds, and multiplies what is paid outside of all."""
    bands = [{"windows": [["00:00", "12:00"]], "times": 3}, {"windows": [["06:00", "18:00"]], "times": 2}]
    price = Price(input_per_mtok=1, output_per_mtok=1, bands=bands)
    paid = [cost(price, START_US + hour * HOUR_US, 1)[0] // 10**6 for hour in (3, 6, 9, 12, 18)]
    assert paid == [3, 2, 2, 2, 1]


def test_a_band_changes_what_it_says() -> None:
    """What a band does not say is as outside of it; a long prompt's price holds in it too."""
    price = Price(
        input_per_mtok=1,
        output_per_mtok=2,
        tiers=[{"above_tokens": 100, "input_per_mtok": 4}],
        bands=[{"windows": [["00:00", "12:00"]], "output_per_mtok": 1}],
    )
    assert cost(price, START_US, 100, 1) == (100 * 10**6, 10**6)
    assert cost(price, START_US, 101, 1) == (101 * 4 * 10**6, 10**6)
    assert cost(price, START_US + 12 * HOUR_US, 101, 1) == (101 * 4 * 10**6, 2 * 10**6)


@pytest.mark.parametrize(
    ("price", "prompt", "answer", "paid"),
    [
        (None, 1, 1, (UNKNOWN, UNKNOWN)),
        (None, 0, 0, (UNKNOWN, UNKNOWN)),
        (Price(per_call=0.01), -1, -1, (10**10, 0)),  # takes nothing for tokens
        (Price(input_per_mtok=1), 5, 7, (5 * 10**6, UNKNOWN)),
        (Price(input_per_mtok=1), 5, 0, (5 * 10**6, 0)),
        (Price(output_per_mtok=1), 5, 7, (UNKNOWN, 7 * 10**6)),
        (Price(input_per_mtok=1, output_per_mtok=1), -1, 7, (UNKNOWN, 7 * 10**6)),
        (Price(input_per_mtok=1, output_per_mtok=1), 5, -1, (5 * 10**6, UNKNOWN)),
        (Price(input_per_mtok=0, output_per_mtok=1), -1, 1, (0, 10**6)),
    ],
)
def test_unknown_is_not_nothing(price: Price | None, prompt: int, answer: int, paid: tuple[int, int]) -> None:
    """A missing price, or a missing count that a price needs, makes a cost unknown, and never 0."""
    assert cost(price, START_US, prompt, answer) == paid


def test_a_trace_without_tokens_is_unknown() -> None:
    """Without any token counts only what is taken per call is known."""
    tariff = compile_tariff([Price(per_call=1), Price(input_per_mtok=1, output_per_mtok=1)], 0, DAY_US)
    paid_in, paid_out = charges(tariff, usage([0, 1], [0, 0]))
    assert paid_in.tolist() == [PICO, UNKNOWN]
    assert paid_out.tolist() == [0, UNKNOWN]


def test_beyond_64_bits() -> None:
    """What no 64 bits hold is exact all the same, by itself and in sums to which others are added."""
    price = Price(input_per_mtok=1e6, output_per_mtok=1e6, per_call=0.5)
    assert cost(price, START_US, 2**52, 1) == (2**52 * PICO + PICO // 2, PICO)
    tariff = compile_tariff([price], 0, DAY_US)
    large = usage([0, 0], [5, HOUR_US], prompt=[2**60, 2**50], completion=[0, 2**60], cached=[2, 2], warm=[1, 0])
    small = usage([0], [6], prompt=[1], completion=[1])
    sums = add_charges(Paid.zero(2, 1), tariff, small, 0, HOUR_US)
    sums = add_charges(add_charges(sums, tariff, large, 0, HOUR_US), tariff, small, 0, HOUR_US)
    wanted = [[2**60 * PICO + 4 * PICO + 3 * PICO // 2], [(2**50 + 2**60) * PICO + PICO // 2]]
    assert sums.exact(ANSWERED).tolist() == wanted
    assert sums.total(ANSWERED) == sum(row[0] for row in wanted)


rows = st.tuples(
    st.integers(-1, 1),
    st.integers(0, DAY_US - 1),
    st.one_of(st.just(0), st.integers(0, DAY_US)),
    st.integers(-1, 2**40),
    st.integers(-1, 2**40),
    st.booleans(),
)


@examples(50)
@given(listed=st.lists(prices, min_size=2, max_size=2), used=st.lists(rows, max_size=20), cut=st.integers(0, 20))
def test_sums_are_exact(listed: list[Price], used: list[tuple[Any, ...]], cut: int) -> None:
    """Sums by bin, deployment and kind are those of what each attempt costs, however the attempts are cut in parts."""
    tariff = compile_tariff([listed[0], Price(input_per_mtok=1.5)], 0, 2 * DAY_US)
    names = ("later_us", "prompt", "completion", "answered")

    def part(some: list[tuple[Any, ...]]) -> Usage:
        deployment, at_us, *columns = zip(*some, strict=True) if some else [()] * 6
        return usage(deployment, at_us, **dict(zip(names, columns, strict=True)))

    wanted: dict[tuple[int, int, int], int] = {}
    counts: dict[tuple[int, int, int], int] = {}
    for row, one, other in zip(used, *(charges(tariff, part(used)) if used else ((), ())), strict=True):
        whom, bin_ = row[0], (row[1] + row[2]) // HOUR_US
        whole = UNKNOWN if one < 0 or other < 0 else int(one) + int(other)
        kinds = [(ANSWERED, whole)] if row[-1] else [(FAILED_INPUT, int(one)), (FAILED_ALL, whole)]
        for kind, paid in kinds if whom >= 0 else ():
            wanted[bin_, whom, kind] = wanted.get((bin_, whom, kind), 0) + max(paid, 0)
            counts[whom, kind, int(paid >= 0)] = counts.get((whom, kind, int(paid >= 0)), 0) + 1
    sums = Paid.zero(48, 2)
    for some in (used[:cut], used[cut:]):
        sums = sums.add(add_charges(Paid.zero(48, 2), tariff, part(some), 0, HOUR_US)) if some else sums
    for kind in (ANSWERED, FAILED_INPUT, FAILED_ALL):
        for bin_, row_of_bin in enumerate(sums.exact(kind).tolist()):
            assert row_of_bin == [wanted.get((bin_, whom, kind), 0) for whom in range(2)]
        for whom in range(2):
            assert sums.attempts[whom, kind].tolist() == [counts.get((whom, kind, known), 0) for known in range(2)]
    charged = [row[1] + row[2] for row in used if row[0] >= 0]
    assert span_us(part(used)) == ((min(charged), max(charged)) if charged else None)


def test_every_amount_is_priced() -> None:
    """Each amount that a price can say changes what something costs."""
    base = dict.fromkeys(AMOUNTS, 1.0)
    for name in AMOUNTS:
        prices = [Price(**base), Price(**base | {name: 3.0})]
        paid = [[cost(price, START_US, 10, 10, cached=5, warm=warm) for warm in (True, False)] for price in prices]
        assert paid[0] != paid[1], name
