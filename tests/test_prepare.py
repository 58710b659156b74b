"""What every kind of run checks: each warning once, whichever run it is, and at the line of the caller."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import timegate as tg
from timegate.errors import InvalidTypeError, ReplayError, ScenarioError

CONFIG = tg.GatewayConfig(
    deployments=[{"model_name": "strong", "model": "sim/large"}, {"model_name": "weak", "model": "sim/small"}]
)
LIMITED = tg.GatewayConfig(
    deployments=[{"model_name": "weak", "model": "sim/small", "policy": {"limits": {"concurrent": 9}}}]
)
FRAME = pd.DataFrame(
    {
        "at": pd.date_range("2026-03-02T09:00Z", periods=6, freq="1min"),
        "model_preference": ["waek", "weak", None, "waek", "weak", "waek"],
        "completion_tokens": pd.array([10, None, 10, None, 10, 10], "Int64"),
    }
)
LENGTHS = tg.Scenario(faults=[tg.TokenLatency(target="weak", first_token_s=0.1, tokens_per_s=100)])
EARLY = tg.Scenario(faults=[tg.Outage(target="weak", start="2026-03-01T09:00Z", end="2026-03-01T10:00Z")])


def traced(config: tg.GatewayConfig, frame: pd.DataFrame, scenario: Any) -> None:
    tg.replay(config, tg.Trace(frame), scenario)


def streamed(config: tg.GatewayConfig, frame: pd.DataFrame, scenario: Any) -> None:
    tg.replay_stream(config, [frame[:2], frame[2:4], frame[4:]], scenario)


def sampled(config: tg.GatewayConfig, frame: pd.DataFrame, scenario: Any) -> None:
    tg.monte_carlo(config, tg.Trace(frame), scenario, replicas=3)


def stepped(config: tg.GatewayConfig, frame: pd.DataFrame, scenario: Any) -> None:
    tg.replay(config, tg.Trace(frame), scenario, engine="stepped")


def travelled(config: tg.GatewayConfig, frame: pd.DataFrame, scenario: Any) -> None:
    tg.replay(config, tg.Trace(frame), scenario, engine="travel")


RUNS = pytest.mark.parametrize("run", [traced, streamed, sampled, stepped, travelled])
Run = Callable[[tg.GatewayConfig, pd.DataFrame, Any], None]


@RUNS
@pytest.mark.parametrize("config", [CONFIG, LIMITED], ids=["alone", "in order"])
@pytest.mark.parametrize(
    ("scenario", "text"),
    [
        (None, "the preference for 'waek', which is not a deployment, is passed over. Did you mean 'weak'?"),
        (LENGTHS, "some calls have no completion_tokens: their token_latency is that of an answer of 0 tokens."),
        (
            tg.Scenario(faults=[tg.Capacity(target="weak", tokens_per_min=9)]),
            "some calls have no prompt_tokens or no completion_tokens: limits of tokens a minute count them as 0.",
        ),
        (EARLY, "no outage of 'weak' meets the calls, which arrive from 2026-03-02 09:00"),
    ],
)
def test_a_warning_is_given_once(run: Run, config: tg.GatewayConfig, scenario: Any, text: str) -> None:
    """However many calls, parts or replicas it concerns; it points at who called this package."""
    frame = FRAME if scenario is None else FRAME.drop(columns="model_preference")
    with pytest.warns(tg.TimegateWarning) as caught:
        run(config, frame, scenario)
    assert [str(warning.message).startswith(text) for warning in caught] == [True]
    assert Path(caught[0].filename) == Path(__file__)


@RUNS
@pytest.mark.parametrize(
    "known", [{}, {"cached_tokens": pd.array([1, None, 0, 2, 2, 2], "Int64")}], ids=["none", "some"]
)
def test_cached_input_that_is_not_known_is_said_once(run: Run, known: dict[str, Any]) -> None:
    """Whole prompts count then; nothing is said where all is known, or no capacity asks."""
    frame = FRAME[["at"]].assign(prompt_tokens=3, completion_tokens=1, **known)
    aware, plain = (
        tg.Scenario(faults=[tg.Capacity(target="weak", tokens_per_min=9, cache_aware=cache_aware)])
        for cache_aware in (True, False)
    )
    with pytest.warns(tg.TimegateWarning) as caught:
        run(CONFIG, frame, aware)
    text = "some calls have no cached_tokens: cache-aware capacities count all of their prompts."
    assert [str(warning.message) for warning in caught] == [text]
    assert Path(caught[0].filename) == Path(__file__)
    run(CONFIG, frame, plain)
    run(CONFIG, frame.assign(cached_tokens=2), aware)


@RUNS
def test_what_is_missing_is_said_alike(run: Run) -> None:
    """Unknown lengths of answers, targets that are not there and values of other types are the same errors in all."""
    with pytest.raises(ReplayError, match=r"^the scenario has a token_latency: the calls need completion_tokens\.$"):
        run(CONFIG, FRAME[["at"]], LENGTHS)
    with pytest.raises(ScenarioError, match="'strnog'"):
        run(CONFIG, FRAME[["at"]], tg.Scenario(faults=[tg.ErrorRate(target="strnog", rate=0.5)]))
    with pytest.raises(InvalidTypeError, match=r"^scenario must be a Scenario"):
        run(CONFIG, FRAME[["at"]], {"faults": []})


def test_a_process_is_asked_as_a_trace() -> None:
    """What traffic is drawn from says whom it prefers and when it arrives."""
    traffic = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=50, preferences={"waek": 0.5})
    with pytest.warns(tg.TimegateWarning) as caught:
        tg.monte_carlo(CONFIG, traffic, EARLY, replicas=2)
    assert [str(warning.message).partition(",")[0] for warning in caught] == [
        "the preference for 'waek'",
        "no outage of 'weak' meets the calls",
    ]


def test_limits_of_the_gateway_count_tokens_that_are_known() -> None:
    """A limit of the gateway's own warns as a capacity does; not where all lengths are known, or none is counted."""
    limited = CONFIG.edited(weak={"policy": {"limits": {"tokens_per_min": 9}}})
    at = pd.date_range("2026-03-02T09:00Z", periods=2, freq="1min")
    with pytest.warns(tg.TimegateWarning, match="limits of tokens a minute count them as 0"):
        tg.replay(limited, tg.Trace(pd.DataFrame({"at": at, "prompt_tokens": [3, 4]})))
    known = tg.Trace(pd.DataFrame({"at": at, "prompt_tokens": [3, 4], "completion_tokens": [0, 1]}))
    for config, trace in ((limited, known), (CONFIG, tg.Trace(at))):
        assert len(tg.replay(config, trace).calls) == 2
