// Pure functions of the editor: node --test tests/js
import assert from "node:assert/strict";
import test from "node:test";
import { costTile, money } from "../../timegate/widgets/static/chart.js";
import * as dates from "../../timegate/widgets/static/dates.js";
import * as schedule from "../../timegate/widgets/static/schedule.js";
import * as windows from "../../timegate/widgets/static/windows.js";

const s = { ...dates, ...windows, ...schedule };
const UTC = [[-1e9, 0]];
const BERLIN = [
  [-1e9, 60],
  [s.parseInstant("2026-03-29T01:00Z"), 120],
  [s.parseInstant("2026-10-25T01:00Z"), 60],
];
const day = (text) => s.parseDate(text);
const span = (text, days = 1) => [day(text) * s.DAY, (day(text) + days) * s.DAY];
const times = (pieces) =>
  pieces.map((p) => [s.formatInstant(p.from).slice(5, 16), s.formatInstant(p.to).slice(5, 16), p.starts, p.ends]);

test("times are read strictly, and 24:00 is an end only", () => {
  assert.equal(s.parseTime("9:05"), 545);
  assert.equal(s.parseTime("24:00"), null);
  assert.equal(s.parseTime("24:00", true), 1440);
  for (const text of ["", "25:00", "12:60", "12", "12:5x", "-1:00", "24:01"]) {
    assert.equal(s.parseTime(text, true), null);
  }
  assert.equal(s.formatTime(545), "09:05");
  assert.equal(s.formatTime(1440), "24:00");
});

test("dates that do not exist are refused", () => {
  assert.equal(s.formatDate(s.parseDate("2024-02-29")), "2024-02-29");
  for (const text of ["2026-02-29", "2026-13-01", "26-01-01", "", "2026-1-1"]) assert.equal(s.parseDate(text), null);
  assert.equal(s.weekday(day("2026-03-02")), "mon");
  assert.equal(s.weekday(day("1969-12-31")), "wed");
});

test("an instant survives its text, and wall-clock text its minutes", () => {
  assert.equal(s.formatInstant(s.parseInstant("2026-03-02T14:10:00Z")), "2026-03-02T14:10:00Z");
  assert.equal(s.formatLocal(s.parseLocal("2026-03-02T14:10")), "2026-03-02 14:10");
  for (const text of ["", "2026-03-02", "14:10", "2026-03-02 24:00"]) assert.equal(s.parseLocal(text), null);
});

test("a window that crosses midnight shows its tail, and then its head", () => {
  const pieces = s.occurrences({ start: "22:00", end: "06:00" }, UTC, ...span("2026-03-02"));
  assert.deepEqual(times(pieces), [
    ["03-02T00:00", "03-02T06:00", false, true],
    ["03-02T22:00", "03-03T00:00", true, false],
  ]);
});

test("24:00 ends at midnight and shows its edge there", () => {
  const [piece] = s.occurrences({ start: "22:00", end: "24:00" }, UTC, ...span("2026-03-02"));
  assert.deepEqual([piece.starts, piece.ends, piece.to - piece.from], [true, true, 120]);
});

test("an instant is drawn once", () => {
  assert.equal(s.occurrences({ start: "00:00", end: "00:00" }, UTC, ...span("2026-03-02")).length, 1);
  assert.equal(s.occurrences({ start: "12:00", end: "12:00" }, UTC, ...span("2026-03-02", 7)).length, 7);
});

test("dates are those on which a window starts", () => {
  const friday = { start: "22:00", end: "06:00", days: ["fri"] };
  assert.deepEqual(times(s.occurrences(friday, UTC, ...span("2026-03-07"))), [
    ["03-07T00:00", "03-07T06:00", false, true],
  ]);
  assert.equal(s.occurrences(friday, UTC, ...span("2026-03-02", 7)).length, 1);
  const dated = {
    start: "01:00",
    end: "02:00",
    since: "2026-03-03",
    until: "2026-03-05",
    except_dates: ["2026-03-04"],
  };
  assert.deepEqual(
    s.occurrences(dated, UTC, ...span("2026-03-02", 7)).map((p) => s.formatDate(p.day)),
    ["2026-03-03", "2026-03-05"],
  );
});

test("an hour that clocks repeat is drawn twice, one that they skip not at all", () => {
  const window = { start: "02:15", end: "02:45", tz: "Europe/Berlin" };
  assert.equal(s.occurrences(window, BERLIN, ...span("2026-10-25")).length, 2);
  assert.equal(s.occurrences(window, BERLIN, ...span("2026-03-29")).length, 0);
  const across = s.occurrences(
    { start: "01:00", end: "04:00" },
    BERLIN,
    day("2026-03-29") * s.DAY - 60,
    day("2026-03-29") * s.DAY + 600,
  );
  assert.deepEqual(times(across), [["03-29T00:00", "03-29T02:00", true, true]]);
});

test("an axis has 23, 24 or 25 hours, and its ticks say what clocks show", () => {
  const hours = (text) => {
    const a = s.axisOf(BERLIN, day(text), 1);
    return (a.to - a.from) / 60;
  };
  assert.deepEqual(["2026-03-29", "2026-03-30", "2026-10-25"].map(hours), [23, 24, 25]);
  const { ticks } = s.axisOf(BERLIN, day("2026-03-29"), 1);
  assert.deepEqual(
    ticks.map((t) => t.text),
    ["00:00", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00", "24:00"],
  );
  assert.equal(s.formatInstant(ticks[1].at), "2026-03-29T01:00:00Z");
  assert.equal(s.axisOf(UTC, day("2026-03-02"), 7).ticks[2].text, "wed 03-04");
});

test("wall-clock time and instants are each other's inverse, but where clocks change", () => {
  for (let local = day("2026-10-24") * s.DAY; local < day("2026-10-27") * s.DAY; local += 15) {
    assert.equal(s.localOf(BERLIN, s.instantOf(BERLIN, local)), local);
  }
  assert.equal(s.formatInstant(s.instantOf(BERLIN, s.parseLocal("2026-03-29 02:30"))), "2026-03-29T01:00:00Z");
});

test("an edge snaps, crosses midnight, and keeps what it is not told to change", () => {
  const window = { start: "22:00", end: "23:00", tz: "Asia/Kolkata" };
  assert.deepEqual(s.moveEdge(window, "end", 1440 + 61, 15), { ...window, end: "01:00" });
  assert.deepEqual(s.moveEdge(window, "end", 1440, 15), { ...window, end: "24:00" });
  assert.deepEqual(s.moveEdge(window, "start", 1327, 5), { ...window, start: "22:05" });
  assert.deepEqual(s.moveEdge(window, "start", 1327, 1), { ...window, start: "22:07" });
});

test("a start dragged back over midnight takes its dates along", () => {
  const window = {
    start: "00:30",
    end: "02:00",
    days: ["mon", "thu"],
    since: "2026-03-02",
    until: "2026-04-01",
    except_dates: ["2026-03-05"],
  };
  assert.deepEqual(s.moveEdge(window, "start", -30, 15), {
    start: "23:30",
    end: "02:00",
    days: ["wed", "sun"],
    since: "2026-03-01",
    until: "2026-03-31",
    except_dates: ["2026-03-04"],
  });
});

test("an edge dragged beyond the other leaves a step, and that is told", () => {
  const window = { start: "10:00", end: "11:00" };
  assert.deepEqual(s.moveEdge(window, "end", 300, 15), { start: "10:00", end: "10:15" });
  assert.deepEqual(s.moveEdge(window, "start", 900, 15), { start: "10:45", end: "11:00" });
  assert.equal(s.leavesNothing(window, "end", 300, 15), true);
  assert.equal(s.leavesNothing(window, "end", 615, 15), false);
  assert.deepEqual(s.moveEdge(window, "end", 5000, 15), { start: "10:00", end: "09:45" });
  assert.deepEqual(s.moveEdge({ start: "00:00", end: "11:00" }, "end", 5000, 15), { start: "00:00", end: "24:00" });
  assert.deepEqual(s.moveEdge({ start: "10:00", end: "24:00" }, "start", -5000, 15), { start: "00:00", end: "24:00" });
});

test("whatever is dragged wherever, a window stays one: between a minute and a day", () => {
  let seed = 1;
  const random = (n) => (seed = (seed * 48271) % 2147483647) % n;
  for (let i = 0; i < 20_000; i++) {
    const window = { start: s.formatTime(random(1440)), end: s.formatTime(random(1441)) };
    const [first, last] = s.extent(window);
    if (first === last) continue;
    const step = [15, 5, 1][random(3)];
    const edge = ["start", "end"][random(2)];
    const next = s.moveEdge(window, edge, random(6000) - 3000, step);
    const [start, end] = s.extent(next);
    assert.ok(
      start >= 0 && start < 1440 && end - start >= 1 && end - start <= 1440,
      JSON.stringify([window, edge, step, next]),
    );
    assert.equal((edge === "start" ? start : end) % step, 0);
    assert.equal((((edge === "start" ? end - last : start - first) % 1440) + 1440) % 1440, 0);
    const moved = s.moveWindow(window, random(6000) - 3000, step);
    assert.equal(s.extent(moved)[1] - s.extent(moved)[0], last - first);
  }
});

test("a bar of the whole day stays, others keep their length over midnight", () => {
  assert.deepEqual(s.moveWindow({ start: "00:00", end: "24:00" }, 100, 15), { start: "00:00", end: "24:00" });
  assert.deepEqual(s.moveWindow({ start: "22:00", end: "23:00" }, 90, 15), { start: "23:30", end: "00:30" });
  assert.deepEqual(s.moveWindow({ start: "00:15", end: "01:15", days: ["mon"] }, -30, 15), {
    start: "23:45",
    end: "00:45",
    days: ["sun"],
  });
});

test("what is drawn on empty space becomes a window, from either side", () => {
  assert.deepEqual(s.newWindow(607, 692, 15, "UTC"), { start: "10:00", end: "11:45" });
  assert.deepEqual(s.newWindow(692, 607, 15, "Europe/Berlin"), { tz: "Europe/Berlin", start: "10:00", end: "11:45" });
  assert.deepEqual(s.newWindow(1380, 1500, 15, "UTC"), { start: "23:00", end: "01:00" });
  assert.deepEqual(s.newWindow(600, 600, 5, "UTC"), { start: "10:00", end: "10:05" });
});

test("the pointer finds the nearest edge, and a bar between its edges however short it is", () => {
  const bars = [
    { from: 100, to: 200, starts: true, ends: true, n: 1 },
    { from: 205, to: 211, starts: true, ends: true, n: 2 },
  ];
  const at = (minute) => {
    const found = s.hit(bars, minute, 10);
    return found && [found.bar.n, found.part];
  };
  assert.deepEqual([95, 105, 150, 198, 203, 206, 208, 211, 219, 230].map(at), [
    [1, "start"],
    [1, "start"],
    [1, "bar"],
    [1, "end"],
    [2, "start"],
    [2, "start"],
    [2, "bar"],
    [2, "end"],
    [2, "end"],
    null,
  ]);
  assert.equal(s.hit([{ from: 0, to: 60, starts: false, ends: true }], 1, 10).part, "bar");
});

test("bars that overlap get lanes of their own, whatever pieces they have", () => {
  const p = (from, to) => ({ from, to });
  assert.deepEqual(s.lanesOf([[p(0, 10)], [p(10, 20)], [p(5, 12)], [p(0, 3), p(30, 40)], []]), [0, 0, 1, 1, 0]);
});

test("a window says in words, and in fields, only what matters", () => {
  assert.equal(s.described({ start: "22:00", end: "06:00" }), "22:00–06:00 · UTC · daily");
  assert.equal(
    s.described({ start: "1", end: "2", tz: "X", days: ["mon"], since: "a", until: "b", except_dates: ["c"] }),
    "1–2 · X · mon · from a · until b · except c",
  );
  assert.deepEqual(
    s.plainWindow({ start: "1", end: "2", tz: "UTC", days: s.DAYS, since: "", until: null, except_dates: [] }),
    { start: "1", end: "2" },
  );
});

test("fields that the page does not know survive a drag", () => {
  const window = { start: "10:00", end: "11:00", tz: "UTC", of_the_future: false, also: [1] };
  const { tz, ...rest } = window;
  assert.equal(tz, "UTC");
  assert.deepEqual(s.plainWindow(s.moveWindow(window, 60, 15)), { ...rest, start: "11:00", end: "12:00" });
});

test("a list is reordered within its bounds", () => {
  assert.deepEqual(s.reordered(["a", "b", "c"], 0, 2), ["b", "c", "a"]);
  assert.deepEqual(s.reordered(["a", "b", "c"], 2, -5), ["c", "a", "b"]);
});

test("an outage moves, shrinks to no less than a minute, and may last for ever", () => {
  const outage = { target: "a", start: "2026-03-02T09:07:00Z", end: "2026-03-02T10:00:00Z" };
  assert.deepEqual(s.moveOutage(outage, "bar", 60, 15), {
    target: "a",
    start: "2026-03-02T10:00:00Z",
    end: "2026-03-02T10:53:00Z",
  });
  assert.equal(s.moveOutage(outage, "end", 20, 15).end, "2026-03-02T10:15:00Z");
  assert.equal(s.moveOutage(outage, "end", -300, 15).end, "2026-03-02T09:08:00Z");
  assert.equal(s.moveOutage(outage, "start", 300, 15).start, "2026-03-02T09:59:00Z");
  const endless = { target: "a", start: "2026-03-02T09:00:00Z" };
  assert.deepEqual(s.moveOutage(endless, "bar", 60, 15), { target: "a", start: "2026-03-02T10:00:00Z" });
  assert.ok(s.outageSpan(endless)[1] > s.parseInstant("2190-01-01T00:00:00Z"));
});

test("an amount is written to the cent, or to four digits where that is finer", () => {
  assert.deepEqual([1234.5, 35.174, 0.00123456, 0, 0.5].map(money), ["1,234.50", "35.17", "0.001235", "0.00", "0.5"]);
});

test("the tile of money says the change, and what is unknown", () => {
  const cost = (amount, unknown = 0, currency = "USD") => ({ amount, currency, unknown });
  const tile = costTile(cost(38.6), cost(35.17), 20_000);
  assert.deepEqual([tile.label, tile.value, tile.change], ["Cost, USD", "38.60", "+3.43"]);
  assert.equal(tile.detail, "1.93 per 1,000 calls");
  assert.ok(tile.rise > 0.09);
  assert.equal(costTile(cost(35.17), cost(35.17), 10).change, "±0");
  assert.equal(costTile(cost(30), cost(35.17), 10).change, "−5.17");
  assert.equal(costTile(cost(30), cost(35.17, 0, "EUR"), 10).change, "");
  assert.equal(costTile(cost(30), null, 10).change, "");
  const unknown = costTile(cost(null, 1200), cost(3), 1200);
  assert.deepEqual([unknown.value, unknown.change, unknown.rise], ["unknown", "", 0]);
  assert.equal(unknown.detail, "1,200 answers of unknown cost");
});

test("a window with a name is one in all places, and a new name defines it", () => {
  const night = { start: "22:00", end: "06:00" };
  const named = { ...night, name: "night" };
  const deployment = (closed, available = []) => ({ model_name: "x", model: "y", time_constraints: closed, available });
  const schedule = {
    windows: { night },
    deployments: [deployment([named, { start: "01:00", end: "02:00" }]), deployment([], [named])],
  };
  const at = (row, kind, index) => ({ row, kind, index });
  const first = at(0, "time_constraints", 0);
  const later = s.withWindow(schedule, first, { ...named, start: "23:00" });
  assert.deepEqual(later.windows, { night: { start: "23:00", end: "06:00" } });
  assert.equal(later.deployments[1].available[0].start, "23:00");
  assert.deepEqual(schedule.windows, { night }); // which stays for undo
  const alone = s.withWindow(schedule, first, { ...night, start: "23:00" });
  assert.deepEqual(alone.windows, { night });
  assert.equal(alone.deployments[1].available[0], named);
  assert.deepEqual(alone.deployments[0].time_constraints[0], { start: "23:00", end: "06:00" });
  const taken = s.withWindow(schedule, at(0, "time_constraints", 1), { start: "01:00", end: "02:00", name: "night" });
  assert.deepEqual(taken.deployments[0].time_constraints[1], named);
  const defined = s.withWindow(schedule, at(0, "time_constraints", 1), { start: "01:00", end: "02:00", name: "one" });
  assert.deepEqual(defined.windows, { night, one: { start: "01:00", end: "02:00" } });
  assert.deepEqual(s.withWindow({ deployments: [deployment([night])] }, first, night).windows, {});
});

test("what names a window could be no time", () => {
  for (const name of ["night", "Nacht 2", "ünder"]) assert.ok(s.isName(name), name);
  for (const name of ["", "1st", " x", "a:b", "22:00"]) assert.ok(!s.isName(name), name);
});

test("a zone is a name that the page knows", () => {
  for (const name of ["UTC", "Europe/Berlin", "Etc/GMT-8"]) assert.ok(s.isZone(name), name);
  for (const name of ["", "Europe/Berln", "UTC+8", "+08:00", "Europe", "Mars/Base"]) assert.ok(!s.isZone(name), name);
});

test("names that begin alike are cut before they differ", () => {
  const names = ["gpt-4.1-mini-europe-1", "gpt-4.1-mini-europe-2", "weak", "weak-2"];
  assert.deepEqual(s.parted(names[0], names), ["gpt-4.1-mini-europe", "-1", ""]);
  assert.deepEqual(s.parted(names[1], names), ["gpt-4.1-mini-europe", "-2", ""]);
  assert.deepEqual(s.parted("weak", names), ["weak", "", ""]);
  assert.deepEqual(s.parted("weak-2", names), ["weak-2", "", ""]);
  const [eu, us] = ["our-large-model-eu-west", "our-large-model-us-west"];
  assert.deepEqual(s.parted(eu, [eu, us]), ["our-large-model", "-eu", "-west"]);
  for (const name of [...names, eu, us]) assert.equal(s.parted(name, [...names, eu, us]).join(""), name);
});

test("a deployment is hit by its name, its provider and its groups", () => {
  const weak = { model_name: "weak", model: "sim/small/v1", time_constraints: [], available: [] };
  const groups = { eu: ["strong", "weak"], us: ["strong"] };
  assert.deepEqual(s.targetsOf(weak, groups), ["weak", "provider:sim", "group:eu"]);
  assert.deepEqual(s.targetsOf(weak, {}), ["weak", "provider:sim"]);
});
