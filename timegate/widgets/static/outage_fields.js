// The exact times of an outage, whom it hits, and what it answers.
import { formatInstant, formatLocal, instantOf, localOf, parseInstant, parseLocal } from "./windows.js";
import { h, keyed, write } from "./dom.js";
import { targetsOf } from "./schedule.js";
import { Fields } from "./fields.js";
/** @import { Editor } from "./editor.js" */
/** @import { Fault, Item } from "./types.js" */

const ERRORS = ["server_error", "timeout", "rate_limit", "connection", "auth", "bad_request"];

export class OutageFields extends Fields {
  /**
   * @param {Editor} ui
   * @param {(problem: string | null) => void} tell
   */
  constructor(ui, tell) {
    super(ui, tell);
    const onchange = () => this.#read();
    const errors = ERRORS.map((name) => [name, name.replace("_", " ")]);
    this.zoneNote = h("span", { class: "tg-note" });
    this.element.append(
      this.select("target", "outage of", [], onchange),
      this.field("from", "from", { size: 16, placeholder: "2026-03-02 14:10", onchange }),
      this.field("to", "to", { size: 16, placeholder: "for ever", onchange }),
      this.zoneNote,
      this.select("error", "error", errors, onchange),
      this.buttons(),
    );
  }

  /**
   * @param {Fault} fault
   * @param {Item} item
   */
  draw(fault, item) {
    const { ui } = this;
    this.item = item;
    const targets = new Set([
      ...ui.store.draft.deployments.flatMap((deployment) => targetsOf(deployment, ui.store.answer.groups)),
      fault.target,
    ]);
    keyed(
      this.input("target"),
      [...targets].map((key) => ({ key })),
      ({ key }) => h("option", { value: key }, key),
    );
    /** @type {(at: string | null | undefined) => string} */
    const local = (at) => (at ? formatLocal(localOf(ui.zone(), parseInstant(at))) : "");
    this.show("target", fault.target);
    this.show("from", local(fault.start));
    this.show("to", local(fault.end));
    this.show("error", fault.error ?? "server_error");
    write(this.zoneNote, ui.tz);
  }

  /**
   * Mark the field that the kernel refuses, by its name in the fault.
   * @override
   */
  mark(refused = "") {
    super.mark({ start: "from", end: "to" }[refused] ?? refused);
  }

  #read() {
    const { ui } = this;
    const [from, to] = [this.text("from"), this.text("to")];
    const [start, end] = [from, to].map((text) => {
      const local = parseLocal(text);
      return local === null ? null : instantOf(ui.zone(), local);
    });
    const forEver = to === "";
    const ordered = start === null || end === null || end > start;
    const problem =
      this.check("from", start !== null, `from must look like 2026-03-02 14:10. Got '${from}'.`) ??
      this.check("to", forEver || end !== null, `to must look like 2026-03-02 14:10. Got '${to}'.`) ??
      this.check("to", ordered, "An outage must end after it starts.");
    this.tell(problem);
    if (problem || start === null) return;
    const fault = {
      ...ui.store.draft.faults[this.item.index],
      target: this.text("target"),
      start: formatInstant(start),
    };
    if (end === null) delete fault.end;
    else fault.end = formatInstant(end);
    if (this.text("error") === "server_error") delete fault.error;
    else fault.error = this.text("error");
    ui.edits.replaceFault(this.item, fault);
  }
}
