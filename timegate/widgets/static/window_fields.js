// The exact times of a window.
import { DAYS, MONTHS, parseDate, readNames, runs } from "./dates.js";
import { formatTime, isZone, parseTime, plainWindow, readEnd } from "./windows.js";
import { isName } from "./schedule.js";
import { FOCUS, h, keyed } from "./dom.js";
import { Fields } from "./fields.js";
/** @import { Editor } from "./editor.js" */
/** @import { Attributes, Item, Window } from "./types.js" */

const MORE = ["end_included", "days_of_month", "months", "holidays"]; // fields that few windows have

const TEXTS = ["name", "start", "end", "tz", "since", "until"];

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
    const ends = [
      ["true", "included"],
      ["false", "not included"],
    ];
    const on = [
      ["skip", "not on those of"],
      ["only", "only on those of"],
    ];
    this.nameList = `${ui.zoneList}-names`;
    this.names = h("datalist", { id: this.nameList });
    this.more = h(
      "details",
      { class: "tg-more" },
      h("summary", FOCUS, "more"),
      h(
        "div",
        {},
        this.select("end_included", "end", ends, onchange),
        field("nth", "weekdays of the month", {
          size: 14,
          placeholder: "mon#1, fri#-1",
          title: "mon#1 is the first Monday of a month, mon#-1 the last",
        }),
        field("days_of_month", "days of the month", { size: 9, placeholder: "1, 15, -1", title: "-1 is the last" }),
        field("months", "months", { size: 14, placeholder: "jan-mar, jun" }),
        h(
          "span",
          { class: "tg-pair" },
          this.select("on_holidays", "holidays", on, onchange),
          field("holidays", "", {
            size: 14,
            placeholder: "DE-BY",
            "aria-label": "whose holidays",
            title: "A country, a subdivision of one, or dates with commas between",
          }),
        ),
      ),
    );
    this.element.append(
      this.select("kind", "When", kinds, () => ui.edits.changeKind(this.item)),
      field("name", "name", {
        size: 9,
        placeholder: "none",
        list: this.nameList,
        title: "Windows of one name are one: a change is one of all. Without a name it stands here alone.",
      }),
      field("start", "from", { size: 5, placeholder: "22:00" }),
      field("end", "to", {
        size: 9,
        placeholder: "06:00",
        title: "A time, or one on the next such weekday: mon 08:00",
      }),
      field("tz", "zone", { size: 18, list: ui.zoneList, placeholder: "UTC", oninput: () => this.#typeZone() }),
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
      this.more,
      this.buttons(),
      this.names,
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
    this.show("name", window.name ?? "");
    const known = Object.keys(this.ui.store.draft.windows ?? {}).map((key) => ({ key }));
    keyed(this.names, known, ({ key }) => h("option", { value: key }));
    this.show("start", window.start);
    this.show("end", window.end);
    this.show("tz", window.tz ?? "UTC");
    this.show("since", window.since ?? "");
    this.show("until", window.until ?? "");
    this.show("except_dates", (window.except_dates ?? []).join(", "));
    this.show("end_included", String(window.end_included ?? true));
    this.show("nth", (window.days ?? []).filter((name) => !DAYS.includes(name)).join(", "));
    this.show("days_of_month", (window.days_of_month ?? []).join(", "));
    this.show("months", window.months ? runs(window.months, MONTHS).join(", ") : "");
    this.show("on_holidays", window.on_holidays ?? "skip");
    this.show("holidays", [window.holidays ?? []].flat().join(", "));
    const isSaid = MORE.some((name) => name in plainWindow(window)) || window.days?.some((name) => name.includes("#"));
    if (isSaid) this.more.toggleAttribute("open", true);
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

  /** Say while a zone is typed that there is none yet; when it is, the kernel says which may be meant. */
  #typeZone() {
    const tz = this.text("tz");
    this.tell(this.check("tz", isZone(tz), `zone must be the name of a zone, such as Europe/Berlin. Got '${tz}'.`));
  }

  #read() {
    const [name, from, to, tz, since, until] = TEXTS.map((field) => this.text(field));
    const [start, end] = [parseTime(from), readEnd(to)];
    const except_dates = this.#list("except_dates");
    const nth = this.#list("nth");
    const checked = DAYS.filter((day) => this.#checkbox(day).checked);
    const every = nth.length && checked.length === DAYS.length ? [] : checked; // beside "mon#1", all boxes say nothing
    const days = DAYS.flatMap((day) => (every.includes(day) ? [day] : nth.filter((name) => name.startsWith(day))));
    const days_of_month = this.#list("days_of_month").map(Number);
    const months = readNames(this.text("months"), MONTHS);
    const wrongDate = except_dates.find((date) => parseDate(date) === null);
    const wrongDay = nth.find((name) => !/^[a-z]{3}#-?[1-5]$/.test(name) || !DAYS.includes(name.slice(0, 3)));
    const ordered = !since || !until || since <= until;
    const numbered = days_of_month.every((n) => Number.isInteger(n) && n !== 0 && Math.abs(n) <= 31);
    const numbers = this.text("days_of_month");
    const problem =
      this.check("start", start !== null, `from must look like 22:00. Got '${from}'.`) ??
      this.check("end", end !== null, `to must look like 06:00, or 24:00 for the end of the day. Got '${to}'.`) ??
      this.check("tz", tz !== "", "zone must be the name of a zone, such as Europe/Berlin.") ??
      this.check(
        "name",
        name === "" || isName(name),
        `name must begin with a letter and hold no colon. Got '${name}'.`,
      ) ??
      this.check(DAYS[0], days.length > 0, "A window needs at least one weekday. Delete removes it.") ??
      this.check("until", ordered, `until must not lie before since. Got ${since} and ${until}.`) ??
      this.check("except_dates", !wrongDate, `except must be dates like 2026-12-25. Got '${wrongDate}'.`) ??
      this.check("nth", !wrongDay, `weekdays of the month must look like mon#1 or fri#-1. Got '${wrongDay}'.`) ??
      this.check("days_of_month", numbered, `days of the month must be 1 to 31, or -1 to -31. Got '${numbers}'.`) ??
      this.check("months", months !== null, `months must look like jan-mar, jun. Got '${this.text("months")}'.`);
    this.tell(problem);
    if (problem || start === null || end === null || months === null) return;
    const named = this.text("holidays").toUpperCase();
    const read = {
      name,
      start: formatTime(start),
      end,
      tz,
      days,
      since,
      until,
      except_dates,
      days_of_month,
      months,
      holidays: /^[0-9]/.test(named) ? this.#list("holidays") : named,
      on_holidays: named ? this.text("on_holidays") : "skip",
      end_included: this.text("end_included") === "true",
    };
    this.ui.edits.replaceWindow(this.item, plainWindow({ ...this.window, ...read }));
  }

  /** @param {string} name */
  #list(name) {
    return this.text(name)
      .toLowerCase()
      .split(/[\s,;]+/)
      .filter(Boolean);
  }
}
