// What a pointer or a key does to the rows.
import { hit, isStiff, leavesNothing, moveEdge, moveOutage, moveWindow, newWindow, reordered } from "./schedule.js";
import { weekday } from "./dates.js";
import { DAY, endsOnWeekday, extent, localOf, plainWindow } from "./windows.js";
import { targetOf } from "./dom.js";
import { BAR_MARGIN, OUTAGE_TOP, ROW_HEIGHT } from "./layout.js";
/** @import { Editor } from "./editor.js" */
/** @import { Bar, Draft, Item, Part, Window } from "./types.js" */

const REACH_PX = 7;
const LEAST = "A window keeps at least a minute. Delete removes it.";
const STIFF = "How long this window lasts depends on when it starts: change its times below.";
const WHOLE_DAY = "This window is the whole day: drag one of its edges.";

/**
 * What lies under the pointer.
 * @typedef {{ row: number, lane: Element, at: number, area: "windows" | "outages", perPx: number,
 *   found: { bar: Bar, part: Part } | null }} Under
 */
/** @typedef {{ draft: Draft, row: number, moved: boolean }} Gesture what a gesture began with */
/** @typedef {Gesture & { part: "row", y: number }} RowGesture the drag of a row by its grip */
/** @typedef {Gesture & Under & { part: "new", x: number }} NewGesture a window or an outage that is drawn */
/** @typedef {Gesture & Under & { part: Part, x: number, item: Item }} BarGesture a bar that is dragged, or an edge */

/**
 * The edge of available hours within reach. Between their edges one draws closed windows.
 * @param {Bar[]} hours
 * @param {number} at
 * @param {number} perPx
 */
function edgeOf(hours, at, perPx) {
  const found = hit(hours, at, REACH_PX * perPx);
  return found?.part === "bar" ? null : found;
}

export class Gestures {
  /** @param {Editor} ui */
  constructor(ui) {
    this.ui = ui;
    this.timeline = ui.timeline;
    this.rows = ui.timeline.rows;
    /** @type {RowGesture | NewGesture | BarGesture | null} */
    this.gesture = null; // the one under way
    this.rows.addEventListener("pointerdown", (event) => this.#press(event));
    this.rows.addEventListener("pointermove", (event) => this.#move(event));
    this.rows.addEventListener("pointerup", () => this.#release());
    this.rows.addEventListener("pointercancel", () => this.#cancel());
    this.rows.addEventListener("lostpointercapture", () => this.gesture && this.#cancel());
    this.rows.addEventListener("keydown", (event) => this.#key(event));
  }

  // Pointer

  /**
   * @param {PointerEvent} event
   * @param {Element} lane
   */
  #at(event, lane) {
    const box = lane.getBoundingClientRect();
    const { from, to } = this.ui.axis;
    return {
      at: from + ((event.clientX - box.left) / box.width) * (to - from),
      y: event.clientY - box.top,
      perPx: (to - from) / box.width,
    };
  }

  /**
   * @param {PointerEvent} event
   * @returns {Under | null}
   */
  #under(event) {
    const element = /** @type {HTMLElement | null} */ (targetOf(event).closest(".tg-row"));
    const lane = element?.lastElementChild;
    if (!element || !lane) return null;
    const row = Number(element.dataset.row);
    const { at, y, perPx } = this.#at(event, lane);
    const area = y < OUTAGE_TOP ? "windows" : "outages";
    const bars = this.timeline.bars[row];
    const inside = bars[area].filter(
      (bar) => area === "outages" || (y >= bar.top - BAR_MARGIN && y <= bar.top + bar.height + BAR_MARGIN),
    );
    const found = hit(inside, at, REACH_PX * perPx) ?? (area === "windows" ? edgeOf(bars.hours, at, perPx) : null);
    return { row, lane, at, area, perPx, found };
  }

  /** @param {PointerEvent} event */
  #press(event) {
    if (event.button !== 0 || this.gesture) return;
    if (targetOf(event).closest(".tg-grip")) return this.#grip(event);
    const under = targetOf(event).closest(".tg-lane") && this.#under(event);
    if (!under) return;
    this.rows.setPointerCapture(event.pointerId);
    event.preventDefault();
    this.ui.store.begin();
    const begun = { ...under, x: event.clientX, moved: false, draft: this.ui.store.draft };
    if (!under.found) {
      this.gesture = { ...begun, part: "new" };
      return;
    }
    const { bar, part } = under.found;
    this.gesture = { ...begun, part, item: bar.item };
    this.ui.select(bar.item);
    this.timeline.focus(bar.item, part);
  }

  /** @param {PointerEvent} event */
  #grip(event) {
    const element = /** @type {HTMLElement} */ (targetOf(event).closest(".tg-row"));
    const row = Number(element.dataset.row);
    event.preventDefault();
    this.rows.setPointerCapture(event.pointerId);
    this.ui.store.begin();
    this.gesture = { part: "row", row, y: event.clientY, draft: this.ui.store.draft, moved: false };
    this.ui.selectRow(row);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const { gesture } = this;
    if (!gesture) return this.#hover(event);
    if (gesture.part === "row") return this.#dragRow(event, gesture);
    if (!gesture.moved && Math.abs(event.clientX - gesture.x) < 3) return;
    gesture.moved = true;
    const { at } = this.#at(event, gesture.lane);
    this.#showCursor(gesture.part);
    if (gesture.part === "new") this.#dragNew(at, gesture);
    else if (gesture.item.kind === "fault") this.#dragOutage(at, gesture);
    else this.#dragWindow(at, gesture);
    this.timeline.tell(event);
  }

  /** @param {PointerEvent} event */
  #hover(event) {
    const under = targetOf(event).closest(".tg-lane") && this.#under(event);
    this.#showCursor(under ? (under.found?.part ?? "new") : "");
  }

  /** @param {Part | "new" | ""} part */
  #showCursor(part) {
    this.rows.dataset.cursor = part === "start" || part === "end" ? "edge" : part;
  }

  /**
   * @param {PointerEvent} event
   * @param {RowGesture} gesture
   */
  #dragRow(event, { row, y, draft }) {
    const { ui } = this;
    const last = draft.deployments.length - 1;
    const to = Math.min(Math.max(row + Math.round((event.clientY - y) / ROW_HEIGHT), 0), last);
    const deployments = reordered(draft.deployments, row, to);
    if (deployments.some((d, i) => d !== ui.store.draft.deployments[i])) ui.edits.moveRow(row, to, draft);
  }

  /**
   * @param {number} at
   * @param {BarGesture} gesture
   */
  #dragWindow(at, { item, part, draft, at: from }) {
    const window = this.#windowOf(item, draft);
    if (window) this.#moveWindow(item, window, part, at - from, this.ui.snap, draft);
  }

  /**
   * @param {number} at
   * @param {BarGesture} gesture
   */
  #dragOutage(at, { item, part, draft, at: from }) {
    const { edits, snap } = this.ui;
    edits.replaceFault(item, moveOutage(draft.faults[item.index], part, at - from, snap), draft);
  }

  /**
   * @param {number} at
   * @param {NewGesture} gesture
   */
  #dragNew(at, { row, area, draft, at: from }) {
    const { edits, snap, tz, week } = this.ui;
    const [first, last] = [Math.min(from, at), Math.max(from, at)];
    if (area === "outages") {
      const start = Math.floor(first / snap) * snap;
      const end = Math.max(Math.ceil(last / snap) * snap, start + snap);
      edits.addFault(row, edits.outageOf(row, start, end, draft), draft);
      return;
    }
    const zone = this.ui.zone();
    const day = Math.floor(localOf(zone, first) / DAY);
    const window = newWindow(localOf(zone, first) - day * DAY, localOf(zone, last) - day * DAY, snap, tz);
    if (week) window.days = [weekday(day)]; // what is drawn on a Tuesday is a Tuesday's
    edits.addWindow(row, "time_constraints", window, draft);
  }

  #release() {
    const { gesture } = this;
    if (!gesture) return;
    this.letGo();
    this.ui.store.commit();
    if (gesture.part !== "new") return;
    if (!gesture.moved) this.ui.selectRow(gesture.row);
    else if (this.ui.item) this.timeline.focus(this.ui.item, "bar");
  }

  /** End a gesture whose schedule is no longer there. */
  letGo() {
    this.gesture = null;
    this.timeline.bubble.hidden = true;
  }

  #cancel() {
    this.letGo();
    this.ui.store.cancel();
  }

  // Keys

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === "Escape" && this.gesture) {
      event.preventDefault();
      return this.#cancel();
    }
    const target = targetOf(event);
    const element = target.closest(".tg-bar");
    const item = element && this.timeline.barOf.get(element)?.item;
    if (!item || this.gesture) return;
    const part = /** @type {Part} */ (target.dataset.edge ?? "bar");
    const step = event.shiftKey ? 60 : this.ui.snap;
    /** @type {Record<string, number>} */
    const minutes = { ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step, PageUp: 60, PageDown: -60 };
    const by = minutes[event.key];
    if (by !== undefined) this.#nudge(item, part, by);
    else if (event.key === "Delete" || event.key === "Backspace") this.ui.edits.removeItem(item);
    else if (event.key === "Enter" || event.key === " ") this.ui.select(item, true);
    else if (event.key.toLowerCase() === "d" && (event.ctrlKey || event.metaKey)) this.#duplicate(item);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {Item} item */
  #duplicate(item) {
    this.ui.edits.duplicateItem(item);
    if (this.ui.item) this.timeline.focus(this.ui.item, "bar");
  }

  /**
   * @param {Item} item
   * @param {Part} part
   * @param {number} by
   */
  #nudge(item, part, by) {
    const { ui } = this;
    ui.select(item);
    const { draft } = ui.store;
    const window = this.#windowOf(item, draft);
    if (window) this.#moveWindow(item, window, part, by, Math.min(Math.abs(by), ui.snap), draft);
    else ui.edits.replaceFault(item, moveOutage(draft.faults[item.index], part, by, ui.snap));
    this.timeline.focus(item, part);
  }

  // Both

  /**
   * @param {Item} item
   * @param {Draft} draft
   */
  #windowOf({ row, kind, index }, draft) {
    return kind === "fault" ? null : draft.deployments[row][kind][index];
  }

  /**
   * @param {Item} item
   * @param {Window} window
   * @param {Part} part
   * @param {number} by
   * @param {number} step
   * @param {Draft} draft
   */
  #moveWindow(item, window, part, by, step, draft) {
    const { edits, status } = this.ui;
    const [start, end] = extent(window);
    if (isStiff(window)) return status.say(STIFF);
    if (part === "bar") {
      edits.replaceWindow(item, plainWindow(moveWindow(window, by, step)), draft);
      if (end - start >= DAY && !endsOnWeekday(window)) status.say(WHOLE_DAY);
    } else {
      const minute = (part === "start" ? start : end) + by;
      edits.replaceWindow(item, plainWindow(moveEdge(window, part, minute, step)), draft);
      if (leavesNothing(window, part, minute, step)) status.say(LEAST);
    }
  }
}
