// Who served over the day, stacked, and the line of figures under it.
import { formatLocal, localOf } from "./windows.js";
import { FOCUS, childrenOf, h, keyed, nameParts, one, put, svg, write, writeName } from "./dom.js";
/** @import { Editor } from "./editor.js" */
/** @import { Cost, Count, Figures, Series, Traits } from "./types.js" */

const ALARM = ["failed", "blocked"];
/** @type {[Count, string][]} */
const FIGURES = [
  ["first_choice", "First choice"],
  ["fallback", "Fallback"],
  ["failed", "Failed"],
  ["blocked", "Blocked"],
];
/** @type {["p95_s" | "wait_p95_s", string, string][]} */
const TIMES = [
  ["p95_s", "p95 latency, served", "95th percentile over the calls that were served"],
  ["wait_p95_s", "p95 wait, all", "95th percentile over all calls, until the answer or the error"],
];
/** @type {Traits["scope"][]} */
const SCOPES = ["trace", "shown"];
let charts = 0;

export class Chart {
  /** @param {Editor} ui */
  constructor(ui) {
    this.ui = ui;
    this.id = `tg-alarm-${charts++}`;
    this.legend = h("div", { class: "tg-legend" });
    this.paths = svg("g");
    this.grid = svg("g", { class: "tg-lines" });
    this.cursor = svg("line", { class: "tg-cursor", y1: 0 });
    this.picture = svg(
      "svg",
      { class: "tg-shares", role: "img" },
      svg("defs", {}, ...ALARM.map((name) => this.#hatch(name))),
      this.paths,
      this.grid,
      this.cursor,
    );
    this.empty = h("div", { class: "tg-empty" });
    this.readout = h("div", { class: "tg-readout", hidden: true });
    this.figures = h("div", { class: "tg-figures", role: "group" });
    this.scopes = SCOPES.map((name) =>
      h("button", { type: "button", "data-scope": name, onclick: () => ui.store.set("scope", name), ...FOCUS }),
    );
    this.scope = h("div", { class: "tg-scope tg-segments", role: "group", "aria-label": "figures of" }, ...this.scopes);
    this.plot = h("div", { class: "tg-plot" }, this.picture, this.empty, this.readout);
    this.element = h(
      "div",
      { class: "tg-live" },
      h("div", { class: "tg-chart" }, this.legend, this.plot),
      h("div", { class: "tg-summary" }, this.scope, this.figures),
    );
    this.plot.addEventListener("pointermove", (event) => this.#point(event));
    this.plot.addEventListener("pointerleave", () => this.#leave());
  }

  /**
   * In a stack, alarm is more than a colour.
   * @param {string} name
   */
  #hatch(name) {
    const mark =
      name === "failed"
        ? svg("path", { d: "M0 0L6 6M6 0L0 6", stroke: "#fff", "stroke-width": 0.8 })
        : svg("circle", { cx: 3, cy: 3, r: 1, fill: "#fff" });
    const ground = svg("rect", { width: 6, height: 6, class: `tg-ground-${name}` });
    return svg(
      "pattern",
      { id: `${this.id}-${name}`, width: 6, height: 6, patternUnits: "userSpaceOnUse" },
      ground,
      mark,
    );
  }

  draw() {
    const { series, figures, start } = this.ui.store.answer;
    const names = series?.names ?? [];
    const height = series ? Math.max(132, 17 * (names.length + 1)) : 44;
    this.plot.style.height = `${height}px`;
    const width = this.plot.clientWidth;
    put(this.picture, "viewBox", `0 0 ${width} ${height}`);
    for (const name of ALARM) one(this.picture, `.tg-ground-${name}`).style.fill = this.ui.color(name);
    const totals = series ? totalsOf(series) : [];
    keyed(
      this.paths,
      series ? this.#layers(series, totals, width, height) : [],
      ({ key }) => svg("path", { "data-name": key }, svg("title", {}, key)),
      (element, { key, path }) => {
        put(element, "fill", ALARM.includes(key) ? `url(#${this.id}-${key})` : this.ui.color(key));
        put(element, "d", path);
      },
    );
    keyed(
      this.grid,
      [0.25, 0.5, 0.75].map((part) => ({ key: part })),
      () => svg("line", { x1: 0 }),
      (line, { key }) => {
        put(line, "x2", width);
        put(line, "y1", height * key);
        put(line, "y2", height * key);
      },
    );
    put(this.cursor, "y2", height);
    const any = totals.some(Boolean);
    put(
      this.picture,
      "aria-label",
      any
        ? `Share of calls by deployment: ${names.map((name) => `${name} ${percent(this.#share(name))}`).join(", ")}`
        : "No calls",
    );
    write(
      this.empty,
      any
        ? ""
        : (this.ui.store.answer.notes[0] ??
            (figures ? "No call arrives here. The trace lies on other days." : "Nothing is replayed.")),
    );
    this.#drawLegend(names);
    this.#drawFigures(figures, start);
  }

  /**
   * The layers of the stack that are anywhere, from the ground up.
   * @param {Series} series
   * @param {number[]} totals
   * @param {number} width
   * @param {number} height
   */
  #layers(series, totals, width, height) {
    const { from, to } = this.ui.axis;
    /** @type {(at: number) => number} */
    const x = (at) => (width * (at - from)) / (to - from);
    const lower = totals.map(() => 0);
    return series.names
      .map((key, i) => ({ key, counts: series.counts[i] }))
      .filter(({ counts }) => counts.some(Boolean))
      .map(({ key, counts }) => ({ key, path: steps(series, counts, lower, totals, x, height) }));
  }

  /** @param {string} name */
  #share(name) {
    const { figures } = this.ui.store.answer;
    if (!figures) return 0;
    return figures.shares[name] ?? shareOf(figures, /** @type {Count} */ (name));
  }

  /** @param {string[]} names */
  #drawLegend(names) {
    const drawn = names.filter((name) => name !== "shed" || this.#share(name)); // which few schedules do
    const items = drawn.map((name) => ({ key: name, name })).reverse();
    keyed(
      this.legend,
      items,
      ({ name }) =>
        h(
          "div",
          { class: "tg-entry" },
          h("i", { class: ALARM.includes(name) ? `tg-swatch tg-${name}` : "tg-swatch" }),
          h("span", { class: "tg-name" }, ...nameParts()),
          h("b", {}),
        ),
      (element, { name }) => {
        const share = this.#share(name);
        const [swatch, label, figure] = childrenOf(element);
        swatch.style.setProperty("--tg-color", this.ui.color(name));
        put(label, "title", name);
        writeName(label, name, names);
        write(figure, percent(share));
        element.classList.toggle("tg-none", share === 0);
      },
    );
  }

  /**
   * @param {Figures | null} figures
   * @param {Figures | null} start
   */
  #drawFigures(figures, start) {
    const { week, model } = this.ui;
    const scope = model.get("scope");
    const texts = { trace: "Whole trace", shown: week ? "Week shown" : "Day shown" };
    this.scope.hidden = !figures;
    for (const button of this.scopes) {
      const name = /** @type {Traits["scope"]} */ (button.dataset.scope);
      write(button, texts[name]);
      put(button, "aria-pressed", String(name === scope));
    }
    put(this.figures, "aria-label", `Figures of the ${texts[scope].toLowerCase()}`);
    const tiles = [];
    if (figures) {
      for (const [key, label] of FIGURES) {
        const [share, before] = [shareOf(figures, key), start ? shareOf(start, key) : null];
        tiles.push({
          key,
          label,
          value: percent(share),
          detail: `${figures[key].toLocaleString("en-US")} of ${figures.calls.toLocaleString("en-US")} calls`,
          change: before === null ? "" : points(share - before),
          rise: before === null ? 0 : share - before,
        });
      }
      for (const [key, label, detail] of TIMES) {
        const [now, before] = [figures[key], start?.[key]];
        if (now === null) continue;
        const change = before ? now - before : 0;
        tiles.push({
          key,
          label,
          value: seconds(now),
          detail,
          change: before ? signed(change, 0.0005, seconds) : "",
          rise: change,
        });
      }
      if (figures.cost) tiles.push(costTile(figures.cost, start?.cost ?? null, figures.calls));
      tiles.push({
        key: "calls",
        label: "Calls",
        value: figures.calls.toLocaleString("en-US"),
        detail: `in the ${texts[scope].toLowerCase()}`,
        change: start ? "vs start" : "",
        rise: 0,
      });
    }
    keyed(
      this.figures,
      tiles,
      ({ key }) => h("div", { class: "tg-figure", "data-figure": key }, h("span"), h("b"), h("em")),
      (element, tile) => {
        const [label, value, change] = element.children;
        write(label, tile.label);
        write(value, tile.value);
        write(change, tile.change);
        put(element, "title", tile.detail);
        const bad = tile.key === "first_choice" ? tile.rise < 0 : tile.rise > 0;
        put(
          change,
          "data-tone",
          Math.abs(tile.rise) < 5e-7 || tile.key === "fallback" ? null : bad ? "worse" : "better",
        );
      },
    );
  }

  /** @param {PointerEvent} event */
  #point(event) {
    const { store, axis } = this.ui;
    const { series } = store.answer;
    const box = this.plot.getBoundingClientRect();
    const at = axis.from + ((event.clientX - box.left) / box.width) * (axis.to - axis.from);
    const bin = series ? Math.floor((at - series.from) / series.step) : -1;
    const total = series?.counts.reduce((sum, row) => sum + (row[bin] ?? 0), 0);
    if (!series || !total) return this.#leave();
    const shares = series.names
      .map((name, i) => ({ name, share: series.counts[i][bin] / total }))
      .filter(({ share }) => share > 0)
      .sort((a, b) => b.share - a.share);
    const time = formatLocal(localOf(this.ui.zone(), series.from + bin * series.step));
    write(
      this.readout,
      `${this.ui.week ? time : time.slice(11)}  ${shares
        .slice(0, 4)
        .map(({ name, share }) => `${name} ${percent(share)}`)
        .join("  ")}  of ${total.toLocaleString("en-US")}`,
    );
    this.readout.hidden = false;
    const x = event.clientX - box.left;
    this.readout.classList.toggle("tg-left", x > box.width / 2);
    put(this.cursor, "x1", x);
    put(this.cursor, "x2", x);
    this.cursor.style.display = "inline";
  }

  #leave() {
    this.readout.hidden = true;
    this.cursor.style.display = "none";
  }
}

/**
 * The calls of each bin.
 * @param {Series} series
 */
const totalsOf = ({ counts }) => counts[0].map((_, bin) => counts.reduce((sum, row) => sum + row[bin], 0));

/**
 * The outline of one layer of the stack, with steps at the edges of bins; `lower` is raised by the layer.
 * @param {Series} series
 * @param {number[]} counts
 * @param {number[]} lower
 * @param {number[]} totals
 * @param {(at: number) => number} x
 * @param {number} height
 */
function steps(series, counts, lower, totals, x, height) {
  /** @type {string[]} */
  const up = [];
  /** @type {string[]} */
  let down = [];
  let path = "";
  const close = () => {
    if (up.length) path += `M${[...up, ...down.reverse()].join("L")}Z`;
    up.length = 0;
    down = [];
  };
  counts.forEach((count, bin) => {
    if (!totals[bin]) return close(); // no call arrived: a gap
    const [left, right] = [x(series.from + bin * series.step), x(series.from + (bin + 1) * series.step)].map((v) =>
      v.toFixed(1),
    );
    const low = (height * (1 - lower[bin])).toFixed(2);
    lower[bin] += count / totals[bin];
    const high = (height * (1 - lower[bin])).toFixed(2);
    up.push(`${left} ${high}`, `${right} ${high}`);
    down.push(`${left} ${low}`, `${right} ${low}`);
  });
  close();
  return path;
}

/**
 * The share of calls that something became of; of none, 0.
 * @param {Figures} figures
 * @param {Count} key
 */
const shareOf = (figures, key) => (figures.calls ? figures[key] / figures.calls : 0);

/**
 * A share such that 0% means none and 100% all.
 * @param {number} share
 */
export function percent(share) {
  if (share > 0 && share < 0.0001) return "<0.01%";
  if (share < 1 && share > 0.9999) return ">99.99%";
  return `${(100 * share).toFixed(2)}%`;
}

/** @type {(change: number, least: number, format: (value: number) => string) => string} */
const signed = (change, least, format) =>
  Math.abs(change) < least ? "±0" : `${change < 0 ? "−" : "+"}${format(Math.abs(change))}`;
/** @type {(change: number) => string} */
const points = (change) =>
  signed(change, 5e-7, (value) => (value < 0.0001 ? "<0.01 pp" : `${(100 * value).toFixed(2)} pp`));

/**
 * What answers cost, beside what they cost at the start.
 * @param {Cost} cost
 * @param {Cost | null} start
 * @param {number} calls
 */
export function costTile({ amount, currency, unknown }, start, calls) {
  const before = start?.currency === currency ? start.amount : null;
  const change = amount === null || before === null ? 0 : amount - before;
  const mean =
    amount === null || calls <= unknown ? "" : `${money((1000 * amount) / (calls - unknown))} per 1,000 calls`;
  const missing = unknown ? `${unknown.toLocaleString("en-US")} answers of unknown cost` : "";
  return {
    key: "cost",
    label: `Cost, ${currency}`,
    value: amount === null ? "unknown" : money(amount),
    detail: [mean, missing].filter(Boolean).join("; "),
    change: amount === null || before === null ? "" : signed(change, 1e-9 * Math.abs(before), money),
    rise: before ? change / before : change,
  };
}

/**
 * An amount to the cent, or to four digits where that is finer.
 * @param {number} value
 */
export function money(value) {
  const fine = value !== 0 && Math.abs(value) < 1;
  return value.toLocaleString(
    "en-US",
    fine ? { maximumSignificantDigits: 4 } : { minimumFractionDigits: 2, maximumFractionDigits: 2 },
  );
}

/** @type {(value: number) => string} */
const seconds = (value) => (value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(2)} s`);
