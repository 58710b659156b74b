"""Notebooks that read published files which are no part of this repository are skipped where those are absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
VARIABLE = "TIMEGATE_REAL_DATA"
REAL_DATA = HERE / os.environ.get(VARIABLE, "../../shared/data")
NEEDED = {
    "04_real_histories.ipynb": (
        "traces/AzureLLMInferenceTrace_code.csv",
        "traces/azure2024_coding_10min_digitised.csv",
        "incidents/statuspage_incidents_copilot.json",
    )
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the cells of a notebook whose files are absent, before a kernel starts."""
    for item in items:
        absent = [name for name in NEEDED.get(item.path.name, ()) if not (REAL_DATA / name).is_file()]
        if absent:
            reason = (
                f"needs published files that are not here: {', '.join(absent)} (TIMEGATE_REAL_DATA names the folder)"
            )
            item.add_marker(pytest.mark.skip(reason=reason))
