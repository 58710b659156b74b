// The rules of windows, held to Python by the cases that tests/cases/make_windows.py wrote.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import * as dates from "../../timegate/widgets/static/dates.js";
import * as schedule from "../../timegate/widgets/static/schedule.js";
import * as windows from "../../timegate/widgets/static/windows.js";

const s = { ...dates, ...windows, ...schedule };
const cases = JSON.parse(readFileSync(new URL("../cases/windows.json", import.meta.url), "utf8"));

/** Microseconds since the epoch of ISO text, which Date reads to the millisecond only. */
const microseconds = (text) => Date.parse(text) * 1000 + Number(text.slice(-4, -1));
/** Of minutes, which are numbers fine enough. */
const ofMinutes = (at) => Math.round(at * 60e6);

/** First and last microsecond of what the page draws: ends are included, but for 24:00 and where a piece is cut. */
function spansOf(window, pieces) {
  const spans = [];
  for (const piece of [...pieces].sort((a, b) => a.from - b.from)) {
    const included = piece.ends && !window.end.endsWith("24:00") && window.end_included !== false;
    const [first, last] = [ofMinutes(piece.from), ofMinutes(piece.to) - (included ? 0 : 1)];
    const before = spans.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else spans.push([first, last]);
  }
  return spans;
}

for (const { why, window, day, axis, zone, holidays, from, to, spans } of cases.windows) {
  test(`as in Python: ${why}`, () => {
    const shown = s.axisOf(zone, s.parseDate(day), axis === "week" ? 7 : 1);
    assert.deepEqual([shown.from, shown.to].map(ofMinutes), [from, to].map(microseconds), "the axis");
    const drawn = spansOf(window, s.occurrences(window, zone, shown.from, shown.to, holidays));
    const expected = spans.map((span) => span.map(microseconds));
    // The end of a longer window may be met alone, for one microsecond, which is nothing to draw.
    const seen = expected.filter(([first, last]) => last > first || window.start === window.end);
    assert.deepEqual(drawn, seen);
  });

  test(`no field is lost, and no drag to where it was changes it: ${why}`, () => {
    assert.deepEqual(s.plainWindow(window), window);
    const [start, end] = s.extent(window);
    assert.deepEqual(s.moveWindow(window, 0, 1), window);
    if (start === end) return;
    assert.deepEqual(s.moveEdge(window, "start", start, 1), window);
    assert.deepEqual(s.moveEdge(window, "end", end, 1), window);
  });
}

test("times are read as in Python", () => {
  for (const { text, start, end } of cases.times) {
    assert.deepEqual([s.parseTime(text), s.parseTime(text, true)], [start, end], JSON.stringify(text));
  }
});

test("dates are read as in Python", () => {
  for (const { text, day } of cases.dates) assert.equal(s.parseDate(text), day, JSON.stringify(text));
});
