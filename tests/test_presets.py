from __future__ import annotations

import math
from pathlib import Path

import pytest
from scipy import stats

import timegate as tg
from timegate.errors import ScenarioError
from timegate.files import read_document

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT.parent / "shared" / "data" / "README.md"
MONTH = "2026-03-01T00:00Z", "2026-04-01T00:00Z"


@pytest.mark.parametrize("name", tg.presets.names())
def test_every_preset_is_ready_to_use(name: str) -> None:
    """It gives random outages of its figures, names its sources, and shows itself."""
    preset = tg.presets.outages(name)
    fault = preset.outages("strong", *MONTH, error="timeout")
    assert isinstance(fault, tg.RandomOutages)
    assert (fault.mtbf_s, fault.mttr_s, fault.distribution, fault.shape, fault.error) == (
        preset.mtbf_s, preset.mttr_s, preset.distribution, preset.shape, "timeout",
    )  # fmt: skip
    assert preset.name == name
    assert "arXiv:2501.12469" in preset.sources[0]
    assert preset.title in repr(preset)
    assert preset.sources[0] in repr(preset)
    assert preset.title in preset._repr_html_()
    assert "published" in preset._repr_html_()


def test_the_published_figures_are_those_of_the_source() -> None:
    """Means in hours and days, quantiles in minutes, as the shared README has them."""
    if not SOURCE.exists():
        pytest.skip(f"the published figures are not there: {SOURCE}")
    text = " ".join(SOURCE.read_text(encoding="utf-8").split())
    data = read_document(ROOT / "data" / "outages.yaml", ScenarioError)
    for service in data["services"].values():
        assert f"{service['title']} {service['mttr_h']:.2f} / {service['mtbf_d']:.2f}" in text
        if quantiles := service.get("durations_min"):
            figures = ", ".join(str(quantiles[key]) for key in ("p50", "p90", "p99"))
            assert f"{service['title']} {figures} ({quantiles['incidents']}" in text


def test_units() -> None:
    """Hours, days and minutes became seconds."""
    preset = tg.presets.outages("openai-api")
    assert (preset.mttr_s, preset.mtbf_s) == (pytest.approx(9_216), pytest.approx(487_296))
    assert preset.published_s == {"p50": 4_440, "p90": 18_780, "p99": 108_420}


@pytest.mark.parametrize("name", ["openai-api", "anthropic-api"])
def test_the_shape_keeps_mean_and_median(name: str) -> None:
    """A published median makes it lognormal with that median and mean, by scipy; p90 is then within an eighth."""
    preset = tg.presets.outages(name)
    assert preset.distribution == "lognormal"
    law = stats.lognorm(preset.shape, scale=preset.published_s["p50"])
    assert law.mean() == pytest.approx(preset.mttr_s)
    assert preset.quantile_s(0.5) == pytest.approx(preset.published_s["p50"])
    assert preset.quantile_s(0.9) == pytest.approx(preset.published_s["p90"], rel=1 / 8)
    summary = preset.summary()
    assert summary.loc["p99_s", "preset"] == pytest.approx(law.ppf(0.99))
    assert summary.loc["p99_s", "published"] == preset.published_s["p99"]


def test_without_a_median_it_is_exponential() -> None:
    """Only the means are published: no shape, no published quantiles."""
    preset = tg.presets.outages("chatgpt")
    assert (preset.distribution, preset.shape, preset.published_s) == ("exponential", None, {})
    assert preset.quantile_s(0.5) == pytest.approx(preset.mttr_s * math.log(2))
    assert math.isnan(preset.summary().loc["p50_s", "published"])


def test_an_unknown_name() -> None:
    """The nearest good name is named."""
    with pytest.raises(ScenarioError, match=r"there is no preset 'openai-ap'\. Did you mean 'openai-api'\?"):
        tg.presets.outages("openai-ap")


def test_the_table() -> None:
    """A row a preset, with figures and sources."""
    table = tg.presets.table()
    assert table.index.tolist() == tg.presets.names()
    assert table.loc["claude", "title"] == "Claude"
    assert table["availability"].between(0.95, 0.99).all()
    assert table["sources"].map(len).tolist() == [2, 1, 2, 1, 1]


def test_a_replay() -> None:
    """A preset in a scenario closes its target now and then."""
    config = tg.GatewayConfig.model_validate({"deployments": [{"model_name": "strong", "model": "openai/x"}]})
    fault = tg.presets.outages("chatgpt").outages("strong", "2026-01-01T00:00Z", "2027-01-01T00:00Z")
    trace = tg.Trace([f"2026-{month:02}-{day:02}T12:00Z" for month in range(1, 13) for day in range(1, 29)])
    run = tg.replay(config, trace, tg.Scenario(faults=(fault,), seed=1))
    assert 0 < (run.calls["outcome"] == "failed").sum() < 50
