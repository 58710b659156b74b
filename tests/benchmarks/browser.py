"""Print how fast the editor is in JupyterLab: ``python -m tests.benchmarks.browser``. Needs Chromium and ``browser``.

Two times, measured in the page: from a mouse move to the bar, its layout included; and from the release of an edge,
with a move just before it that no answer can have foreseen, to the frame that shows the fresh series and figures.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table

from tests.browser.lab import jupyter_lab
from tests.browser.page import chromium

CELLS = [
    """import timegate as tg
from tests.benchmarks.routers import CONFIG, OUTAGES, day
editor = tg.ScheduleEditor(CONFIG, day({calls}), OUTAGES)""",
    "editor",
]
_MEASURE = """async ({ edits, name }) => {
  const root = document.querySelector(".tg-editor");
  const rows = root.querySelector(".tg-rows");
  const edge = () => [...root.querySelectorAll("[role=slider]")].find((e) => e.ariaLabel === name);
  const shown = () => root.dataset.shown === root.dataset.revision;
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const painted = () => new Promise((done) => requestAnimationFrame(() => {
    const channel = new MessageChannel(); // its message comes after the frame, without the delay of a timer
    channel.port1.onmessage = done;
    channel.port2.postMessage(0);
  }));
  const point = (type, x, y, target) => {
    const at = { clientX: x, clientY: y, button: 0, buttons: 1, pointerId: 1, bubbles: true, cancelable: true };
    target.dispatchEvent(new PointerEvent(type, at));
  };
  rows.setPointerCapture = () => {}; // pointers that a script makes cannot be captured
  const found = { moves: [], answers: [] };
  const hour = root.querySelector(".tg-lane").clientWidth / 24;
  for (let i = -3; i < edits; i++) {
    const box = edge().getBoundingClientRect();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const by = (i % 2 ? -1 : 1) * hour * 2;
    point("pointerdown", x, y, edge());
    const before = edge().getBoundingClientRect().x;
    const moved = performance.now();
    point("pointermove", x + by / 2, y, rows);
    const after = edge().getBoundingClientRect().x; // with the layout
    const drawn = performance.now() - moved;
    if (after === before) throw new Error("the bar did not move");
    while (!shown()) await pause(5);
    await pause(120);
    const revision = root.dataset.revision;
    point("pointermove", x + by, y, rows);
    const released = performance.now();
    point("pointerup", x + by, y, rows);
    if (root.dataset.revision === revision) throw new Error("nothing was edited");
    while (!shown()) await pause(0);
    await painted();
    if (i >= 0) {
      found.moves.push(drawn);
      found.answers.push(performance.now() - released);
    }
    await pause(400); // the check of the config comes and goes
  }
  return found;
}"""


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--edits", type=int, default=50)
    args = parser.parse_args()
    cells = [cell.format(calls=args.calls) for cell in CELLS]
    here = Path(__file__).resolve().parents[2]
    cells[0] = f"import sys; sys.path.insert(0, {str(here)!r})\n{cells[0]}"
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        chromium(playwright) as browser,
        jupyter_lab(browser, Path(folder), cells) as lab,
    ):
        lab.run_all()
        lab.settle()
        found = lab.page.evaluate(_MEASURE, {"edits": args.edits, "name": "strong window 1 end"})
    table = Table(title=f"the editor in JupyterLab, {args.calls:,} calls, {args.edits} edits")
    for column in ("from ... to ...", "median", "95th percentile", "slowest", "limit"):
        table.add_column(column, justify="left" if column.startswith("from") else "right")
    limits = {"moves": "16 ms", "answers": "60 ms, 120 ms"}
    labels = {"moves": "mouse move to bar", "answers": "released edge to series and figures"}
    for key, times in found.items():
        p95 = statistics.quantiles(times, n=20, method="inclusive")[-1]
        figures = [f"{value:.1f} ms" for value in (statistics.median(times), p95, max(times))]
        table.add_row(labels[key], *figures, limits[key])
    Console().print(table)


if __name__ == "__main__":
    main()
