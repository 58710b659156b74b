// The editor on a page: the toolbar, what the parts share, and what becomes of a schedule when it is edited.
import { axisOf, formatInstant, moved, parseDate, plainWindow } from "./schedule.js";
import { Store } from "./store.js";
import { FOCUS, h, keyed } from "./dom.js";
import { Toolbar } from "./toolbar.js";
import { Timeline } from "./timeline.js";
import { Gestures } from "./gestures.js";
import { Chart } from "./chart.js";
import { Form } from "./form.js";

const TRAITS = ["tz", "day", "axis", "snap", "path", "findings"];
const CHECK_AFTER_MS = 250;
let editors = 0;

export class Editor {
  constructor(store, element) {
    this.store = store;
    this.model = store.model;
    this.root = element;
    this.selected = null;
    this.message = null;
    this.zoneList = `tg-zones-${editors++}`;
    this.timeline = new Timeline(this);
    this.gestures = new Gestures(this, this.timeline);
    this.chart = new Chart(this);
    this.form = new Form(this);
    this.status = h("div", { class: "tg-status", role: "status", "aria-live": "polite" });
    this.toolbar = new Toolbar(this);
    element.classList.add("tg-editor");
    element.append(this.toolbar.element, this.timeline.element, this.chart.element, this.form.element, this.status);
    element.addEventListener("keydown", (event) => this.#key(event));
    this.stop = new AbortController();
    const { signal } = this.stop;
    store.addEventListener("change", () => this.#edited(), { signal });
    store.addEventListener("adopt", () => this.gestures.letGo(), { signal });
    store.addEventListener("answer", () => this.#answered(), { signal });
    store.addEventListener("message", (event) => this.#told(event.told), { signal });
    this.onTrait = () => this.draw();
    for (const name of TRAITS) this.model.on(`change:${name}`, this.onTrait);
    this.resized = new ResizeObserver(() => this.chart.draw());
    this.resized.observe(this.chart.plot);
    this.draw();
    this.#askForFindings();
  }

  dispose() {
    this.stop.abort();
    this.resized.disconnect();
    clearTimeout(this.checking);
    clearTimeout(this.waiting);
    clearTimeout(this.saving);
    for (const name of TRAITS) this.model.off(`change:${name}`, this.onTrait);
  }

  // What the parts ask for

  get tz() {
    return this.model.get("tz");
  }

  get snap() {
    return this.model.get("snap");
  }

  get week() {
    return this.model.get("axis") === "week";
  }

  /** The offsets of a zone; those of UTC for one that the kernel has not sent, such as one that does not exist. */
  zone(tz = this.tz) {
    const { zones } = this.store.answer;
    return zones[tz] ?? zones.UTC;
  }

  color(name) {
    return this.store.answer.colors[name] ?? "#888888";
  }

  get problems() {
    return this.store.current ? this.store.answer.problems : [];
  }

  problemOf(item) {
    return this.problems.find((problem) => isAt(problem, item));
  }

  /** What the check says of the schedule on screen, once it has. */
  get findings() {
    const findings = this.model.get("findings");
    const { author, revision } = this.store.draft;
    return findings.revision === revision && findings.author === author ? findings.items : [];
  }

  findingOf(item) {
    return this.findings.find((finding) => isAt(finding, item));
  }

  /** What is wrong with a deployment as a whole, or else what the check says of it. */
  verdictOn(row) {
    const whole = (place) => place.row === row && !Number.isInteger(place.index);
    const problem = this.problems.find(whole);
    return problem ? { ...problem, severity: "error" } : this.findings.find(whole);
  }

  hits(fault, deployment) {
    const [kind, group] = fault.target.split(/:(.*)/);
    if (kind === "group") return this.store.answer.groups[group]?.includes(deployment.model_name) ?? false;
    return fault.target === deployment.model_name || fault.target === `provider:${deployment.model.split("/")[0]}`;
  }

  /** Say something of the schedule on screen: it is forgotten with the next edit. */
  say(text, tone = "note") {
    this.message = { text, tone, revision: this.store.draft.revision };
    this.#drawStatus();
  }

  save(path) {
    this.say("Saving…");
    clearTimeout(this.saving);
    this.saving = setTimeout(
      () => this.say("Not saved yet: the kernel does not answer.", "error"),
      this.store.patienceMs,
    );
    this.store.ask("save", { path, draft: this.store.draft });
  }

  select(item, intoForm = false) {
    this.selected = item;
    this.timeline.draw();
    this.form.draw();
    if (intoForm) this.form.focus();
  }

  selectRow(row) {
    this.select({ row, kind: "time_constraints", index: undefined });
  }

  // Edits

  #withDeployment(row, change, draft = this.store.draft) {
    const deployments = draft.deployments.map((d, i) => (i === row ? { ...d, ...change(d) } : d));
    this.store.edit({ deployments });
  }

  replaceItem(item, value, draft = this.store.draft) {
    const replaced = (list) => list.map((old, i) => (i === item.index ? value : old));
    if (item.kind === "fault") this.store.edit({ faults: replaced(draft.faults) });
    else this.#withDeployment(item.row, (d) => ({ [item.kind]: replaced(d[item.kind]) }), draft);
  }

  addItem(row, kind, window, draft = this.store.draft) {
    const index = draft.deployments[row][kind].length;
    this.selected = { row, kind, index };
    this.#withDeployment(row, (d) => ({ [kind]: [...d[kind], plainWindow(window)] }), draft);
  }

  removeItem(item) {
    const without = (list) => list.filter((_, i) => i !== item.index);
    this.selected = { row: item.row, kind: "time_constraints", index: undefined };
    if (item.kind === "fault") this.store.edit({ faults: without(this.store.draft.faults) });
    else this.#withDeployment(item.row, (d) => ({ [item.kind]: without(d[item.kind]) }));
    this.timeline.rows.children[item.row]?.querySelector(".tg-name").focus();
  }

  duplicateItem(item) {
    const { draft } = this.store;
    if (item.kind === "fault") {
      const { name, ...copy } = draft.faults[item.index]; // names are unique
      this.selected = { ...item, index: draft.faults.length };
      this.store.edit({ faults: [...draft.faults, copy] });
    } else {
      this.addItem(item.row, item.kind, draft.deployments[item.row][item.kind][item.index]);
    }
  }

  /** Make a closed window one in which the deployment is available, or the other way round. */
  changeKind(item) {
    const other = item.kind === "available" ? "time_constraints" : "available";
    const { [item.kind]: from, [other]: to } = this.store.draft.deployments[item.row];
    this.selected = { row: item.row, kind: other, index: to.length };
    this.#withDeployment(item.row, () => ({
      [item.kind]: from.filter((_, i) => i !== item.index),
      [other]: [...to, from[item.index]],
    }));
  }

  addWindow(row) {
    this.addItem(row, "time_constraints", { start: "12:00", end: "13:00", tz: this.tz });
    this.form.focus();
  }

  addAvailable(row) {
    this.addItem(row, "available", { start: "08:00", end: "20:00", tz: this.tz });
    this.form.focus();
  }

  addOutage(row) {
    const { draft } = this.store;
    const start = this.axis.from + 12 * 60;
    const fault = {
      type: "outage",
      target: draft.deployments[row].model_name,
      start: formatInstant(start),
      end: formatInstant(start + 60),
    };
    this.selected = { row, kind: "fault", index: draft.faults.length };
    this.store.edit({ faults: [...draft.faults, fault] });
    this.form.focus();
  }

  toggle(row) {
    this.#withDeployment(row, (d) => ({ off: !d.off }));
  }

  moveUp(row) {
    this.#reorder(row, row - 1);
  }

  moveDown(row) {
    this.#reorder(row, row + 1);
  }

  #reorder(row, to) {
    const { deployments } = this.store.draft;
    if (to < 0 || to >= deployments.length) return;
    this.selected = { row: to, kind: "time_constraints", index: undefined };
    this.store.edit({ deployments: moved(deployments, row, to) });
  }

  // Keys

  #key(event) {
    if (!(event.ctrlKey || event.metaKey) || event.target.matches("input[type=text]")) return;
    const key = event.key.toLowerCase();
    if (key === "z" && !event.shiftKey) this.store.undo();
    else if (key === "y" || (key === "z" && event.shiftKey)) this.store.redo();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Drawing

  draw() {
    this.axis = axisOf(this.zone(), parseDate(this.model.get("day")), this.week ? 7 : 1);
    this.#changed();
    this.#answered();
  }

  #edited() {
    if (this.message?.revision !== this.store.draft.revision) this.message = null;
    this.#changed();
  }

  /** What follows the pointer: no kernel is asked. */
  #changed() {
    this.#keepSelection();
    this.timeline.draw();
    this.form.draw();
    this.toolbar.draw();
    this.root.dataset.revision = this.store.draft.revision;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.root.classList.toggle("tg-waiting", !this.store.current), 200);
    this.#drawStatus();
  }

  #answered() {
    const zone = this.zone();
    this.axis = axisOf(zone, parseDate(this.model.get("day")), this.week ? 7 : 1);
    this.root.classList.toggle("tg-waiting", !this.store.current);
    this.root.classList.toggle("tg-refused", this.store.current && this.store.answer.refused);
    this.chart.draw();
    this.timeline.draw();
    this.form.draw();
    this.#drawStatus();
    if (this.store.current) this.root.dataset.shown = this.store.answer.revision;
    this.#askForFindings();
  }

  #askForFindings() {
    clearTimeout(this.checking);
    this.checking = setTimeout(() => {
      const { findings, draft } = { findings: this.model.get("findings"), draft: this.store.draft };
      const known = findings.revision === draft.revision && findings.author === draft.author;
      if (!known && this.store.current && !this.store.answer.refused) this.store.ask("check");
    }, CHECK_AFTER_MS);
  }

  #keepSelection() {
    const { selected } = this;
    if (!selected) return;
    const { deployments, faults } = this.store.draft;
    const list = selected.kind === "fault" ? faults : deployments[selected.row]?.[selected.kind];
    if (!list) this.selected = null;
    else if (selected.index >= list.length) this.selected = { ...selected, kind: "time_constraints", index: undefined };
  }

  #told(message) {
    if (message.kind === "saved" || message.kind === "error") {
      if (message.about !== "zone") clearTimeout(this.saving);
      if (message.about === "zone") this.toolbar.refuseZone();
      this.say(message.text, message.kind === "error" ? "error" : "good");
    }
  }

  /** Whom a finding concerns, for lists; beside a bar it needs no name. */
  #nameOf({ row, kind, index }) {
    const name = this.store.draft.deployments[row]?.model_name;
    if (!name || !Number.isInteger(index)) return "";
    return `${name} ${kind === "available" ? "available window" : "window"} ${index + 1}: `;
  }

  #drawStatus() {
    const { store } = this;
    const lines = [];
    if (store.silent && !store.current) {
      lines.push({
        tone: "error",
        text: "The kernel does not answer: it is busy, or has ended. Your edits are kept here, and Download works.",
      });
    }
    if (store.lost)
      lines.push({
        tone: "note",
        text: "Edits of this schedule were left from before.",
        actions: [
          ["Restore", () => store.restore()],
          ["Forget", () => store.forget()],
        ],
      });
    const told = this.form.tells; // what the form says already
    for (const problem of this.problems)
      if (problem.text !== told) lines.push({ tone: "error", text: problem.text, item: problem });
    if (this.message) lines.push(this.message);
    for (const finding of this.findings) {
      const { text, fix } = finding;
      if ([text, fix].join(" ") !== told)
        lines.push({ tone: finding.severity, text: `${this.#nameOf(finding)}${text} ${fix}`, item: finding });
    }
    for (const note of store.answer.figures ? store.answer.notes : []) lines.push({ tone: "warning", text: note });
    keyed(
      this.status,
      lines.map((line, i) => ({ ...line, key: `${i} ${line.tone} ${line.text}` })),
      (line) =>
        h(
          "p",
          { "data-tone": line.tone },
          line.text,
          line.item && Number.isInteger(line.item.index)
            ? h(
                "button",
                {
                  type: "button",
                  class: "tg-link",
                  onclick: () => this.select({ row: line.item.row, kind: line.item.kind, index: line.item.index }),
                  ...FOCUS,
                },
                "Show",
              )
            : null,
          ...(line.actions ?? []).map(([text, onclick]) =>
            h("button", { type: "button", class: "tg-link", onclick, ...FOCUS }, text),
          ),
        ),
      () => {},
    );
  }
}

function isAt(place, item) {
  return item.kind === "fault"
    ? place.fault === item.index
    : place.row === item.row && place.kind === item.kind && place.index === item.index;
}

/** Called once a widget, so that all its views show one schedule. */
export default () => {
  let store;
  const open = (model) => {
    let storage = null;
    try {
      storage = globalThis.sessionStorage;
    } catch {
      // Some frames may have none.
    }
    return (store ??= new Store(model, storage));
  };
  return {
    initialize({ model }) {
      open(model);
      return () => store.dispose();
    },
    render({ model, el }) {
      const element = h("div", {});
      el.append(element);
      const editor = new Editor(open(model), element);
      return () => editor.dispose();
    },
  };
};
