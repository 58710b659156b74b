// The exact times of a window.
import { DAYS, formatTime, parseDate, parseTime, plainWindow } from "./windows.js";
import { h } from "./dom.js";
import { Fields } from "./fields.js";
/** @import { Editor } from "./editor.js" */
/** @import { Attributes, Item, Window } from "./types.js" */

export class WindowFields extends Fields {
  /**
   * @param {Editor} ui
   * @param {(problem: string | null) => void} tell
   */
  constructor(ui, tell) {
    super(ui, tell);
    /** @type {Window} */
    this.window = { start: "", end: "" }; // the one shown
    const onchange = () => this.#read();
    /** @type {(name: string, label: string, attributes: Attributes) => HTMLElement} */
    const field = (name, label, attributes) => this.field(name, label, { onchange, ...attributes });
    const kinds = [
      ["time_constraints", "closed"],
      ["available", "available"],
    ];
    this.element.append(
      this.select("kind", "When", kinds, () => ui.edits.changeKind(this.item)),
      field("start", "from", { size: 5, placeholder: "22:00" }),
      field("end", "to", { size: 5, placeholder: "06:00" }),
      field("tz", "zone", { size: 18, list: ui.zoneList, placeholder: "UTC" }),
      h(
        "span",
        { class: "tg-days", role: "group", "aria-label": "weekdays on which it starts" },
        ...DAYS.map((day) => this.#day(day, onchange)),
      ),
      field("since", "since", { type: "date" }),
      field("until", "until", { type: "date" }),
      field("except_dates", "except", {
        size: 14,
        placeholder: "2026-12-25, …",
        title: "Local dates on which it does not start, with commas between",
      }),
      this.buttons(),
    );
  }

  /**
   * @param {Window} window
   * @param {Item} item
   */
  draw(window, item) {
    this.item = item;
    this.window = window;
    this.show("kind", item.kind);
    this.show("start", window.start);
    this.show("end", window.end);
    this.show("tz", window.tz ?? "UTC");
    this.show("since", window.since ?? "");
    this.show("until", window.until ?? "");
    this.show("except_dates", (window.except_dates ?? []).join(", "));
    const days = window.days ?? DAYS;
    if (this.keeps(DAYS[0], days.join(" "))) return;
    for (const day of DAYS) this.#checkbox(day).checked = days.includes(day);
  }

  /**
   * @param {string} day
   * @param {() => void} onchange
   */
  #day(day, onchange) {
    return h(
      "label",
      {},
      h("input", {
        type: "checkbox",
        name: day,
        "aria-label": day,
        onchange,
        "data-lm-suppress-shortcuts": "true",
      }),
      h("span", { "aria-hidden": "true" }, day.slice(0, 2)),
    );
  }

  /** @param {string} day */
  #checkbox(day) {
    return /** @type {HTMLInputElement} */ (this.input(day));
  }

  #read() {
    const [from, to, tz, since, until] = ["start", "end", "tz", "since", "until"].map((name) => this.text(name));
    const [start, end] = [parseTime(from), parseTime(to, true)];
    const days = DAYS.filter((day) => this.#checkbox(day).checked);
    const except_dates = this.text("except_dates")
      .split(/[\s,;]+/)
      .filter(Boolean);
    const wrongDate = except_dates.find((date) => parseDate(date) === null);
    const ordered = !since || !until || since <= until;
    const problem =
      this.check("start", start !== null, `from must look like 22:00. Got '${from}'.`) ??
      this.check("end", end !== null, `to must look like 06:00, or 24:00 for the end of the day. Got '${to}'.`) ??
      this.check("tz", tz !== "", "zone must be the name of a zone, such as Europe/Berlin.") ??
      this.check(DAYS[0], days.length > 0, "A window needs at least one weekday. Delete removes it.") ??
      this.check("until", ordered, `until must not lie before since. Got ${since} and ${until}.`) ??
      this.check("except_dates", !wrongDate, `except must be dates like 2026-12-25. Got '${wrongDate}'.`);
    this.tell(problem);
    if (problem || start === null || end === null) return;
    const read = { start: formatTime(start), end: formatTime(end), tz, days, since, until, except_dates };
    this.ui.edits.replaceWindow(this.item, plainWindow({ ...this.window, ...read }));
  }
}
