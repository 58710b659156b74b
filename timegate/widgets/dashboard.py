"""The editor as a page of its own: what the dashboard notebook shows."""

from __future__ import annotations

import json
import os
from pathlib import Path

from timegate.config import GatewayConfig
from timegate.faults import Scenario
from timegate.samples import CONFIG, SCENARIO, TRACE, sample
from timegate.traffic import read_trace
from timegate.widgets import FILES_VARIABLE
from timegate.widgets.editor import ScheduleEditor

__all__ = ["dashboard"]


def dashboard() -> ScheduleEditor:
    """Return the editor of the files that the environment names, or of the samples.

    Save writes to the config's own file; that of the samples is left alone.
    """
    if FILES_VARIABLE in os.environ:
        paths = {name: Path(path) for name, path in json.loads(os.environ[FILES_VARIABLE]).items()}
        return _editor(**paths, path=paths["config"])
    return _editor(sample(CONFIG), sample(TRACE), sample(SCENARIO))


def _editor(
    config: Path, trace: Path | None = None, scenario: Path | None = None, path: str | Path = ""
) -> ScheduleEditor:
    return ScheduleEditor(
        GatewayConfig.load(config),
        None if trace is None else read_trace(trace),
        None if scenario is None else Scenario.load(scenario),
        path=path,
    )
