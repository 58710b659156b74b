// Elements. Text is always set as text, so that no name can become markup.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element: h("button", { class: "x", onclick: f }, "text", child). */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else put(element, name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Set an attribute, or take it away. Writes only what differs, which spares the page a layout. */
export function put(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value === true ? "" : value);
}

export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Make the children of an element those of some items, each with a `key`. Those that stay keep their focus. */
export function keyed(parent, items, make, update) {
  const old = (parent.keyedItems ??= new Map());
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
  parent.keyedItems = kept;
}

/** What a control that takes keys needs, so that a notebook does not take them for its own. */
export const FOCUS = { tabindex: "0", "data-lm-suppress-shortcuts": "true" };
