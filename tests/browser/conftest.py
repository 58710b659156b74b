"""What the browser tests share. They run in a process of their own: ``python -m pytest tests/browser``.

A plain run leaves this folder out. On a machine without Chromium or the extra ``browser`` all of them skip.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

from tests.browser.page import CHROMIUM


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Give a Chromium to all tests."""
    missing = [name for name in ("playwright", "jupyterlab") if find_spec(name) is None]
    missing += [] if CHROMIUM.exists() else [str(CHROMIUM)]
    if missing:
        pytest.skip(
            f"browser tests need {' and '.join(missing)}: pip install 'timegate[browser]', apt install chromium"
        )
    from playwright.sync_api import sync_playwright

    from tests.browser.page import chromium

    with sync_playwright() as playwright, chromium(playwright) as found:
        yield found
