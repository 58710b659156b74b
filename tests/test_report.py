from __future__ import annotations

import base64
import re
import subprocess
import sys
import warnings
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import timegate as tg
from timegate.errors import WindowError
from timegate.plots.runs import frequency
from timegate.report import page as report
from timegate.samples import CONFIG, SCENARIO, TRACE, sample
from timegate.show.text import duration, percent

PNG = b"\x89PNG\r\n\x1a\n"
HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(2)'>",
    "</table></style>&amp;",
    "${plots} $x_{",
    "_x",
]


def replayed(names: list[str], rate: float = 0.5, description: str | None = None, calls: int = 200) -> tg.Replay:
    config = tg.GatewayConfig(
        deployments=[
            {"model_name": name, "model": f"{name.partition('/')[0]}/x", "time_constraints": [["09:00", "09:01"]]}
            for name in names
        ]
    )
    at = pd.date_range("2026-03-02T09:00Z", periods=calls, freq="s")
    preferred = np.resize([*names, None, "<i>nobody</i>"], calls)
    scenario = tg.Scenario(faults=[tg.ErrorRate(target=n, rate=rate) for n in names], description=description)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tg.TimegateWarning)  # <i>nobody</i> is not a deployment
        trace = tg.Trace(pd.DataFrame({"at": at, "model_preference": preferred}), notes=["read <b>so</b>"])
        return tg.replay(config, trace, scenario, engine="stepped")


@pytest.fixture(scope="module")
def demo() -> tg.Replay:
    return tg.replay(
        tg.GatewayConfig.load(sample(CONFIG)), tg.read_trace(sample(TRACE)), tg.Scenario.load(sample(SCENARIO))
    )


class Page(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in ("meta", "img"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if {"td", "th"} & {*self.open[-2:]}:  # a part of a cell may have a tag of its own
            self.rows[-1][-1] += data


def test_ranges_stay_on_one_line() -> None:
    """No line breaks within mon-fri, and what is no range is written as it is."""
    window = tg.Window("08:00", "20:00", tz="Europe/Berlin", days=["mon", "tue", "wed", "thu", "fri"])
    assert report._unbroken(f"{window} <b>") == (
        "<span class='whole'>08:00-20:00</span> Europe/Berlin, <span class='whole'>mon-fri</span> &lt;b&gt;"
    )


@pytest.fixture(scope="module")
def folder(demo: tg.Replay, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("report")
    report.write(demo, made, "gateway.yaml & day.csv")
    return made


def test_write_gives_its_files(demo: tg.Replay, tmp_path: Path) -> None:
    """The paths that are returned are the files in the folder, whole and without leftovers."""
    paths = report.write(demo, tmp_path / "new" / "folder")
    assert sorted(paths) == sorted((tmp_path / "new" / "folder").iterdir())
    assert {path.name for path in paths} >= {
        "report.html",
        "summary.csv",
        *(f"{name}.png" for name in ("day", "share", "fallbacks")),
    }
    assert all(path.stat().st_size for path in paths)


def test_page_needs_nothing_else(folder: Path) -> None:
    """The page refers to nothing outside itself, forbids itself to, and runs no script."""
    text = (folder / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert not {"script", "link", "iframe", "object", "embed", "base", "form", "a"} & set(page.tags)
    words = re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
    assert not re.search(r"https?:|//|url\(|@import", words, re.IGNORECASE)
    for name, value in page.attributes:
        assert not name.startswith("on")
        assert name not in ("href", "srcset", "action", "background")
        assert name != "src" or value.startswith("data:image/png;base64,")
    assert ("content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'") in page.attributes


def test_page_fits_every_reader(folder: Path) -> None:
    """The page knows phones, dark rooms and screen readers."""
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>\n<html lang=")
    page = Page(text)
    assert ("content", "width=device-width, initial-scale=1") in page.attributes
    assert "@media (prefers-color-scheme: dark)" in text
    assert len([value for name, value in page.attributes if name == "alt" and value]) == 3


def test_page_embeds_every_plot(folder: Path) -> None:
    """The plots in the page are the files beside it, byte for byte."""
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    embedded = [base64.b64decode(value.partition(",")[2]) for name, value in page.attributes if name == "src"]
    assert embedded == [(folder / f"{name}.png").read_bytes() for name in ("day", "share", "fallbacks")]
    assert all(png.startswith(PNG) for png in embedded)


def test_page_tells_the_figures(demo: tg.Replay, folder: Path) -> None:
    """The tables hold the numbers of the replay, beside those of the baseline, and how to make it again."""
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    summary = demo.summary()
    assert ["", "replay", "share", report.BASELINE] in page.rows
    served = summary["first_choice"] + summary["fallback"]
    assert ["served", f"{served:,}", f"{summary['availability']:.2%}", "100.00%"] in page.rows
    counts = demo.calls["served_by"].value_counts()
    for name in demo.deployments:
        shares = [f"{summary[f'{kind}share[{name}]']:.2%}" for kind in ("", "baseline_")]
        assert [name, f"{counts[name]:,}", *shares] in page.rows
    for first, second, count in demo.fallbacks().itertuples(index=False):
        assert [f"{first} → {second}", f"{count:,}"] in page.rows
    for key in ("engine", "seed", "config_hash", "scenario_hash", "trace_hash"):
        assert [key.replace("_", " "), str(demo.provenance[key])] in page.rows
    for package, version in demo.provenance["versions"].items():
        assert [package, version] in page.rows
    assert ["strong", "openai", "22:00-06:00 UTC", "otherwise"] in page.rows
    assert ["backup", "sim", "otherwise", "08:00-20:00 Europe/Berlin, mon-fri"] in page.rows
    outage = "start 2026-03-02T20:05:00Z, end 2026-03-02T20:40:00Z, error connection"
    assert ["outage", "provider:openai", outage] in page.rows
    assert "gateway.yaml & day.csv" in page.text
    assert "Replay of 50,000 calls" in page.text
    assert str(demo.scenario.description) in page.text


def test_the_report_is_in_a_zone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Axes and tables by time are those of the zone, bins begin at its midnights, and no zone is told of early."""
    priced = [{"model_name": "a", "model": "sim/a", "price": {"per_call": 1}}]
    trace = tg.Trace(["2026-03-02T20:10Z", "2026-03-03T14:10Z"])
    outage = tg.Outage(target="a", start="2026-03-03T02:00Z", end="2026-03-03T03:00Z")
    config = tg.GatewayConfig(deployments=priced, policy={"cooldown": {"failures": 3, "for_s": 60}})
    run = tg.replay(config, trace, tg.Scenario(faults=[outage]), engine="stepped")
    seen = dict[str, Any]()

    def png(draw: Any, size: tuple[float, float]) -> bytes:
        seen[draw.func.__name__] = draw.keywords.get("tz")
        return PNG

    monkeypatch.setattr(report, "png", png)
    report.write(run, tmp_path, tz="Asia/Kolkata")
    assert seen == {
        "day": "Asia/Kolkata",
        "share": "Asia/Kolkata",
        "cost": "Asia/Kolkata",
        "load": "Asia/Kolkata",
        "fallbacks": None,
    }
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "Plots and tables by time are in Asia/Kolkata." in page.text
    heads = [row[0] for row in page.rows if row[0].startswith("from (")]
    assert heads == ["from (Asia/Kolkata), 30min each"] * 2 + ["from (Asia/Kolkata), USD"]
    assert any(row[:2] == ["down", "from (Asia/Kolkata)"] for row in page.rows)
    assert any(row[:2] == ["a", "2026-03-03 07:30"] for row in page.rows)
    first, last = ([row[0] for row in page.rows].index(f"2026-03-0{day}:30") for day in ("3 01", "3 19"))
    assert page.rows[first][1] == page.rows[last][1] == "1"
    report.write(run, tmp_path)
    assert "Plots and tables" not in (tmp_path / "report.html").read_text(encoding="utf-8")
    with pytest.raises(WindowError, match="Did you mean 'Asia/Kolkata'"):
        report.write(run, tmp_path / "new", tz="Asia/Kolkatta")
    assert not (tmp_path / "new").exists()


def test_summary_file(demo: tg.Replay, folder: Path) -> None:
    """summary.csv holds every figure of the summary, unrounded."""
    written = pd.read_csv(folder / "summary.csv", index_col="figure")["replay"]
    assert written.to_dict() == {name: str(value) for name, value in demo.summary().items()}


def test_names_are_escaped(tmp_path: Path) -> None:
    """Names, notes and descriptions from elsewhere are text in the page, never markup, and draw no warning."""
    run = replayed(HOSTILE, description="<script>alert(3)</script>")
    report.write(run, tmp_path, "<script>alert(4)</script>.yaml")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert "script" not in page.tags
    assert page.tags.count("img") == 3
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    first_cells = [row[0] for row in page.rows if row]
    for name in HOSTILE:
        assert name in first_cells
    for shown in ("<script>alert(3)</script>", "<script>alert(4)</script>.yaml", "read <b>so</b>"):
        assert shown in page.text


def test_letters_that_the_font_lacks() -> None:
    """A name in another script draws boxes, not warnings."""
    run = replayed(["深度求索", "🚀 fast", "a\nb\x1b"])
    assert all(png.startswith(PNG) for png in report._draw(run).values())


def test_nothing_happened(tmp_path: Path) -> None:
    """Without faults and fallbacks the page says so, for a single call too."""
    config = tg.GatewayConfig(deployments=[{"model_name": "a", "model": "sim/x"}])
    report.write(tg.replay(config, tg.Trace(["2026-03-02T09:00Z"]), engine="stepped"), tmp_path)
    text = Page((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert "Replay of 1 call\n" in text
    assert "No call was served by a fallback." in text
    assert "None." in text


def test_nobody_served(tmp_path: Path) -> None:
    """A replay in which every call failed makes a report all the same."""
    run = replayed(["a", "b"], rate=1.0)
    report.write(run, tmp_path)
    assert ["served", "0", "0.00%", "100.00%"] in Page((tmp_path / "report.html").read_text(encoding="utf-8")).rows


def test_many_deployments() -> None:
    """Plots grow with the deployments, up to what a PNG can hold."""
    run = replayed([f"deployment {i}" for i in range(105)], rate=0.0)
    heights = {name: int.from_bytes(png[20:24], "big") for name, png in report._draw(run).items()}
    assert all(height < 10_000 for height in heights.values())
    assert heights["day"] > heights["share"]


def test_the_user_keeps_the_backend(tmp_path: Path) -> None:
    """A report neither chooses a backend nor leaves a figure or a setting behind."""
    code = (
        "import matplotlib as mpl\n"
        "mpl.use('svg')\n"
        "before = dict(mpl.rcParams)\n"
        "import timegate as tg\n"
        "from timegate.report import page as report\n"
        "import matplotlib.pyplot as plt\n"
        "config = tg.GatewayConfig(deployments=[{'model_name': 'a', 'model': 'sim/x'}])\n"
        "report.write(tg.replay(config, tg.Trace(['2026-03-02T09:00Z']), engine='stepped'), 'out')\n"
        "assert plt.get_fignums() == []\n"
        "assert mpl.get_backend() == 'svg'\n"
        "assert dict(mpl.rcParams) == before\n"
    )
    made = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert made.returncode == 0, made.stderr


def test_reports_are_reproducible(demo: tg.Replay) -> None:
    """The same replay gives the same bytes, whatever the settings of the day."""
    drawn = report._draw(demo)
    assert drawn == report._draw(demo)
    assert report.page(demo, drawn) == report.page(demo, drawn)


def test_a_failure_leaves_no_folder(demo: tg.Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a plot or the page cannot be made, nothing is written at all."""
    monkeypatch.setattr(report, "page", None)
    with pytest.raises(TypeError):
        report.write(demo, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_old_file_survives_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the disk fails, the old report stays whole and no unfinished file lies beside it."""
    run = replayed(["a", "b"])
    report.write(run, tmp_path)
    (tmp_path / "report.html").write_text("old")
    files = sorted(tmp_path.iterdir())
    write_bytes = Path.write_bytes

    def fail(path: Path, content: bytes) -> int:
        if path.suffix == ".html":
            write_bytes(path, content[:1000])
            raise OSError(28, "No space left on device")
        return write_bytes(path, content)

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="No space"):
        report.write(run, tmp_path)
    assert (tmp_path / "report.html").read_text() == "old"
    assert sorted(tmp_path.iterdir()) == files


# ---- the lines of the summary


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0.00%"), (1e-9, "<0.01%"), (0.0001, "0.01%"), (0.5, "50.00%"), (0.9999, "99.99%"),
        (1 - 1e-9, ">99.99%"), (1.0, "100.00%"),
    ],
)  # fmt: skip
def test_percent(share: float, text: str) -> None:
    """One failure in a million does not read as none."""
    assert percent(share) == text


def test_summary_lines_add_up(demo: tg.Replay) -> None:
    """What became of the calls adds up to all of them, and the deployments' add up to the served."""
    groups = report.summary_lines(demo)
    number = {line.label: int(line.figure.replace(",", "")) for line in [*groups["Calls"], *groups["Served by"]]}
    assert number["served"] == number["served by the first choice"] + number["served by a fallback"]
    assert number["arrived"] == number["served"] + sum(n for name, n in number.items() if name[:4] in ("fail", "bloc"))
    assert number["served"] == sum(number[name] for name in demo.deployments)


def test_summary_lines_leave_nothing_out(demo: tg.Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    """A figure that the summary gains stands in the last group, beside its baseline; latencies if there were any."""
    figures = demo.summary()
    more = {"words": 1234.5, "baseline_words": 1000.0, "tokens": 7, "latency_p50_s": 0.25, "latency_p99_s": 0.5}
    grown = pd.Series(figures.to_dict() | more, dtype=object)
    monkeypatch.setattr(tg.Replay, "summary", lambda self: grown)
    lines = report.summary_lines(demo)["Also"]
    assert report.Line("words", "1,234.50", "", "1,000.00") in lines
    assert report.Line("tokens", "7") in lines
    assert report.Line("latency of served calls, median", "0.250 s") in lines


def test_each_picture_has_words_and_a_table(tmp_path: Path) -> None:
    """Whoever cannot see a plot reads what it shows, in its alternative text and in a table; both hold the figures."""
    run = replayed(["strong", "weak"])
    report.write(run, tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    alts = [value for name, value in page.attributes if name == "alt"]
    shares = run.summary()
    assert all(
        f"{name} {percent(shares[f'share[{name}]'])}" in alts[0] for name in run.calls["served_by"].dropna().unique()
    )
    counts = run.share(frequency(run, report.MOST_BINS), counts=True)
    for at, row in counts.iterrows():
        head = f"{at:%Y-%m-%d %H:%M:%S}".removesuffix(":00")
        cells = [f"{number:,}" for number in row[counts.any()]]
        assert [head, *cells] in page.rows
    assert "prefers-color-scheme: dark) { img" in text, "no white picture on a dark page"
    assert "white-space: nowrap" in text, "no figure broken before its unit"


def test_the_picture_of_few_pairs_is_no_wall(tmp_path: Path) -> None:
    """Of many deployments of which one falls back, the matrix is as high as its rows, not as the config."""
    run = replayed([f"m{i}" for i in range(12)])
    height = int.from_bytes(report._draw(run)["fallbacks"][20:24], "big") / 144
    assert height <= 2.0 + 0.5 * max(run.fallbacks()["from"].nunique(), 1) + 0.1


def test_what_policies_and_outages_did_is_told(tmp_path: Path) -> None:
    """A report of policies has the load of deployments, of outages when calls fared as before."""
    models = [{"model_name": name, "model": f"{name}/m"} for name in ("strong", "weak")]
    models[0]["policy"] = {"cooldown": {"failures": 1, "for_s": 40}}  # type: ignore[assignment]
    config = tg.GatewayConfig(deployments=models)
    trace = tg.EvenTraffic(start="2026-03-02T09:00Z", rates=[1], calls=3600).trace(0)
    faults = [
        tg.Outage(target="strong", start="2026-03-02T09:30:00Z", end="2026-03-02T09:30:45Z"),
        tg.Latency(target="provider:weak", median_s=2.5),
        tg.Capacity(target="weak", concurrent=2),
    ]
    run = tg.replay(config, trace, tg.Scenario(faults=faults))
    files = report.write(run, tmp_path)
    assert (tmp_path / "load.png") in files
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    total = run.load("1h").groupby("deployment").sum()
    refused = (run.attempts["outcome"] == "rate_limit").sum()
    asked = [f"{total.loc['weak', 'offered']:,}", f"{total.loc['weak', 'admitted']:,}", "0", f"{refused:,}"]
    assert ["deployment", "asked", "let through", "cooling", "answered 429", "most at once", "cooled for"] in page.rows
    assert ["weak", *asked, "2", "0 s"] in page.rows
    assert ["strong", "3,600", "3,522", "78", "0", "0", "1.33 min"] in page.rows
    (row,) = run.recovery().itertuples()
    back = duration(row.recovery_s, "rounded")
    outage = ["strong", "2026-03-02 09:30", "2026-03-02 09:30:45", "45", str(row.unserved), "100.00%", back]
    assert [*outage, str(row.unserved_after)] in page.rows
    assert f"strong let 3,522 of 3,600 through, weak let {asked[1]} of {asked[0]} through." in " ".join(
        value or "" for name, value in page.attributes if name == "alt"
    )


def test_a_report_without_policies_has_no_load(folder: Path) -> None:
    """Where each open deployment is tried once, what was asked for is what the other plots show."""
    assert not (folder / "load.png").exists()
    assert "<h2>Load</h2>" not in (folder / "report.html").read_text(encoding="utf-8")
