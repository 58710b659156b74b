"""Print how fast the editor is in JupyterLab: ``python -m tests.benchmarks.browser``. Needs Chromium and ``browser``.

Two times, measured in the page: from a mouse move to the bar, its layout included; and from the release of an edge,
with a move just before it that no answer can have foreseen, to the frame that shows the fresh series and figures. Edits
of an editor without prices and of one with take turns.
"""

from __future__ import annotations

import argparse
import os
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
from tests.benchmarks.routers import CONFIG, OUTAGES, PRICED, day, with_tokens
calls = with_tokens(day({calls}))""",
    "tg.ScheduleEditor(CONFIG, calls, OUTAGES)",
    "tg.ScheduleEditor(PRICED, calls, OUTAGES)",
]
EDITORS = ("without prices", "with prices")
_MEASURE = """async ({ edits, name }) => {
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
  const roots = [...document.querySelectorAll(".tg-editor")];
  const found = roots.map(() => ({ moves: [], answers: [] }));
  const edit = async (root, i) => {
    const rows = root.querySelector(".tg-rows");
    rows.setPointerCapture = () => {}; // pointers that a script makes cannot be captured
    const edge = () => [...root.querySelectorAll("[role=slider]")].find((e) => e.ariaLabel === name);
    const shown = () => root.dataset.shown === root.dataset.revision;
    const hour = root.querySelector(".tg-lane").clientWidth / 24;
    root.scrollIntoView();
    await painted();
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
    const answered = performance.now() - released;
    await pause(400); // the check of the config comes and goes
    return [drawn, answered];
  };
  for (let i = -3; i < edits; i++) {
    for (const [k, root] of roots.entries()) {
      const [drawn, answered] = await edit(root, i);
      if (i < 0) continue;
      found[k].moves.push(drawn);
      found[k].answers.push(answered);
    }
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
    load = f"load {os.getloadavg()[1]:.1f} over five minutes, {os.cpu_count()} cores"
    table = Table(title=f"the editor in JupyterLab, {args.calls:,} calls, {args.edits} edits, {load}")
    for column in ("from ... to ...", "median", "95th percentile", "slowest", "limit"):
        table.add_column(column, justify="left" if column.startswith("from") else "right")
    limits = {"moves": "16 ms", "answers": "60 ms, 120 ms"}
    labels = {"moves": "mouse move to bar", "answers": "released edge to series and figures"}
    for editor, measured in zip(EDITORS, found, strict=True):
        for key, times in measured.items():
            p95 = statistics.quantiles(times, n=20, method="inclusive")[-1]
            figures = [f"{value:.1f} ms" for value in (statistics.median(times), p95, max(times))]
            table.add_row(f"{labels[key]}, {editor}", *figures, limits[key])
    Console().print(table)


if __name__ == "__main__":
    main()
