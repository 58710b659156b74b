"""The notebooks: executed, and in one form. What they print is compared by nbval, which runs them as tests."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NAMES = sorted(path.name for path in FOLDER.glob("*.ipynb"))


def load(name: str) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return notebook


def text(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def code_cells(name: str) -> list[dict[str, Any]]:
    return [cell for cell in load(name)["cells"] if cell["cell_type"] == "code"]


def test_numbers() -> None:
    """They are numbered from 1 in reading order, without a gap."""
    assert [int(name[:2]) for name in NAMES] == list(range(1, len(NAMES) + 1))
    assert len(NAMES) >= 4


@pytest.mark.parametrize("name", NAMES)
def test_are_executed_in_order(name: str) -> None:
    """Each code cell was run, in order, and without an error: nbval would pass a notebook stripped of its outputs."""
    cells = code_cells(name)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert "error" not in {output["output_type"] for output in outputs}
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 1
    assert len(outputs) >= len(cells) / 2


@pytest.mark.parametrize("name", NAMES)
def test_begin_and_end(name: str) -> None:
    """Each begins with its number and what one will learn, and ends with what next, the next notebook linked."""
    first, *_, last = load(name)["cells"]
    assert text(first).startswith(f"# {int(name[:2])}. ")
    assert "**What you will learn:**" in text(first)
    assert "## What next" in text(last)
    following = NAMES[NAMES.index(name) + 1 :][:1]
    assert all(f"({link})" in text(last) for link in following)


@pytest.mark.parametrize("name", NAMES)
def test_links(name: str) -> None:
    """What they link in this repository is there."""
    for cell in load(name)["cells"]:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", text(cell) if cell["cell_type"] == "markdown" else ""):
            assert (FOLDER / link).exists(), link


@pytest.mark.parametrize("name", NAMES)
def test_are_the_same_anywhere(name: str) -> None:
    """No output tells of the machine: no path of it, no address of an object, and nothing on stderr."""
    for cell in code_cells(name):
        for output in cell["outputs"]:
            shown = "".join([*output.get("text", []), *map(str, output.get("data", {}).get("text/plain", []))])
            assert not re.search(r"/(tmp|home|root|Users|usr)/| at 0x[0-9a-f]{6}", shown), shown
            assert output.get("name") != "stderr", shown


@pytest.mark.parametrize("name", NAMES)
def test_kernel(name: str) -> None:
    """Each asks for the kernel that every installation has."""
    assert load(name)["metadata"]["kernelspec"]["name"] == "python3"


def test_skip_without_the_published_files(tmp_path: Path) -> None:
    """Without the published files, the notebook that reads them is skipped, with one line that names them."""
    name = "04_real_histories.ipynb"
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", f"notebooks/{name}"]
    env = os.environ | {"TIMEGATE_REAL_DATA": str(tmp_path)}
    found = subprocess.run(command, env=env, cwd=FOLDER.parent, capture_output=True, text=True, check=False)
    lines = [line for line in found.stdout.splitlines() if line.startswith("SKIPPED")]
    assert found.returncode == 0, found.stdout
    assert len(lines) == 1
    assert "needs published files, which are not in TIMEGATE_REAL_DATA" in lines[0]
    assert "traces/AzureLLMInferenceTrace_code.csv" in lines[0]
    assert f"{len(code_cells(name))} skipped" in found.stdout.splitlines()[-1]
    assert "passed" not in found.stdout
