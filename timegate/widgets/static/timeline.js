// The rows: when each deployment is closed, and its outages below.
import { DAY, described, extent, formatLocal, localOf, parseInstant } from "./windows.js";
import { outageSpan } from "./schedule.js";
import { FOCUS, childrenOf, h, keyed, nameParts, one, put, write, writeName } from "./dom.js";
import { layOut, outside } from "./layout.js";
/** @import { Row } from "./layout.js" */
/** @import { Editor } from "./editor.js" */
/** @import { Bar, Deployment, Item, Part, Selection, Window } from "./types.js" */

export class Timeline {
  /** @param {Editor} ui */
  constructor(ui) {
    this.ui = ui;
    /** @type {Row[]} */
    this.bars = [];
    /** @type {WeakMap<Element, Bar>} */
    this.barOf = new WeakMap(); // what the element of a bar shows
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
    this.bars = store.draft.deployments.map((deployment, row) => layOut(this.ui, deployment, row));
    const rows = store.draft.deployments.map((deployment, row) => ({ key: deployment.model_name, deployment, row }));
    keyed(
      this.rows,
      rows,
      ({ deployment }) => this.#makeRow(deployment),
      (element, { deployment, row }) => this.#drawRow(element, deployment, row),
    );
  }

  // Where things lie

  /** @param {number} at */
  #percent(at) {
    const { from, to } = this.ui.axis;
    return `${(100 * (at - from)) / (to - from)}%`;
  }

  /**
   * @param {HTMLElement} element
   * @param {number} from
   * @param {number} to
   */
  #place(element, from, to) {
    element.style.left = this.#percent(from);
    element.style.width = `${(100 * (to - from)) / (this.ui.axis.to - this.ui.axis.from)}%`;
  }

  // Rows

  /** @param {Deployment} deployment */
  #makeRow(deployment) {
    const { edits } = this.ui;
    const name = deployment.model_name;
    /** @type {(act: (row: number) => void) => (event: Event) => void} */
    const on = (act) => (event) => {
      event.stopPropagation();
      act(this.#rowOf(name));
    };
    /** @type {(text: string, label: string, title: string, act: (row: number) => void) => HTMLElement} */
    const tool = (text, label, title, act) =>
      h("button", { type: "button", "aria-label": label, title, onclick: on(act), ...FOCUS }, text);
    const title = `${name}: show its windows`;
    const select = on((row) => this.ui.selectRow(row));
    const label = h(
      "div",
      { class: "tg-label" },
      h("span", { class: "tg-grip", title: "Drag to change the order of fallback", "aria-hidden": "true" }, "⠿"),
      h("span", { class: "tg-swatch", "aria-hidden": "true" }, h("span", { class: "tg-flag" })),
      h("button", { type: "button", class: "tg-name", onclick: select, title, ...FOCUS }, ...nameParts()),
      h("button", {
        type: "button",
        class: "tg-switch",
        role: "switch",
        "aria-label": `${name} switched on`,
        title: "Switch on or off",
        onclick: on((row) => edits.toggle(row)),
        ...FOCUS,
      }),
      h("span", { class: "tg-model", title: deployment.model }, deployment.model),
      h(
        "span",
        { class: "tg-tools" },
        tool("+", `Add a closed window to ${name}`, "Add a closed window", (row) => edits.addClosed(row)),
        tool("↑", `Move ${name} up`, "Earlier in the order of fallback", (row) => edits.moveRow(row, row - 1)),
        tool("↓", `Move ${name} down`, "Later in the order of fallback", (row) => edits.moveRow(row, row + 1)),
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

  /**
   * @param {HTMLElement} element
   * @param {Deployment} deployment
   * @param {number} row
   */
  #drawRow(element, deployment, row) {
    const [label, lane] = childrenOf(element);
    const { ui } = this;
    put(element, "data-row", row);
    element.classList.toggle("tg-off", Boolean(deployment.off));
    element.classList.toggle("tg-selected", ui.selected?.row === row);
    element.style.setProperty("--tg-color", ui.color(deployment.model_name));
    writeName(one(label, ".tg-name"), deployment.model_name, ui.names);
    put(one(label, ".tg-switch"), "aria-checked", deployment.off ? "false" : "true");
    /** @type {Selection} */
    const whole = { row, kind: "time_constraints" };
    const [problem, finding] = [ui.verdicts.problemOf(whole), ui.verdicts.findingOf(whole)];
    put(one(label, ".tg-flag"), "data-severity", problem ? "error" : finding?.severity);
    put(label, "title", (problem ?? finding)?.text);
    const [, grid, outsides, acting, bars] = childrenOf(lane);
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
      outside(ui, deployment),
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
    const { windows, hours, outages } = this.bars[row];
    const shown = [...hours, ...windows, ...outages].filter((bar) => bar.from <= ui.axis.to && bar.to >= ui.axis.from);
    keyed(
      bars,
      shown,
      (bar) => makeBar(bar),
      (part, bar) => this.#drawBar(part, bar, deployment),
    );
  }

  /**
   * @param {HTMLElement} element
   * @param {Bar} bar
   * @param {Deployment} deployment
   */
  #drawBar(element, bar, deployment) {
    const { ui } = this;
    const [body, flag, start, end] = childrenOf(element);
    const { item } = bar;
    const isFault = item.kind === "fault";
    const what = item.kind === "available" ? `available window ${item.index + 1}` : `window ${item.index + 1}`;
    const name = `${deployment.model_name} ${isFault ? `outage ${bar.number}` : what}`;
    const text = item.kind === "fault" ? this.#outageText(item) : described(deployment[item.kind][item.index]);
    this.barOf.set(element, bar);
    this.#place(element, bar.from, bar.to);
    element.style.top = `${bar.top}px`;
    element.style.height = `${bar.height}px`;
    const same =
      ui.selected &&
      ui.selected.kind === item.kind &&
      ui.selected.index === item.index &&
      (isFault || ui.selected.row === item.row);
    element.classList.toggle("tg-chosen", Boolean(same));
    element.classList.toggle("tg-cut-start", !bar.starts);
    element.classList.toggle("tg-cut-end", !bar.ends);
    const [wrong, finding] = [ui.verdicts.problemOf(item), ui.verdicts.findingOf(item)];
    element.classList.toggle("tg-wrong", Boolean(wrong));
    // A remark is told where one looks; a warning stands out, once for each window.
    const severity = wrong ? "error" : finding?.severity;
    put(flag, "data-severity", severity !== "info" && bar.main ? severity : null);
    put(element, "title", [text, wrong?.text, finding?.text].filter(Boolean).join("\n"));
    put(element, "aria-label", name);
    /** @type {[HTMLElement, boolean, string][]} */
    const controls = [
      [body, bar.main, name],
      [start, bar.starts && bar.lead, `${name} start`],
      [end, bar.ends && bar.tail, `${name} end`],
    ];
    for (const [control, shown, label] of controls) {
      // One of each is enough for keys and screen readers, however many pieces the axis shows.
      put(control, "tabindex", shown ? "0" : null);
      put(control, "data-lm-suppress-shortcuts", shown ? "true" : null);
      put(control, "aria-hidden", shown ? null : "true");
      put(control, "aria-label", label);
    }
    put(body, "aria-description", [text, wrong?.text, finding?.text].filter(Boolean).join(". "));
    this.#drawEdges(bar, deployment, start, end);
  }

  /**
   * @param {Bar} bar
   * @param {Deployment} deployment
   * @param {HTMLElement} start
   * @param {HTMLElement} end
   */
  #drawEdges(bar, deployment, start, end) {
    const { item } = bar;
    const values = item.kind === "fault" ? this.#outageEdges(item) : windowEdges(deployment[item.kind][item.index]);
    [start, end].forEach((edge, i) => {
      const { now, most, text } = values[i];
      put(edge, "aria-valuemin", Math.min(0, now));
      put(edge, "aria-valuemax", Math.max(most, now));
      put(edge, "aria-valuenow", now);
      put(edge, "aria-valuetext", text);
    });
  }

  /** @param {Item} item */
  #outageEdges(item) {
    const { from, to } = this.ui.axis;
    return outageSpan(this.ui.store.draft.faults[item.index]).map((at) => ({
      now: Math.round(at - from),
      most: Math.round(to - from),
      text: this.#local(at),
    }));
  }

  /** @param {number} at */
  #local(at) {
    return formatLocal(localOf(this.ui.zone(), at));
  }

  /** @param {Item} item */
  #outageText(item) {
    const fault = this.ui.store.draft.faults[item.index];
    const [start, end] = [fault.start, fault.end].map((at) => at && this.#local(parseInstant(at)));
    return `outage of ${fault.target} · ${start} – ${end ?? "for ever"} ${this.ui.tz}`;
  }

  /** @param {string} name */
  #rowOf(name) {
    return this.ui.store.draft.deployments.findIndex((d) => d.model_name === name);
  }

  // For gestures

  /**
   * Say beside the pointer what is being dragged.
   * @param {PointerEvent} event
   */
  tell(event) {
    const { item, store } = this.ui;
    if (!item) return;
    const window = item.kind === "fault" ? null : store.draft.deployments[item.row]?.[item.kind]?.[item.index];
    const box = this.element.getBoundingClientRect();
    const row = this.rows.children[item.row].getBoundingClientRect();
    write(this.bubble, window ? `${window.start}–${window.end} ${window.tz ?? "UTC"}` : this.#outageText(item));
    this.bubble.hidden = false;
    const half = this.bubble.offsetWidth / 2;
    this.bubble.style.left = `${Math.min(Math.max(event.clientX - box.left, half), box.width - half)}px`;
    this.bubble.style.top = `${row.top - box.top - 4}px`;
  }

  /**
   * Focus the control of an item that is drawn; of an edge if that is shown.
   * @param {Item} item
   * @param {Part} part
   */
  focus(item, part) {
    for (const element of this.rows.querySelectorAll(".tg-bar")) {
      const shown = this.barOf.get(element)?.item;
      if (shown?.kind !== item.kind || shown.index !== item.index || shown.row !== item.row) continue;
      const control = one(element, part === "bar" ? ".tg-body" : `[data-edge=${part}]`);
      if (control.getAttribute("tabindex") === "0") return control.focus({ preventScroll: true });
    }
  }

  /** @param {number} row */
  focusRow(row) {
    const element = this.rows.children[row];
    if (element) one(element, ".tg-name").focus();
  }
}

const LOOKS = { fault: "tg-outage", time_constraints: "tg-closed", available: "tg-hours" };

/** @param {Bar} bar */
function makeBar(bar) {
  /** @type {(name: string) => HTMLElement} */
  const edge = (name) =>
    h("div", { class: `tg-edge tg-${name}`, role: "slider", "data-edge": name, "aria-orientation": "horizontal" });
  return h(
    "div",
    { class: `tg-bar ${LOOKS[bar.item.kind]}`, role: "group" },
    h("div", { class: "tg-body", role: "button" }),
    h("span", { class: "tg-flag", "aria-hidden": "true" }),
    edge("start"),
    edge("end"),
  );
}

/** @param {Window} window */
function windowEdges(window) {
  const [first, last] = extent(window);
  const zone = window.tz ?? "UTC";
  return [
    { now: first, most: DAY, text: `${window.start} ${zone}` },
    { now: last, most: DAY * Math.max(1, Math.ceil(last / DAY)), text: `${window.end} ${zone}` },
  ];
}
