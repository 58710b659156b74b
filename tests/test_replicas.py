"""What many random days give: their means, what is certain of them, and differences."""

from __future__ import annotations

import math

import pytest
from test_monte_carlo import CONFIG, OPEN, STORMY, TRAFFIC

import timegate as tg
from timegate.errors import ReplayError


def test_confidence_interval_covers_as_often_as_it_says() -> None:
    """Of 200 intervals of 90 %, about 180 contain the closed form."""
    scenario = tg.Scenario(faults=[tg.ErrorRate(target="a", rate=0.5), tg.ErrorRate(target="b", rate=0.5)])
    traffic = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=200)
    covered = 0
    for seed in range(200):
        row = tg.monte_carlo(OPEN, traffic, scenario, replicas=40, seed=seed).summary(0.9).loc["availability"]
        covered += row["ci_low"] <= 0.75 <= row["ci_high"]
    assert abs(covered - 180) <= 5 * math.sqrt(200 * 0.9 * 0.1)


def test_compare_pairs_the_replicas() -> None:
    """The paired difference is the difference of the means, with a far narrower interval than unpaired."""
    data = CONFIG.to_dict()
    del data["deployments"][0]["time_constraints"]
    now = tg.monte_carlo(CONFIG, TRAFFIC, STORMY, replicas=60, seed=1)
    other = tg.monte_carlo(tg.GatewayConfig.model_validate(data), TRAFFIC, STORMY, replicas=60, seed=1)
    paired = now.compare(other).loc["share[strong]"]
    a, b = (days.replicas["share[strong]"] for days in (now, other))
    assert paired["mean"] == pytest.approx(b.mean() - a.mean())
    assert paired["std"] < 0.8 * math.sqrt(a.var() + b.var())


def test_compare_takes_an_absent_deployment_for_one_that_serves_nobody() -> None:
    """A deployment of one side alone counts with a share of 0 on the other."""
    traffic = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=100)
    alone = tg.GatewayConfig(deployments=[{"model_name": "b", "model": "acme/m"}])
    paired = tg.monte_carlo(OPEN, traffic, replicas=3).compare(tg.monte_carlo(alone, traffic, replicas=3))
    assert paired.loc["share[a]", "mean"] == -1
    assert paired.loc["share[b]", "mean"] == 1


def test_compare_refuses_what_is_not_paired() -> None:
    """Other seeds or other traffic are an error that names the difference."""
    one = tg.monte_carlo(CONFIG, TRAFFIC, replicas=2, seed=1)
    with pytest.raises(ReplayError, match="not paired: seed is 1 here and 2 there"):
        one.compare(tg.monte_carlo(CONFIG, TRAFFIC, replicas=2, seed=2))
    with pytest.raises(ReplayError, match="traffic_hash"):
        one.compare(tg.monte_carlo(CONFIG, TRAFFIC.model_copy(update={"calls": 9.0}), replicas=2, seed=1))
