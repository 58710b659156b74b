from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typed import refused, run

import timegate as tg
from timegate.samples import CONFIG, SAMPLES, SCENARIO, TRACE, copy_samples, sample

FILES = sorted(
    [
        "calls.csv",
        "attempts.csv",
        "summary.csv",
        "provenance.json",
        "day.png",
        "share.png",
        "fallbacks.png",
        "report.html",
    ]
)
GOOD_CONFIG = """
deployments:
  - {model_name: strong, model: openai/large, time_constraints: [["22:00", "06:00"]]}
  - {model_name: weak, model: sim/small}
"""
GOOD_TRACE = "at,model_preference\n2026-03-02T03:10:00Z,strong\n2026-03-02T09:00:00Z,\n"
GOOD_SCENARIO = "faults: [{type: error_rate, target: strong, rate: 0.5}]\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a working folder with good input."""
    (tmp_path / "config.yaml").write_text(GOOD_CONFIG)
    (tmp_path / "trace.csv").write_text(GOOD_TRACE)
    (tmp_path / "scenario.yaml").write_text(GOOD_SCENARIO)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def replay(*options: str, code: int = 0) -> Any:
    return run("replay", "config.yaml", "--trace", "trace.csv", *options, code=code)


def shell(*args: str, **options: Any) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"COLUMNS": "80", "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", "timegate", *args], capture_output=True, text=True, timeout=300, env=env, **options
    )


def test_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo writes every file, and its numbers are those of a replay of the samples in Python."""
    monkeypatch.chdir(tmp_path)
    result = run("demo")
    out = tmp_path / "timegate-demo"
    assert sorted(path.name for path in out.iterdir() if path.is_file()) == FILES
    for name in FILES:
        assert f"timegate-demo/{name}" in result.stdout
    assert result.stdout.endswith("The samples, to begin your own from: timegate-demo/data\n")
    for name in SAMPLES:
        assert (out / "data" / name).read_bytes() == sample(name).read_bytes()
    (out / "data" / CONFIG).write_text("mine")
    copy_samples(out / "data")
    assert (out / "data" / CONFIG).read_text() == "mine"

    expected = tg.replay(
        tg.GatewayConfig.load(sample(CONFIG)), tg.read_trace(sample(TRACE)), tg.Scenario.load(sample(SCENARIO))
    )
    calls = pd.read_csv(out / "calls.csv")
    assert len(calls) == 50_000
    for column in ("preferred", "served_by", "outcome"):
        pd.testing.assert_series_equal(
            calls[column].astype(object), expected.calls[column].astype(object), check_index=False
        )
    assert len(pd.read_csv(out / "attempts.csv")) == len(expected.attempts)
    assert json.loads((out / "provenance.json").read_text()) == json.loads(json.dumps(expected.provenance))
    written = pd.read_csv(out / "summary.csv", index_col="figure")["replay"]
    assert written.to_dict() == {name: str(value) for name, value in expected.summary().items()}
    summary = expected.summary()
    for count in ("calls", "first_choice", "fallback", "failed", "blocked"):
        assert f" {summary[count]:,} " in result.stdout
    for name in expected.deployments:
        row = next(line.split() for line in result.stdout.splitlines() if line.split()[:1] == [name])
        assert row[-2:] == [f"{summary[f'share[{name}]']:.2%}", f"{summary[f'baseline_share[{name}]']:.2%}"]
    first, second, count = expected.fallbacks().iloc[0]
    assert [first, second, f"{count:,}"] in [line.split() for line in result.stdout.splitlines()]


def test_replay_without_a_scenario_or_a_folder(here: Path) -> None:
    """Without --scenario nothing fails, and without --out nothing is written."""
    result = replay()
    assert "2 calls" in result.stdout
    assert "--out" in result.stdout
    assert sorted(path.name for path in here.iterdir()) == ["config.yaml", "scenario.yaml", "trace.csv"]


def test_replay_with_a_scenario(here: Path) -> None:
    """A scenario's faults are seen in the files, which may lie several new folders down."""
    (here / "scenario.yaml").write_text("faults: [{type: error_rate, target: strong, rate: 1}]\nseed: 3\n")
    result = replay("--scenario", "scenario.yaml", "--out", "new/out")
    assert sorted(path.name for path in (here / "new" / "out").iterdir()) == FILES
    assert "seed 3" in result.stdout
    assert pd.read_csv(here / "new" / "out" / "calls.csv")["served_by"].tolist() == ["weak", "weak"]
    assert "config.yaml, trace.csv, scenario.yaml" in (here / "new" / "out" / "report.html").read_text()


@pytest.mark.parametrize("engine", ["auto", "stepped", "travel"])
def test_engines(here: Path, engine: str) -> None:
    """--engine reaches the replay."""
    result = replay("--engine", engine)
    assert engine == "auto" or f"engine {engine}" in result.stdout


def test_tz_and_sort(here: Path) -> None:
    """--tz and --sort make a naive and unsorted trace readable; the errors name them as options."""
    (here / "trace.csv").write_text("at\n2026-03-02T09:00\n2026-03-02T08:00\n")
    refused(replay(code=2), "trace.csv: line 2: at", "--tz UTC")
    refused(replay("--tz", "Europe/Berlin", code=2), "trace.csv: line 3: at", "--sort")
    assert "2026-03-02 07:00:00 to 2026-03-02 08:00:00" in replay("--tz", "Europe/Berlin", "--sort").stdout


def test_origin(here: Path) -> None:
    """--origin says whence relative times count; without it the error names it, and the notes are printed."""
    (here / "trace.csv").write_text("Timestamp,Request tokens,Response tokens\n5,1,1\n3600,1,1\n")
    refused(replay(code=2), "trace.csv: 'Timestamp' counts from an instant", "pass --origin 2026-03-02T00:00Z")
    refused(replay("--origin", "2026-03-02", code=2), "origin must carry a zone")
    result = replay("--origin", "2026-03-02T08:00Z")
    assert "2026-03-02 08:00:05 to 2026-03-02 09:00:00" in result.stdout
    assert "read as BurstGPT trace, times counted from 2026-03-02 08:00:00 UTC" in result.stdout


def test_files_are_replaced_and_others_left(here: Path) -> None:
    """A second run into the same folder replaces its own files and touches no other."""
    (here / "out").mkdir()
    (here / "out" / "mine.txt").write_text("mine")
    (here / "out" / "report.html").write_text("old")
    printed = replay("--out", "out").stdout
    assert "out/report.html (replaced)" in printed
    assert printed.count("(replaced)") == 1
    assert sorted(path.name for path in (here / "out").iterdir()) == sorted([*FILES, "mine.txt"])
    assert (here / "out" / "report.html").read_text() != "old"


def test_a_reservation_is_one_line(here: Path) -> None:
    """A warning of timegate is one line on stderr, and the run goes on."""
    (here / "trace.csv").write_text("at,model_preference\n2026-03-02T09:00Z,strnog\n")
    result = replay()
    assert result.stderr.startswith("warning: ")
    assert len(result.stderr.splitlines()) == 1
    assert "Did you mean 'strong'?" in result.stderr
    assert ".py" not in result.stderr


def test_many_fallbacks_are_cut_short(here: Path) -> None:
    """The terminal shows the most frequent fallbacks and says how many more there are."""
    names = [f"d{i}" for i in range(6)]
    config = tg.GatewayConfig(deployments=[{"model_name": name, "model": "sim/x"} for name in names])
    config.save(here / "config.yaml")
    faults = [tg.ErrorRate(target=name, rate=0.9) for name in names]
    tg.Scenario(faults=faults).save(here / "scenario.yaml")
    rows = "".join(f"2026-03-02T09:00Z,{names[i % 6]}\n" for i in range(3000))
    (here / "trace.csv").write_text(f"at,model_preference\n{rows}")
    result = replay("--scenario", "scenario.yaml")
    assert "and 18 more pairs." in result.stdout


# ---- explain


def test_explain(here: Path) -> None:
    """The headline, and for every deployment its place, provider, closing window and until when."""
    out = run("explain", "config.yaml", "--at", "2026-03-02T03:10Z").stdout
    assert out.startswith("At 2026-03-02 03:10 UTC: weak\n")
    assert "closed   strong       openai     22:00-06:00 UTC" in out
    assert "2026-03-02 06:00 " in out
    assert "06:00:00.000001" not in out  # from which it is open
    assert "1        weak         sim" in out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_explain_with_a_preference(here: Path) -> None:
    """A preferred deployment comes first if it is open; closed or unknown, it is said so, with the nearest name."""
    at = ("explain", "config.yaml", "--at", "2026-03-02T09:00Z", "--prefer")
    assert "UTC: weak -> strong" in run(*at, "weak").stdout
    assert "The preferred 'strnog' is unknown. Did you mean 'strong'?" in run(*at, "strnog").stdout
    closed = run("explain", "config.yaml", "--at", "2026-03-02T03:10Z", "--prefer", "strong").stdout
    assert "The preferred 'strong' is closed, and passed over." in closed


def test_explain_now(here: Path) -> None:
    """Without --at, the question is about now."""
    before = pd.Timestamp.now("UTC").floor("us")
    out = run("explain", "config.yaml").stdout
    at = pd.Timestamp(out.removeprefix("At ").split(" UTC")[0], tz="UTC")
    assert before <= at <= pd.Timestamp.now("UTC")


@pytest.mark.parametrize("at", ["", "2026-03-02T03:10", "2026-02-30T03:10Z", "25:00", "soon"])
def test_explain_bad_times(here: Path, at: str) -> None:
    """A naive, impossible or unreadable time is refused by name."""
    refused(run("explain", "config.yaml", "--at", at, code=2), "error: at ", repr(at))


# ---- names are untrusted


def test_names_are_text(here: Path) -> None:
    """Markup in a name is printed, not obeyed, and control characters never reach the terminal."""
    names = ["[bold]b[/bold]", "[/red]", "\x1b[31mred", "a\nb", "$x$ 🚀"]
    config = {"deployments": [{"model_name": name, "model": "sim/x"} for name in names]}
    (here / "config.json").write_text(json.dumps(config))
    (here / "trace.csv").write_text("at,model_preference\n2026-03-02T09:00Z,[blink]\n")
    replayed = run("replay", "config.json", "--trace", "trace.csv")
    explained = run("explain", "config.json", "--at", "2026-03-02T09:00Z", "--prefer", "[/x]")
    for result in (replayed, explained):
        for shown in ("[bold]b[/bold]", "[/red]", "\\x1b[31mred", "a b", "$x$ 🚀"):
            assert shown in result.stdout
        assert "\x1b" not in result.output
    assert "'[blink]'" in replayed.stderr
    assert "'[/x]'" in explained.stdout


def test_an_error_with_markup_and_newlines(here: Path) -> None:
    """Whatever stands in a file, its error is one line of plain text."""
    (here / "config.yaml").write_text('{"deployments": [{"model_name": "[b]\\n\\u001b", "model": "x"}]}')
    refused(replay("--out", "out", code=2), "[b]")
    refused(run("explain", "[/b].yaml", code=2), "[/b].yaml: no such file")


# ---- bad input


def window(text: str) -> str:
    return f"deployments: [{{model_name: weak, model: sim/small, time_constraints: {text}}}]"


HERE = "config.yaml: deployments[0] 'weak': time_constraints[0]"
BAD_CONFIGS = {
    "hour": (window("[['25:00', '06:00']]"), f"{HERE}.start", "'25:00'"),
    "dot": (window("[['22:00', '9.30']]"), f"{HERE}.end", "'9.30'"),
    "blank": (window("[['', '06:00']]"), f"{HERE}.start", "''"),
    "number": (window("[[1320, '06:00']]"), f"{HERE}.start", "1320"),
    "three": (window("[['22:00', '06:00', '07:00']]"), HERE, "two strings"),
    "zone": (window("[{start: '22:00', end: '06:00', tz: Europe/Berln}]"), f"{HERE}.tz", "'Europe/Berlin'?"),
    "weekday": (window("[{start: '22:00', end: '06:00', days: [mn]}]"), f"{HERE}.days", "Did you mean 'mon'?"),
    "window key": (window("[{start: '22:00', end: '06:00', dayz: [mon]}]"), f"{HERE}.dayz", "Did you mean 'days'?"),
    "not a list": (window("'22:00'"), "time_constraints must be a list"),
    "name": ("deployments: [{model_name: 3, model: sim/small}]", "config.yaml: deployments[0]", "model_name"),
    "key": (window("[]").replace("constraints", "constraint"), "deployments[0] 'weak'", "'time_constraints'?"),
    "top key": ("deploymnets: []", "config.yaml: ", "Did you mean 'deployments'?"),
    "duplicate": (
        "deployments: [{model_name: a, model: sim/x}, {model_name: a, model: sim/y}]",
        "config.yaml: ",
        "deployments[1].model_name",
        "'a'",
    ),
    "no deployment": ("deployments: []", "config.yaml: deployments"),
    "list": ("- 1", "config.yaml: must hold a mapping"),
    "empty": ("", "config.yaml: the file is empty"),
    "blank file": ("\n# nothing\n", "config.yaml: the file holds no data"),
    "not yaml": ("deployments: [", "config.yaml: cannot be read as YAML", "line"),
    "yaml key twice": ("version: 1\nversion: 1\n", "config.yaml: cannot be read as YAML", "duplicate key"),
    "yaml tag": ("deployments: !!python/object/apply:os.system ['touch pwned']", "config.yaml", "python/object"),
    "binary": (b"\x93NUMPY\x00\xff\xfe", "config.yaml: must be UTF-8"),
}
BAD_TRACES = {
    "naive": ("at\n2026-03-02T09:00\n", "trace.csv: line 2: at", "--tz"),
    "missing": ("at,model_preference\n2026-03-02T09:00Z,\n,weak\n", "trace.csv: line 3: at", "missing"),
    "nat": ("at\n2026-03-02T09:00Z\nNaT\n", "trace.csv: line 3: at"),
    "mixed": ("at\n2026-03-02T09:00Z\n2026-03-02T10:00\n", "trace.csv: line 3: at", "naive"),
    "time": ("at\n2026-03-02T25:00Z\n", "trace.csv: line 2: at", "25:00"),
    "unsorted": ("at\n2026-03-02T09:00Z\n2026-03-02T08:00Z\n", "trace.csv: line 3: at", "--sort"),
    "no rows": ("at\n", "trace.csv: the trace is empty"),
    "no bytes": ("", "trace.csv: the file is empty"),
    "column": ("at,model_prefernce\n2026-03-02T09:00Z,weak\n", "trace.csv: 'model_prefernce'", "'model_preference'?"),
    "no column": ("att\n2026-03-02T09:00Z\n", "trace.csv: column 'at'", "'att' holds times"),
    "tokens": ("at,prompt_tokens\n2026-03-02T09:00Z,-1\n", "trace.csv: line 2: prompt_tokens", "-1"),
    "binary": (b"\x00\xff\xfe\x93" * 40, "trace.csv: "),
}
OUTAGE = "type: outage, target: strong, start: '2026-03-02T09:00Z'"
BAD_SCENARIOS = {
    "target": ("faults: [{type: error_rate, target: strnog, rate: 0.1}]", "faults[0]", "Did you mean 'strong'?"),
    "provider": ("faults: [{type: error_rate, target: 'provider:opnai', rate: 1}]", "faults[0]", "'provider:openai'?"),
    "ends first": (f"faults: [{{{OUTAGE}, end: '2026-03-02T08:00Z'}}]", "scenario.yaml: faults[0]", "after start"),
    "naive": (f"faults: [{{{OUTAGE}, end: '2026-03-02T10:00'}}]", "scenario.yaml: faults[0].end", "zone"),
    "no start": ("faults: [{type: outage, target: strong}]", "scenario.yaml: faults[0].start", "missing"),
    "rate": ("faults: [{type: error_rate, target: strong, rate: 1.5}]", "scenario.yaml: faults[0].rate", "1.5"),
    "below": ("faults: [{type: error_rate, target: strong, rate: -0.1}]", "scenario.yaml: faults[0].rate", "-0.1"),
    "nan": ("faults: [{type: error_rate, target: strong, rate: .nan}]", "scenario.yaml: faults[0].rate", "nan"),
    "text": ("faults: [{type: error_rate, target: strong, rate: '1'}]", "scenario.yaml: faults[0].rate", "'1'"),
    "type": ("faults: [{type: outtage, target: strong}]", "scenario.yaml: faults[0].type", "Did you mean 'outage'?"),
    "key": ("faults: [{type: error_rate, target: strong, rat: 1}]", "scenario.yaml: faults[0]", "Did you mean 'rate'?"),
    "seed": ("seed: many", "scenario.yaml: seed", "'many'"),
    "names": (
        "faults: [&a {type: error_rate, target: weak, rate: 1, name: x}, *a]",
        "scenario.yaml: ",
        "name 'x' is given twice",
    ),
    "list": ("[]", "scenario.yaml: must hold a mapping"),
    "tag": ("faults: !!python/name:os.system", "scenario.yaml: cannot be read as YAML"),
}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        pytest.param(name, content, words, id=f"{name}-{case}")
        for name, cases in (
            ("config.yaml", BAD_CONFIGS),
            ("trace.csv", BAD_TRACES),
            ("scenario.yaml", BAD_SCENARIOS),
        )
        for case, (content, *words) in cases.items()
    ],
)
def test_bad_input(here: Path, name: str, content: str | bytes, words: list[str]) -> None:
    """Each bad file gets one line that names the place, and the folder is not even made."""
    (here / name).write_bytes(content.encode() if isinstance(content, str) else content)
    refused(replay("--scenario", "scenario.yaml", "--out", "out", code=2), *words)
    assert not (here / "pwned").exists()


@pytest.mark.parametrize("name", ["config.yaml", "trace.csv", "scenario.yaml"])
def test_missing_files_and_folders(here: Path, name: str) -> None:
    """A file that is not there gets its nearest neighbour's name, a folder is no file."""
    moved = f"{name[:-4]}s{name[-4:]}"
    (here / name).rename(here / moved)
    refused(
        replay("--scenario", "scenario.yaml", "--out", "out", code=2), f"{name}: no such file. Did you mean '{moved}'?"
    )
    (here / name).mkdir()
    refused(replay("--scenario", "scenario.yaml", "--out", "out", code=2), f"{name}: is a folder")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads and writes everything")
@pytest.mark.parametrize("name", ["config.yaml", "trace.csv", "scenario.yaml"])
def test_files_that_may_not_be_read(here: Path, name: str) -> None:
    """A file without permission to read it is refused in one line, by our readers and not as wrong usage."""
    (here / name).chmod(0)
    refused(replay("--scenario", "scenario.yaml", "--out", "out", code=2), name, "Permission denied")


@pytest.mark.parametrize("out", ["closed", "closed/out"])
def test_a_folder_that_may_not_be_written(here: Path, monkeypatch: pytest.MonkeyPatch, out: str) -> None:
    """It is said at once, before anything is read."""
    (here / "closed").mkdir(mode=0o500)
    monkeypatch.setattr("os.access", lambda *_: False)  # for root, who may write everywhere
    refused(replay("--out", out, code=2), f"error: {out}: ", "no permission")
    assert list((here / "closed").iterdir()) == []


def test_unknown_zone_and_engine(here: Path) -> None:
    """An unknown --tz or --engine is named."""
    (here / "trace.csv").write_text("at\n2026-03-02T09:00\n")
    refused(replay("--tz", "Europe/Berln", "--out", "out", code=2), "Europe/Berln")
    (here / "trace.csv").write_text(GOOD_TRACE)
    refused(replay("--engine", "stepd", "--out", "out", code=2), "Did you mean 'stepped'?")


@pytest.mark.parametrize("out", ["file", "file/out", "file/a/b"])
def test_a_file_where_the_folder_should_be(here: Path, out: str) -> None:
    """It is said at once, before anything is replayed, and the file is left alone."""
    (here / "file").write_text("mine")
    (here / "trace.csv").unlink()
    refused(replay("--out", out, code=2), out, "is a file")
    assert (here / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device", "out/x"), "error: out/x: No space left on device.\n"),
        (OSError("odd"), "error: {}/calls.csv: odd\n"),
    ],
)
def test_the_disk_fails(here: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, line: str) -> None:
    """An error of the system while writing is one line too, and no unfinished file stays."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("os.fsync", fail)
    result = replay("--out", "out", code=2)
    assert result.stderr.replace(str(here / "out"), "{}") == line
    assert list((here / "out").iterdir()) == []


def test_a_plot_fails(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong in drawing is our own bug and is shown as one, but nothing has been written by then."""

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("timegate.plots.fallbacks", fail)
    result = replay("--out", "out", code=1)
    assert isinstance(result.exception, ZeroDivisionError)
    assert not (here / "out").exists()


def test_usage(here: Path) -> None:
    """Usage errors are typer's own and exit with 2; the version is a line; help has examples."""
    run("replay", "config.yaml", code=2)
    run("replay", "config.yaml", "--trace", "trace.csv", "--what", code=2)
    run("demo", "extra", code=2)
    run(code=2)
    assert run("--version").stdout == f"timegate {tg.__version__}\n"
    assert "timegate demo" in run("--help").stdout
    for command in ("demo", "replay", "explain", "compare"):
        assert f"timegate {command} " in run(command, "--help").stdout.partition("Example")[2]


# ---- the true command


def test_the_console_script(tmp_path: Path) -> None:
    """The installed script and the module are the same command."""
    script = Path(sys.executable).with_name("timegate")
    if not script.exists():
        pytest.skip("timegate is not installed as a script beside this Python")
    made = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert made.stdout == shell("--version").stdout == f"timegate {tg.__version__}\n"


def test_a_true_run(here: Path) -> None:
    """In a process of its own, a run exits with 0 and is silent on stderr, though the environment is poor."""
    (here / "config.yaml").write_text("deployments: [{model_name: naïve 🚀, model: sim/x}]", encoding="utf-8")
    (here / "trace.csv").write_text("at\n2026-03-02T09:00Z\n")
    env = os.environ | {"PYTHONIOENCODING": "ascii", "MPLBACKEND": "module://not_there", "COLUMNS": "80"}
    made = subprocess.run(
        [sys.executable, "-m", "timegate", "replay", "config.yaml", "--trace", "trace.csv", "--out", "out",
         "--engine", "stepped"],
        capture_output=True, text=True, timeout=300, env=env,
    )  # fmt: skip
    assert (made.returncode, made.stderr) == (0, "")
    assert "na\\xefve \\U0001f680" in made.stdout
    assert "\x1b" not in made.stdout
    assert all(len(line) <= 80 for line in made.stdout.splitlines() if "na\\xef" not in line)
    assert sorted(os.listdir("out")) == FILES


def test_a_true_error(here: Path) -> None:
    """In a process of its own, bad input exits with 2 and one line."""
    (here / "trace.csv").write_text("at\n2026-03-02T09:00\n")
    made = shell("replay", "config.yaml", "--trace", "trace.csv", "--out", "out")
    assert made.returncode == 2
    assert made.stdout == ""
    assert made.stderr.startswith("error: trace.csv: line 2: at")
    assert len(made.stderr.splitlines()) == 1
    assert not Path("out").exists()


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_interrupt(here: Path) -> None:
    """Ctrl-C exits with 130 and one line, and leaves no folder."""
    made = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, "replay", "config.yaml", "--trace", "trace.csv", "--out", "out"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert made.stdout is not None
    assert made.stdout.readline() == "replaying\n"
    made.send_signal(signal.SIGINT)
    out, err = made.communicate(timeout=300)
    assert (made.returncode, out) == (130, "")
    assert err.startswith("interrupted: ")
    assert len(err.splitlines()) == 1
    assert not Path("out").exists()


# A replay that never ends.
INTERRUPTED = """
import signal, time, timegate, timegate.cli
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts the tests with `&` has it ignored
def replay(*_, **__):
    print("replaying", flush=True)
    time.sleep(600)
timegate.replay = replay
timegate.cli.main()
"""


def test_a_reader_that_leaves(here: Path) -> None:
    """When the reader of the output goes away, nothing is said about it."""
    command = [sys.executable, "-m", "timegate", "explain", "config.yaml"]
    made = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert made.stdout is not None
    made.stdout.close()
    assert made.stderr is not None
    assert made.stderr.read() == ""
    made.wait(timeout=300)
    made.stderr.close()


def test_a_pipe_that_breaks(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken pipe is no error of the input, though it is an OSError: it is left to typer, who is silent."""

    def fail(*_: object, **__: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(tg.GatewayConfig, "load", fail)
    assert run("explain", "config.yaml", code=1).output == ""


def test_what_is_imported(here: Path) -> None:
    """--help and explain load neither matplotlib nor numba, so they answer at once."""
    for args in (["--help"], ["explain", "config.yaml"]):
        code = (
            "import sys, timegate.cli\n"
            f"sys.argv[1:] = {args!r}\n"
            "try:\n    timegate.cli.main()\n"
            "finally:\n"
            "    loaded = {name.partition('.')[0] for name in sys.modules}\n"
            "    print('LOADED', sorted(loaded & {'matplotlib', 'numba', 'ipywidgets', 'openai', 'msgflux'}))"
        )
        made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
        assert made.stdout.splitlines()[-1] == "LOADED []", made.stderr
