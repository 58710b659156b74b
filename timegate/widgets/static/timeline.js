// The rows: when each deployment is closed, and its outages below.
import {
  DAY,
  described,
  extent,
  formatLocal,
  lanesOf,
  localOf,
  occurrences,
  outageSpan,
  parseInstant,
} from "./schedule.js";
import { FOCUS, h, keyed, put, write } from "./dom.js";

const BAR_TOP = 5;
const BAR_HEIGHT = 26;
export const OUTAGE_TOP = 34; // pointers below it mean outages
export const ROW_HEIGHT = 48;
export const BAR_MARGIN = 3; // around a bar counts as the bar

export class Timeline {
  constructor(ui) {
    this.ui = ui;
    this.bars = []; // a row: { windows, outages }, what lies under the pointer
    this.ticks = h("div", { class: "tg-ticks", "aria-hidden": "true" });
    this.rows = h("div", { class: "tg-rows" });
    this.bubble = h("div", { class: "tg-bubble", hidden: true });
    this.element = h(
      "div",
      { class: "tg-timeline", role: "group", "aria-label": "Closed windows and outages by deployment" },
      h("div", { class: "tg-head" }, h("div", { class: "tg-corner" }), this.ticks),
      this.rows,
      this.bubble,
    );
  }

  draw() {
    const { axis, store } = this.ui;
    const marks = axis.ticks.map((tick) => ({ ...tick, key: tick.at }));
    keyed(
      this.ticks,
      marks,
      () => h("span", {}),
      (element, tick) => {
        element.style.left = this.#percent(tick.at);
        write(element, tick.text);
      },
    );
    this.bars = store.draft.deployments.map((deployment, row) => this.#layOut(deployment, row));
    const rows = store.draft.deployments.map((deployment, row) => ({ key: deployment.model_name, deployment, row }));
    keyed(
      this.rows,
      rows,
      (item) => this.#makeRow(item),
      (element, item) => this.#drawRow(element, item),
    );
  }

  // Where things lie

  #layOut(deployment, row) {
    const { axis, store } = this.ui;
    const closed = deployment.time_constraints.map((window) => this.#pieces(window));
    const lanes = lanesOf(closed);
    const count = Math.max(...lanes, 0) + 1;
    const windows = closed.flatMap((pieces, index) => {
      const lead = pieces.findIndex((p) => p.starts);
      const tail = pieces.findLastIndex((p) => p.ends);
      return pieces.map((piece, part) => ({
        ...piece,
        item: { row, kind: "time_constraints", index },
        key: `${index}/${part}`,
        main: part === Math.max(lead, 0),
        lead: part === lead,
        tail: part === tail,
        top: BAR_TOP + (lanes[index] * BAR_HEIGHT) / count,
        height: BAR_HEIGHT / count - (count > 1 ? 1 : 0),
      }));
    });
    const outages = [];
    store.draft.faults.forEach((fault, index) => {
      if (fault.type !== "outage" || !this.ui.hits(fault, deployment)) return;
      const [start, end] = outageSpan(fault);
      const number = outages.length + 1;
      if (start >= axis.to || end <= axis.from) return;
      outages.push({
        from: Math.max(start, axis.from),
        to: Math.min(end, axis.to),
        starts: start >= axis.from,
        ends: end <= axis.to,
        main: true,
        lead: true,
        tail: true,
        item: { row, kind: "fault", index },
        key: `fault ${index}`,
        number,
      });
    });
    return { windows, outages };
  }

  #pieces(window) {
    return occurrences(window, this.ui.zone(window.tz ?? "UTC"), this.ui.axis.from, this.ui.axis.to);
  }

  /** The stretches outside of a deployment's available hours. */
  #outside(deployment) {
    if (!deployment.available.length) return [];
    const { from, to } = this.ui.axis;
    const open = deployment.available.flatMap((window) => this.#pieces(window)).sort((a, b) => a.from - b.from);
    const gaps = [];
    let reach = from;
    for (const piece of open) {
      if (piece.from > reach) gaps.push({ from: reach, to: piece.from });
      reach = Math.max(reach, piece.to);
    }
    if (reach < to) gaps.push({ from: reach, to });
    return gaps.map((gap, i) => ({ ...gap, key: `outside ${i}` }));
  }

  #percent(at) {
    const { from, to } = this.ui.axis;
    return `${(100 * (at - from)) / (to - from)}%`;
  }

  #place(element, from, to) {
    element.style.left = this.#percent(from);
    element.style.width = `${(100 * (to - from)) / (this.ui.axis.to - this.ui.axis.from)}%`;
  }

  // Rows

  #makeRow({ deployment }) {
    const name = deployment.model_name;
    const act = (what) => (event) => {
      event.stopPropagation();
      this.ui[what](this.#rowOf(name));
    };
    const label = h(
      "div",
      { class: "tg-label" },
      h("span", { class: "tg-grip", title: "Drag to change the order of fallback", "aria-hidden": "true" }, "⠿"),
      h("span", { class: "tg-swatch", "aria-hidden": "true" }, h("span", { class: "tg-flag" })),
      h(
        "button",
        { type: "button", class: "tg-name", onclick: act("selectRow"), title: `${name}: show its windows`, ...FOCUS },
        name,
      ),
      h("button", {
        type: "button",
        class: "tg-switch",
        role: "switch",
        "aria-label": `${name} switched on`,
        title: "Switch on or off",
        onclick: act("toggle"),
        ...FOCUS,
      }),
      h("span", { class: "tg-model", title: deployment.model }, deployment.model),
      h(
        "span",
        { class: "tg-tools" },
        h(
          "button",
          {
            type: "button",
            "aria-label": `Add a closed window to ${name}`,
            title: "Add a closed window",
            onclick: act("addWindow"),
            ...FOCUS,
          },
          "+",
        ),
        h(
          "button",
          {
            type: "button",
            "aria-label": `Move ${name} up`,
            title: "Earlier in the order of fallback",
            onclick: act("moveUp"),
            ...FOCUS,
          },
          "↑",
        ),
        h(
          "button",
          {
            type: "button",
            "aria-label": `Move ${name} down`,
            title: "Later in the order of fallback",
            onclick: act("moveDown"),
            ...FOCUS,
          },
          "↓",
        ),
      ),
    );
    const lane = h(
      "div",
      { class: "tg-lane" },
      h("div", { class: "tg-open" }),
      h("div", { class: "tg-grid" }),
      h("div", { class: "tg-outsides" }),
      h("div", { class: "tg-acting" }),
      h("div", { class: "tg-bars" }),
    );
    return h("div", { class: "tg-row" }, label, lane);
  }

  #drawRow(element, { deployment, row }) {
    const [label, lane] = element.children;
    const { ui } = this;
    put(element, "data-row", row);
    element.classList.toggle("tg-off", Boolean(deployment.off));
    element.classList.toggle("tg-selected", ui.selected?.row === row);
    element.style.setProperty("--tg-color", ui.color(deployment.model_name));
    put(label.querySelector(".tg-switch"), "aria-checked", deployment.off ? "false" : "true");
    const verdict = ui.verdictOn(row);
    put(label.querySelector(".tg-flag"), "data-severity", verdict?.severity);
    put(label, "title", verdict?.text);
    const [, grid, outsides, acting, bars] = lane.children;
    keyed(
      grid,
      ui.axis.ticks.map((t) => ({ key: t.at })),
      () => h("i"),
      (line, { key }) => {
        line.style.left = this.#percent(key);
      },
    );
    keyed(
      outsides,
      this.#outside(deployment),
      () => h("div", { class: "tg-outside", title: "Outside of its available hours" }),
      (part, gap) => this.#place(part, gap.from, gap.to),
    );
    const drawn = ui.store.answer.acting.filter((s) => s.deployment === deployment.model_name);
    keyed(
      acting,
      drawn.map((s) => ({ ...s, key: `${s.from} ${s.text}` })),
      (s) => h("div", { title: s.text }),
      (part, s) => this.#place(part, Math.max(s.from, ui.axis.from), Math.min(s.to, ui.axis.to)),
    );
    const { windows, outages } = this.bars[row];
    const shown = [...windows, ...outages].filter((bar) => bar.from <= ui.axis.to && bar.to >= ui.axis.from);
    keyed(
      bars,
      shown,
      (bar) => this.#makeBar(bar),
      (part, bar) => this.#drawBar(part, bar, deployment),
    );
  }

  #makeBar(bar) {
    const edge = (name) =>
      h("div", { class: `tg-edge tg-${name}`, role: "slider", "data-edge": name, "aria-orientation": "horizontal" });
    return h(
      "div",
      { class: `tg-bar ${bar.item.kind === "fault" ? "tg-outage" : "tg-closed"}`, role: "group" },
      h("div", { class: "tg-body", role: "button" }),
      h("span", { class: "tg-flag", "aria-hidden": "true" }),
      edge("start"),
      edge("end"),
    );
  }

  #drawBar(element, bar, deployment) {
    const { ui } = this;
    const [body, flag, start, end] = element.children;
    const { item } = bar;
    const isFault = item.kind === "fault";
    const name = `${deployment.model_name} ${isFault ? `outage ${bar.number}` : `window ${item.index + 1}`}`;
    const text = isFault ? this.#outageText(item) : described(deployment.time_constraints[item.index]);
    element.bar = bar;
    this.#place(element, bar.from, bar.to);
    element.style.top = `${isFault ? OUTAGE_TOP + 1 : bar.top}px`;
    element.style.height = `${isFault ? 9 : bar.height}px`;
    const same =
      ui.selected &&
      ui.selected.kind === item.kind &&
      ui.selected.index === item.index &&
      (isFault || ui.selected.row === item.row);
    element.classList.toggle("tg-chosen", Boolean(same));
    element.classList.toggle("tg-cut-start", !bar.starts);
    element.classList.toggle("tg-cut-end", !bar.ends);
    const wrong = ui.problemOf(item);
    const finding = ui.findingOf(item);
    element.classList.toggle("tg-wrong", Boolean(wrong));
    // A remark is told where one looks; a warning stands out, once for each window.
    const severity = wrong ? "error" : finding?.severity;
    put(flag, "data-severity", severity !== "info" && bar.main ? severity : null);
    put(element, "title", [text, wrong?.text, finding?.text].filter(Boolean).join("\n"));
    put(element, "aria-label", name);
    for (const [control, shown, label] of [
      [body, bar.main, name],
      [start, bar.starts && bar.lead, `${name} start`],
      [end, bar.ends && bar.tail, `${name} end`],
    ]) {
      // One of each is enough for keys and screen readers, however many pieces the axis shows.
      put(control, "tabindex", shown ? "0" : null);
      put(control, "data-lm-suppress-shortcuts", shown ? "true" : null);
      put(control, "aria-hidden", shown ? null : "true");
      put(control, "aria-label", label);
    }
    put(body, "aria-description", [text, wrong?.text, finding?.text].filter(Boolean).join(". "));
    this.#drawEdges(bar, deployment, start, end);
  }

  #drawEdges(bar, deployment, start, end) {
    const values = [];
    if (bar.item.kind === "fault") {
      const fault = this.ui.store.draft.faults[bar.item.index];
      for (const at of outageSpan(fault)) {
        values.push([
          Math.round(at - this.ui.axis.from),
          Math.round(this.ui.axis.to - this.ui.axis.from),
          formatLocal(localOf(this.ui.zone(), at)),
        ]);
      }
    } else {
      const window = deployment.time_constraints[bar.item.index];
      const [first, last] = extent(window);
      for (const [minute, time] of [
        [first, window.start],
        [last, window.end],
      ]) {
        values.push([minute, DAY * (minute > DAY ? 2 : 1), `${time} ${window.tz ?? "UTC"}`]);
      }
    }
    [start, end].forEach((edge, i) => {
      const [now, most, text] = values[i];
      put(edge, "aria-valuemin", Math.min(0, now));
      put(edge, "aria-valuemax", Math.max(most, now));
      put(edge, "aria-valuenow", now);
      put(edge, "aria-valuetext", text);
    });
  }

  #outageText(item) {
    const fault = this.ui.store.draft.faults[item.index];
    const [start, end] = [fault.start, fault.end].map(
      (at) => at && formatLocal(localOf(this.ui.zone(), parseInstant(at))),
    );
    return `outage of ${fault.target} · ${start} – ${end ?? "for ever"} ${this.ui.tz}`;
  }

  #rowOf(name) {
    return this.ui.store.draft.deployments.findIndex((d) => d.model_name === name);
  }

  // For gestures

  /** Say beside the pointer what is being dragged. */
  tell(event) {
    const { selected } = this.ui;
    if (!selected || selected.index === undefined) return;
    const draft = this.ui.store.draft;
    const window =
      selected.kind === "fault" ? null : draft.deployments[selected.row]?.[selected.kind]?.[selected.index];
    const box = this.element.getBoundingClientRect();
    const row = this.rows.children[selected.row].getBoundingClientRect();
    write(this.bubble, window ? `${window.start}–${window.end} ${window.tz ?? "UTC"}` : this.#outageText(selected));
    this.bubble.hidden = false;
    const half = this.bubble.offsetWidth / 2;
    this.bubble.style.left = `${Math.min(Math.max(event.clientX - box.left, half), box.width - half)}px`;
    this.bubble.style.top = `${row.top - box.top - 4}px`;
  }

  /** Focus the control of an item that is drawn; of an edge if that is shown. */
  focus(item, part) {
    for (const element of this.rows.querySelectorAll(".tg-bar")) {
      const { bar } = element;
      if (bar.item.kind !== item.kind || bar.item.index !== item.index || bar.item.row !== item.row) continue;
      const control = part === "bar" ? element.children[0] : element.querySelector(`[data-edge=${part}]`);
      if (control.getAttribute("tabindex") === "0") return control.focus({ preventScroll: true });
    }
  }
}
