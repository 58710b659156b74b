"""Sweeps over load and length of outage."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import timegate as tg
from timegate.errors import ReplayError
from timegate.runs.sweep import SWEEP_COLUMNS
from timegate.traffic.scaling import scaled

CONFIG = tg.GatewayConfig(
    deployments=[{"model_name": "strong", "model": "sim/large"}],
    policy={"timeout_s": 5, "max_retries": 1, "retry_on": ["timeout", "server_error"], "backoff": {"jitter": "none"}},
)
TRACE = tg.PoissonTraffic(start="2026-03-02T09:00Z", rates=[1], bin_s=900, calls=4500).trace(1)
SCENARIO = tg.Scenario(
    faults=[
        tg.Latency(target="strong", median_s=1),
        tg.Capacity(target="strong", concurrent=10, queue=60),
        tg.Outage(target="strong", start="2026-03-02T09:05Z", end="2026-03-02T09:05:10Z", error="timeout", after_s=5),
    ]
)


SPAN = {"start": "2026-03-02T09:02Z", "end": "2026-03-02T09:12Z"}
CHANCE = tg.Scenario(faults=[tg.RandomOutages(target="strong", mtbf_s=60, mttr_s=5, **SPAN)], seed=3)
LATE = tg.Scenario(faults=[tg.Outage(target="strong", start="2026-03-03T09:00Z", end="2026-03-03T10:00Z")])


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return tg.sweep(CONFIG, TRACE, SCENARIO, load=[0.5, 1.8], outage_s=[1, 60])


def test_a_heavy_system_does_not_come_back(table: pd.DataFrame) -> None:
    """At half the load all outages pass; near what it can carry, the longer one leaves a storm behind."""
    assert tuple(table) == SWEEP_COLUMNS
    assert table[["load", "outage_s"]].to_numpy().tolist() == [[0.5, 1], [0.5, 60], [1.8, 1], [1.8, 60]]
    assert table["comes_back"].tolist() == [True, True, True, False]
    assert np.isnan(table["recovery_s"].iloc[3])
    assert table["served_after"].iloc[3] < 0.1 < 0.9 < table["served_after"].iloc[1]


def test_a_cell_is_a_replay_of_its_own(table: pd.DataFrame) -> None:
    """Load 1.8 and 60 s give what a replay of the scaled trace under a scenario of that length gives."""
    outage = SCENARIO.faults[2].model_copy(update={"end": pd.Timestamp("2026-03-02T09:06Z").to_pydatetime()})
    scenario = tg.Scenario(faults=[*SCENARIO.faults[:2], outage])
    run = tg.replay(CONFIG, scaled(TRACE, 1.8), scenario)
    row, served = table.iloc[3], run.calls["served_by"].notna()
    assert (row["calls"], row["unserved"]) == (len(run), (~served).sum())
    assert row["served_during"] == served[run.calls["at"].between(outage.start, outage.end, "left")].mean()
    assert row["served_after"] == served[run.calls["at"] >= outage.end].mean()


def test_outages_may_stay_as_they_are() -> None:
    """Without ``outage_s`` there is a row a load."""
    table = tg.sweep(CONFIG, TRACE, SCENARIO, load=[0.2])
    assert table["outage_s"].isna().all()
    assert table["comes_back"].tolist() == [True]


def test_outages_of_any_kind_count() -> None:
    """What a replay calls an outage is one here: those that chance drew give the figures of their replay."""
    (row,) = tg.sweep(CONFIG, TRACE, CHANCE).to_dict("records")
    run = tg.replay(CONFIG, TRACE, CHANCE)
    outages, served, at = run.outages(), run.calls["served_by"].notna(), run.calls["at"]
    down = np.any([at.between(lo, hi, "left") for lo, hi in outages[["start", "end"]].itertuples(index=False)], axis=0)
    assert len(outages) > 2
    assert row["served_before"] == served[at < outages["start"].min()].mean()
    assert row["served_during"] == served[down].mean()
    assert row["served_after"] == served[at >= outages["end"].max()].mean()
    assert row["recovery_s"] == run.recovery("1min")["recovery_s"].max()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"load": [0]}, "load must hold numbers above 0. Got 0"),
        ({"load": []}, "load must hold at least one number"),
        ({"outage_s": [60, float("nan")]}, "outage_s must hold numbers above 0. Got nan"),
        ({"outage_s": [900]}, "the trace must go on for 1min after the outages, which end at 2026-03-02 09:20:00"),
        ({"window": "soon"}, "must be a fixed length of time"),
        ({"scenario": tg.Scenario()}, "scenario must hold an outage that begins within the trace"),
        ({"scenario": LATE}, "scenario must hold an outage that begins within the trace"),
        ({"scenario": CHANCE, "outage_s": [60]}, "outage_s is the length of an Outage: scenario must hold one"),
    ],
)
def test_what_cannot_be_swept_is_refused(given: dict[str, object], message: str) -> None:
    """The error names the argument, and says what was given."""
    arguments = {"scenario": SCENARIO} | given
    with pytest.raises(ReplayError, match=message):
        tg.sweep(CONFIG, TRACE, **arguments)  # type: ignore[arg-type]
