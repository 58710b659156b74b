// The form below the rows: the windows of one deployment, and the fields of the one that is selected.
import { described, formatLocal, localOf, parseInstant } from "./windows.js";
import { FOCUS, h, keyed, put, write } from "./dom.js";
import { WindowFields } from "./window_fields.js";
import { OutageFields } from "./outage_fields.js";
import { sentence } from "./verdicts.js";
/** @import { Editor } from "./editor.js" */
/** @import { Deployment, Item, Selection, WindowKind } from "./types.js" */

/** @typedef {{ key: string, text: string, item?: Item, add?: () => void }} Entry of the list */

export class Form {
  /** @param {Editor} ui */
  constructor(ui) {
    this.ui = ui;
    this.list = h("div", { class: "tg-list", role: "group", "aria-label": "Windows of this deployment" });
    this.wrong = h("p", { class: "tg-form-wrong", role: "alert" });
    /** @type {(problem: string | null) => void} */
    const tell = (problem) => this.#tell(problem ?? "", problem ? "error" : null);
    this.windows = new WindowFields(ui, tell);
    this.outages = new OutageFields(ui, tell);
    this.element = h(
      "section",
      { class: "tg-form", "aria-label": "Exact times" },
      this.list,
      this.windows.element,
      this.outages.element,
      this.wrong,
    );
  }

  /** What the form says already, so that the status need not. */
  get says() {
    return this.element.hidden ? null : this.wrong.textContent;
  }

  focus() {
    const fields = this.windows.element.hidden ? this.outages : this.windows;
    fields.element.querySelector("input")?.focus();
  }

  draw() {
    const { selected, item, store, verdicts } = this.ui;
    const deployment = selected ? store.draft.deployments[selected.row] : undefined;
    this.element.hidden = !deployment;
    if (!selected || !deployment) return;
    this.#drawList(deployment, selected);
    const fault = item?.kind === "fault" ? store.draft.faults[item.index] : undefined;
    const window = item && item.kind !== "fault" ? deployment[item.kind][item.index] : undefined;
    this.windows.element.hidden = !window;
    this.outages.element.hidden = !fault;
    if (item && window) this.windows.draw(window, item);
    if (item && fault) this.outages.draw(fault, item);
    const [problem, finding] = [verdicts.problemOf(selected), verdicts.findingOf(selected)];
    (fault ? this.outages : this.windows).mark(problem?.field);
    // A field that holds something unreadable says so itself.
    const own = this.element.querySelector(":scope [data-unread]");
    if (own && !own.closest("[hidden]")) return;
    this.#tell(problem?.text ?? (finding ? sentence(finding) : ""), problem ? "error" : finding?.severity);
  }

  /**
   * @param {string} text
   * @param {string | null | undefined} severity
   */
  #tell(text, severity) {
    write(this.wrong, text);
    put(this.wrong, "data-severity", severity);
  }

  /**
   * @param {Deployment} deployment
   * @param {Selection} selected
   */
  #drawList(deployment, selected) {
    const { verdicts } = this.ui;
    keyed(
      this.list,
      this.#entries(deployment, selected.row),
      (entry) =>
        entry.item || entry.add
          ? h("button", { type: "button", class: entry.add ? "tg-add" : "tg-chip", ...FOCUS })
          : h("strong", {}),
      (element, { text, item, add }) => {
        write(element, text);
        if (!item && !add) return;
        element.onclick = () => (item ? this.ui.select(item) : add?.());
        const chosen = item && selected.kind === item.kind && selected.index === item.index;
        put(element, "aria-pressed", item ? String(chosen) : null);
        element.classList.toggle("tg-wrong", Boolean(item && verdicts.problemOf(item)));
      },
    );
  }

  /**
   * @param {Deployment} deployment
   * @param {number} row
   */
  #entries(deployment, row) {
    const { ui } = this;
    const name = deployment.model_name;
    /** @type {Entry[]} */
    const entries = [{ key: "name", text: name }];
    for (const kind of /** @type {WindowKind[]} */ (["time_constraints", "available"])) {
      deployment[kind].forEach((window, index) => {
        entries.push({
          key: `${kind} ${index}`,
          item: { row, kind, index },
          text: `${kind === "available" ? "available" : "closed"} ${described(window)}`,
        });
      });
    }
    ui.store.draft.faults.forEach((fault, index) => {
      if (fault.type !== "outage" || !ui.hits(fault, deployment)) return;
      const time = formatLocal(localOf(ui.zone(), parseInstant(fault.start)));
      entries.push({
        key: `fault ${index}`,
        item: { row, kind: "fault", index },
        text: `outage ${time}${fault.target === name ? "" : ` of ${fault.target}`}`,
      });
    });
    return [
      ...entries,
      { key: "+closed", text: "+ closed", add: () => ui.edits.addClosed(row) },
      { key: "+available", text: "+ available", add: () => ui.edits.addAvailable(row) },
      { key: "+outage", text: "+ outage", add: () => ui.edits.addOutage(row) },
    ];
  }
}
