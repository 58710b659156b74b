"""Which minutes of the week has nobody: as a table, held to asking the router minute by minute."""

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
import strategies
from hypothesis import given, settings

import timegate as tg
from timegate.errors import ConfigError, InstantError, WindowError

WEEK = ("2026-03-02T00:00Z", "2026-03-09T00:00Z")


def config(**windows: list) -> tg.GatewayConfig:
    return tg.GatewayConfig(
        deployments=[{"model_name": n, "model": "sim/x", "time_constraints": w} for n, w in windows.items()]
    )


@settings(max_examples=10)
@given(strategies.configs(datetime(2026, 3, 2, tzinfo=UTC)))
def test_a_gap_is_when_the_router_has_nobody(drawn: tg.GatewayConfig) -> None:
    """Every half hour lies in a row exactly if nobody is open then, but for edges, which may belong to windows."""
    table = tg.gaps(drawn, *WEEK)
    router = drawn.router()
    for at in pd.date_range(*WEEK, freq="30min", inclusive="left"):
        inside = ((table["start"] <= at) & (at < table["end"])).any()
        alone = not router.order(at.value // 1000)
        around = [router.order(at.value // 1000 + shift) for shift in (-1, 1)]
        is_edge = ((table["start"] == at) | (table["end"] == at)).any()
        assert inside == alone or is_edge or (alone and all(around)), at  # single instants are left out
    edges = pd.concat([table["start"], table["end"]])
    assert (edges == edges.dt.floor("min")).all()  # as windows are written
    assert (table["start"].iloc[1:].to_numpy() >= table["end"].iloc[:-1].to_numpy()).all()
    assert table["minutes"].tolist() == pytest.approx(((table["end"] - table["start"]) / pd.Timedelta("1min")).tolist())


def test_a_week_of_a_zone() -> None:
    """Days and instants are those of the zone, a week is one by its clocks; the Monday is this week's by default."""
    berlin = {"start": "22:00", "end": "06:00", "tz": "Europe/Berlin"}
    table = tg.gaps(config(a=[berlin]), "2026-03-23T00:00+01:00", tz="Europe/Berlin")
    assert [str(day) for day in table["day"]] == ["Mon", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert [round(m) for m in table["minutes"]] == [360, 480, 480, 480, 480, 480, 420, 120]
    assert {f"{at:%H:%M}" for at in table["start"][1:]} == {"22:00"}
    assert str(table["start"].dtype) == "datetime64[us, Europe/Berlin]"
    this = tg.gaps(config(a=[["00:00", "24:00"]]), tz="Asia/Tokyo")
    assert (str(this["day"][0]), f"{this['start'][0]:%H:%M}", round(this["minutes"].sum())) == ("Mon", "00:00", 10_080)
    assert tg.gaps(config(a=[]), *WEEK).empty


def test_what_is_given_must_fit(tmp_path: Path) -> None:
    """A path is read; a stretch must be one, and a zone known."""
    config(a=[["10:00", "11:00"]]).save(tmp_path / "g.yaml")
    assert len(tg.gaps(tmp_path / "g.yaml", *WEEK)) == 7
    with pytest.raises(InstantError, match="end must lie after start"):
        tg.gaps(config(a=[]), *reversed(WEEK))
    with pytest.raises(WindowError):
        tg.gaps(config(a=[]), tz="Mars/Base")
    with pytest.raises(ConfigError):
        tg.gaps(tmp_path / "none.yaml")
