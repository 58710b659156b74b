from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import timegate as tg
from timegate.core import draws

ONES = 0xFFFFFFFF
words = st.integers(0, ONES)
counters = st.integers(0, 2**63 - 1)


@pytest.mark.parametrize("philox", [draws.philox4x32, draws.philox4x32.py_func], ids=["compiled", "python"])
@pytest.mark.parametrize(
    ("counter", "key", "block"),
    [
        ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((ONES, ONES, ONES, ONES), (ONES, ONES), "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_gives_its_published_blocks(philox: object, counter: tuple, key: tuple, block: str) -> None:
    """Philox4x32-10 gives the known answers of Random123's kat_vectors."""
    assert " ".join(f"{word:08x}" for word in philox(*counter, *key)) == block


@given(st.tuples(*[words] * 6))
@example((ONES,) * 6)
def test_compiled_and_python_philox_agree(arguments: tuple[int, ...]) -> None:
    """The compiled function, whose products wrap, equals the same code on Python's unbounded integers."""
    assert draws.philox4x32(*arguments) == draws.philox4x32.py_func(*arguments)


@given(words, words, counters, st.integers(0, 1000))
@example(ONES, ONES, 2**63 - 1, 1000)
def test_uniform_is_the_upper_53_bits_of_the_block(k0: int, k1: int, call: int, attempt: int) -> None:
    """A draw is the block of (call, attempt) under the stream's key, read as a fraction in [0, 1)."""
    w0, w1, *_ = draws.philox4x32.py_func(call % 2**32, call // 2**32, attempt, 0, k0, k1)
    drawn = draws.uniform(k0, k1, call, attempt)
    assert drawn == ((w0 * 2**32 + w1) // 2**11) / 2**53
    assert 0 <= drawn < 1


def test_uniform_is_uniform() -> None:
    """The mean and the counts in 100 bins lie within five standard deviations of those of a fair draw."""
    key = draws.stream_key(7, "weak", "error_rate:weak")
    sample = np.array([draws.uniform(*key, call, attempt) for call in range(20_000) for attempt in range(3)])
    size = len(sample)
    assert abs(sample.mean() - 0.5) < 5 / math.sqrt(12 * size)
    counts = np.histogram(sample, 100, (0, 1))[0]
    assert (((counts - size / 100) ** 2).sum() / (size / 100) - 99) / math.sqrt(2 * 99) < 5


def test_streams_are_independent() -> None:
    """Streams of another seed, deployment, fault or attempt are uncorrelated, within five standard deviations."""
    keys = [
        draws.stream_key(*names)
        for names in ((7, "weak", "a"), (8, "weak", "a"), (7, "strong", "a"), (7, "weak", "b"), (7, "a", "weak"))
    ]
    streams = [[draws.uniform(*key, call, 0) for call in range(5000)] for key in keys]
    streams.append([draws.uniform(*keys[0], call, 1) for call in range(5000)])
    correlations = np.corrcoef(streams)[np.triu_indices(len(streams), 1)]
    assert np.abs(correlations).max() < 5 / math.sqrt(5000)


def test_keys_are_the_blake2b_hash_of_the_names() -> None:
    """The key is the BLAKE2b hash of seed, deployment and fault; if it changes, no saved result can be made again."""
    # printf '7\0weak\0error_rate:weak' | b2sum -l 64, as two little-endian words
    assert draws.stream_key(7, "weak", "error_rate:weak") == (0x8CA87094, 0xDA85CBBC)
    assert draws.uniform(0x8CA87094, 0xDA85CBBC, 0, 0) == 0.5001484321017609


@pytest.mark.parametrize("rate", [0.0, 0.001, 0.02, 0.5, 0.999, 1.0])
def test_error_rates_have_their_share(rate: float) -> None:
    """Of 50,000 calls, the share that fails lies within five standard deviations of the binomial."""
    trace = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=50_000).trace(1)
    config = tg.GatewayConfig(deployments=[{"model_name": "weak", "model": "sim/small"}])
    run = tg.replay(config, trace, tg.Scenario(faults=[tg.ErrorRate(target="weak", rate=rate)], seed=11))
    failed = (run.calls["outcome"] == "failed").mean()
    assert abs(failed - rate) <= 5 * math.sqrt(rate * (1 - rate) / 50_000)


@given(st.floats(1e-300, 1, exclude_max=True))
@example(2.0**-54)
@example(1 - 2.0**-53)
def test_normal_quantile_agrees_with_the_standard_library(p: float) -> None:
    """The quantile equals that of statistics.NormalDist to 14 digits, in both tails."""
    assert draws.normal_quantile(p) == pytest.approx(NormalDist().inv_cdf(p), rel=1e-14, abs=1e-15)


@given(st.floats(-700, 700))
def test_the_exponential_is_that_of_the_library(x: float) -> None:
    """To the last two digits of sixteen; the engines need the same one in loops and one by one."""
    found = draws._exp(x)
    assert abs(found / math.exp(x) - 1) < 4.5e-16


@given(st.floats(2.0**-1022, 2.0**1000))
@example(1.0)
@example(math.nextafter(math.sqrt(0.5), 0))
@example(2.0**-54)
def test_the_logarithm_is_that_of_the_library(x: float) -> None:
    """To the last two digits of sixteen."""
    assert abs(draws._log(x) - math.log(x)) <= 2 * math.ulp(math.log(x))


def test_the_ends_of_the_distribution_in_blocks() -> None:
    """Bit for bit as one by one, where some of the draws lie beyond five deviations of a tail, and none does."""
    for p in ([0.0, 2.0**-54, 1e-12, 0.5, 0.07, 0.93, 1 - 2.0**-53], [0.01, 0.5, 0.99]):
        out, tail, room = np.empty(len(p)), np.empty(len(p)), np.empty(len(p), np.int64)
        draws.lognormals_us(8e5, 1.5, np.array(p), len(p), out, room, tail)
        quantiles = [draws.normal_quantile(max(q, 2.0**-54)) for q in p]
        assert out.tolist() == [math.floor(min(8e5 * draws._exp(1.5 * q), 86_400e6) + 0.5) for q in quantiles]


@given(st.integers(0, ONES), st.integers(0, ONES), st.integers(0, 2**40), st.integers(1, draws.BLOCK), st.floats(0, 5))
def test_blocks_are_what_single_draws_are(k0: int, k1: int, first: int, size: int, sigma: float) -> None:
    """Bit for bit, for any of the calls."""
    places = np.arange(draws.BLOCK)[::-1].copy()
    p, out, tail, room = np.empty(draws.BLOCK), np.empty(draws.BLOCK), np.empty(draws.BLOCK), np.empty_like(places)
    draws.uniforms(k0, k1, first, places, size, p)
    assert p[:size].tolist() == [draws.uniform(k0, k1, first + i, 0) for i in places[:size].tolist()]
    draws.lognormals_us(8e5, sigma, p, size, out, room, tail)
    singles = [draws.lognormal_us(8e5, sigma, k0, k1, first + i, 0) for i in places[:size].tolist()]
    assert out[:size].tolist() == singles


def test_lognormal_latencies_have_their_quantiles() -> None:
    """Half of the draws lie below the median and one in a hundred above the p99, within five deviations."""
    sigma = math.log(10) / NormalDist().inv_cdf(0.99)
    sample = np.array([draws.lognormal_us(500e3, sigma, 1, 2, call, 0) for call in range(20_000)])
    assert abs((sample < 500e3).mean() - 0.5) < 5 * math.sqrt(0.25 / 20_000)
    assert abs((sample > 5000e3).mean() - 0.01) < 5 * math.sqrt(0.01 * 0.99 / 20_000)
    assert draws.lognormal_us(1e3, 0.0, 1, 2, 3, 4) == 1000
    assert draws.lognormal_us(86_400e6, 50.0, 1, 2, 3, 4) <= 86_400e6
