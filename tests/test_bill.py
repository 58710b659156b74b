"""What a replay cost: attempts at their own instants, bounds of what nobody knows, and sums that agree."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_price import CHEAP

import timegate as tg
from timegate.core.clock import to_us
from timegate.errors import ReplayError, TimegateWarning, TraceError, WindowError
from timegate.traffic.scaling import scaled

DEAR = {"input_per_mtok": 2.0, "output_per_mtok": 8.0}
MORNING = {"windows": [["06:00", "12:00"]], "times": 2.0}


def config(*prices: Any, **fields: Any) -> tg.GatewayConfig:
    """Return a config of a deployment for each price: a, b, ..."""
    entries = [
        {"model_name": name, "model": f"sim/{name}", "price": price} | fields
        for name, price in zip("abc", prices, strict=False)
    ]
    return tg.GatewayConfig(deployments=entries)


def trace(*at: str, **columns: Any) -> tg.Trace:
    defaults = {"prompt_tokens": 1000, "completion_tokens": 100}
    return tg.Trace(pd.DataFrame({"at": [f"2026-03-02T{time}Z" for time in at]} | defaults | columns))


def outage(target: str, start: str, end: str, **fields: Any) -> tg.Scenario:
    return tg.Scenario(
        faults=[tg.Outage(target=target, start=f"2026-03-02T{start}Z", end=f"2026-03-02T{end}Z", **fields)]
    )


def test_an_outage_by_hand() -> None:
    """Two calls, one of them by fallback from the dear deployment, each figure computed by hand."""
    run = tg.replay(config(DEAR, CHEAP), trace("13:00", "15:00"), outage("a", "14:00", "16:00"))
    dear = 1000 * 2e-6 + 100 * 8e-6
    cheap = 1000 * 0.15e-6 + 100 * 0.6e-6
    figures = run.summary()
    assert run.calls["cost_usd"].tolist() == [dear, pytest.approx(cheap, abs=1e-18)]
    assert figures["cost_usd"] == pytest.approx(dear + cheap, rel=1e-12)
    assert figures["cost_per_1000_calls_usd"] == pytest.approx(500 * (dear + cheap), rel=1e-12)
    assert figures["cost_per_served_call_usd"] == pytest.approx((dear + cheap) / 2, rel=1e-12)
    assert figures["failed_attempts_input_usd"] == 0.002
    assert figures["failed_attempts_all_usd"] == dear
    assert figures["attempts_of_unknown_cost"] == 0
    assert figures["baseline_cost_usd"] == 2 * dear


def test_each_attempt_has_its_own_instant() -> None:
    """Of an answer that crosses into a dear band the end, the start or the arrival decides, as one says."""
    slow = tg.Scenario(faults=[tg.Latency(target="a", median_s=60)])
    price = {"per_call": 1.0, "bands": [MORNING]}
    run = tg.replay(config(price), trace("05:59:30"), slow)
    paid = {at: run.bill("1h", charged_at=at) for at in ("completion", "start", "arrival")}
    assert {at: float(frame["a"].sum()) for at, frame in paid.items()} == {
        "completion": 2.0,
        "start": 1.0,
        "arrival": 1.0,
    }
    assert paid["completion"].index[0].hour == 6
    assert paid["arrival"].index[0].hour == 5
    fallback = tg.replay(config(price, price), trace("05:59:30"), outage("a", "05:00", "06:30", after_s=60.0))
    costs = {at: float(fallback.bill(charged_at=at).sum().sum()) for at in ("completion", "start", "arrival")}
    assert costs == {"completion": 2.0, "start": 2.0, "arrival": 1.0}


def test_bounds_of_failed_attempts() -> None:
    """A failed attempt costs nothing, its input, or all: the bill says which, by deployment."""
    run = tg.replay(config(DEAR, CHEAP), trace("15:00"), outage("a", "14:00", "16:00"))
    paid = [run.bill(failed=bound, exact=True)["a"].sum() for bound in ("nothing", "input", "all")]
    assert paid == [0, 2 * 10**9, 28 * 10**8]


times = st.lists(st.integers(0, 24 * 3600 * 10**6 - 1), min_size=1, max_size=30).map(sorted)
START_US = to_us("2026-03-02T00:00Z", "start")


@settings(max_examples=30, deadline=None)
@given(
    at_us=times,
    seed=st.integers(0, 99),
    rate=st.sampled_from([0.0, 0.5]),
    closed=st.booleans(),
    known=st.booleans(),
    charged_at=st.sampled_from(["completion", "start", "arrival"]),
    failed=st.sampled_from(["nothing", "input", "all"]),
    freq=st.sampled_from(["7min", "1h", "1D"]),
)
def test_sums_agree(
    at_us: list[int], seed: int, rate: float, closed: bool, known: bool, charged_at: Any, failed: Any, freq: str
) -> None:
    """The sums by deployment, bin, call and attempt are the same to the last pico-dollar."""
    fields = {"time_constraints": [["10:00", "14:00"]]} if closed else {}
    gateway = config({**DEAR, "bands": [MORNING]}, CHEAP, {"per_call": 0.0001} if known else None, **fields)
    tokens = np.arange(len(at_us), dtype=np.int64) * 991 % 5003
    calls = tg.Trace.from_arrays(np.array(at_us) + START_US, None, (), tokens, 2 * tokens)
    faults: list[Any] = [tg.ErrorRate(target="a", rate=rate), tg.ErrorRate(target="b", rate=rate)]
    run = tg.replay(gateway, calls, tg.Scenario(faults=[*faults, tg.Latency(target="a", median_s=30)], seed=seed))
    paid_in, paid_out = (column.tolist() for column in run.ledger.of_attempts(charged_at))
    attempts = run.attempts
    each = []
    for one, other, ok in zip(paid_in, paid_out, attempts["outcome"] == "ok", strict=True):
        whole = None if one < 0 or other < 0 else one + other
        each.append(whole if ok or failed == "all" else 0 if failed == "nothing" else None if one < 0 else one)
    frame = run.bill(freq, charged_at=charged_at, failed=failed, exact=True)
    cells = frame.to_numpy().ravel().tolist()
    assert sum(value for value in cells if value is not None) == sum(cost for cost in each if cost is not None)
    for name in frame:
        mine = [cost for cost, whom in zip(each, attempts["deployment"], strict=True) if whom == name]
        known = [cost for cost in mine if cost is not None]
        missing = [None] * len(frame) if mine and not known else None
        assert frame[name].tolist() == missing or sum(frame[name].tolist()) == sum(known)
    of_calls = run.ledger.of_calls().tolist()
    answers = {
        int(call): cost
        for call, cost, ok in zip(attempts["call"], each, attempts["outcome"] == "ok", strict=True)
        if ok
    }
    if charged_at == "completion":
        assert of_calls == [-1 if answers.get(call, 0) is None else answers.get(call, 0) for call in range(len(at_us))]


def test_bins_are_those_of_the_instants_charged() -> None:
    """An attempt stands in the bin of its end, though its call arrived in the one before."""
    slow = tg.Scenario(faults=[tg.Latency(target="a", median_s=60)])
    run = tg.replay(config({"per_call": 1.0}), trace("05:59:30", "09:00"), slow)
    assert run.bill("1h")["a"].tolist() == [1.0, 0.0, 0.0, 1.0]
    assert run.bill("1h").index[0] == pd.Timestamp("2026-03-02T06:00Z")
    assert run.bill("1h", charged_at="arrival").index[0] == pd.Timestamp("2026-03-02T05:00Z")


def test_attempts_say_what_each_costs() -> None:
    """The table of attempts has the cost of input and of output, of a failed one what it would be."""
    run = tg.replay(config({**DEAR, "per_call": 0.5}, CHEAP), trace("15:00"), outage("a", "14:00", "16:00"))
    table = run.attempts
    assert table["input_cost_usd"].tolist() == pytest.approx([0.502, 0.00015], rel=1e-12)
    assert table["output_cost_usd"].tolist() == pytest.approx([0.0008, 0.00006], rel=1e-12)


def test_the_baseline_has_the_first_choices() -> None:
    """A closed dear deployment is cheaper than the baseline, in which it serves."""
    gateway = tg.GatewayConfig(
        deployments=[
            {"model_name": "a", "model": "sim/a", "price": DEAR, "time_constraints": [["22:00", "06:00"]]},
            {"model_name": "b", "model": "sim/b", "price": CHEAP},
        ]
    )
    figures = tg.replay(gateway, trace("00:30", "15:00")).summary()
    assert figures["cost_usd"] == pytest.approx(0.0028 + 0.00021, rel=1e-12)
    assert figures["baseline_cost_usd"] == 2 * 0.0028


def test_a_fallback_starts_cold() -> None:
    """The first choice has cached tokens in its cache; another writes them, or takes them as new."""
    price = {**DEAR, "cached_input_per_mtok": 0.2, "cache_write_per_mtok": 2.5}
    calls = trace("13:00", "15:00", cached_tokens=900)
    run = tg.replay(config(price, price), calls, outage("a", "14:00", "16:00"))
    answer = 100 * 8e-6
    warm, cold = (100 * 2e-6 + 900 * rate * 1e-6 + answer for rate in (0.2, 2.5))
    assert run.calls["cost_usd"].tolist() == pytest.approx([warm, cold], rel=1e-12)
    assert run.summary()["baseline_cost_usd"] == pytest.approx(2 * warm, rel=1e-12)


def test_cached_tokens_are_part_of_the_prompt() -> None:
    """More cached tokens than the prompt has are a mistake of the trace; they travel with it."""
    with pytest.raises(TraceError, match=r"cached_tokens\[0\] must not be more than the prompt_tokens"):
        trace("13:00", cached_tokens=1001)
    calls = trace("13:00", "14:00", cached_tokens=[5, 6])
    assert tg.Trace(calls.frame).fingerprint == calls.fingerprint
    assert tg.Trace.concat(
        [calls, calls.__class__(calls.frame.assign(at=["2026-03-03T00:00Z"] * 2))]
    ).cached_tokens.tolist() == [5, 6, 5, 6]
    assert calls.fingerprint != trace("13:00", "14:00").fingerprint
    assert set(scaled(calls, 2.0).cached_tokens.tolist()) == {5, 6}


def test_unknown_is_counted_and_never_nothing() -> None:
    """Answers of a deployment without a price are missing in tables, left out of sums, and counted."""
    run = tg.replay(config(DEAR, None), trace("13:00", "15:00"), outage("a", "14:00", "16:00"))
    figures = run.summary()
    assert run.calls["cost_usd"].isna().tolist() == [False, True]
    assert (figures["cost_usd"], figures["attempts_of_unknown_cost"]) == (0.0028, 1)
    assert figures["cost_per_1000_calls_usd"] == 2.8  # of the call whose cost is known
    assert run.bill()["b"].isna().all()
    assert run.bill(exact=True)["b"].tolist() == [None] * 3  # hours
    nobody = tg.replay(config(None, DEAR), trace("13:00")).summary()
    assert math.isnan(nobody["cost_usd"])
    assert math.isnan(nobody["cost_per_1000_calls_usd"])


def test_a_trace_without_tokens() -> None:
    """What is paid by token is unknown, which is said once; a price per call applies."""
    calls = tg.Trace(["2026-03-02T13:00Z"])
    run = tg.replay(config(DEAR), calls)
    with pytest.warns(TimegateWarning, match="no prompt_tokens and no completion_tokens") as caught:
        figures = run.summary()
    assert len(caught) == 1
    assert figures["attempts_of_unknown_cost"] == 1
    assert run.bill()["a"].isna().all()  # and says nothing more
    assert tg.replay(config({"per_call": 0.01}), calls).summary()["cost_usd"] == 0.01


def test_some_rows_without_tokens() -> None:
    """A row without a count has an unknown cost; the others are known."""
    run = tg.replay(config(DEAR), trace("13:00", "14:00", prompt_tokens=[1000, None]))
    assert run.summary()["attempts_of_unknown_cost"] == 1
    assert run.summary()["cost_usd"] == 0.0028


def test_without_prices_nothing_is_said_of_money() -> None:
    """A config without prices has no column, no figure and no hash of them, and a bill is an error."""
    run = tg.replay(config(None), trace("13:00"))
    assert not [name for name in (*run.calls, *run.summary().index) if "cost" in name]
    assert "price_hash" not in run.provenance
    with pytest.raises(ReplayError, match="no deployment says a price"):
        run.bill()


@pytest.mark.parametrize(("option", "given_"), [("charged_at", "end"), ("failed", "inputs"), ("freq", "month")])
def test_bad_options(option: str, given_: str) -> None:
    """An unknown word is refused by the name of its option."""
    run = tg.replay(config(DEAR), trace("13:00"))
    with pytest.raises(ReplayError, match=option):
        run.bill(**{option: given_})


def test_the_currency_is_a_label() -> None:
    """Columns and figures are named by it, and the amounts are as they stand."""
    run = tg.replay(config({**DEAR, "currency": "CNY"}), trace("13:00"))
    assert run.calls["cost_cny"].tolist() == [0.0028]
    assert run.summary()["baseline_cost_cny"] == 0.0028


def test_prices_have_a_hash_of_their_own() -> None:
    """Two configs that differ in a price alone route alike, and their results say which prices they had."""
    runs = [tg.replay(config(price), trace("13:00")) for price in (DEAR, CHEAP, DEAR)]
    hashes = [run.provenance["price_hash"] for run in runs]
    assert hashes[0] == hashes[2] != hashes[1]
    assert len({run.provenance["config_hash"] for run in runs}) == 1


def test_compare_has_the_cost() -> None:
    """Two schedules side by side have what they cost, and the difference."""
    runs = [tg.replay(config(price), trace("13:00")) for price in (DEAR, CHEAP)]
    row = tg.compare(*runs).loc["cost_usd"]
    assert row["difference"] == pytest.approx(0.00021 - 0.0028)


def test_bins_of_a_bill_begin_at_local_midnights() -> None:
    """A day is that of the zone, half an hour off UTC's hours too; sums stay, and bands hold as before."""
    priced = config(DEAR | {"bands": [MORNING]})
    run = tg.replay(priced, trace("02:00", "11:00", "18:29", "18:31"))
    local = run.bill("1D", tz="Asia/Kolkata")
    assert local.index.tolist() == [pd.Timestamp(f"2026-03-0{day}", tz="Asia/Kolkata") for day in (2, 3)]
    assert local["a"].tolist() == pytest.approx([0.0028 * 4, 0.0028])
    assert local["a"].sum() == pytest.approx(run.bill("1D")["a"].sum())
    assert run.bill("5h").index[0] == pd.Timestamp("2026-03-02T00:00Z")
    assert run.bill("5h", tz="Asia/Kolkata").index[0] == pd.Timestamp("2026-03-02T05:00", tz="Asia/Kolkata")
    with pytest.raises(WindowError, match="tz must be an IANA zone"):
        run.bill(tz="Mars/Olympus")
