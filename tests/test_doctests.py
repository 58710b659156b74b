"""The examples in the docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import timegate

MODULES = ["timegate", *(module.name for module in pkgutil.walk_packages(timegate.__path__, "timegate."))]


@pytest.mark.usefixtures("closed_figures")
@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_examples(name):
    """Every example in a module's docstrings gives what it shows."""
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        if (error.name or "").startswith("timegate"):
            raise
        pytest.skip(f"an optional dependency is missing: {error}")
    assert doctest.testmod(module).failed == 0
