// What a notebook loads.
import { Store } from "./store.js";
import { h } from "./dom.js";
import { Editor } from "./editor.js";
/** @import { Model } from "./types.js" */

/** The storage of the page, which some frames have none of. */
function pageStorage() {
  try {
    return globalThis.sessionStorage;
  } catch {
    return null;
  }
}

/** Called once a widget, so that all its views show one schedule. */
export default () => {
  /** @type {Store | undefined} */
  let store;
  /** @type {(model: Model) => Store} */
  const open = (model) => (store ??= new Store(model, pageStorage()));
  return {
    /** @param {{ model: Model }} context */
    initialize({ model }) {
      const opened = open(model);
      return () => opened.dispose();
    },
    /** @param {{ model: Model, el: HTMLElement }} context */
    render({ model, el }) {
      const element = h("div", {});
      el.append(element);
      const editor = new Editor(open(model), element);
      return () => editor.dispose();
    },
  };
};
