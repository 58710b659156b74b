// Inputs that show one item, and say which of them cannot be read. A window's and an outage's are kinds of it.
import { FOCUS, h, put } from "./dom.js";
/** @import { Editor } from "./editor.js" */
/** @import { Attributes, Item } from "./types.js" */
/** @typedef {HTMLInputElement | HTMLSelectElement} Input */

export class Fields {
  /**
   * @param {Editor} ui
   * @param {(problem: string | null) => void} tell says what is wrong with the fields
   */
  constructor(ui, tell) {
    this.ui = ui;
    this.tell = tell;
    this.element = h("div", { class: "tg-fields" });
    /** @type {Item} */
    this.item = { row: 0, kind: "time_constraints", index: 0 }; // the one shown
    /** @type {WeakMap<Input, { item: string, value: string }>} */
    this.shown = new WeakMap();
  }

  /** @param {string} name */
  input(name) {
    return /** @type {Input} */ (this.element.querySelector(`[name="${name}"]`));
  }

  /** @param {string} name */
  text(name) {
    return this.input(name).value.trim();
  }

  /**
   * Show a value, unless the field keeps what it has.
   * @param {string} name
   * @param {string} value
   */
  show(name, value) {
    const input = this.input(name);
    if (!this.keeps(name, value) && input.value !== value) input.value = value;
  }

  /**
   * Whether somebody is typing another value in place of this one, or what they typed is wrong and must not be lost.
   * @param {string} name
   * @param {string} value
   */
  keeps(name, value) {
    const input = this.input(name);
    const item = Object.values(this.item).join(" ");
    const shown = this.shown.get(input);
    const same = shown?.item === item && shown.value === value;
    if (same && (input.matches("input:focus") || input.hasAttribute("data-unread"))) return true;
    this.shown.set(input, { item, value });
    put(input, "data-unread", null);
    return false;
  }

  /**
   * Mark a field unless something holds, and return what to say then.
   * @param {string} name
   * @param {boolean} holds
   * @param {string} message
   */
  check(name, holds, message) {
    put(this.input(name), "data-unread", !holds);
    this.mark();
    return holds ? null : message;
  }

  /** Mark the fields that cannot be read, and the one that the kernel refuses. */
  mark(refused = "") {
    for (const input of /** @type {NodeListOf<Input>} */ (this.element.querySelectorAll("[name]"))) {
      const wrong = input.hasAttribute("data-unread") || input.name === refused;
      put(input, "aria-invalid", wrong ? "true" : null);
    }
  }

  // What subclasses are made of

  /**
   * @param {string} name
   * @param {string} label
   * @param {Attributes} attributes
   */
  field(name, label, attributes) {
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

  /**
   * @param {string} name
   * @param {string} label
   * @param {string[][]} options a value and a text each
   * @param {() => void} onchange
   */
  select(name, label, options, onchange) {
    const select = h(
      "select",
      { name, onchange, "data-lm-suppress-shortcuts": "true" },
      ...options.map(([value, text]) => h("option", { value }, text)),
    );
    return h("label", { class: "tg-field" }, h("span", {}, label), select);
  }

  buttons() {
    const { edits } = this.ui;
    return h(
      "span",
      { class: "tg-buttons" },
      h("button", { type: "button", onclick: () => edits.duplicateItem(this.item), ...FOCUS }, "Duplicate"),
      h("button", { type: "button", onclick: () => edits.removeItem(this.item), ...FOCUS }, "Delete"),
    );
  }
}
