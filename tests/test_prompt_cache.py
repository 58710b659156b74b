"""Cached input: one rule says whose cache is warm, for bills and for capacities that count no cached input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import timegate as tg
from tests.strategies import Case, cases
from timegate.core import capacity
from timegate.core.capacity import REFUSED, STARTS, Provider
from timegate.core.columns import OK
from timegate.core.policy import NEVER, UNIT
from timegate.core.prompt_cache import cached_at, is_warm
from timegate.engines import stepped, travel
from timegate.engines.ordered import OrderedReplay
from timegate.errors import ScenarioError

ENGINES = ["compiled", "stepped", "travel"]
AT = "2026-03-02T00:00:{:02}Z"
FREE_IF_CACHED = {"input_per_mtok": 1.0, "output_per_mtok": 0.0, "cached_input_per_mtok": 0.0}


def config(*names: str, **fields: Any) -> tg.GatewayConfig:
    return tg.GatewayConfig(deployments=[{"model_name": n, "model": f"sim/{n}", **fields} for n in names])


def calls(count: int, **columns: Any) -> pd.DataFrame:
    """One call a second, of prompts of 1,000 tokens of which 900 are cached, and no answers."""
    columns = {"prompt_tokens": 1000, "completion_tokens": 0, "cached_tokens": 900} | columns
    return pd.DataFrame({"at": [AT.format(second) for second in range(count)], **columns})


def bucket(target: str = "a", tokens_per_min: int = 1000, cache_aware: bool = True, **fields: Any) -> tg.Capacity:
    return tg.Capacity(target=target, tokens_per_min=tokens_per_min, cache_aware=cache_aware, **fields)


def served(run: tg.Replay) -> list[str]:
    return run.calls["served_by"].astype(object).fillna("-").tolist()


def without_the_option(scenario: tg.Scenario) -> tg.Scenario:
    faults = [
        fault.model_copy(update={"cache_aware": False}) if isinstance(fault, tg.Capacity) else fault
        for fault in scenario.faults
    ]
    return scenario.model_copy(update={"faults": tuple(faults)})


def assert_same(run: tg.Replay, other: tg.Replay) -> None:
    pd.testing.assert_frame_equal(run.calls, other.calls, check_exact=True)
    pd.testing.assert_frame_equal(run.attempts, other.attempts, check_exact=True)


def test_the_first_choice_is_warm() -> None:
    """Who else is asked starts cold; columns are judged as numbers are."""
    assert (cached_at(2, 2, 900), cached_at(1, 2, 900)) == (900, 0)
    assert is_warm(np.array([0, 1, 2]), np.array([0, 0, 2])).tolist() == [True, False, True]


def test_a_bucket_counts_the_rest_of_the_prompt() -> None:
    """What is not cached has to fit, with what is reserved for the answer; a refusal says when that will be there."""
    for aware, prompt, verdict in [(1, 1890, REFUSED), (1, 1885, STARTS), (0, 985, STARTS), (0, 986, REFUSED)]:
        provider = Provider(tokens_rate=1000, tokens_full=1000 * UNIT, reserve=15, cache_aware=aware)
        assert capacity.ask([provider], 1, 0, prompt, 900)[0] == verdict
    provider = Provider(tokens_rate=1000, tokens_full=1000 * UNIT, cache_aware=1)
    assert capacity.ask([provider], 1, 0, 1900, 900) == (STARTS, 0, -1)
    assert capacity.ask([provider], 1, 0, 1000, 900) == (REFUSED, 6_000_000, -1)  # 100 tokens at 1,000 a minute


@pytest.mark.parametrize("engine", ENGINES)
def test_a_bucket_by_hand(engine: Any) -> None:
    """A full bucket of 1,000 tokens gains 16.7 a second: it lets 11 calls of 100 tokens through, a second apart.

    After 10 of them 1,000 - 10 * (100 - 16.7) = 167 are left, after 11 only 83. Of whole prompts it takes one.
    """
    for aware, count in [(True, 11), (False, 1)]:
        scenario = tg.Scenario(faults=[bucket(cache_aware=aware)])
        run = tg.replay(config("a"), tg.Trace(calls(12)), scenario, engine=engine)
        assert served(run) == ["a"] * count + ["-"] * (12 - count)
        assert run.attempts["outcome"].tolist() == ["ok"] * count + ["rate_limit"] * (12 - count)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_fallback_counts_the_whole_prompt(engine: Any) -> None:
    """While ``a`` is down, ``b`` takes one prompt a minute; of calls that prefer ``b``, it takes 11."""
    down = tg.Outage(target="a", start=AT.format(0))
    scenario = tg.Scenario(faults=[down, bucket("b")])
    fallen_back = tg.replay(config("a", "b"), tg.Trace(calls(12)), scenario, engine=engine)
    assert served(fallen_back) == ["b"] + ["-"] * 11
    preferring = tg.replay(config("a", "b"), tg.Trace(calls(12, model_preference="b")), scenario, engine=engine)
    assert served(preferring) == ["b"] * 11 + ["-"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_shared_bucket_counts_each_deployment_for_itself(engine: Any) -> None:
    """An account's bucket of 1,100 tokens: a call that falls back takes 1,000 of them, any at ``a`` takes 100."""
    faults = [tg.Outage(target="a", start=AT.format(0), end=AT.format(1)), bucket("provider:sim", 1100)]
    entries = [{"model_name": name, "model": f"sim/{name}"} for name in ("a", "b")]
    scenario = tg.Scenario(faults=faults)
    run = tg.replay(tg.GatewayConfig(deployments=entries), tg.Trace(calls(8)), scenario, engine=engine)
    # At 1 s there are 118 tokens, thereafter 18, and 110 at 6 s.
    assert served(run) == ["b", "a", "-", "-", "-", "-", "a", "-"]


@pytest.mark.parametrize("engine", ENGINES)
def test_each_capacity_counts_in_its_own_way(engine: Any) -> None:
    """Beside a bucket that counts no cached input, another counts whole prompts: 5,000 tokens are 5 of them."""
    scenario = tg.Scenario(faults=[bucket(), bucket(tokens_per_min=5000, cache_aware=False)])
    assert served(tg.replay(config("a"), tg.Trace(calls(8)), scenario, engine=engine)) == ["a"] * 5 + ["-"] * 3


asked = st.tuples(
    st.integers(0, 900), st.sampled_from([0, 0.3, 0.9, 1]), st.sampled_from([None, None, "a", "b", "nobody"])
)


@pytest.mark.filterwarnings("ignore:the preference for 'nobody'")
@settings(max_examples=30, deadline=None)
@given(asked=st.lists(asked, min_size=40, max_size=40), rate=st.sampled_from([300, 1500]), seed=st.integers(0, 99))
def test_buckets_take_what_bills_charge(asked: list[tuple[int, float, str | None]], rate: int, seed: int) -> None:
    """Where new input costs a millionth and cached input nothing, an attempt takes as many tokens as it is charged.

    Hours, weights, preferences and failures decide who is asked; who is warm in the bill, is warm in the bucket.
    """
    gateway = tg.GatewayConfig(
        deployments=[
            {"model_name": name, "model": f"sim/{name}", "price": FREE_IF_CACHED, "priority": 1, **fields}
            for name, fields in {
                "a": {},
                "b": {"time_constraints": [["00:02", "00:03"]]},
                "c": {"prefer_during": [["00:04", "00:05"]]},
            }.items()
        ]
    )
    prompts, shares, preferred = zip(*asked, strict=True)
    cached = [int(prompt * share) for prompt, share in zip(prompts, shares, strict=True)]
    frame = calls(40, prompt_tokens=prompts, cached_tokens=cached, model_preference=preferred)
    frame["at"] = pd.date_range(AT.format(0), periods=40, freq="10s")
    faults = [bucket("a", rate), tg.ErrorRate(target="a", rate=0.3), tg.ErrorRate(target="b", rate=0.5)]
    attempts = tg.replay(gateway, tg.Trace(frame), tg.Scenario(faults=faults, seed=seed)).attempts
    left, before = rate * 60, pd.Timestamp(AT.format(0))  # in sixtieths of a token: whole numbers
    for attempt in attempts[attempts["deployment"] == "a"].itertuples():
        left = min(left + rate * round((attempt.at - before).total_seconds()), rate * 60)
        before, takes = attempt.at, 60 * round(attempt.input_cost_usd * 1e6)
        assert (attempt.outcome == "rate_limit") == (takes > left)
        left -= 0 if attempt.outcome == "rate_limit" else takes


@pytest.mark.filterwarnings("ignore::timegate.TimegateWarning")
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases(latencies=True, policy="shared", max_size=20), size=st.sampled_from([1, 3, 50]))
def test_engines_and_parts_agree(case: Case, size: int) -> None:
    """With a small bucket before every deployment: engines, the live gateway in virtual time, parts of a stream.

    Of random cases those count in which calls fare otherwise if cached input counts.
    """
    full = [bucket(f"provider:{provider}", 300) for provider in {d.provider for d in case.config.deployments}]
    scenario = case.scenario.model_copy(update={"faults": (*case.scenario.faults, *full)})
    run = tg.replay(case.config, case.trace, scenario)
    otherwise = tg.replay(case.config, case.trace, without_the_option(scenario))
    assume(not run.attempts.equals(otherwise.attempts))
    assert_same(tg.replay(case.config, case.trace, scenario, engine="stepped"), run)
    if all(terms.first_chunk_us == NEVER for terms in run.router.terms):  # of streams
        assert_same(tg.replay(case.config, case.trace, scenario, engine="travel"), run)
        assert_same(tg.replay(travel.gateway(run.router, scenario).acall, case.trace, scenario), run)
    frame = case.trace.frame
    parts = [frame.iloc[lo : lo + size] for lo in range(0, len(frame), size)]
    stream = tg.replay_stream(case.config, parts, scenario)
    for name, count in run.outcome_counts().items():
        assert stream.summary()[name] == count


@pytest.mark.parametrize("size", [1, 7, 20])
def test_calls_that_outlast_their_part_keep_what_is_cached(size: int) -> None:
    """A call that was refused asks again after a pause, by which time parts of the trace have come and gone."""
    cached = np.random.default_rng(1).integers(0, 1000, 60)
    patient = config("a", policy={"max_retries": 4, "retry_on": ["rate_limit"], "backoff": {"initial_s": 2}})
    frame, router = calls(60, cached_tokens=cached), patient.router()
    injector = tg.Scenario(faults=[bucket(tokens_per_min=5000)]).injector(router.deployments)
    _, whole, _ = stepped.run(router, tg.Trace(frame), injector)
    assert (whole.outcome[whole.attempt > 1] == OK).any()
    replay = OrderedReplay(router, injector, keeps_attempts=True)
    ended = [part for lo in range(0, 60, size) for part in replay.add(tg.Trace(frame.iloc[lo : lo + size]))]
    ended += replay.finish()
    for name, column in whole._asdict().items():
        np.testing.assert_array_equal(np.concatenate([getattr(part.attempts, name) for part in ended]), column)


def test_every_road_takes_it(tmp_path: Path) -> None:
    """Files, comparisons, random days and sweeps."""
    trace, aware = tg.Trace(calls(12)), tg.Scenario(faults=[bucket()], seed=3)
    for name in ("day.yaml", "day.json"):
        aware.save(tmp_path / name)
        assert tg.Scenario.load(tmp_path / name) == aware
    assert "cache aware True" in aware._repr_html_()
    run, other = (tg.replay(config("a"), trace, scenario) for scenario in (aware, without_the_option(aware)))
    assert aware.fingerprint != without_the_option(aware).fingerprint
    assert tg.compare(other, run).loc["availability", "difference"] == pytest.approx(10 / 12)
    days = tg.monte_carlo(config("a"), trace, aware, replicas=2)
    assert days.replicas["first_choice"].tolist() == [11, 11]
    down = tg.Outage(target="a", start=AT.format(11), end=AT.format(12))
    for scenario, unserved in ((aware, 2), (without_the_option(aware), 13)):
        bad = scenario.model_copy(update={"faults": (*scenario.faults, down)})
        assert tg.sweep(config("a"), tg.Trace(calls(14)), bad, load=[1.0], window="1s")["unserved"].tolist() == [
            unserved
        ]


@pytest.mark.filterwarnings("ignore")  # distributed's own
def test_a_cluster_takes_it() -> None:
    """Workers that take turns count what is left as one process does."""
    distributed = pytest.importorskip("distributed")
    frame, scenario = calls(12), tg.Scenario(faults=[bucket()])
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        there = tg.replay_stream(config("a"), [frame[:5], frame[5:]], scenario, client=client)
    assert there.summary()[["first_choice", "failed"]].tolist() == [11, 1]


@pytest.mark.parametrize("engine", ENGINES)
def test_without_it_nobody_reads_the_column(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no capacity asks for costs nothing, and changes nothing."""
    unread = property(lambda trace: pytest.fail("the column was read"))
    monkeypatch.setattr(tg.Trace, "cached_question_tokens", unread)
    scenario = tg.Scenario(faults=[bucket(cache_aware=False)])
    run = tg.replay(config("a"), calls(3), scenario, engine=engine)
    plain = tg.replay(config("a"), calls(3).drop(columns="cached_tokens"), scenario, engine=engine)
    assert_same(run, plain)


def test_cached_tokens_that_are_not_known_or_too_many() -> None:
    """They count as none, and never as more than the prompt."""
    assert tg.Trace(["2026-03-02T09:00Z"]).cached_question_tokens.tolist() == [0]
    columns = (np.array(values) for values in ([5, 5, 5, 5], [10, 10, -1, 10], [4, -1, 3, 12]))
    trace = tg.Trace.from_arrays(np.arange(4), None, (), *columns)
    assert trace.cached_question_tokens.tolist() == [4, 0, 0, 10]


def test_a_router_of_others_that_names_nobody() -> None:
    """Its first choices are not known while it is replayed, so that whole prompts count; that is said."""
    scenario = tg.Scenario(faults=[bucket()])
    model = scenario.model("a")
    with pytest.warns(tg.TimegateWarning, match="^cache-aware capacities count all of each prompt here"):
        run = tg.replay(lambda model_preference=None: model(), tg.Trace(calls(3)), scenario)
    assert run.attempts["outcome"].tolist() == ["ok", "rate_limit", "rate_limit"]


class Named:
    """A router of somebody else's that names its deployments, as msgflux's does."""

    model_names = ("a", "b")

    def __init__(self, scenario: tg.Scenario) -> None:
        self.models = tuple(scenario.model(name) for name in self.model_names)

    def __call__(self, model_preference: str | None = None) -> Any:
        try:
            return self.models[0]()
        except tg.ModelCallError:
            return self.models[1]()


def test_a_router_of_others_that_names_its_deployments() -> None:
    """The first of them is warm, and the other cold."""
    scenario = tg.Scenario(faults=[bucket("a"), bucket("b")])
    run = tg.replay(Named(scenario), tg.Trace(calls(13)), scenario)
    assert served(run) == ["a"] * 11 + ["b", "a"]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"concurrent": 1, "cache_aware": True}, r"cache_aware goes with tokens_per_min, which is missing\.$"),
        ({"tokens_per_min": 9, "cache_aware": "yes"}, "cache_aware must be .*Got 'yes'"),
        ({"tokens_per_min": 9, "cache_aware": 1}, "cache_aware must be .*Got 1"),
        ({"tokens_per_min": 9, "cache_awre": True}, "Did you mean 'cache_aware'"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], text: str) -> None:
    """It is a truth value, and nothing without a bucket of tokens."""
    with pytest.raises(ScenarioError, match=text):
        tg.Scenario(faults=[tg.Capacity(target="a", **fields)])
