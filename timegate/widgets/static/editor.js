// The editor on a page: its parts, what they share, and when each is drawn.
import { parseDate } from "./dates.js";
import { targetsOf } from "./schedule.js";
import { axisOf } from "./windows.js";
import { KernelMessage } from "./store.js";
import { targetOf } from "./dom.js";
import { Edits } from "./edits.js";
import { Verdicts } from "./verdicts.js";
import { Toolbar } from "./toolbar.js";
import { Timeline } from "./timeline.js";
import { Gestures } from "./gestures.js";
import { Chart } from "./chart.js";
import { Form } from "./form.js";
import { Status } from "./status.js";
/** @import { Store } from "./store.js" */
/** @import { Deployment, Fault, Item, Selection, Traits } from "./types.js" */

/** @type {(keyof Traits)[]} */
const TRAITS = ["tz", "day", "axis", "snap", "path", "scope", "findings", "proposing"];
const WAIT_MS = 200; // for an answer, before the page says that it waits
let editors = 0;

export class Editor {
  /**
   * @param {Store} store
   * @param {HTMLElement} element
   */
  constructor(store, element) {
    this.store = store;
    this.model = store.model;
    this.root = element;
    /** @type {Selection | null} */
    this.selected = null;
    this.zoneList = `tg-zones-${editors++}`;
    this.axis = this.#axis();
    this.verdicts = new Verdicts(store);
    this.edits = new Edits(this);
    this.toolbar = new Toolbar(this);
    this.timeline = new Timeline(this);
    this.gestures = new Gestures(this);
    this.chart = new Chart(this);
    this.form = new Form(this);
    this.status = new Status(this);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.waiting = undefined;
    element.classList.add("tg-editor");
    for (const part of [this.toolbar, this.timeline, this.chart, this.form, this.status]) element.append(part.element);
    this.stop = new AbortController();
    this.onTrait = () => this.draw();
    this.resized = new ResizeObserver(() => this.chart.draw());
    this.#listen(this.stop.signal);
    this.draw();
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    this.root.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.store.addEventListener("change", () => this.#edited(), { signal });
    this.store.addEventListener("adopt", () => this.gestures.letGo(), { signal });
    this.store.addEventListener("answer", () => this.#answered(), { signal });
    this.store.addEventListener(
      "message",
      (event) => event instanceof KernelMessage && this.toolbar.receive(event.message),
      { signal },
    );
    for (const name of TRAITS) this.model.on(`change:${name}`, this.onTrait);
    this.resized.observe(this.chart.plot);
  }

  dispose() {
    this.stop.abort();
    this.resized.disconnect();
    this.verdicts.dispose();
    this.toolbar.dispose();
    clearTimeout(this.waiting);
    for (const name of TRAITS) this.model.off(`change:${name}`, this.onTrait);
  }

  // What the parts share

  get tz() {
    return this.model.get("tz");
  }

  get snap() {
    return this.model.get("snap");
  }

  get week() {
    return this.model.get("axis") === "week";
  }

  /** The first date of the axis, as days since the epoch, and how many it has. */
  get day() {
    return parseDate(this.model.get("day")) ?? 0;
  }

  get days() {
    return this.week ? 7 : 1;
  }

  /** The offsets of a zone; those of UTC for one that the kernel has not sent, such as one that does not exist. */
  zone(tz = this.tz) {
    const { zones } = this.store.answer;
    return zones[tz] ?? zones.UTC;
  }

  /** Of the deployments. */
  get names() {
    return this.store.draft.deployments.map((deployment) => deployment.model_name);
  }

  /** @param {string} name */
  color(name) {
    return this.store.answer.colors[name] ?? "#888888";
  }

  /**
   * Whether a fault is one of a deployment.
   * @param {Fault} fault
   * @param {Deployment} deployment
   */
  hits(fault, deployment) {
    return targetsOf(deployment, this.store.answer.groups).includes(fault.target);
  }

  // What is selected

  /**
   * The window or fault that is selected, if it is one.
   * @returns {Item | null}
   */
  get item() {
    const { selected } = this;
    return selected?.index === undefined ? null : { ...selected, index: selected.index };
  }

  /** @param {Selection} selection */
  select(selection, intoForm = false) {
    this.selected = selection;
    this.timeline.draw();
    this.form.draw();
    if (intoForm) this.form.focus();
  }

  /** @param {number} row */
  selectRow(row) {
    this.select({ row, kind: "time_constraints" });
  }

  /** Let go of a selection that is no longer there. */
  #keepSelection() {
    const { selected } = this;
    if (!selected) return;
    const { deployments, faults } = this.store.draft;
    const list = selected.kind === "fault" ? faults : deployments[selected.row]?.[selected.kind];
    if (!list) this.selected = null;
    else if ((selected.index ?? 0) >= list.length) this.selected = { row: selected.row, kind: "time_constraints" };
  }

  // Keys

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!(event.ctrlKey || event.metaKey) || targetOf(event).matches("input[type=text]")) return;
    const key = event.key.toLowerCase();
    if (key === "z" && !event.shiftKey) this.store.undo();
    else if (key === "y" || (key === "z" && event.shiftKey)) this.store.redo();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Drawing

  draw() {
    this.axis = this.#axis();
    this.#changed();
    this.#answered();
  }

  #axis() {
    return axisOf(this.zone(), this.day, this.days);
  }

  #edited() {
    this.status.forget();
    this.#changed();
  }

  /** Draw what follows the pointer: no kernel is asked. */
  #changed() {
    const { root, store } = this;
    this.#keepSelection();
    this.timeline.draw();
    this.form.draw();
    this.toolbar.draw();
    this.status.draw();
    root.dataset.revision = String(store.draft.revision);
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => root.classList.toggle("tg-waiting", !store.current), WAIT_MS);
  }

  /** Draw what the kernel says. */
  #answered() {
    const { root, store } = this;
    this.axis = this.#axis();
    root.classList.toggle("tg-waiting", !store.current);
    root.classList.toggle("tg-refused", store.current && store.answer.refused);
    this.chart.draw();
    this.timeline.draw();
    this.form.draw();
    this.status.draw();
    if (store.current) root.dataset.shown = String(store.answer.revision);
    this.verdicts.askForFindings();
  }
}
