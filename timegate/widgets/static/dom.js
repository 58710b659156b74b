// Elements. Text is always set as text, so that no name can become markup.
import { parted } from "./schedule.js";
/** @import { Attribute, Attributes, Child } from "./types.js" */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element: h("button", { class: "x", onclick: f }, "text", child).
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} attributes
 * @param {Child[]} children
 */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/**
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} attributes
 * @param {Child[]} children
 */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/**
 * @template {Element} Made
 * @param {Made} element
 * @param {Attributes} attributes
 * @param {Child[]} children
 */
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice("on".length), value);
    else put(element, name, value);
  }
  for (const child of children) if (child || child === "") element.append(child);
  return element;
}

/**
 * Set an attribute, or take it away. Writes only what differs, which spares the page a layout.
 * @param {Element} element
 * @param {string} name
 * @param {Attribute} value
 */
export function put(element, name, value) {
  if (value === null || value === undefined || value === false) return element.removeAttribute(name);
  const text = value === true ? "" : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/**
 * @param {Element} element
 * @param {string} text
 */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** What an element holds that a name is written into. */
export const nameParts = () => [h("span"), h("span"), h("span")];

/**
 * Write a name into its parts, of which the first and the last are cut where there is no room.
 * @param {Element} element
 * @param {string} name
 * @param {string[]} names it is not to be taken for one of these
 */
export function writeName(element, name, names) {
  parted(name, names).forEach((part, i) => write(element.children[i], part));
}

/** @type {WeakMap<Element, Map<unknown, Element>>} */
const keyedChildren = new WeakMap();

/**
 * Make the children of an element those of some items, each with a `key`. Those that stay keep their focus.
 * @template {{ key: unknown }} Item
 * @template {Element} Made
 * @param {Element} parent
 * @param {Item[]} items
 * @param {(item: Item) => Made} make
 * @param {(element: Made, item: Item) => void} update
 */
export function keyed(parent, items, make, update = () => {}) {
  const old = /** @type {Map<unknown, Made>} */ (keyedChildren.get(parent) ?? new Map());
  const kept = new Map();
  const keys = new Set(items.map((item) => item.key));
  for (const [key, element] of old) if (!keys.has(key)) element.remove(); // first: to move an element takes its focus
  let place = parent.firstElementChild;
  for (const item of items) {
    const element = old.get(item.key) ?? make(item);
    kept.set(item.key, element);
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
    update(element, item);
  }
  keyedChildren.set(parent, kept);
}

/**
 * The children of an element that `h` made of elements.
 * @param {Element} element
 */
export const childrenOf = (element) => /** @type {HTMLElement[]} */ ([...element.children]);

/**
 * An element that is there.
 * @param {ParentNode} parent
 * @param {string} selector
 */
export const one = (parent, selector) => /** @type {HTMLElement} */ (parent.querySelector(selector));

/**
 * The element that an event began at.
 * @param {Event} event
 */
export const targetOf = (event) => /** @type {HTMLElement} */ (event.target);

/** What a control that takes keys needs, so that a notebook does not take them for its own. */
export const FOCUS = { tabindex: "0", "data-lm-suppress-shortcuts": "true" };
