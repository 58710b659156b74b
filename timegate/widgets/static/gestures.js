// What a pointer or a key does to the rows.
import {
  DAY,
  extent,
  formatInstant,
  hit,
  leavesNothing,
  localOf,
  moveEdge,
  moveOutage,
  moveWindow,
  moved,
  newWindow,
  plainWindow,
  weekday,
} from "./schedule.js";
import { BAR_MARGIN, OUTAGE_TOP, ROW_HEIGHT } from "./timeline.js";

const REACH_PX = 7;
const LEAST = "A window keeps at least a minute. Delete removes it.";
const WHOLE_DAY = "This window is the whole day: drag one of its edges.";

export class Gestures {
  constructor(ui, timeline) {
    this.ui = ui;
    this.timeline = timeline;
    this.rows = timeline.rows;
    this.gesture = null; // the one under way
    this.rows.addEventListener("pointerdown", (event) => this.#press(event));
    this.rows.addEventListener("pointermove", (event) => this.#move(event));
    this.rows.addEventListener("pointerup", (event) => this.#release(event));
    this.rows.addEventListener("pointercancel", () => this.#cancel());
    this.rows.addEventListener("lostpointercapture", () => this.gesture && this.#cancel());
    this.rows.addEventListener("keydown", (event) => this.#key(event));
  }

  // Pointer

  #at(event, lane) {
    const box = lane.getBoundingClientRect();
    const { from, to } = this.ui.axis;
    return {
      at: from + ((event.clientX - box.left) / box.width) * (to - from),
      y: event.clientY - box.top,
      perPx: (to - from) / box.width,
    };
  }

  #under(event) {
    const element = event.target.closest?.(".tg-row");
    if (!element) return null;
    const row = Number(element.dataset.row);
    const lane = element.lastElementChild;
    const { at, y, perPx } = this.#at(event, lane);
    const area = y < OUTAGE_TOP ? "windows" : "outages";
    const inside = this.timeline.bars[row][area].filter(
      (bar) => area === "outages" || (y >= bar.top - BAR_MARGIN && y <= bar.top + bar.height + BAR_MARGIN),
    );
    return { row, lane, at, area, perPx, found: hit(inside, at, REACH_PX * perPx) };
  }

  #press(event) {
    if (event.button !== 0 || this.gesture) return;
    if (event.target.closest(".tg-grip")) return this.#grip(event);
    if (!event.target.closest(".tg-lane")) return;
    const under = this.#under(event);
    const { found } = under;
    const draft = this.ui.store.draft;
    this.rows.setPointerCapture(event.pointerId);
    event.preventDefault();
    this.ui.store.begin();
    this.gesture = {
      ...under,
      x: event.clientX,
      moved: false,
      part: found ? found.part : "new",
      draft,
      item: found?.bar.item ?? null,
    };
    if (found) {
      this.ui.select(found.bar.item);
      this.timeline.focus(found.bar.item, found.part);
    }
  }

  #grip(event) {
    const row = Number(event.target.closest(".tg-row").dataset.row);
    event.preventDefault();
    this.rows.setPointerCapture(event.pointerId);
    this.ui.store.begin();
    this.gesture = { part: "row", row, y: event.clientY, draft: this.ui.store.draft, moved: false };
    this.ui.selectRow(row);
  }

  #move(event) {
    const { gesture } = this;
    if (!gesture) {
      const under = event.target.closest(".tg-lane") ? this.#under(event) : null;
      const part = under?.found?.part;
      this.rows.dataset.cursor = part === "bar" ? "bar" : part ? "edge" : under ? "new" : "";
      return;
    }
    if (gesture.part === "row") return this.#dragRow(event);
    if (!gesture.moved && Math.abs(event.clientX - gesture.x) < 3) return;
    gesture.moved = true;
    const { at } = this.#at(event, gesture.lane);
    this.rows.dataset.cursor = gesture.part === "bar" ? "bar" : gesture.part === "new" ? "new" : "edge";
    if (gesture.part === "new") this.#dragNew(at);
    else if (gesture.area === "windows") this.#dragWindow(at);
    else this.#dragOutage(at);
    this.timeline.tell(event);
  }

  #dragRow(event) {
    const { gesture, ui } = this;
    const to = Math.min(
      Math.max(gesture.row + Math.round((event.clientY - gesture.y) / ROW_HEIGHT), 0),
      gesture.draft.deployments.length - 1,
    );
    const names = moved(gesture.draft.deployments, gesture.row, to);
    if (names[0] !== ui.store.draft.deployments[0] || names.some((d, i) => d !== ui.store.draft.deployments[i])) {
      ui.store.edit({ deployments: names });
      ui.selectRow(to);
    }
  }

  #dragWindow(at) {
    const { gesture, ui } = this;
    const { row, index } = gesture.item;
    const window = gesture.draft.deployments[row].time_constraints[index];
    const by = at - gesture.at;
    const [start, end] = extent(window);
    const minute = (gesture.part === "start" ? start : end) + by;
    const next =
      gesture.part === "bar" ? moveWindow(window, by, ui.snap) : moveEdge(window, gesture.part, minute, ui.snap);
    ui.replaceItem(gesture.item, plainWindow(next), gesture.draft);
    if (gesture.part !== "bar" && leavesNothing(window, gesture.part, minute, ui.snap)) ui.say(LEAST);
    if (gesture.part === "bar" && end - start >= DAY) ui.say(WHOLE_DAY);
  }

  #dragOutage(at) {
    const { gesture, ui } = this;
    const fault = gesture.draft.faults[gesture.item.index];
    ui.replaceItem(gesture.item, moveOutage(fault, gesture.part, at - gesture.at, ui.snap), gesture.draft);
  }

  #dragNew(at) {
    const { gesture, ui } = this;
    const [first, last] = [Math.min(gesture.at, at), Math.max(gesture.at, at)];
    if (gesture.area === "outages") {
      const target = gesture.draft.deployments[gesture.row].model_name;
      const start = Math.floor(first / ui.snap) * ui.snap;
      const end = Math.max(Math.ceil(last / ui.snap) * ui.snap, start + ui.snap);
      ui.store.edit({
        faults: [
          ...gesture.draft.faults,
          { type: "outage", target, start: formatInstant(start), end: formatInstant(end) },
        ],
      });
      ui.select({ row: gesture.row, kind: "fault", index: gesture.draft.faults.length });
      return;
    }
    const zone = ui.zone();
    const day = Math.floor(localOf(zone, first) / DAY);
    const window = newWindow(localOf(zone, first) - day * DAY, localOf(zone, last) - day * DAY, ui.snap, ui.tz);
    if (ui.week) window.days = [weekday(day)]; // what is drawn on a Tuesday is a Tuesday's
    ui.addItem(gesture.row, "time_constraints", window, gesture.draft);
  }

  #release() {
    const { gesture } = this;
    if (!gesture) return;
    this.gesture = null;
    this.timeline.bubble.hidden = true;
    this.ui.store.commit();
    if (gesture.part === "new") {
      if (!gesture.moved) this.ui.selectRow(gesture.row);
      else if (this.ui.selected) this.timeline.focus(this.ui.selected, "bar");
    }
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

  #key(event) {
    if (event.key === "Escape" && this.gesture) {
      event.preventDefault();
      return this.#cancel();
    }
    const element = event.target.closest(".tg-bar");
    if (!element || this.gesture) return;
    const { item } = element.bar;
    const part = event.target.dataset.edge ?? "bar";
    const step = event.shiftKey ? 60 : this.ui.snap;
    const by = { ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step, PageUp: 60, PageDown: -60 }[
      event.key
    ];
    if (by !== undefined) this.#nudge(item, part, by);
    else if (event.key === "Delete" || event.key === "Backspace") this.ui.removeItem(item);
    else if (event.key === "Enter" || event.key === " ") this.ui.select(item, true);
    else if (event.key.toLowerCase() === "d" && (event.ctrlKey || event.metaKey)) this.#duplicate(item);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #duplicate(item) {
    this.ui.duplicateItem(item);
    this.timeline.focus(this.ui.selected, "bar");
  }

  #nudge(item, part, by) {
    const { ui } = this;
    ui.select(item);
    const draft = ui.store.draft;
    if (item.kind === "fault") return ui.replaceItem(item, moveOutage(draft.faults[item.index], part, by, ui.snap));
    const window = draft.deployments[item.row].time_constraints[item.index];
    const [start, end] = extent(window);
    const step = Math.min(Math.abs(by), ui.snap);
    const minute = (part === "start" ? start : end) + by;
    const next = part === "bar" ? moveWindow(window, by, step) : moveEdge(window, part, minute, step);
    ui.replaceItem(item, plainWindow(next));
    if (part !== "bar" && leavesNothing(window, part, minute, step)) ui.say(LEAST);
    if (part === "bar" && end - start >= DAY) ui.say(WHOLE_DAY);
    this.timeline.focus(item, part);
  }
}
