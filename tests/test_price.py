"""Prices as people write them: what they say, when a band holds, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import timegate as tg
from timegate.core.clock import to_us
from timegate.core.price import Band, Price
from timegate.errors import ConfigError
from timegate.widgets.draft import read_draft, write_draft

PEAK = {
    "name": "peak",
    "windows": [{"start": "09:00", "end": "12:00", "tz": "Asia/Shanghai", "days": "mon-fri"}],
    "times": 2.0,
}
CHEAP = {"input_per_mtok": 0.15, "output_per_mtok": 0.6, "bands": [PEAK]}

# DeepSeek's peak hours in 2026. Sources: api-docs.deepseek.com/quick_start/pricing ("Peak hours are 01:00 - 04:00 and
# 06:00 - 10:00 UTC, Monday through Friday, excluding Chinese public holidays"); the schedule of model-prices 0.0.5 (in
# force since 2026-08-16T16:00Z); genai-prices 0.2.3, whose comments date the weekends (2026-08-23 by Beijing's
# calendar). Against them stands genai-prices' own table, which takes the peak price at weekends too.
HOLIDAYS = ["2026-09-25", "2026-10-01", "2026-10-02", "2026-10-05", "2026-10-06", "2026-10-07"]
ALL_DAYS = {"tz": "Asia/Shanghai", "since": "2026-08-17", "until": "2026-08-22"}
WORKDAYS = {"tz": "Asia/Shanghai", "since": "2026-08-23", "days": "mon-fri", "holidays": HOLIDAYS}
DEEPSEEK = Band(
    windows=[
        {"start": start, "end": end, **which}
        for start, end in (("09:00", "12:00"), ("14:00", "18:00"))
        for which in (ALL_DAYS, WORKDAYS)
    ],
    since="2026-08-16T16:00Z",
    times=2,
)


def config(price: Any, **fields: Any) -> tg.GatewayConfig:
    return tg.GatewayConfig(deployments=[{"model_name": "a", "model": "sim/a", "price": price} | fields])


def holds(band: Band, at: str) -> bool:
    at_us = to_us(at, "at")
    return len(band.spans_us(at_us, at_us + 1)) > 0


@pytest.mark.parametrize(
    ("at", "peak"),
    [
        ("2026-08-24T00:59:59.999999Z", False),
        ("2026-08-24T01:00Z", True),  # a Monday
        ("2026-08-24T03:59:59.999999Z", True),
        ("2026-08-24T04:00Z", False),  # the end is not part of it
        ("2026-08-24T06:00Z", True),
        ("2026-08-24T10:00Z", False),
        ("2026-08-14T02:00Z", False),  # a Friday before it was in force
        ("2026-08-17T01:00Z", True),
        ("2026-08-22T02:00Z", True),  # the Saturday before weekends were excepted
        ("2026-08-23T02:00Z", False),
        ("2026-08-29T02:00Z", False),
        ("2026-08-28T09:59:59.999999Z", True),  # a Friday
        ("2026-09-25T02:00Z", False),  # Mid-Autumn, a Friday
        ("2026-10-01T02:00Z", False),  # the National Day, a Thursday
        ("2026-10-08T02:00Z", True),
    ],
)
def test_deepseek_peak_hours(at: str, peak: bool) -> None:
    """The published hours: Monday to Friday by Beijing's calendar, without holidays, ends excluded, since their day."""
    assert holds(DEEPSEEK, at) == peak


@pytest.mark.parametrize(
    ("at", "inside"),
    [
        ("2026-03-01T15:59:59.999999Z", False),
        ("2026-03-01T16:00Z", True),  # a Sunday in UTC, and Monday in Beijing
        ("2026-03-01T23:59:59.999999Z", True),
        ("2026-03-02T00:00Z", False),
        ("2026-03-05T20:00Z", True),  # Friday morning in Beijing
        ("2026-03-06T20:00Z", False),  # a Friday in UTC, and Saturday in Beijing
    ],
)
def test_weekdays_are_those_of_the_zone(at: str, inside: bool) -> None:
    """A band over 16 to 24 UTC on Beijing's weekdays begins on Sunday, and is not there on Friday."""
    band = Band(windows=[{"start": "00:00", "end": "08:00", "tz": "Asia/Shanghai", "days": "mon-fri"}], times=0.5)
    assert holds(band, at) == inside


def test_bands_are_in_force_from_their_day() -> None:
    """A band without windows holds from since up to, and without, until."""
    band = Band(since="2026-03-02T00:00Z", until="2026-03-03T00:00Z", per_call=1.0)
    days = ["2026-03-01T23:59:59.999999Z", "2026-03-02T00:00Z", "2026-03-02T23:59:59.999999Z", "2026-03-03T00:00Z"]
    assert [holds(band, at) for at in days] == [False, True, True, False]


def test_a_whole_day_has_no_gap() -> None:
    """24:00 is the end of a day without its last instant missing."""
    assert holds(Band(windows=[["00:00", "24:00"]], times=2), "2026-03-02T23:59:59.999999Z")


@pytest.mark.parametrize(
    ("price", "place", "said"),
    [
        ({"input_per_mtok": -1}, "price.input_per_mtok", "Got -1"),
        ({"input_per_mtok": float("nan")}, "price.input_per_mtok", "finite"),
        ({"input_per_mtok": "0.3"}, "price.input_per_mtok", "Got '0.3'"),
        ({"per_call": True}, "price.per_call", "Got True"),
        ({"input_per_mtoken": 1}, "price has", "Did you mean 'input_per_mtok'?"),
        ({}, "price.input_per_mtok", "is missing"),
        ("atuo", "price must", "'auto'"),
        ({"auto": True, "per_call": 1}, "price.auto", "not both"),
        ({"auto": True, "currency": "CNY"}, "price.currency", "must be USD"),
        ({"per_call": 1, "currency": "usd"}, "price.currency", "three capital letters, as in 'USD'. Got 'usd'"),
        ({"per_call": 1, "tiers": [{"above_tokens": 5}]}, "price.tiers[0].input_per_mtok", "a tier says"),
        (
            {"per_call": 1, "bands": [{"windows": [["01:00", "01:00"]], "times": 2}]},
            "price.bands[0].windows[0]",
            "instant",
        ),
        (
            {"per_call": 1, "bands": [{"windows": [["01:00", "25:00"]], "times": 2}]},
            "price.bands[0].windows[0].end",
            "25:00",
        ),
        ({"per_call": 1, "bands": [{"windows": [["01:00", "02:00"]]}]}, "price.bands[0].times", "is missing"),
        ({"per_call": 1, "bands": [{"times": 2, "per_call": 2}]}, "price.bands[0].times", "not both"),
        (
            {"per_call": 1, "bands": [{"times": 2, "since": "2026-03-02T00:00Z", "until": "2026-03-01T00:00Z"}]},
            "price.bands[0].until",
            "after since",
        ),
        ({"per_call": 1, "bands": [{"times": 2, "since": "2026-03-02T00:00"}]}, "price.bands[0].since", "naive"),
        ({"per_call": 1, "tiers": [{"above_tokens": 9, "per_call": 2}] * 2}, "price.tiers", "in order"),
    ],
)
def test_bad_prices(price: Any, place: str, said: str) -> None:
    """What breaks a rule is refused with its place."""
    with pytest.raises(ConfigError) as caught:
        config(price)
    assert place in str(caught.value)
    assert said in str(caught.value)


def test_currencies_must_agree() -> None:
    """Nothing is converted, so a config has one currency; no price has none."""
    prices = [{"per_call": 1.0, "currency": "EUR"}, None, "auto"]
    entries = [{"model_name": str(i), "model": "sim/a", "price": price} for i, price in enumerate(prices)]
    with pytest.raises(ConfigError, match=r"price\.currency must be that of deployments\[0\], 'EUR'"):
        tg.GatewayConfig(deployments=entries)
    assert tg.GatewayConfig(deployments=entries[:2]).deployments[0].price.currency == "EUR"


def test_a_price_does_not_route() -> None:
    """The hash of what decides routing is the same with a price and without; the config differs."""
    cheap, dear = config(CHEAP), config(None)
    assert cheap.router().fingerprint == dear.router().fingerprint
    assert cheap != dear


@pytest.mark.parametrize("price", [CHEAP, "auto", {"auto": True, "times": 0.5}, {"per_call": 0.01, "currency": "EUR"}])
def test_files_and_the_editor_keep_prices(price: Any, tmp_path: Path) -> None:
    """A price comes back from YAML, JSON, an export over the file that it came from, and the editor's draft."""
    written = config(price)
    for name in ("gateway.yaml", "gateway.json"):
        written.save(tmp_path / name)
        assert tg.GatewayConfig.load(tmp_path / name) == written
    written.export("timegate", tmp_path / "again.yaml", like=tmp_path / "gateway.yaml", now="2026-03-02T00:00Z")
    assert tg.GatewayConfig.load(tmp_path / "again.yaml") == written
    draft = write_draft(written, tg.Scenario(), 0)
    assert read_draft(draft, written, tg.Scenario()).config.deployments == written.deployments


def test_auto_is_short() -> None:
    """``auto`` is written as it is read, and with a multiplier as a mapping."""
    assert config("auto").to_dict()["deployments"][0]["price"] == "auto"
    assert Price(auto=True, times=0.5).model_dump(mode="json", exclude_defaults=True) == {"times": 0.5, "auto": True}


def test_a_config_tells_its_prices_in_a_line() -> None:
    """What prints of a config has the price in words."""
    assert "price input 0.15, output 0.6 USD per million tokens, 1 band" in str(config(CHEAP))
    assert str(config({"auto": True, "times": 0.5})).endswith("price auto, times 0.5")
    assert str(config({"per_call": 0.01})).endswith("price 0.01 USD per call")
