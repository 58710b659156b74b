// The toolbar: what the axis shows, undo, a proposal, and the file.
import { toYaml } from "./schedule.js";
import { formatDate, parseDate } from "./dates.js";
import { isZone } from "./windows.js";
import { FOCUS, h, put, write } from "./dom.js";
/** @import { Editor } from "./editor.js" */
/** @import { Deployment, Message, Traits, Window } from "./types.js" */

// What the kernel takes for a date.
const [FIRST_DAY, LAST_DAY] = [Date.UTC(1902, 0, 1), Date.UTC(2197, 11, 31)].map((ms) => ms / 86_400_000);

export class Toolbar {
  /** @param {Editor} ui */
  constructor(ui) {
    this.ui = ui;
    this.dayInput = h("input", {
      type: "date",
      "aria-label": "first day of the axis",
      onchange: () => this.#setDay(parseDate(this.dayInput.value)),
      "data-lm-suppress-shortcuts": "true",
    });
    this.zoneInput = h("input", {
      type: "text",
      size: 16,
      list: ui.zoneList,
      "aria-label": "zone of the axis",
      spellcheck: "false",
      oninput: () => put(this.zoneInput, "aria-invalid", isZone(this.zoneInput.value.trim()) ? null : "true"),
      onchange: () => this.#setZone(this.zoneInput.value.trim()),
      "data-lm-suppress-shortcuts": "true",
    });
    this.snapInput = h(
      "select",
      {
        "aria-label": "snap",
        onchange: () => ui.store.set("snap", Number(this.snapInput.value)),
        "data-lm-suppress-shortcuts": "true",
      },
      ...[15, 5, 1].map((n) => h("option", { value: n }, `${n} min`)),
    );
    this.undo = button("↶", "Undo", () => ui.store.undo());
    this.redo = button("↷", "Redo", () => ui.store.redo());
    this.propose = h("button", { type: "button", onclick: () => this.#propose(), ...FOCUS });
    this.pathInput = h("input", {
      type: "text",
      size: 16,
      placeholder: "gateway.yaml",
      "aria-label": "file to save to",
      spellcheck: "false",
      "data-lm-suppress-shortcuts": "true",
    });
    /** @type {WeakMap<HTMLInputElement, string>} */
    this.shown = new WeakMap();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.saving = undefined;
    this.element = this.#make();
  }

  dispose() {
    clearTimeout(this.saving);
  }

  draw() {
    const { model, store } = this.ui;
    for (const button of this.#axes()) {
      put(button, "aria-pressed", String(button.dataset.axis === model.get("axis")));
    }
    this.#show(this.dayInput, model.get("day"));
    this.#show(this.zoneInput, model.get("tz"));
    if (this.zoneInput.value === model.get("tz")) put(this.zoneInput, "aria-invalid", null);
    this.#show(this.pathInput, model.get("path"));
    this.snapInput.value = String(model.get("snap"));
    // One that is disabled outright would lose the focus, and with it the keys.
    put(this.undo, "aria-disabled", String(!store.done.length));
    put(this.redo, "aria-disabled", String(!store.undone.length));
    const proposing = model.get("proposing");
    write(this.propose, proposing ? "Stop" : "Propose");
    put(
      this.propose,
      "title",
      proposing ? "Stop, with the best so far" : "Choose windows: the cheapest for these calls",
    );
    put(this.propose, "hidden", !proposing && !store.answer.proposes);
  }

  /**
   * Take what the kernel says to a button.
   * @param {Message} message
   */
  receive({ kind, about, text }) {
    if (kind !== "saved" && kind !== "proposed" && kind !== "error") return;
    if (about === "zone") put(this.zoneInput, "aria-invalid", "true");
    else if (kind !== "proposed" && about !== "propose") clearTimeout(this.saving);
    this.ui.status.say(text, kind === "error" ? "error" : "good");
  }

  #make() {
    /** @type {(name: Traits["axis"], text: string) => HTMLElement} */
    const axis = (name, text) => {
      const onclick = () => this.ui.store.set("axis", name);
      return h("button", { type: "button", "data-axis": name, onclick, ...FOCUS }, text);
    };
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
      h("span", { class: "tg-group" }, this.propose),
      h(
        "span",
        { class: "tg-group tg-files" },
        this.pathInput,
        h("button", { type: "button", onclick: () => this.#save(), ...FOCUS }, "Save"),
        h("button", { type: "button", onclick: () => this.#download(), ...FOCUS }, "Download"),
      ),
      h("datalist", { id: this.ui.zoneList }, ...zones.map((value) => h("option", { value }))),
    );
  }

  #axes() {
    return /** @type {NodeListOf<HTMLElement>} */ (this.element.querySelectorAll("[data-axis]"));
  }

  /**
   * Show a value, unless somebody is typing another one there.
   * @param {HTMLInputElement} input
   * @param {string} value
   */
  #show(input, value) {
    if (input.matches(":focus") && this.shown.get(input) === value) return;
    this.shown.set(input, value);
    if (input.value !== value) input.value = value;
  }

  /** @param {number | null} day */
  #setDay(day) {
    const { model, store } = this.ui;
    if (day !== null && day >= FIRST_DAY && day <= LAST_DAY) store.set("day", formatDate(day));
    else this.dayInput.value = model.get("day");
  }

  /** @param {string} tz */
  #setZone(tz) {
    const { status, store } = this.ui;
    if (!isZone(tz)) status.say(`The axis needs a zone, such as Europe/Berlin. Got '${tz}'.`, "error");
    store.ask("zone", { tz }); // the kernel knows which may be meant
  }

  /** @param {number} by */
  #page(by) {
    this.#setDay(this.ui.day + by * this.ui.days);
  }

  #save() {
    const { status, store } = this.ui;
    status.say("Saving…");
    clearTimeout(this.saving);
    const late = () => status.say("Not saved yet: the kernel does not answer.", "error");
    this.saving = setTimeout(late, store.patienceMs);
    store.ask("save", { path: this.pathInput.value, draft: store.draft });
  }

  #propose() {
    const { model, store } = this.ui;
    if (model.get("proposing")) return store.ask("stop");
    store.ask("propose", { draft: store.draft });
  }

  #download() {
    const { status, store, verdicts } = this.ui;
    const { draft, answer, silent } = store;
    const [problem] = verdicts.problems;
    if (problem && answer.refused) return status.say(`Not downloaded, because of this: ${problem.text}`, "error");
    const deployments = draft.deployments.filter((d) => !d.off).map(spoken);
    const windows = Object.keys(draft.windows ?? {}).length ? { windows: draft.windows } : {};
    const text = toYaml({ ...answer.rest, ...windows, deployments });
    const url = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
    const name = (this.pathInput.value.split(/[\\/]/).pop() || "gateway.yaml").replace(/\.json$/, ".yaml");
    h("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    status.say(silent ? `Downloaded ${name}. The kernel has not checked it.` : `Downloaded ${name}`, "good");
  }
}

/**
 * A button with a sign, and a name for it.
 * @param {string} text
 * @param {string} label
 * @param {() => void} onclick
 */
const button = (text, label, onclick) =>
  h("button", { type: "button", "aria-label": label, title: label, onclick, ...FOCUS }, text);

/**
 * A deployment without what goes without saying.
 * @param {Deployment} deployment
 */
function spoken(deployment) {
  /** @type {(list: Window[]) => (Window | string)[]} */
  const byName = (list) => list.map((window) => window.name ?? window);
  const lists = { time_constraints: byName(deployment.time_constraints), available: byName(deployment.available) };
  const said = Object.entries({ ...deployment, ...lists }).filter(
    ([key, value]) =>
      key !== "off" && value !== null && value !== undefined && !(Array.isArray(value) && !value.length),
  );
  return Object.fromEntries(said);
}
