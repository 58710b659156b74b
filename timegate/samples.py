"""The embedded samples: a config, a day of traffic and a scenario."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

__all__ = ["CONFIG", "SCENARIO", "TRACE", "sample"]

CONFIG, TRACE, SCENARIO = "gateway.yaml", "day.csv", "scenario.yaml"


def sample(name: str) -> Path:
    """Return the path of a sample file.

    Raises
    ------
    FileNotFoundError
        If the installation lacks it.
    """
    # A wheel holds the samples inside the package; an editable install leaves them in data/, beside it.
    package = Path(str(files("timegate")))
    for folder in (package / "data", package.parent / "data"):
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(2, "this installation of timegate lacks the sample", name)
