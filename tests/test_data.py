from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import timegate as tg
from timegate.traffic import AZURE_2024_CODING_HOURLY, AZURE_2024_CODING_WEEK

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def run() -> tg.Replay:
    config = tg.GatewayConfig.load(DATA / "gateway.yaml")
    return tg.replay(config, tg.read_trace(DATA / "day.csv"), tg.Scenario.load(DATA / "scenario.yaml"))


def test_the_day_is_what_its_generator_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample day is what the README beside it says how to make, byte for byte."""
    [code] = re.findall(r"```python\n(.*?)```", (DATA / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(code, {})  # noqa: S102 - our own README
    assert tg.read_trace(DATA / "day.csv").fingerprint == tg.read_trace("day.csv").fingerprint
    assert (tmp_path / "day.csv").read_bytes() == (DATA / "day.csv").read_bytes()


def test_the_hourly_profile_is_the_published_one() -> None:
    """The profile that ships is the row of figures in the shared data's README, where that is present."""
    source = DATA.parent.parent / "shared" / "data" / "README.md"
    if not source.exists():
        pytest.skip(f"the published figures are not there: {source}")
    assert "coding " + " ".join(map(str, AZURE_2024_CODING_HOURLY)) in source.read_text(encoding="utf-8")


def test_the_week_is_that_of_the_profile() -> None:
    """Its weekdays have on average the published hours, read off twice, and weekends a quarter of their calls."""
    days = np.array(AZURE_2024_CODING_WEEK).reshape(7, 24)
    np.testing.assert_allclose(days[:5].mean(axis=0), AZURE_2024_CODING_HOURLY, atol=1.5)
    assert 0.2 < days[5:].sum(axis=1).mean() / days[:5].sum(axis=1).mean() < 0.4
    source = DATA.parent.parent / "shared" / "data" / "traces" / "azure2024_coding_10min_digitised.csv"
    if source.exists():
        read = pd.read_csv(source)
        at_us = pd.DatetimeIndex(read["window_start_utc"]).as_unit("us").asi8
        hours = read["requests_est"].groupby((at_us // 3_600_000_000 + 72) % 168).sum() / 1000  # 1970: a Thursday
        np.testing.assert_allclose(days.ravel(), hours, atol=1)


def test_the_samples_replay(run: tg.Replay) -> None:
    """Config, day and scenario fit together: every outcome and every deployment occurs, and nothing warns."""
    summary = run.summary()
    assert len(run) == summary["calls"] == 50_000
    assert summary[["first_choice", "fallback", "failed", "blocked"]].min() > 0
    assert set(run.calls["served_by"].dropna()) == {"strong", "weak", "backup"}


def test_the_windows_of_the_sample_hold(run: tg.Replay) -> None:
    """Nobody is served by a deployment while its window, converted by pandas, closes it."""
    calls = run.calls
    at, wall = calls["at"], calls["at"].dt.strftime("%H:%M:%S.%f")
    closed = {
        "strong": (wall >= "22:00") | (wall <= "06:00:00.000000"),
        "weak": (wall >= "23:30") | (wall <= "00:30:00.000000") | wall.between("18:00", "19:00:00.000000"),
        "backup": ~at.dt.tz_convert("Europe/Berlin").dt.strftime("%H:%M:%S.%f").between("08:00", "20:00:00.000000"),
    }
    for name, is_closed in closed.items():
        assert not (is_closed & (calls["served_by"] == name)).any()
    assert (calls["outcome"] == "blocked").equals(pd.DataFrame(closed).all(axis=1))


def test_the_outages_of_the_sample_hold(run: tg.Replay) -> None:
    """While the whole provider is down, nobody of it answers, and every attempt reports a connection error."""
    attempts = run.attempts
    down = (attempts["at"] >= "2026-03-02T20:05Z") & (attempts["at"] < "2026-03-02T20:40Z")
    hit = attempts[down & attempts["deployment"].isin(["strong", "weak"])]
    assert len(hit) > 1000
    assert set(hit["outcome"]) == {"connection"}
