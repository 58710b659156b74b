"""Draw the picture of the editor in the README: ``python -m tests.browser.picture docs/editor.png``."""

from __future__ import annotations

import sys

from playwright.sync_api import sync_playwright

import timegate as tg
from tests.browser.page import Bench, chromium
from timegate.samples import CONFIG, SCENARIO, TRACE, sample


def main(path: str) -> None:
    """Open the samples, drag the end of a window, and write what is on screen then."""
    config, scenario = tg.GatewayConfig.load(sample(CONFIG)), tg.Scenario.load(sample(SCENARIO))
    with sync_playwright() as playwright, chromium(playwright) as browser:
        page = browser.new_page(viewport={"width": 1100, "height": 800}, device_scale_factor=1.5)
        bench = Bench(page, tg.ScheduleEditor(config, tg.read_trace(sample(TRACE)), scenario))
        bench.settle()
        edge = page.get_by_role("slider", name="strong window 1 end", exact=True)
        box, lane = edge.bounding_box(), page.locator(".tg-lane").first.bounding_box()
        assert box is not None
        assert lane is not None
        page.mouse.move(box["x"] + 3, lane["y"] + 18)
        page.mouse.down()
        page.mouse.move(box["x"] + 3 - bench.minutes(90), lane["y"] + 18, steps=6)
        bench.settle()
        page.wait_for_timeout(500)
        form = page.locator(".tg-form").bounding_box()
        assert form is not None
        page.screenshot(path=path, clip={"x": 6, "y": 6, "width": 1088, "height": form["y"] + form["height"]})


if __name__ == "__main__":
    main(sys.argv[1])
