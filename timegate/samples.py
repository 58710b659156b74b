"""The embedded samples: a config, a day of traffic, a scenario and a history of incidents."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

from timegate.replacing import replacing

__all__ = ["CONFIG", "SAMPLES", "SCENARIO", "TRACE", "copy_samples", "sample"]

CONFIG, TRACE, SCENARIO = "gateway.yaml", "day.csv", "scenario.yaml"
SAMPLES = (CONFIG, TRACE, SCENARIO, "incidents.json", "gateway.schema.json", "scenario.schema.json")
"""What a folder to begin in has: the schemas are for editors of YAML."""


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


def copy_samples(folder: Path) -> None:
    """Copy the samples into a folder, which is made; what is there already stays, for somebody may have edited it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SAMPLES:
        if not (folder / name).exists():
            with replacing(folder / name) as unfinished:
                shutil.copyfile(sample(name), unfinished)
