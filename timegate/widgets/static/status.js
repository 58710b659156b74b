// The lines below everything: what is wrong, what was just done, and what the check says.
import { FOCUS, h, keyed } from "./dom.js";
import { sentence } from "./verdicts.js";
/** @import { Editor } from "./editor.js" */
/** @import { Finding, Line, Place } from "./types.js" */

const SILENT = "The kernel does not answer: it is busy, or has ended. Your edits are kept here, and Download works.";

export class Status {
  /** @param {Editor} ui */
  constructor(ui) {
    this.ui = ui;
    /** @type {{ text: string, tone: string, revision: number } | null} */
    this.message = null;
    this.element = h("div", { class: "tg-status", role: "status", "aria-live": "polite" });
  }

  /**
   * Say something of the schedule on screen: it is forgotten with the next edit.
   * @param {string} text
   */
  say(text, tone = "note") {
    this.message = { text, tone, revision: this.ui.store.draft.revision };
    this.draw();
  }

  /** Forget what was said of another schedule than that on screen. */
  forget() {
    if (this.message?.revision !== this.ui.store.draft.revision) this.message = null;
  }

  draw() {
    keyed(
      this.element,
      this.#lines().map((line, i) => ({ ...line, key: `${i} ${line.tone} ${line.text}` })),
      (line) => this.#paragraph(line),
    );
  }

  /** @returns {Line[]} */
  #lines() {
    const { model, store, verdicts, form } = this.ui;
    /** @type {Line[]} */
    const lines = [];
    if (store.silent && !store.current) lines.push({ tone: "error", text: SILENT });
    if (store.lost) {
      lines.push({
        tone: "note",
        text: "Edits of this schedule were left from before.",
        actions: [
          ["Restore", () => store.restore()],
          ["Forget", () => store.forget()],
        ],
      });
    }
    for (const problem of verdicts.problems) {
      if (problem.text !== form.says) lines.push({ tone: "error", text: problem.text, item: problem });
    }
    if (model.get("proposing")) lines.push({ tone: "note", text: `${model.get("proposing")}…` });
    if (this.message) lines.push(this.message);
    for (const finding of verdicts.findings) {
      if (sentence(finding) === form.says) continue;
      const text = `${this.#nameOf(finding)}${sentence(finding)}`;
      lines.push({ tone: finding.severity, text, item: finding });
    }
    if (store.answer.figures) lines.push(...store.answer.notes.map((text) => ({ tone: "warning", text })));
    return lines;
  }

  /**
   * Whom a finding concerns, for lists; beside a bar it needs no name.
   * @param {Finding} finding
   */
  #nameOf({ row, kind, index }) {
    const name = this.ui.store.draft.deployments[row ?? -1]?.model_name;
    if (!name || typeof index !== "number") return "";
    return `${name} ${kind === "available" ? "available window" : "window"} ${index + 1}: `;
  }

  /** @param {Line} line */
  #paragraph({ tone, text, item, actions = [] }) {
    /** @type {(text: string, onclick: () => void) => HTMLElement} */
    const link = (text, onclick) => h("button", { type: "button", class: "tg-link", onclick, ...FOCUS }, text);
    const show = item && this.#show(item);
    return h(
      "p",
      { "data-tone": tone },
      text,
      show && link("Show", show),
      ...actions.map(([action, act]) => link(action, act)),
    );
  }

  /**
   * What selects the window at a place, if it is one.
   * @param {Place} place
   */
  #show({ row, kind, index }) {
    if (typeof row !== "number" || typeof index !== "number") return null;
    if (kind !== "time_constraints" && kind !== "available") return null;
    return () => this.ui.select({ row, kind, index });
  }
}
