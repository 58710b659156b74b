"""The compiled engine gives what the stepped engine gives, bit for bit."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st

import timegate as tg
from tests.strategies import Case, cases, examples
from timegate.core.deployment import Deployment
from timegate.core.policy import NEVER
from timegate.core.router import Router
from timegate.engines import compiled, compiling, travel
from timegate.errors import InvalidValueError
from timegate.gateway.records import CallRecord


def assert_engines_agree(case: Case) -> None:
    stepped = tg.replay(*case, engine="stepped")
    fast = tg.replay(*case, engine="compiled")
    pd.testing.assert_frame_equal(fast.calls, stepped.calls, check_exact=True)
    pd.testing.assert_frame_equal(fast.attempts, stepped.attempts, check_exact=True)
    pd.testing.assert_frame_equal(fast.skips, stepped.skips, check_exact=True)
    pd.testing.assert_frame_equal(fast.cooldowns, stepped.cooldowns, check_exact=True)


@pytest.mark.filterwarnings("ignore::timegate.TimegateWarning")
@examples(500, suppress_health_check=list(HealthCheck))
@given(case=cases(latencies=True), chunk=st.sampled_from([1, 7, 64, 1 << 18]))
def test_differential(case: Case, chunk: int) -> None:
    """Every column of calls and attempts is equal, on random cases and in any chunking.

    ``TIMEGATE_EXAMPLES=100000 python -m pytest tests/test_compiled.py -k differential`` tries more.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "_CHUNK", chunk)
        assert_engines_agree(case)


@pytest.mark.filterwarnings("ignore::timegate.TimegateWarning")
@pytest.mark.parametrize("policy", ["own", "shared"])
def test_differential_of_policies(policy: str) -> None:
    """The same with random policies, of each call by itself, and of what calls share: cooldowns, limits, capacities."""

    @examples(500, suppress_health_check=list(HealthCheck))
    @given(case=cases(latencies=True, policy=policy), chunk=st.sampled_from([1, 7, 64, 1 << 18]))
    def differ(case: Case, chunk: int) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compiled, "_CHUNK", chunk)
            assert_engines_agree(case)

    differ()


def test_differential_of_work_that_nobody_waits_for() -> None:
    """A retry storm: abandoned work ends long after its call, whose place in memory another call has by then."""
    config = tg.GatewayConfig(
        deployments=[{"model_name": "d0", "model": "sim/m"}],
        policy={"timeout_s": 5, "max_retries": 1, "retry_on": ["timeout"], "cooldown": {"failures": 500, "for_s": 3}},
    )
    faults = [tg.Latency(target="d0", median_s=1, p99_s=4), tg.Capacity(target="d0", concurrent=10, queue=60)]
    assert_engines_agree(Case(config, arrivals(2000, "80ms"), tg.Scenario(faults=faults)))


@pytest.mark.parametrize("when_all_cool", ["pass_over", "wait", "use"])
@pytest.mark.parametrize("start", ["1969-12-31T00:00Z", "2026-03-02T00:00Z"])
def test_what_follows_when_all_cool_before_and_after_1970(start: str, when_all_cool: str) -> None:
    """Instants before 1970 are negative, and no less instants for that."""
    policy = {"cooldown": {"failures": 1, "for_s": 1}, "when_all_cool": when_all_cool}
    config = tg.GatewayConfig(deployments=[{"model_name": "d0", "model": "sim/m"}], policy=policy)
    begin = pd.Timestamp(start)
    outage = tg.Outage(target="d0", start=start, end=(begin + pd.Timedelta("1ms")).isoformat())
    case = Case(config, tg.Trace(begin + pd.to_timedelta([0, 10, 2000], "ms")), tg.Scenario(faults=[outage]))
    assert_engines_agree(case)
    calls = tg.replay(*case).calls
    second = "shed" if when_all_cool == "pass_over" else "first_choice"
    assert calls["outcome"].tolist() == ["failed", second, "first_choice"]
    assert calls["latency_s"].tolist() == [0, {"wait": 0.99}.get(when_all_cool, 0), 0]


@pytest.mark.filterwarnings("ignore::timegate.TimegateWarning")
@pytest.mark.parametrize("policy", ["none", "own", "shared"])
def test_differential_of_the_live_gateway(policy: str) -> None:
    """The live gateway in virtual time, blocking and awaiting, gives what the stepped engine gives.

    So do the records of its calls tell who was passed over, why, and who cools until when.
    """

    @examples(500, suppress_health_check=list(HealthCheck))
    @given(case=cases(latencies=True, policy=policy, max_size=60))
    def differ(case: Case) -> None:
        assume(all(terms.first_chunk_us == NEVER for terms in case.config.router().terms))  # of streams
        stepped = tg.replay(*case, engine="stepped")
        live, heard = travel.gateway(stepped.router, case.scenario), list[CallRecord]()
        for run in (
            tg.replay(*case, engine="travel"),
            tg.replay(live.acall, case.trace, case.scenario),
        ):
            pd.testing.assert_frame_equal(run.calls, stepped.calls, check_exact=True)
            pd.testing.assert_frame_equal(run.attempts, stepped.attempts, check_exact=True)
        if any(getattr(fault, "cache_aware", False) for fault in case.scenario.faults):
            return  # of the function below nobody knows whose cache is warm
        live._observers = (heard.append,)
        tg.replay(lambda model_preference=None: live(model_preference=model_preference), case.trace, case.scenario)
        calls = [record._call for record in heard]
        assert len(calls) == len(case.trace)
        assert sorted((call.at_us, *skip[:3]) for call in calls for skip in call.skips) == sorted(
            (int(case.trace.at_us[number]), *skip) for number, *skip in stepped._log.skips.tolist()
        )
        assert sorted(cooled for call in calls for cooled in call.cools) == sorted(
            (deployment, until_us) for deployment, _, until_us in stepped._log.cooldowns.tolist()
        )

    differ()


FIRST_CHUNKS = [
    # first token, tokens/s, slowdown, error rate: how long the attempt on "d0" takes, and how it ends
    (1.0, 10, 1, 0, 6.0, "ok"),
    (2.0, 10, 1, 0, 7.0, "ok"),
    (2.1, 10, 1, 0, 2.0, "timeout"),
    (1.1, 10, 2, 0, 2.0, "timeout"),
    (1.0, 10, 2, 0, 12.0, "ok"),
    (1.0, 10, 1, 1, 2.0, "timeout"),  # a failure after 3 s: until then nothing came
]


@pytest.mark.parametrize("engine", ["compiled", "stepped"])
@pytest.mark.parametrize("limits", [None, {"concurrent": 5}], ids=["alone", "shared"])
@pytest.mark.parametrize(("first_s", "tokens_per_s", "slowdown", "rate", "lasts_s", "outcome"), FIRST_CHUNKS)
def test_the_first_token_is_the_first_chunk(
    engine: str, limits: Any, first_s: float, tokens_per_s: float, slowdown: float, rate: float, lasts_s: float,
    outcome: str,
) -> None:  # fmt: skip
    """An answer of 50 tokens, whose first chunk may take 2 s; what comes after that has all the time it needs."""
    config = tg.GatewayConfig(deployments=gateway(2).deployments, policy={"first_chunk_s": 2, "limits": limits})
    faults: list[Any] = [tg.TokenLatency(target="d0", first_token_s=first_s, tokens_per_s=tokens_per_s)]
    if slowdown > 1:
        span = {"start": "2026-03-01T00:00Z", "end": "2026-03-03T00:00Z"}
        faults.append(tg.Brownout(target="d0", slowdown=slowdown, error_rate=0, **span))
    if rate:
        faults.append(tg.ErrorRate(target="d0", rate=rate, after_s=3))
    trace = tg.Trace(pd.DataFrame({"at": pd.to_datetime(["2026-03-02T00:00Z"]), "completion_tokens": [50]}))
    run = tg.replay(config, trace, tg.Scenario(faults=faults), engine=engine)
    assert run.attempts[["latency_s", "outcome"]].iloc[0].tolist() == [lasts_s, outcome]


@pytest.mark.parametrize("engine", ["compiled", "stepped"])
def test_the_first_chunk_is_waited_for_in_a_queue(engine: str) -> None:
    """The second call begins after 1.5 s, so that its first token would come at 2.5 s; the third waits still."""
    config = tg.GatewayConfig(deployments=gateway(1).deployments, policy={"first_chunk_s": 2})
    faults = [
        tg.TokenLatency(target="d0", first_token_s=1, tokens_per_s=100),
        tg.Capacity(target="d0", concurrent=1, queue=9),
    ]
    at = pd.to_datetime(["2026-03-02T00:00Z"] * 3)
    trace = tg.Trace(pd.DataFrame({"at": at, "completion_tokens": [50] * 3}))
    run = tg.replay(config, trace, tg.Scenario(faults=faults), engine=engine)
    assert run.attempts[["latency_s", "outcome"]].to_numpy().tolist() == [
        [1.5, "ok"],
        [2.0, "timeout"],
        [2.0, "timeout"],
    ]


def test_calls_that_are_no_streams_have_no_first_chunk() -> None:
    """The travel engine makes such calls, and says so."""
    config = tg.GatewayConfig(deployments=gateway(1).deployments, policy={"first_chunk_s": 2})
    with pytest.warns(tg.TimegateWarning, match="first_chunk_s is passed over"):
        tg.replay(config, arrivals(1), engine="travel")


def gateway(count: int, **windows: list[tuple[str, str]]) -> tg.GatewayConfig:
    names = [f"d{i}" for i in range(count)]
    return tg.GatewayConfig(
        deployments=[{"model_name": n, "model": "sim/m", "time_constraints": windows.get(n, [])} for n in names]
    )


def arrivals(count: int, every: str = "1s") -> tg.Trace:
    return tg.Trace(pd.date_range("2026-03-02T00:00Z", periods=count, freq=every))


def test_more_deployments_than_bits_in_a_word() -> None:
    """A hundred deployments, all but the last failing, are tried in order."""
    scenario = tg.Scenario(faults=[tg.ErrorRate(target=f"d{i}", rate=1.0) for i in range(99)])
    run = tg.replay(gateway(100), arrivals(3), scenario, engine="compiled")
    assert run.calls["served_by"].tolist() == ["d99"] * 3
    assert run.calls["attempts"].tolist() == [100] * 3
    assert_engines_agree(Case(gateway(100), arrivals(3), scenario))


@pytest.mark.parametrize("calls", [1, 2])
def test_few_calls(calls: int) -> None:
    """One call and two calls are served."""
    run = tg.replay(gateway(2), arrivals(calls), engine="compiled")
    assert run.calls["served_by"].tolist() == ["d0"] * calls


def test_outages_that_overlap_and_nest() -> None:
    """The first of the faults that act names the error, wherever outages overlap, nest or touch."""
    spans = [("00:10", "00:40", "timeout"), ("00:20", "00:30", "auth"), ("00:35", "00:50", "connection"),
             ("00:50", "00:55", "server_error"), ("00:10", "00:40", "bad_request")]  # fmt: skip
    scenario = tg.Scenario(
        faults=[
            tg.Outage(target="d0", start=f"2026-03-02T{a}Z", end=f"2026-03-02T{b}Z", error=kind) for a, b, kind in spans
        ]
    )
    case = Case(gateway(1), arrivals(3600), scenario)
    assert_engines_agree(case)
    failed = tg.replay(*case, engine="compiled").attempts.query("outcome != 'ok'")
    minutes = failed.groupby(failed["outcome"].astype(str)).size() / 60
    assert minutes.to_dict() == {"timeout": 30.0, "connection": 10.0, "server_error": 5.0}


def test_fallback_starts_after_the_first_attempt_has_timed_out() -> None:
    """A call that waits out the end of an outage on one deployment is served by the next, which was down too."""
    scenario = tg.Scenario(
        faults=[
            tg.Outage(
                target="provider:sim",
                start="2026-03-02T00:00Z",
                end="2026-03-02T00:00:05Z",
                error="timeout",
                after_s=10,
            ),
            tg.Latency(target="d1", median_s=1.5),
        ]
    )
    run = tg.replay(gateway(2), arrivals(6), scenario, engine="compiled")
    assert run.calls["served_by"].tolist() == ["d1"] * 5 + ["d0"]
    assert run.calls["latency_s"].tolist() == [11.5] * 5 + [0.0]
    assert run.attempts["at"].dt.second.tolist()[:4] == [0, 10, 1, 11]


def test_attempts_at_the_end_of_time() -> None:
    """An attempt that starts after the last instant that rules can name is judged as by the stepped engine."""
    trace = tg.Trace(["2199-12-31T23:59:59Z"])
    scenario = tg.Scenario(
        faults=[tg.ErrorRate(target="d0", rate=1.0, after_s=86_400), tg.Latency(target="d1", median_s=1)]
    )
    assert_engines_agree(Case(gateway(2), trace, scenario))


def test_latencies_of_weeks_are_counted() -> None:
    """Days of failing attempts add up to a latency that the histogram still holds."""
    scenario = tg.Scenario(
        faults=[tg.ErrorRate(target=f"d{i}", rate=1.0, after_s=86_400) for i in range(29)]
        + [tg.Latency(target="d29", median_s=1)]
    )
    config = tg.GatewayConfig(deployments=gateway(30).deployments, policy={"timeout_s": None})
    stream = tg.replay_stream(config, arrivals(2), scenario)
    assert stream.summary()["latency_p50_s"] == pytest.approx(29 * 86_400 + 1, rel=0.004)


def test_a_rate_of_zero_is_no_rule() -> None:
    """An error rate of 0 leaves nothing for an engine to look at."""
    scenario = tg.Scenario(faults=[tg.ErrorRate(target="d0", rate=0.0)])
    assert scenario.injector(gateway(2).router().deployments).rules == ((), ())


def test_too_many_deployments_are_refused() -> None:
    """A router says what its limit is, rather than count deployments wrongly in 16 bits."""
    with pytest.raises(InvalidValueError, match="at most 32,767 deployments"):
        Router([Deployment.of(f"d{i}", "sim") for i in range(32_768)])


def test_index_of_the_frame_is_ignored() -> None:
    """A frame whose index has gaps is replayed as it stands."""
    frame = pd.DataFrame({"at": pd.date_range("2026-03-02T00:00Z", periods=10, freq="1h")})
    gaps = tg.replay(gateway(2), tg.Trace(frame.iloc[::3]))
    assert gaps.calls.index.tolist() == [0, 1, 2, 3]
    assert gaps.calls["at"].tolist() == frame["at"].iloc[::3].tolist()


def test_result_takes_at_most_32_bytes_a_call() -> None:
    """The columns that the engine allocates stay within the bound."""
    run = tg.replay(gateway(2), arrivals(1000), engine="compiled")
    columns = [getattr(run._calls, name) for name in ("served_by", "outcome", "attempts", "latency_us")]
    assert sum(column.nbytes for column in columns) <= 32 * 1000


def test_interrupt_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of a replay is raised, and cancels the chunks that have not begun."""
    begun = []

    def interrupted(plan: object, first: int, *_: object) -> None:
        begun.append(first)
        time.sleep(0.001)
        if first:
            raise KeyboardInterrupt

    monkeypatch.setattr(compiled, "_CHUNK", 10)
    monkeypatch.setattr(compiled, "replay_calls", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tg.replay(gateway(2), arrivals(100_000), engine="compiled")
    assert len(begun) < 10_000  # of so many chunks; how soon the threads hear of it is up to the machine


SAYS = "timegate: compiling {}. That may take a minute, and is kept for later runs.\n"


def test_a_cold_compile_says_so_once(tmp_path: Path) -> None:
    """With an empty cache standard error has one line that says why it takes long; with a warm one, nothing."""
    code = (
        "import timegate as tg; config = tg.GatewayConfig(deployments=[{'model_name': 'a', 'model': 'sim/m'}]);"
        "tg.replay(config, tg.Trace(['2026-03-02T09:00Z'])).calls"
    )
    said = []
    for _ in range(2):
        env = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        said.append(done.stderr)
    assert said == [SAYS.format("the engine for calls by themselves"), ""]


def test_each_engine_that_is_compiled_is_said_once(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Several kernels of one engine are one wait; another engine is another."""
    monkeypatch.setattr(compiling, "_announced", set())
    for what in ("this", "this", "that"):
        compiling._Announcement(what).on_start(None)
    assert capsys.readouterr().err == SAYS.format("this") + SAYS.format("that")


def test_what_is_not_kept_is_not_said_to_be(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Where no folder takes what is compiled, nobody is told that later runs have it."""
    monkeypatch.setattr(compiling, "_announced", set())
    monkeypatch.setattr(compiling, "is_kept", lambda: False)
    compiling._Announcement("this").on_start(None)
    assert capsys.readouterr().err == "timegate: compiling this. That may take a minute.\n"


def test_latencies_have_the_quantiles_asked_for() -> None:
    """Median and 99th percentile of a lognormal latency are those of the fault, within 5 standard errors."""
    scenario = tg.Scenario(faults=[tg.Latency(target="d0", median_s=0.8, p99_s=6.0)], seed=3)
    latency_s = tg.replay(gateway(1), arrivals(100_000), scenario).calls["latency_s"].to_numpy()
    sigma = np.log(6.0 / 0.8) / 2.3263478740408408
    for quantile, expected in ((0.5, 0.8), (0.99, 6.0)):
        z = {0.5: 0.0, 0.99: 2.3263478740408408}[quantile]
        density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi) / sigma / expected
        standard_error = np.sqrt(quantile * (1 - quantile) / len(latency_s)) / density
        assert abs(np.quantile(latency_s, quantile) - expected) < 5 * standard_error
