// The form below the rows: the windows of one deployment, and the exact times of the one that is selected.
import {
  DAYS,
  described,
  formatLocal,
  instantOf,
  formatInstant,
  localOf,
  parseDate,
  parseInstant,
  parseLocal,
  parseTime,
  formatTime,
  plainWindow,
} from "./schedule.js";
import { FOCUS, h, keyed, put, write } from "./dom.js";

const IN_OUTAGE = { start: "from", end: "to" }; // the fields of an outage by those of the fault
const ERRORS = ["server_error", "timeout", "rate_limit", "connection", "auth", "bad_request"];

export class Form {
  constructor(ui) {
    this.ui = ui;
    this.list = h("div", { class: "tg-list", role: "group", "aria-label": "Windows of this deployment" });
    this.windowFields = this.#windowFields();
    this.outageFields = this.#outageFields();
    this.wrong = h("p", { class: "tg-form-wrong", role: "alert" });
    this.element = h(
      "section",
      { class: "tg-form", "aria-label": "Exact times" },
      this.list,
      this.windowFields,
      this.outageFields,
      this.wrong,
    );
  }

  draw() {
    const { selected, store } = this.ui;
    const { draft } = store;
    const deployment = selected && draft.deployments[selected.row];
    this.element.hidden = !deployment;
    if (!deployment) return;
    this.#drawList(deployment, selected);
    const isFault = selected.kind === "fault" && selected.index !== undefined;
    const window = !isFault && selected.index !== undefined ? deployment[selected.kind]?.[selected.index] : null;
    this.windowFields.hidden = !window;
    this.outageFields.hidden = !isFault;
    if (window) this.#drawWindow(window, selected);
    if (isFault) this.#drawOutage(draft.faults[selected.index]);
    const verdict = selected.index === undefined ? this.ui.verdictOn(selected.row) : null;
    const problem = verdict?.severity === "error" && !verdict.fix ? verdict : this.ui.problemOf(selected);
    const finding = verdict?.fix ? verdict : this.ui.findingOf(selected);
    this.#mark(isFault ? this.outageFields : this.windowFields, problem?.field);
    // A field that holds something unreadable says so itself.
    const own = this.element.querySelector(":scope [data-unread]");
    if (!own || own.closest("[hidden]")) {
      write(this.wrong, problem?.text ?? (finding ? `${finding.text} ${finding.fix}` : ""));
      put(this.wrong, "data-severity", problem ? "error" : finding?.severity);
    }
  }

  get tells() {
    return this.element.hidden ? null : this.wrong.textContent;
  }

  focus() {
    const fields = this.windowFields.hidden ? this.outageFields : this.windowFields;
    fields.querySelector("input")?.focus();
  }

  // The list

  #drawList(deployment, selected) {
    const { ui } = this;
    const name = deployment.model_name;
    const entries = [{ key: "name", text: name, head: true }];
    for (const kind of ["time_constraints", "available"]) {
      deployment[kind].forEach((window, index) => {
        entries.push({
          key: `${kind} ${index}`,
          item: { row: selected.row, kind, index },
          text: `${kind === "available" ? "available" : "closed"} ${described(window)}`,
        });
      });
    }
    ui.store.draft.faults.forEach((fault, index) => {
      if (fault.type === "outage" && ui.hits(fault, deployment)) {
        const time = formatLocal(localOf(ui.zone(), parseInstant(fault.start)));
        entries.push({
          key: `fault ${index}`,
          item: { row: selected.row, kind: "fault", index },
          text: `outage ${time}${fault.target === name ? "" : ` of ${fault.target}`}`,
        });
      }
    });
    entries.push({ key: "+closed", text: "+ closed", add: () => ui.addWindow(ui.selected.row) });
    entries.push({ key: "+available", text: "+ available", add: () => ui.addAvailable(ui.selected.row) });
    entries.push({ key: "+outage", text: "+ outage", add: () => ui.addOutage(ui.selected.row) });
    keyed(
      this.list,
      entries,
      (entry) =>
        entry.head
          ? h("strong", {})
          : h("button", { type: "button", class: entry.add ? "tg-add" : "tg-chip", ...FOCUS }),
      (element, entry) => {
        write(element, entry.text);
        if (entry.head) return;
        element.onclick = entry.add ?? (() => ui.select(entry.item));
        const chosen = entry.item && selected.kind === entry.item.kind && selected.index === entry.item.index;
        put(element, "aria-pressed", entry.item ? String(Boolean(chosen)) : null);
        element.classList.toggle("tg-wrong", Boolean(entry.item && ui.problemOf(entry.item)));
      },
    );
  }

  // A window

  #windowFields() {
    const change = () => this.#readWindow();
    const field = (name, label, attributes) => this.#field(name, label, { onchange: change, ...attributes });
    return h(
      "div",
      { class: "tg-fields" },
      this.#select(
        "kind",
        "When",
        [
          ["time_constraints", "closed"],
          ["available", "available"],
        ],
        () => this.ui.changeKind(this.ui.selected),
      ),
      field("start", "from", { size: 5, placeholder: "22:00" }),
      field("end", "to", { size: 5, placeholder: "06:00" }),
      field("tz", "zone", { size: 18, list: this.ui.zoneList, placeholder: "UTC" }),
      h(
        "span",
        { class: "tg-days", role: "group", "aria-label": "weekdays on which it starts" },
        ...DAYS.map((day) => this.#day(day, change)),
      ),
      field("since", "since", { type: "date" }),
      field("until", "until", { type: "date" }),
      field("except_dates", "except", {
        size: 14,
        placeholder: "2026-12-25, …",
        title: "Local dates on which it does not start, with commas between",
      }),
      this.#buttons(),
    );
  }

  #day(day, change) {
    return h(
      "label",
      {},
      h("input", {
        type: "checkbox",
        name: day,
        "aria-label": day,
        onchange: change,
        "data-lm-suppress-shortcuts": "true",
      }),
      h("span", { "aria-hidden": "true" }, day.slice(0, 2)),
    );
  }

  #drawWindow(window, selected) {
    const fields = this.windowFields;
    this.#fill(fields, "kind", selected.kind);
    this.#fill(fields, "start", window.start);
    this.#fill(fields, "end", window.end);
    this.#fill(fields, "tz", window.tz ?? "UTC");
    for (const name of ["since", "until"]) this.#fill(fields, name, window[name] ?? "");
    this.#fill(fields, "except_dates", (window.except_dates ?? []).join(", "));
    for (const day of DAYS) {
      this.#input(fields, day).checked = !window.days || window.days.includes(day);
      put(this.#input(fields, day), "data-unread", null);
    }
  }

  #readWindow() {
    const fields = this.windowFields;
    const text = (name) => this.#input(fields, name).value.trim();
    const [start, end] = [parseTime(text("start")), parseTime(text("end"), true)];
    const excepted = text("except_dates")
      .split(/[\s,;]+/)
      .filter(Boolean);
    const days = DAYS.filter((day) => this.#input(fields, day).checked);
    const wrongDate = excepted.find((date) => parseDate(date) === null);
    const { since, until } = { since: text("since"), until: text("until") };
    const problem =
      this.#check(fields, "start", start !== null, `from must look like 22:00. Got '${text("start")}'.`) ??
      this.#check(
        fields,
        "end",
        end !== null,
        `to must look like 06:00, or 24:00 for the end of the day. Got '${text("end")}'.`,
      ) ??
      this.#check(fields, "tz", text("tz") !== "", "zone must be the name of a zone, such as Europe/Berlin.") ??
      this.#check(fields, DAYS[0], days.length > 0, "A window needs at least one weekday. Delete removes it.") ??
      this.#check(
        fields,
        "until",
        !since || !until || since <= until,
        `until must not lie before since. Got ${since} and ${until}.`,
      ) ??
      this.#check(
        fields,
        "except_dates",
        wrongDate === undefined,
        `except must be dates like 2026-12-25. Got '${wrongDate}'.`,
      );
    this.#tell(problem);
    if (problem) return;
    const window = {
      start: formatTime(start),
      end: formatTime(end),
      tz: text("tz"),
      days,
      since,
      until,
      except_dates: excepted,
    };
    this.ui.replaceItem(this.ui.selected, plainWindow(window));
  }

  // An outage

  #outageFields() {
    const change = () => this.#readOutage();
    return h(
      "div",
      { class: "tg-fields" },
      this.#select("target", "outage of", [], change),
      this.#field("from", "from", { size: 16, placeholder: "2026-03-02 14:10", onchange: change }),
      this.#field("to", "to", { size: 16, placeholder: "for ever", onchange: change }),
      (this.zoneNote = h("span", { class: "tg-note" })),
      this.#select(
        "error",
        "error",
        ERRORS.map((name) => [name, name.replace("_", " ")]),
        change,
      ),
      this.#buttons(),
    );
  }

  #drawOutage(fault) {
    const fields = this.outageFields;
    const { ui } = this;
    const targets = new Set(
      ui.store.draft.deployments.flatMap((d) => [d.model_name, `provider:${d.model.split("/")[0]}`]),
    );
    for (const target of [...Object.keys(ui.store.answer.groups).map((group) => `group:${group}`), fault.target])
      targets.add(target);
    keyed(
      this.#input(fields, "target"),
      [...targets].map((key) => ({ key })),
      ({ key }) => h("option", { value: key }, key),
      () => {},
    );
    const local = (at) => (at ? formatLocal(localOf(ui.zone(), parseInstant(at))) : "");
    this.#fill(fields, "target", fault.target);
    this.#fill(fields, "from", local(fault.start));
    this.#fill(fields, "to", local(fault.end));
    this.#fill(fields, "error", fault.error ?? "server_error");
    write(this.zoneNote, ui.tz);
  }

  #readOutage() {
    const fields = this.outageFields;
    const { ui } = this;
    const text = (name) => this.#input(fields, name).value.trim();
    const [from, to] = [parseLocal(text("from")), parseLocal(text("to"))];
    const [start, end] = [from, to].map((local) => (local === null ? null : instantOf(ui.zone(), local)));
    const forEver = text("to") === "";
    const problem =
      this.#check(fields, "from", start !== null, `from must look like 2026-03-02 14:10. Got '${text("from")}'.`) ??
      this.#check(fields, "to", forEver || end !== null, `to must look like 2026-03-02 14:10. Got '${text("to")}'.`) ??
      this.#check(fields, "to", forEver || end > start, "An outage must end after it starts.");
    this.#tell(problem);
    if (problem) return;
    const fault = { ...ui.store.draft.faults[ui.selected.index], target: text("target"), start: formatInstant(start) };
    if (forEver) delete fault.end;
    else fault.end = formatInstant(end);
    if (text("error") === "server_error") delete fault.error;
    else fault.error = text("error");
    ui.replaceItem(ui.selected, fault);
  }

  // Fields

  #buttons() {
    return h(
      "span",
      { class: "tg-buttons" },
      h("button", { type: "button", onclick: () => this.ui.duplicateItem(this.ui.selected), ...FOCUS }, "Duplicate"),
      h("button", { type: "button", onclick: () => this.ui.removeItem(this.ui.selected), ...FOCUS }, "Delete"),
    );
  }

  #field(name, label, attributes) {
    return h(
      "label",
      { class: "tg-field" },
      h("span", {}, label),
      h("input", {
        name,
        type: "text",
        spellcheck: "false",
        autocomplete: "off",
        "data-lm-suppress-shortcuts": "true",
        ...attributes,
      }),
    );
  }

  #select(name, label, options, onchange) {
    const select = h(
      "select",
      { name, onchange, "data-lm-suppress-shortcuts": "true" },
      ...options.map(([value, text]) => h("option", { value }, text)),
    );
    return h("label", { class: "tg-field" }, h("span", {}, label), select);
  }

  #input(fields, name) {
    return fields.querySelector(`[name="${name}"]`);
  }

  /** Show a value, unless somebody is typing another one there, or what they typed is wrong and must not be lost. */
  #fill(fields, name, value) {
    const input = this.#input(fields, name);
    const same = input.item === this.#itemKey();
    if (same && input.matches(":focus") && input.tagName === "INPUT" && input.shown === value) return;
    if (same && input.hasAttribute("data-unread") && input.shown === value) return;
    input.item = this.#itemKey();
    input.shown = value;
    put(input, "data-unread", null);
    if (input.value !== value) input.value = value;
  }

  #itemKey() {
    const { row, kind, index } = this.ui.selected;
    return `${row} ${kind} ${index}`;
  }

  #check(fields, name, holds, message) {
    put(this.#input(fields, name), "data-unread", !holds);
    this.#mark(fields);
    return holds ? null : message;
  }

  /** Mark the fields that cannot be read, and the one that the kernel refuses. */
  #mark(fields, refused = "") {
    for (const input of fields.querySelectorAll("[name]")) {
      const wrong = input.hasAttribute("data-unread") || input.name === (IN_OUTAGE[refused] ?? refused);
      put(input, "aria-invalid", wrong ? "true" : null);
    }
  }

  #tell(problem) {
    write(this.wrong, problem ?? "");
    put(this.wrong, "data-severity", problem ? "error" : null);
  }
}
