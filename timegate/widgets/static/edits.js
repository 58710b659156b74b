// What becomes of a schedule when it is edited. Each edit is a step of undo, or a part of a gesture.
import { reordered, withWindow } from "./schedule.js";
import { formatInstant, plainWindow } from "./windows.js";
/** @import { Editor } from "./editor.js" */
/** @import { Deployment, Fault, Item, Window, WindowKind } from "./types.js" */

export class Edits {
  /** @param {Editor} ui */
  constructor(ui) {
    this.ui = ui;
    this.store = ui.store;
  }

  // Windows and outages. What is new or moved is selected.

  /**
   * @param {number} row
   * @param {WindowKind} kind
   * @param {Window} window
   */
  addWindow(row, kind, window, draft = this.store.draft) {
    this.ui.selected = { row, kind, index: draft.deployments[row][kind].length };
    this.#change(row, (d) => ({ [kind]: [...d[kind], plainWindow(window)] }), draft);
  }

  /**
   * @param {number} row
   * @param {Fault} fault
   */
  addFault(row, fault, draft = this.store.draft) {
    this.ui.selected = { row, kind: "fault", index: draft.faults.length };
    this.store.edit({ faults: [...draft.faults, fault] });
  }

  /**
   * @param {Item} item
   * @param {Window} window
   */
  replaceWindow({ row, kind, index }, window, draft = this.store.draft) {
    this.store.edit(withWindow(draft, { row, kind, index }, window));
  }

  /**
   * @param {Item} item
   * @param {Fault} fault
   */
  replaceFault({ index }, fault, draft = this.store.draft) {
    this.store.edit({ faults: replaced(draft.faults, index, fault) });
  }

  /** @param {Item} item */
  removeItem({ row, kind, index }) {
    this.ui.selected = { row, kind: "time_constraints" };
    if (kind === "fault") this.store.edit({ faults: without(this.store.draft.faults, index) });
    else this.#change(row, (d) => ({ [kind]: without(d[kind], index) }));
    this.ui.timeline.focusRow(row);
  }

  /** @param {Item} item */
  duplicateItem({ row, kind, index }) {
    const { deployments, faults } = this.store.draft;
    if (kind === "fault") {
      const copy = { ...faults[index] };
      delete copy.name; // names are unique
      this.addFault(row, copy);
    } else {
      const copy = { ...deployments[row][kind][index] };
      delete copy.name; // else each change of one would be one of both
      this.addWindow(row, kind, copy);
    }
  }

  /**
   * Make a closed window one in which the deployment is available, or the other way round.
   * @param {Item} item
   */
  changeKind({ row, kind, index }) {
    if (kind === "fault") return;
    const other = kind === "available" ? "time_constraints" : "available";
    const { [kind]: from, [other]: to } = this.store.draft.deployments[row];
    this.ui.selected = { row, kind: other, index: to.length };
    this.#change(row, () => ({ [kind]: without(from, index), [other]: [...to, from[index]] }));
  }

  // New ones, to be given their times in the form

  /** @param {number} row */
  addClosed(row) {
    this.addWindow(row, "time_constraints", { start: "12:00", end: "13:00", tz: this.ui.tz });
    this.ui.form.focus();
  }

  /** @param {number} row */
  addAvailable(row) {
    this.addWindow(row, "available", { start: "08:00", end: "20:00", tz: this.ui.tz });
    this.ui.form.focus();
  }

  /** @param {number} row */
  addOutage(row) {
    const start = this.ui.axis.from + 12 * 60;
    this.addFault(row, this.outageOf(row, start, start + 60));
    this.ui.form.focus();
  }

  /**
   * @param {number} row
   * @param {number} start
   * @param {number} end
   * @returns {Fault}
   */
  outageOf(row, start, end, draft = this.store.draft) {
    const target = draft.deployments[row].model_name;
    return { type: "outage", target, start: formatInstant(start), end: formatInstant(end) };
  }

  // Deployments

  /** @param {number} row */
  toggle(row) {
    this.#change(row, (d) => ({ off: !d.off }));
  }

  /**
   * @param {number} row
   * @param {number} to
   */
  moveRow(row, to, draft = this.store.draft) {
    const { deployments } = draft;
    if (to < 0 || to >= deployments.length) return;
    this.ui.selected = { row: to, kind: "time_constraints" };
    this.store.edit({ deployments: reordered(deployments, row, to) });
  }

  /**
   * @param {number} row
   * @param {(deployment: Deployment) => Partial<Deployment>} change
   */
  #change(row, change, draft = this.store.draft) {
    const deployment = draft.deployments[row];
    this.store.edit({ deployments: replaced(draft.deployments, row, { ...deployment, ...change(deployment) }) });
  }
}

/**
 * @template T
 * @param {T[]} list
 * @param {number} index
 * @param {T} item
 */
const replaced = (list, index, item) => list.map((old, i) => (i === index ? item : old));

/**
 * @template T
 * @param {T[]} list
 * @param {number} index
 */
const without = (list, index) => list.filter((_, i) => i !== index);
