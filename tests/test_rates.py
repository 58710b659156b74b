"""Rate files, of our own form and of those published, as profiles."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_readers import write

import timegate as tg
from timegate.errors import InstantError, TimegateError, TraceError

TRACES = Path(__file__).parents[2] / "shared" / "data" / "traces"
AZURE, SERVEGEN = TRACES / "azure2024_coding_10min_digitised.csv", TRACES / "servegen_rates_10min.csv"
ORIGIN = "2026-03-02T00:00+08:00"
CLIENT = "0,0,0,,0,0\n600,0.02,1.5,Gamma,0.4,100\n1200,0.06,0.5,Weibull,2.1,18\n"


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("at,rate_per_s\n2026-03-02T00:00Z,1\n2026-03-02T01:00Z,2.5\n2026-03-02T02:00Z,0\n", {}),
        ("at,calls\n2026-03-02T00:00Z,3600\n2026-03-02T01:00Z,9000\n2026-03-02T02:00Z,0\n", {}),
        ("at,calls\n2026-03-02 01:00,3600\n2026-03-02 02:00,9000\n2026-03-02 03:00,0\n", {"tz": "Europe/Berlin"}),
        ("window_start_utc,requests_est\n2026-03-02 00:00,3600\n2026-03-02 01:00,9000\n2026-03-02 02:00,0\n", {}),
        ("start_s,rate_per_s,else\n0,1,x\n3600,2.5,\n7200,0,\n", {"origin": "2026-03-02T01:00+01:00"}),
        ("model,window_start_s,rps_sum_of_clients\na,3600,1\na,7200,2.5\na,10800,0\n", {"origin": "2026-03-01T23:00Z"}),
    ],
)
def test_every_form_gives_the_same_rates(tmp_path: Path, content: str, options: dict[str, Any]) -> None:
    """Instants or seconds since an origin, rates or calls, our names or published ones: the same profile."""
    profile = tg.read_rates(write(tmp_path, content), **options)
    assert profile.start == pd.Timestamp("2026-03-02T00:00Z")
    assert profile.bin_s == 3600
    assert profile.rates_per_s == (1, 2.5, 0)
    assert profile.cv is None
    assert type(profile.traffic()) is tg.PoissonTraffic
    assert np.diff(profile.traffic().expected).tolist() == pytest.approx([3600, 9000, 0])
    assert ("origin" in options) == any("times counted from 2026-03-0" in note for note in profile.notes)


def test_one_model_of_several_is_chosen(tmp_path: Path) -> None:
    """A file of several models needs ``model``, and the error names them; a mistyped one gets the nearest."""
    rows = "".join(f"{name},{s},{rate}\n" for name, rate in (("large", 2), ("small", 9)) for s in (0, 600))
    path = write(tmp_path, f"model,start_s,rate_per_s\n{rows}")
    small = tg.read_rates(path, origin=ORIGIN, model="small")
    assert small.rates_per_s == (9, 9)
    assert small.notes[0] == "the rates of small"
    with pytest.raises(TraceError, match=r"holds the rates of 2 models: pass model=\. Known: 'large', 'small'\.$"):
        tg.read_rates(path, origin=ORIGIN)
    with pytest.raises(TraceError, match=r"holds no rates of the model 'smal'\. Did you mean 'small'\?$"):
        tg.read_rates(path, origin=ORIGIN, model="smal")
    with pytest.raises(TraceError, match="the file has no column 'model'"):
        tg.read_rates(write(tmp_path, CLIENT), origin=ORIGIN, model="small")


def test_reads_a_client_of_servegen(tmp_path: Path) -> None:
    """A file without header: rates, the mean cv weighted by calls, and the distribution of most calls."""
    profile = tg.read_rates(write(tmp_path, CLIENT, "chunk-7-trace.csv"), origin=ORIGIN)
    assert profile.start == pd.Timestamp("2026-03-01T16:00Z")
    assert profile.bin_s == 600
    assert profile.rates_per_s == (0, 0.02, 0.06)
    assert profile.cv == pytest.approx((0.02 * 1.5 + 0.06 * 0.5) / 0.08)
    assert profile.distribution == "weibull"
    assert profile.notes == (
        "times counted from 2026-03-01 16:00:00 UTC",
        "a client of ServeGen, cv the mean over its windows",
    )
    traffic = profile.traffic(days=1, scale=100)
    assert isinstance(traffic, tg.RenewalTraffic)
    assert traffic.cv == profile.cv
    assert tg.read_rates(write(tmp_path, CLIENT.replace("0,0,0,,0,0", "0,0,,,,")), origin=ORIGIN) == profile
    gamma = tg.read_rates(write(tmp_path, CLIENT.replace("0.06,", "0.01,")), origin=ORIGIN)
    assert gamma.distribution == "gamma"


def test_adds_up_the_clients_of_servegen(tmp_path: Path) -> None:
    """A folder is the sum of its clients, whose burstiness together is not known; other files are left alone."""
    write(tmp_path, CLIENT, "chunk-0-trace.csv")
    write(tmp_path, CLIENT.replace("0.02", "0.5"), "chunk-10-trace.csv")
    write(tmp_path, "{}", "chunk-0-dataset.json")
    profile = tg.read_rates(tmp_path, origin=ORIGIN)
    assert profile.rates_per_s == pytest.approx((0, 0.52, 0.12))
    assert profile.cv is None
    assert profile.notes[0] == "the sum of 2 clients of ServeGen"
    with pytest.raises(TraceError, match="pass origin="):
        tg.read_rates(tmp_path)
    (tmp_path / "none").mkdir()
    with pytest.raises(TraceError, match=r"none: no client file of ServeGen, '\*-trace\.csv', in this folder"):
        tg.read_rates(tmp_path / "none", origin=ORIGIN)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty."),
        ("start_s,rate_per_s\n", "holds no rates."),
        ("\n", "cannot be read as CSV: "),
        ("<html><body>503</body></html>", "is a web page, not data"),
        (
            "start_s,rate\n0,1\n60,1\n",
            "one of the columns 'rate_per_s', 'rps_sum_of_clients', 'calls', 'requests_est' is ",
        ),
        (
            "begin,rate_per_s\n0,1\n60,1\n",
            "one of the columns 'at', 'window_start_utc', 'start_s', 'window_start_s' is ",
        ),
        ("start_s,rate_per_s\n0,1\n", "one row does not tell how long a bin is"),
        ("start_s,rate_per_s\n0,1\n60,-1\n", "rate_per_s[1] must be a number, not below 0. Got '-1'."),
        ("start_s,rate_per_s\n0,1\n60,\n", "rate_per_s[1] must be a number, not below 0. Got 'nan'."),
        ("start_s,rate_per_s\n0,1\n60,x\n", "rate_per_s[1] must be a number, not below 0. Got 'x'."),
        ("start_s,rate_per_s\n0,1\n60,inf\n", "rate_per_s[1] must be a number, not below 0. Got 'inf'."),
        ("start_s,rate_per_s\n0,0\n60,0\n", "rates_per_s must not all be 0."),
        (
            "start_s,rate_per_s\n0,1\n60,1\n180,1\n",
            "row 2 begins 120 s after the one before, and the second 60 s",
        ),
        ("start_s,rate_per_s\n0,1\n60,1\n60,1\n", "row 2 does not begin after the one before"),
        ("start_s,rate_per_s\n60,1\n0,1\n", "row 1 does not begin after the one before"),
        ("start_s,rate_per_s\n0,1\n-60,1\n", "start_s[1] must be a number, not below 0. Got '-60'."),
        ("start_s,rate_per_s\n0,1\n,1\n", "start_s[1] is missing"),
        ("start_s,rate_per_s\n0,1\n1e300,1\n", "start_s[1] must lie in the years 1900 to 2199."),
        ("0,1,x,Gamma,1,1\n60,1,1,Gamma,1,1\n", "cv[0] must be a number, not below 0. Got 'x'."),
    ],
)
def test_errors_begin_with_the_path(tmp_path: Path, content: str, message: str) -> None:
    """What is wrong in a file is one line: its path, then the place inside."""
    path = write(tmp_path, content)
    with pytest.raises(TraceError) as caught:
        tg.read_rates(path, origin=ORIGIN)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("step", "digits"), [(0.1, 1), (0.001, 3), (1 / 3, 6), (0.7, 1), (1e-6, 6)])
def test_bins_of_any_length_follow_each_other(tmp_path: Path, step: float, digits: int) -> None:
    """Starts that are decimals are not cut: bins of a tenth, or of a third as far as six decimals go, are all alike."""
    rows = "".join(f"{i * step:.{digits}f},1\n" for i in range(500))
    profile = tg.read_rates(write(tmp_path, "start_s,rate_per_s\n" + rows), origin=ORIGIN)
    assert len(profile.rates_per_s) == 500
    assert profile.bin_s == pytest.approx(step, abs=1e-6)


def test_a_folder_above_the_clients_names_the_one_that_has_them(tmp_path: Path) -> None:
    """ServeGen's data is a folder of folders of folders: the error says which to pass, and read_trace whom to ask."""
    folder = tmp_path / "language" / "m-large"
    folder.mkdir(parents=True)
    write(folder, CLIENT, "chunk-0-trace.csv")
    for path, near in ((tmp_path, "language/m-large"), (tmp_path / "language", "m-large")):
        with pytest.raises(
            TraceError, match=rf"no client file of ServeGen, .* Its folder '{near}' has some: pass that"
        ):
            tg.read_rates(path, origin=ORIGIN)
    for path in (folder, folder / "chunk-0-trace.csv"):
        with pytest.raises(TraceError, match="read_rates"):
            tg.read_trace(path)


@pytest.mark.parametrize("head", ["at,calls", "at,rate_per_s", "window_start_utc,requests_est", "start_s,rate_per_s"])
def test_rates_are_no_trace(tmp_path: Path, head: str) -> None:
    """A bin is not a call: rates that are read as a trace would be one call a bin."""
    path = write(tmp_path, f"{head}\n2026-03-02T00:00Z,5\n")
    with pytest.raises(TraceError, match=r"holds rates \('.*'\), not calls: read it with read_rates"):
        tg.read_trace(path)


def test_columns_get_the_nearest_name(tmp_path: Path) -> None:
    """A mistyped column is an error that lists what was found and the name that was meant."""
    path = write(tmp_path, "start_s,rate_per_sec\n0,1\n60,1\n")
    with pytest.raises(TraceError, match=r"Found 'start_s', 'rate_per_sec'\. Did you mean 'rate_per_s'\?$"):
        tg.read_rates(path, origin=ORIGIN)


def test_origin_and_zone_are_never_guessed(tmp_path: Path) -> None:
    """Seconds need ``origin`` alone, instants none; a naive instant needs ``tz``."""
    relative = write(tmp_path, "start_s,rate_per_s\n0,1\n60,1\n")
    naive = write(tmp_path, "at,calls\n2026-03-02 00:00,1\n2026-03-02 01:00,1\n", "naive.csv")
    with pytest.raises(TraceError, match=r"'start_s' counts from an instant .*: pass origin='2026"):
        tg.read_rates(relative)
    with pytest.raises(TraceError, match="tz is for naive times"):
        tg.read_rates(relative, origin=ORIGIN, tz="UTC")
    with pytest.raises(InstantError, match="origin must carry a zone"):
        tg.read_rates(relative, origin="2026-03-02")
    with pytest.raises(TraceError, match=r"naive\.csv: at\[0\] .* is naive"):
        tg.read_rates(naive)
    with pytest.raises(TraceError, match=r"origin is for times that count from it\. 'at' holds instants"):
        tg.read_rates(naive, origin=ORIGIN)
    with pytest.raises(TimegateError, match="Did you mean 'Europe/Berlin'"):
        tg.read_rates(naive, tz="Europe/Berln")
    with pytest.raises(TraceError, match=r"no such file\. Did you mean 'naive\.csv'\?"):
        tg.read_rates(tmp_path / "naiv.csv")


@pytest.mark.skipif(not AZURE.exists(), reason=f"the real rates are not there: {AZURE}")
def test_the_real_week() -> None:
    """The Azure week is what Python's csv reads: 1,008 bins, 16.8 million calls; a day generated from it fits."""
    with AZURE.open(newline="") as file:
        calls = [float(row["requests_est"]) for row in csv.DictReader(file)]
    profile = tg.read_rates(AZURE)
    assert (np.array(profile.rates_per_s) * 600).tolist() == pytest.approx(calls)
    assert len(calls) == 1008
    assert profile.traffic().calls == pytest.approx(sum(calls))
    assert sum(calls) == pytest.approx(16_803_695, rel=0.001)  # the published total
    tuesday = profile.traffic("2024-05-14T00:00Z", days=1)
    expected = calls[4 * 144 : 5 * 144]
    found = np.histogram(tuesday.trace(1).at_us, tuesday.edges_us)[0]
    assert (abs(found - expected) < 5 * np.sqrt(expected)).all()


@pytest.mark.skipif(not SERVEGEN.exists(), reason=f"the real rates are not there: {SERVEGEN}")
def test_the_real_rates_of_servegen() -> None:
    """Both models are read, 14 days and one; their origin must be given."""
    with pytest.raises(TraceError, match="holds the rates of 2 models"):
        tg.read_rates(SERVEGEN, origin=ORIGIN)
    with pytest.raises(TraceError, match="'window_start_s' counts from"):
        tg.read_rates(SERVEGEN, model="language/m-large")
    for model, days in (("language/m-large", 14), ("multimodal/mm-image", 1)):
        profile = tg.read_rates(SERVEGEN, origin=ORIGIN, model=model)
        with SERVEGEN.open(newline="") as file:
            rates = [float(row["rps_sum_of_clients"]) for row in csv.DictReader(file) if row["model"] == model]
        assert list(profile.rates_per_s) == rates
        assert len(rates) == days * 144
        assert math.isclose(profile.traffic().calls, 600 * sum(rates))
