"""The pages: their code runs and prints what they say it prints, their commands work, their links lead somewhere."""

from __future__ import annotations

import contextlib
import inspect
import io
import re
import shlex
import shutil
import tomllib
from collections.abc import Callable, Collection
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
import typer
import yaml
from typer.testing import CliRunner

import timegate as tg
from timegate.cli import app
from timegate.core.columns import OBSERVED_COLUMNS, TRACE_COLUMNS, ProviderError
from timegate.core.policy_parts import Backoff, Cooldown, Limits, Part, RetryBudget
from timegate.core.settings import CallPolicy, Policy
from timegate.engines.record import ATTEMPT_COLUMNS, CALL_COLUMNS
from timegate.faults import Failure, Fault
from timegate.formats.registry import FORMATS
from timegate.runs.replay import Engine
from timegate.traffic.process import Traffic

ROOT = Path(__file__).resolve().parents[1]
MANUAL = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [*MANUAL, *(ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "data/README.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
PARSED_ONLY = {"demo", "edit"}
"""Commands whose arguments are checked and no more: one draws for seconds, the other serves until it is ended."""


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks_of(page: Path) -> list[tuple[str, str]]:
    """Return the language and the text of each fenced block of a page."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def try_command(line: str) -> None:
    """Run a ``timegate`` command in this process, or at least read its arguments as the command does."""
    given = shlex.split(line, comments=True)[1:]
    if given[0] in PARSED_ONLY:
        group = typer.main.get_command(app)
        group.commands[given[0]].make_context(given[0], given[1:])  # type: ignore[attr-defined]
        return
    result = CliRunner(env={"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}).invoke(app, given)
    found = given[0] in ("check", "diff", "gaps") and result.exit_code == 1
    assert result.exit_code == 0 or found, f"{line}\n{result.output}\n{result.exception!r}"


@pytest.mark.parametrize("page", MANUAL, ids=name_of)
def test_what_a_page_shows_works(page: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Blocks are tried in order, in a folder of the page's own that holds ``data/``.

    A text block right after one of Python is its output. YAML that begins with the name of a file stands in that file.
    """
    shutil.copytree(ROOT / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    mpl.use("agg")
    namespace: dict[str, object] = {}
    printed: str | None = None
    tried = 0
    for language, text in blocks_of(page):
        if language == "python":
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile(text, name_of(page), "exec"), namespace)  # noqa: S102 - our own page
            printed = output.getvalue()
        elif language == "text":
            assert printed == text
        elif language == "yaml":
            named = re.match(r"# ([\w-]+\.yaml)$", text, re.MULTILINE)
            path = tmp_path / (named[1] if named else "unnamed.yaml")
            path.write_text(text, encoding="utf-8")
            if "deployments:" in text:
                tg.GatewayConfig.load(path)
            else:
                tg.Scenario.load(path)
        else:
            assert language == "bash", language
            lines = [line for line in text.splitlines() if line.startswith("timegate ")]
            for line in lines:
                try_command(line)
            tried += len(lines)
        tried += language == "python"
        printed = printed if language == "python" else None
    plt.close("all")
    assert tried, "a page shows at least one thing that works"


def slug(heading: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link and picture exists, and the heading that it names."""
    for target in LINK.findall(BLOCK.sub("", page.read_text(encoding="utf-8"))):
        if target.startswith(("http:", "https:")):
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file) if file else page
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", path.read_text(encoding="utf-8")), re.MULTILINE)
            assert anchor in map(slug, headings), target


def test_readme_leads_to_every_page() -> None:
    """No page is found by chance alone, and the first one stays short."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 250
    linked = set(LINK.findall(text))
    assert {name_of(page) for page in MANUAL[1:]} <= linked
    assert {"ARCHITECTURE.md", "CONTRIBUTING.md"} <= linked


def test_commands_of_the_readme_are_those_that_ci_types() -> None:
    """What decides whether a change lands types what a newcomer types."""
    _, text = next(block for block in blocks_of(ROOT / "README.md") if block[0] == "bash")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").replace("pip install -q", "pip install")
    typed = [part.strip() for line in text.splitlines() for part in line.partition("#")[0].split("&&")]
    assert typed == [
        "python -m pip install -e .",
        "timegate demo",
        'python -m pip install -e ".[test]"',
        "python -m pytest",
    ]
    for command in typed:
        assert re.search(rf"^ *{re.escape(command)}( --out .*)?$", ci, re.MULTILINE), command


def test_hooks_run_what_ci_runs() -> None:
    """Every hook is local and uses the tools as installed; all but the test of the house are lines of CI."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    hooks = config["repos"][0]["hooks"]
    assert {hook["language"] for hook in hooks} == {"system"}
    ci = {line.strip() for line in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()}
    (other,) = (hook["entry"] for hook in hooks if hook["entry"] not in ci)
    assert other.startswith("python -m pytest ")


def rows_of(page: Path, head: str) -> list[list[str]]:
    """Return the cells of the table of a page whose first line begins with this."""
    table = page.read_text(encoding="utf-8").split(f"\n{head}")[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("| trace |", TRACE_COLUMNS),
        ("| observed |", OBSERVED_COLUMNS),
        ("| `run.calls` |", CALL_COLUMNS),
        ("| `run.attempts` |", ATTEMPT_COLUMNS),
    ],
)
def test_tables_of_columns_are_the_columns(table: str, columns: tuple[str, ...]) -> None:
    """They name what the one list of columns names, in order."""
    assert tuple(row[0].strip("`") for row in rows_of(ROOT / "docs" / "columns.md", table)) == columns


def test_types_of_columns_are_those_of_the_frames() -> None:
    """The types that the page states are those that a replay gives."""
    config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
    run = tg.replay(config, tg.Trace(["2026-03-02T09:00Z"]))
    for table, frame in (("| `run.calls` |", run.calls), ("| `run.attempts` |", run.attempts)):
        stated = {row[0].strip("`"): row[1] for row in rows_of(ROOT / "docs" / "columns.md", table)}
        assert stated == {name: str(dtype) for name, dtype in frame.dtypes.items()}


def kinds_of_fault() -> dict[str, type[Fault]]:
    """Return the faults that a scenario may hold, by class."""
    found = {name: getattr(tg, name) for name in tg.__all__}
    return {name: kind for name, kind in found.items() if isinstance(kind, type) and issubclass(kind, Fault)}


def test_every_fault_has_its_row() -> None:
    """The page of scenarios lists each kind of fault, with fields that it has."""
    rows = rows_of(ROOT / "docs" / "scenarios.md", "| fault |")
    stated = {match[1]: match[2] for row in rows if (match := re.fullmatch(r"`(\w+)\((.*)\)`", row[0]))}
    kinds = kinds_of_fault()
    assert stated.keys() == kinds.keys()
    for name, given in stated.items():
        assert {field.strip().rstrip("=") for field in given.split(",")} <= kinds[name].model_fields.keys(), name


def test_every_kind_of_error_has_its_name() -> None:
    """The page of scenarios, and the docstring from which the schema takes its words, name each, and no other."""
    (row,) = (row for row in rows_of(ROOT / "docs" / "scenarios.md", "| those that fail take |") if row[0] == "`error`")
    said = re.search(r"One of (.*?)\.\n", Failure.__doc__ or "", re.DOTALL)
    assert said is not None
    assert sorted(re.findall(r"`(\w+)`", row[1])) == sorted(get_args(ProviderError))
    assert sorted(re.findall(r"``(\w+)``", said[1])) == sorted(get_args(ProviderError))


OPTIONS = {
    "histories.md": [tg.Incidents.to_faults],
    "random-days.md": [tg.monte_carlo, tg.replay_stream],
    "editor.md": [tg.ScheduleEditor],
    "export.md": [tg.GatewayConfig.export],
}


@pytest.mark.parametrize(
    ("page", "function"), [(page, function) for page, functions in OPTIONS.items() for function in functions]
)
def test_tables_of_options_are_the_parameters(page: str, function: Callable[..., object]) -> None:
    """A table of options names parameters alone, and leaves out none that is given by name."""
    rows = rows_of(ROOT / "docs" / page, f"| option of `{function.__name__}` |")
    stated = {name for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    parameters = inspect.signature(function).parameters
    by_name = {name for name, parameter in parameters.items() if parameter.kind is parameter.KEYWORD_ONLY}
    assert by_name <= stated <= parameters.keys()


def test_every_table_of_options_is_compared() -> None:
    """The list above leaves out no page that has one."""
    found = {page.name: page.read_text(encoding="utf-8").count("\n| option") for page in MANUAL}
    assert {page: count for page, count in found.items() if count} == {p: len(fs) for p, fs in OPTIONS.items()}


def test_tables_of_fields_are_the_fields() -> None:
    """Those of windows, and what all processes take, are listed in full."""
    for page, head, names in (
        ("windows.md", "| field |", [field.name for field in fields(tg.Window)]),
        ("traffic.md", "| all of them take |", Traffic.model_fields),
        ("routing.md", "| field of a deployment |", tg.Deployment.model_fields),
        ("scenarios.md", "| all of them take |", Fault.model_fields.keys() - {"type"}),
        ("scenarios.md", "| those that fail take |", Failure.model_fields.keys() - Fault.model_fields.keys()),
    ):
        stated = [name for row in rows_of(ROOT / "docs" / page, head) for name in re.findall(r"`(\w+)`", row[0])]
        assert sorted(stated) == sorted(names), page


@pytest.mark.parametrize(
    ("head", "kind", "others"),
    [
        ("| field of a policy |", Policy, ()),
        ("| only in the policy of a config |", CallPolicy, Policy.model_fields),
        ("| field of `backoff` |", Backoff, ()),
        ("| field of `cooldown` |", Cooldown, ()),
        ("| field of `limits` |", Limits, ()),
        ("| field of `retry_budget` |", RetryBudget, ()),
    ],
)
def test_tables_of_policies_are_the_fields(head: str, kind: type[Part], others: Collection[str]) -> None:
    """Each field stands there once, with its default; fields that share a row have theirs in the same order."""
    stated = []
    for names, *cells in rows_of(ROOT / "docs" / "policies.md", head):
        stated += (fields := re.findall(r"`(\w+)`", names))
        defaults = [default_text(kind.model_fields[field].default) for field in fields]
        if len(cells) == 2:
            assert cells[0] == ", ".join(filter(None, defaults)), names
        else:
            assert not any(defaults), names
    assert sorted(stated) == sorted(kind.model_fields.keys() - others)


def default_text(value: Any) -> str:
    """Write a default as the page does."""
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in value)
    return f"`{value}`" if isinstance(value, str) else f"{value:g}"


def test_every_plot_has_its_row() -> None:
    """The page of plots lists each function."""
    rows = rows_of(ROOT / "docs" / "plots.md", "| `tg.plots.` |")
    assert sorted(row[0].strip("`") for row in rows) == sorted(set(tg.plots.__all__) - {"deployment_colors"})


def test_every_target_of_an_export_has_its_row() -> None:
    """The page lists each format, by the name that ``export`` takes."""
    rows = rows_of(ROOT / "docs" / "export.md", "| target |")
    assert [row[0].strip("`") for row in rows] == list(FORMATS)


def test_every_engine_has_its_row() -> None:
    """The page lists each engine."""
    rows = rows_of(ROOT / "docs" / "engines.md", "| `engine=` |")
    assert [row[0].strip("`") for row in rows] == list(get_args(Engine))


def test_every_extra_has_its_row() -> None:
    """The README lists what can be installed beside the package."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    stated = [name for row in rows_of(ROOT / "README.md", "| extra |") for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(stated) == sorted(extras)


def test_every_command_has_its_line() -> None:
    """The page of the command shows each subcommand at least once, as one types it."""
    text = (ROOT / "docs" / "command.md").read_text(encoding="utf-8")
    shown = {line.split()[1] for line in text.splitlines() if line.startswith("timegate ")}
    assert shown == typer.main.get_command(app).commands.keys()  # type: ignore[attr-defined]


def test_every_code_of_the_check_has_its_row() -> None:
    """The table of codes is the one that the check has, severity included."""
    from timegate.review.findings import CODES

    rows = rows_of(ROOT / "docs" / "export.md", "| code |")
    assert [(row[0], row[1]) for row in rows] == [(code, CODES[code].severity) for code in CODES]
