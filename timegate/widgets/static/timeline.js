// The rows: when each deployment is closed, its outages below, and what a pointer or a key does to them.
import { DAY, extent, formatInstant, formatLocal, hit, lanesOf, leavesNothing, localOf, moved, moveEdge, moveWindow, newWindow, occurrences, parseInstant, plainWindow, described, weekday } from "./schedule.js";
import { FOCUS, h, keyed, put, write } from "./dom.js";

const BAR_TOP = 5;
const BAR_HEIGHT = 26;
const OUTAGE_TOP = 34; // pointers below it mean outages
const ROW_HEIGHT = 48;
const REACH_PX = 7;
const FOREVER = "2199-12-31T00:00:00Z";

export class Timeline {
  constructor(ui) {
    this.ui = ui;
    this.bars = []; // a row: { windows, outages }, what lies under the pointer
    this.gesture = null;
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
    this.rows.addEventListener("pointerdown", (event) => this.#press(event));
    this.rows.addEventListener("pointermove", (event) => this.#move(event));
    this.rows.addEventListener("pointerup", (event) => this.#release(event));
    this.rows.addEventListener("pointercancel", () => this.#cancel());
    this.rows.addEventListener("lostpointercapture", () => this.gesture && this.#cancel());
    this.rows.addEventListener("keydown", (event) => this.#key(event));
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
    keyed(this.rows, rows, (item) => this.#makeRow(item), (element, item) => this.#drawRow(element, item));
  }

  // Where things lie

  #layOut(deployment, row) {
    const { axis, store } = this.ui;
    const closed = deployment.time_constraints.map((window) => this.#pieces(window));
    const lanes = lanesOf(closed);
    const count = Math.max(...lanes, 0) + 1;
    const windows = closed.flatMap((pieces, index) =>
      pieces.map((piece, part) => ({
        ...piece,
        item: { row, kind: "time_constraints", index },
        key: `${index}/${part}`,
        lead: pieces.findIndex((p) => p.starts) === part,
        tail: pieces.findLastIndex((p) => p.ends) === part,
        top: BAR_TOP + (lanes[index] * BAR_HEIGHT) / count,
        height: BAR_HEIGHT / count - (count > 1 ? 1 : 0),
      })),
    );
    const outages = [];
    store.draft.faults.forEach((fault, index) => {
      if (fault.type !== "outage" || !this.ui.hits(fault, deployment)) return;
      const [start, end] = [parseInstant(fault.start), parseInstant(fault.end ?? FOREVER)];
      const number = outages.length + 1;
      if (start >= axis.to || end <= axis.from) return;
      outages.push({
        from: Math.max(start, axis.from),
        to: Math.min(end, axis.to),
        starts: start >= axis.from,
        ends: end <= axis.to,
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
    return occurrences(window, this.ui.zone(window.tz), this.ui.axis.from, this.ui.axis.to);
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
      h("button", { type: "button", class: "tg-name", onclick: act("selectRow"), title: `${name}: show its windows`, ...FOCUS }, name),
      h("button", { type: "button", class: "tg-switch", role: "switch", "aria-label": `${name} switched on`, title: "Switch on or off", onclick: act("toggle"), ...FOCUS }),
      h("span", { class: "tg-model", title: deployment.model }, deployment.model),
      h(
        "span",
        { class: "tg-tools" },
        h("button", { type: "button", "aria-label": `Add a closed window to ${name}`, title: "Add a closed window", onclick: act("addWindow"), ...FOCUS }, "+"),
        h("button", { type: "button", "aria-label": `Move ${name} up`, title: "Earlier in the order of fallback", onclick: act("moveUp"), ...FOCUS }, "↑"),
        h("button", { type: "button", "aria-label": `Move ${name} down`, title: "Later in the order of fallback", onclick: act("moveDown"), ...FOCUS }, "↓"),
      ),
    );
    const lane = h(
      "div",
      { class: "tg-lane" },
      h("div", { class: "tg-open" }),
      h("div", { class: "tg-grid" }),
      h("div", { class: "tg-outsides" }),
      h("div", { class: "tg-struck" }),
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
    const [, grid, outsides, struck, bars] = lane.children;
    keyed(grid, ui.axis.ticks.map((t) => ({ key: t.at })), () => h("i"), (line, { key }) => {
      line.style.left = this.#percent(key);
    });
    keyed(outsides, this.#outside(deployment), () => h("div", { class: "tg-outside", title: "Outside of its available hours" }), (part, gap) =>
      this.#place(part, gap.from, gap.to),
    );
    const drawn = ui.store.answer.struck.filter((s) => s.deployment === deployment.model_name);
    keyed(struck, drawn.map((s) => ({ ...s, key: `${s.from} ${s.text}` })), (s) => h("div", { title: s.text }), (part, s) =>
      this.#place(part, Math.max(s.from, ui.axis.from), Math.min(s.to, ui.axis.to)),
    );
    const { windows, outages } = this.bars[row];
    const shown = [...windows, ...outages].filter((bar) => bar.from <= ui.axis.to && bar.to >= ui.axis.from);
    keyed(bars, shown, (bar) => this.#makeBar(bar), (part, bar) => this.#drawBar(part, bar, deployment));
  }

  #makeBar(bar) {
    const edge = (name) => h("div", { class: `tg-edge tg-${name}`, role: "slider", "data-edge": name, "aria-orientation": "horizontal" });
    return h("div", { class: `tg-bar ${bar.item.kind === "fault" ? "tg-outage" : "tg-closed"}`, role: "group" },
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
    const same = ui.selected && ui.selected.kind === item.kind && ui.selected.index === item.index && (isFault || ui.selected.row === item.row);
    element.classList.toggle("tg-chosen", Boolean(same));
    element.classList.toggle("tg-cut-start", !bar.starts);
    element.classList.toggle("tg-cut-end", !bar.ends);
    const wrong = ui.problemOf(item);
    const finding = ui.findingOf(item);
    element.classList.toggle("tg-wrong", Boolean(wrong));
    // A remark is told where one looks; a warning stands out, once for each window.
    const severity = wrong ? "error" : finding?.severity;
    put(flag, "data-severity", severity !== "info" && (isFault || bar.key.endsWith("/0")) ? severity : null);
    put(element, "title", [text, wrong?.text, finding?.text].filter(Boolean).join("\n"));
    put(element, "aria-label", name);
    const first = bar.lead || !bar.key.includes("/") || bar.key.endsWith("/0");
    for (const [control, shown, label] of [[body, first, name], [start, bar.starts && bar.lead, `${name} start`], [end, bar.ends && bar.tail, `${name} end`]]) {
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
      for (const at of [parseInstant(fault.start), parseInstant(fault.end ?? FOREVER)]) {
        values.push([Math.round(at - this.ui.axis.from), Math.round(this.ui.axis.to - this.ui.axis.from), formatLocal(localOf(this.ui.zone(), at))]);
      }
    } else {
      const window = deployment.time_constraints[bar.item.index];
      const [first, last] = extent(window);
      for (const [minute, time] of [[first, window.start], [last, window.end]]) {
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
    const [start, end] = [fault.start, fault.end].map((at) => at && formatLocal(localOf(this.ui.zone(), parseInstant(at))));
    return `outage of ${fault.target} · ${start} – ${end ?? "for ever"} ${this.ui.tz}`;
  }

  #rowOf(name) {
    return this.ui.store.draft.deployments.findIndex((d) => d.model_name === name);
  }

  // Pointer

  #at(event, lane) {
    const box = lane.getBoundingClientRect();
    const { from, to } = this.ui.axis;
    return { at: from + ((event.clientX - box.left) / box.width) * (to - from), y: event.clientY - box.top, perPx: (to - from) / box.width };
  }

  #under(event) {
    const element = event.target.closest?.(".tg-row");
    if (!element) return null;
    const row = Number(element.dataset.row);
    const lane = element.lastElementChild;
    const { at, y, perPx } = this.#at(event, lane);
    const area = y < OUTAGE_TOP ? "windows" : "outages";
    const inside = this.bars[row][area].filter((bar) => area === "outages" || (y >= bar.top - 3 && y <= bar.top + bar.height + 3));
    return { row, lane, at, area, perPx, found: hit(inside, at, REACH_PX * perPx) };
  }

  #press(event) {
    if (event.button !== 0 || this.gesture) return;
    if (event.target.closest(".tg-grip")) return this.#grip(event);
    if (!event.target.closest(".tg-lane")) return;
    const under = this.#under(event);
    const { found } = under;
    const draft = this.ui.store.draft;
    this.rows.setPointerCapture(event.pointerId);
    event.preventDefault();
    this.ui.store.begin();
    this.gesture = { ...under, x: event.clientX, moved: false, part: found ? found.part : "new", draft, item: found?.bar.item ?? null };
    if (found) {
      this.ui.select(found.bar.item);
      this.#focus(found.bar.item, found.part);
    }
  }

  #grip(event) {
    const row = Number(event.target.closest(".tg-row").dataset.row);
    event.preventDefault();
    this.rows.setPointerCapture(event.pointerId);
    this.ui.store.begin();
    this.gesture = { part: "row", row, y: event.clientY, draft: this.ui.store.draft, moved: false };
    this.ui.selectRow(row);
  }

  #move(event) {
    const { gesture } = this;
    if (!gesture) {
      const under = event.target.closest(".tg-lane") ? this.#under(event) : null;
      const part = under?.found?.part;
      this.rows.dataset.cursor = part === "bar" ? "bar" : part ? "edge" : under ? "new" : "";
      return;
    }
    if (gesture.part === "row") return this.#dragRow(event);
    if (!gesture.moved && Math.abs(event.clientX - gesture.x) < 3) return;
    gesture.moved = true;
    const { at } = this.#at(event, gesture.lane);
    this.rows.dataset.cursor = gesture.part === "bar" ? "bar" : gesture.part === "new" ? "new" : "edge";
    if (gesture.part === "new") this.#dragNew(at);
    else if (gesture.area === "windows") this.#dragWindow(at);
    else this.#dragOutage(at);
    this.#tell(event);
  }

  #dragRow(event) {
    const { gesture, ui } = this;
    const to = Math.min(Math.max(gesture.row + Math.round((event.clientY - gesture.y) / ROW_HEIGHT), 0), gesture.draft.deployments.length - 1);
    const names = moved(gesture.draft.deployments, gesture.row, to);
    if (names[0] !== ui.store.draft.deployments[0] || names.some((d, i) => d !== ui.store.draft.deployments[i])) {
      ui.store.edit({ deployments: names });
      ui.selectRow(to);
    }
  }

  #dragWindow(at) {
    const { gesture, ui } = this;
    const { row, index } = gesture.item;
    const window = gesture.draft.deployments[row].time_constraints[index];
    const by = at - gesture.at;
    const [start, end] = extent(window);
    let next;
    if (gesture.part === "bar") {
      next = moveWindow(window, by, ui.snap);
      ui.say(end - start >= DAY ? "This window is the whole day: drag one of its edges." : "");
    } else {
      const minute = (gesture.part === "start" ? start : end) + by;
      next = moveEdge(window, gesture.part, minute, ui.snap);
      ui.say(leavesNothing(window, gesture.part, minute, ui.snap) ? "A window keeps at least a minute. Delete removes it." : "");
    }
    ui.replaceItem(gesture.item, plainWindow(next), gesture.draft);
  }

  #dragOutage(at) {
    const { gesture, ui } = this;
    const fault = gesture.draft.faults[gesture.item.index];
    ui.replaceItem(gesture.item, movedOutage(fault, gesture.part, at - gesture.at, ui), gesture.draft);
  }

  #dragNew(at) {
    const { gesture, ui } = this;
    const [first, last] = [Math.min(gesture.at, at), Math.max(gesture.at, at)];
    if (gesture.area === "outages") {
      const target = gesture.draft.deployments[gesture.row].model_name;
      const start = Math.floor(first / ui.snap) * ui.snap;
      const end = Math.max(Math.ceil(last / ui.snap) * ui.snap, start + ui.snap);
      ui.store.edit({ faults: [...gesture.draft.faults, { type: "outage", target, start: formatInstant(start), end: formatInstant(end) }] });
      ui.select({ row: gesture.row, kind: "fault", index: gesture.draft.faults.length });
      return;
    }
    const zone = ui.zone();
    const day = Math.floor(localOf(zone, first) / DAY);
    const window = newWindow(localOf(zone, first) - day * DAY, localOf(zone, last) - day * DAY, ui.snap, ui.tz);
    if (ui.week) window.days = [weekday(day)]; // what is drawn on a Tuesday is a Tuesday's
    ui.addItem(gesture.row, "time_constraints", window, gesture.draft);
  }

  #release() {
    const { gesture } = this;
    if (!gesture) return;
    this.gesture = null;
    this.bubble.hidden = true;
    this.ui.store.commit();
    if (gesture.part === "new") {
      if (!gesture.moved) this.ui.selectRow(gesture.row);
      else if (this.ui.selected) this.#focus(this.ui.selected, "bar");
    }
  }

  /** End a gesture whose schedule is no longer there. */
  letGo() {
    this.gesture = null;
    this.bubble.hidden = true;
  }

  #cancel() {
    this.letGo();
    this.ui.store.cancel();
  }

  #tell(event) {
    const { selected } = this.ui;
    if (!selected || selected.index === undefined) return;
    const draft = this.ui.store.draft;
    const window = selected.kind === "fault" ? null : draft.deployments[selected.row]?.[selected.kind]?.[selected.index];
    const box = this.element.getBoundingClientRect();
    const row = this.rows.children[selected.row].getBoundingClientRect();
    write(this.bubble, window ? `${window.start}–${window.end} ${window.tz ?? "UTC"}` : this.#outageText(selected));
    this.bubble.hidden = false;
    const half = this.bubble.offsetWidth / 2;
    this.bubble.style.left = `${Math.min(Math.max(event.clientX - box.left, half), box.width - half)}px`;
    this.bubble.style.top = `${row.top - box.top - 4}px`;
  }

  /** Focus the control of an item that is drawn; of an edge if that is shown. */
  #focus(item, part) {
    for (const element of this.rows.querySelectorAll(".tg-bar")) {
      const { bar } = element;
      if (bar.item.kind !== item.kind || bar.item.index !== item.index || bar.item.row !== item.row) continue;
      const control = part === "bar" ? element.children[0] : element.querySelector(`[data-edge=${part}]`);
      if (control.getAttribute("tabindex") === "0") return control.focus({ preventScroll: true });
    }
  }

  // Keys

  #key(event) {
    if (event.key === "Escape" && this.gesture) {
      event.preventDefault();
      return this.#cancel();
    }
    const element = event.target.closest(".tg-bar");
    if (!element || this.gesture) return;
    const { item } = element.bar;
    const part = event.target.dataset.edge ?? "bar";
    const step = event.shiftKey ? 60 : this.ui.snap;
    const by = { ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step, PageUp: 60, PageDown: -60 }[event.key];
    if (by !== undefined) this.#nudge(item, part, by);
    else if (event.key === "Delete" || event.key === "Backspace") this.ui.removeItem(item);
    else if (event.key === "Enter" || event.key === " ") this.ui.select(item, true);
    else if (event.key.toLowerCase() === "d" && (event.ctrlKey || event.metaKey)) this.ui.duplicateItem(item);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #nudge(item, part, by) {
    const { ui } = this;
    ui.select(item);
    const draft = ui.store.draft;
    if (item.kind === "fault") return ui.replaceItem(item, movedOutage(draft.faults[item.index], part, by, ui));
    const window = draft.deployments[item.row].time_constraints[item.index];
    const [start, end] = extent(window);
    const step = Math.min(Math.abs(by), ui.snap);
    const next = part === "bar" ? moveWindow(window, by, step) : moveEdge(window, part, (part === "start" ? start : end) + by, step);
    ui.say(part !== "bar" && leavesNothing(window, part, (part === "start" ? start : end) + by, step) ? "A window keeps at least a minute. Delete removes it." : "");
    ui.replaceItem(item, plainWindow(next));
    this.#focus(item, part);
  }
}

/** An outage with an edge or all of it moved by some minutes, snapped. */
function movedOutage(fault, part, by, ui) {
  const snap = (at) => Math.round(at / ui.snap) * ui.snap;
  let [start, end] = [parseInstant(fault.start), parseInstant(fault.end ?? FOREVER)];
  if (part === "bar") {
    const first = snap(start + by);
    [start, end] = [first, end + first - start];
  } else if (part === "start") {
    start = Math.min(snap(start + by), end - 1);
  } else {
    end = Math.max(snap(end + by), start + 1);
  }
  const kept = fault.end === null || fault.end === undefined ? part !== "end" : false;
  return { ...fault, start: formatInstant(start), end: kept ? fault.end : formatInstant(end) };
}

