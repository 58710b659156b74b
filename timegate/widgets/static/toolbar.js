// The toolbar: what the axis shows, undo, and the file.
import { formatDate, parseDate, toYaml } from "./schedule.js";
import { FOCUS, h, put } from "./dom.js";

// What the kernel takes for a date.
const [FIRST_DAY, LAST_DAY] = [parseDate("1902-01-01"), parseDate("2197-12-31")];

export class Toolbar {
  constructor(ui) {
    this.ui = ui;
    this.element = this.#make();
  }

  draw() {
    const { model, store } = this.ui;
    for (const button of this.element.querySelectorAll("[data-axis]")) {
      put(button, "aria-pressed", String(button.dataset.axis === model.get("axis")));
    }
    fillInput(this.dayInput, model.get("day"));
    fillInput(this.zoneInput, model.get("tz"));
    fillInput(this.pathInput, model.get("path"));
    this.snapInput.value = String(model.get("snap"));
    // One that is disabled outright would lose the focus, and with it the keys.
    put(this.undo, "aria-disabled", String(!store.done.length));
    put(this.redo, "aria-disabled", String(!store.undone.length));
  }

  /** Show the zone of the axis in place of one that was refused. */
  refuseZone() {
    this.zoneInput.value = this.ui.tz;
  }

  #make() {
    const button = (text, label, onclick) =>
      h("button", { type: "button", "aria-label": label, title: label, onclick, ...FOCUS }, text);
    const axis = (name, text) =>
      h("button", { type: "button", "data-axis": name, onclick: () => this.#set("axis", name), ...FOCUS }, text);
    this.dayInput = h("input", {
      type: "date",
      "aria-label": "first day of the axis",
      onchange: () => this.#setDay(parseDate(this.dayInput.value)),
      "data-lm-suppress-shortcuts": "true",
    });
    this.zoneInput = h("input", {
      type: "text",
      size: 16,
      list: this.ui.zoneList,
      "aria-label": "zone of the axis",
      spellcheck: "false",
      onchange: () => this.ui.store.ask("zone", { tz: this.zoneInput.value.trim() }),
      "data-lm-suppress-shortcuts": "true",
    });
    this.snapInput = h(
      "select",
      {
        "aria-label": "snap",
        onchange: () => this.#set("snap", Number(this.snapInput.value)),
        "data-lm-suppress-shortcuts": "true",
      },
      ...[15, 5, 1].map((n) => h("option", { value: n }, `${n} min`)),
    );
    this.undo = button("↶", "Undo", () => this.ui.store.undo());
    this.redo = button("↷", "Redo", () => this.ui.store.redo());
    this.pathInput = h("input", {
      type: "text",
      size: 16,
      placeholder: "gateway.yaml",
      "aria-label": "file to save to",
      spellcheck: "false",
      "data-lm-suppress-shortcuts": "true",
    });
    const zones = Intl.supportedValuesOf ? ["UTC", ...Intl.supportedValuesOf("timeZone")] : ["UTC"];
    return h(
      "div",
      { class: "tg-toolbar", role: "toolbar", "aria-label": "Editor" },
      h(
        "span",
        { class: "tg-group tg-segments", role: "group", "aria-label": "length of the axis" },
        axis("day", "Day"),
        axis("week", "Week"),
      ),
      h(
        "span",
        { class: "tg-group" },
        button("‹", "Earlier", () => this.#page(-1)),
        this.dayInput,
        button("›", "Later", () => this.#page(1)),
      ),
      h("span", { class: "tg-group" }, this.zoneInput),
      h("label", { class: "tg-group tg-snap" }, h("span", {}, "snap"), this.snapInput),
      h("span", { class: "tg-group" }, this.undo, this.redo),
      h(
        "span",
        { class: "tg-group tg-files" },
        this.pathInput,
        h("button", { type: "button", onclick: () => this.ui.save(this.pathInput.value), ...FOCUS }, "Save"),
        h("button", { type: "button", onclick: () => this.#download(), ...FOCUS }, "Download"),
      ),
      h("datalist", { id: this.ui.zoneList }, ...zones.map((value) => h("option", { value }))),
    );
  }

  #set(name, value) {
    this.ui.store.set(name, value);
  }

  #setDay(day) {
    if (day !== null && day >= FIRST_DAY && day <= LAST_DAY) this.#set("day", formatDate(day));
    else this.dayInput.value = this.ui.model.get("day");
  }

  #page(by) {
    this.#setDay(parseDate(this.ui.model.get("day")) + by * (this.ui.week ? 7 : 1));
  }

  #download() {
    const { draft, answer, silent } = this.ui.store;
    const [problem] = this.ui.problems;
    if (problem && answer.refused) return this.ui.say(`Not downloaded, because of this: ${problem.text}`, "error");
    const deployments = draft.deployments.filter((d) => !d.off).map((d) => told(d));
    const text = toYaml({ ...answer.rest, deployments });
    const url = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
    const name = (this.pathInput.value.split(/[\\/]/).pop() || "gateway.yaml").replace(/\.json$/, ".yaml");
    h("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    this.ui.say(silent ? `Downloaded ${name}. The kernel has not checked it.` : `Downloaded ${name}`, "good");
  }
}

/** A deployment without what goes without saying. */
function told(deployment) {
  const said = Object.entries(deployment).filter(
    ([key, value]) =>
      key !== "off" && value !== null && value !== undefined && !(Array.isArray(value) && !value.length),
  );
  return Object.fromEntries(said);
}

/** Show a value, unless somebody is typing another one there. */
function fillInput(input, value) {
  if (!input.matches(":focus") || input.shown !== value) {
    input.shown = value;
    if (input.value !== value) input.value = value;
  }
}
