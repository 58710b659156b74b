"""The editor as a page of its own: what the dashboard notebook shows."""

from __future__ import annotations

import json
import os
from pathlib import Path

from timegate.samples import CONFIG, SCENARIO, TRACE, sample
from timegate.widgets import FILES_VARIABLE
from timegate.widgets.editor import ScheduleEditor

__all__ = ["dashboard"]


def dashboard() -> ScheduleEditor:
    """Return the editor of the files that the environment names, or of the samples.

    Save writes to the config's own file; that of the samples is left alone.
    """
    if FILES_VARIABLE in os.environ:
        paths = {name: Path(path) for name, path in json.loads(os.environ[FILES_VARIABLE]).items()}
        config = paths["config"]
        return ScheduleEditor(config, paths.get("trace"), paths.get("scenario"), path=config)
    return ScheduleEditor(sample(CONFIG), sample(TRACE), sample(SCENARIO))
