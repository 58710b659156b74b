"""The README's code runs, and prints what the README says it prints."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import matplotlib as mpl
import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"```python\n(.*?)```(?:\s*```text\n(.*?)```)?", re.DOTALL)


def test_code_of_the_readme_runs_and_prints_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every python block runs in the order of the page; a text block right after one is its output."""
    monkeypatch.chdir(ROOT)
    mpl.use("agg")
    blocks = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(blocks) >= 5
    assert sum(bool(expected) for _, expected in blocks) >= 2
    namespace: dict[str, object] = {}
    for code, expected in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), namespace)  # noqa: S102 - our own page
        if expected:
            assert printed.getvalue() == expected
    mpl.pyplot.close("all")


def test_config_of_the_readme_loads(tmp_path: Path) -> None:
    """The YAML block is a valid config."""
    import timegate as tg

    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "gateway.yaml"
    path.write_text(text, encoding="utf-8")
    assert [d.model_name for d in tg.GatewayConfig.load(path).deployments] == ["strong", "weak"]


def test_columns_of_the_readme_are_the_columns() -> None:
    """The tables of columns name what the one list of columns names, in order."""
    from timegate.core.columns import ATTEMPT_COLUMNS, CALL_COLUMNS

    page = (ROOT / "README.md").read_text(encoding="utf-8")
    for table, columns in (("calls", CALL_COLUMNS), ("attempts", ATTEMPT_COLUMNS)):
        rows = page.split(f"| `run.{table}` |")[1].split("\n\n")[0]
        assert tuple(re.findall(r"^\| `(\w+)` \|", rows, re.MULTILINE)) == columns


def test_links_of_the_readme_lead_to_files() -> None:
    """Every relative link and picture exists."""
    for target in re.findall(r"\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target
