"""What ``import timegate`` brings, and what it leaves alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

import timegate

HEAVY = [
    "anywidget",
    "ipywidgets",
    "litellm",
    "matplotlib",
    "msgflux",
    "numba",
    "openai",
    "pytest",
    "rich",
    "scipy",
    "typer",
]


ASKED_FOR = [
    "engines", "faults", "incidents", "optimize", "plots", "prices", "report", "review", "runs", "traffic", "widgets",
]  # fmt: skip
"""The parts that a gateway in production needs nothing of."""


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """Import timegate in a fresh process, and return the modules that it has loaded then."""
    code = "import sys, timegate; print(*sys.modules)"
    return set(subprocess.check_output([sys.executable, "-W", "error", "-c", code], text=True).split())


@pytest.mark.parametrize("name", [*HEAVY, *(f"timegate.{part}" for part in ASKED_FOR)])
def test_import_loads_nothing_heavy(loaded, name):
    """Importing timegate loads no plotting, widgets, compiler, command line, test runner or SDK, and no research."""
    assert "timegate" in loaded
    assert name not in loaded


def test_import_prints_and_warns_nothing():
    """Importing says nothing, even with warnings as errors, and touches no root logger."""
    code = "import logging, timegate; assert not logging.getLogger().handlers"
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, check=True)
    assert (run.stdout, run.stderr) == (b"", b"")


@pytest.mark.parametrize("name", timegate.__all__)
def test_every_public_name_resolves(name):
    """Each name of ``__all__`` is there, with a docstring."""
    assert getattr(timegate, name).__doc__


def test_every_public_name_is_offered():
    """``dir`` and a star have all of them, the kinds of faults, too, which wait until somebody asks."""
    starred: dict[str, object] = {}
    exec("from timegate import *", starred)  # noqa: S102 - the star is the test
    assert set(timegate.__all__) <= starred.keys() & set(dir(timegate))
    assert [name for name in dir(timegate) if name not in timegate.__all__ and not name.startswith("_")] == []
    assert {"Outage", "Scenario", "replay"} <= set(timegate.__all__)


def test_tools_that_look_for_a_mark_load_nothing():
    """What tools ask every module for is not there, and nothing is loaded to say so."""
    code = "import sys, timegate; assert not hasattr(timegate, '__wrapped__'); print(*sys.modules)"
    assert "timegate.faults" not in subprocess.check_output([sys.executable, "-c", code], text=True).split()


def test_unknown_names_are_attribute_errors():
    """A name that is not there is an AttributeError that names it."""
    with pytest.raises(AttributeError, match="has no attribute 'replays'"):
        timegate.replays  # noqa: B018 - the access is the test
