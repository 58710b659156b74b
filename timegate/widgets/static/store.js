// The schedule being edited: what is on screen, how it came there, and what the kernel says of it.
// Every change gets a number. One request is under way at a time; of the changes made meanwhile the newest follows.
// An answer is shown only if it answers the schedule on screen: others are stale, and dropped.
/** @import { Answer, Change, Draft, Message, Model, Schedule, Traits } from "./types.js" */

const PATIENCE_MS = 4000;
const MOST_STEPS = 200;

/** What the kernel tells once. */
export class KernelMessage extends Event {
  /** @param {Message} message */
  constructor(message) {
    super("message");
    this.message = message;
  }
}

export class Store extends EventTarget {
  /**
   * @param {Model} model
   * @param {Pick<Storage, "getItem" | "setItem" | "removeItem"> | null} storage
   */
  constructor(model, storage = null, patienceMs = PATIENCE_MS) {
    super();
    this.model = model;
    this.storage = storage;
    this.patienceMs = patienceMs;
    this.author = Math.random().toString(36).slice(2); // two pages may show one editor
    this.draft = model.get("draft");
    this.theirs = this.draft; // the last change that was not ours; a host may tell it twice
    this.answer = model.get("answer");
    /** @type {Draft[]} */
    this.undone = [];
    /** @type {Draft[]} */
    this.done = [];
    /** @type {Draft | null} */
    this.before = null; // what a gesture under way began with
    /** @type {Draft | null} */
    this.awaited = null; // the change that the kernel works on
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.silent = false; // whether the kernel owes an answer for long
    model.on("change:draft", () => this.#adopt(model.get("draft")));
    model.on("change:answer", () => this.#receive(model.get("answer")));
    model.on("msg:custom", (message) => this.dispatchEvent(new KernelMessage(message)));
    this.lost = this.#lostEdits();
  }

  get current() {
    return sameChange(this.draft, this.answer);
  }

  /**
   * Replace the schedule: one step of undo, or part of a gesture between begin() and commit().
   * @param {Partial<Schedule>} change
   */
  edit(change) {
    if (!this.before) this.#remember(this.draft);
    this.#set({ ...this.draft, ...change });
  }

  begin() {
    this.before ??= this.draft;
  }

  commit() {
    const before = this.before;
    this.before = null;
    if (before && !sameSchedule(before, this.draft)) this.#remember(before);
    this.#emit("change");
  }

  cancel() {
    const before = this.before;
    this.before = null;
    if (before && !sameSchedule(before, this.draft)) this.#set(before);
  }

  undo() {
    this.#step(this.done, this.undone);
  }

  redo() {
    this.#step(this.undone, this.done);
  }

  /** Take up the edits that a kernel took with it when it ended. */
  restore() {
    const lost = this.lost;
    this.forget();
    if (lost) this.edit({ windows: lost.windows, deployments: lost.deployments, faults: lost.faults });
  }

  forget() {
    this.lost = null;
    this.#keep(null);
    this.#emit("change");
  }

  /**
   * Ask for something beside the schedule.
   * @param {string} kind
   * @param {object} content
   */
  ask(kind, content = {}) {
    this.#tryTo(() => this.model.send({ kind, ...content }));
  }

  /**
   * Set something beside the schedule.
   * @template {keyof Traits} Name
   * @param {Name} name
   * @param {Traits[Name]} value
   */
  set(name, value) {
    this.#tryTo(() => {
      this.model.set(name, value);
      this.model.save_changes();
    });
  }

  dispose() {
    clearTimeout(this.timer);
  }

  /**
   * @param {Draft[]} from
   * @param {Draft[]} to
   */
  #step(from, to) {
    if (this.before) return;
    const next = from.pop();
    if (!next) return;
    to.push(this.draft);
    this.#set(next);
  }

  /** @param {Draft} draft */
  #remember(draft) {
    this.done.push(draft);
    if (this.done.length > MOST_STEPS) this.done.shift();
    this.undone = [];
  }

  /** @param {Draft} draft */
  #set(draft) {
    this.draft = { ...draft, author: this.author, revision: this.draft.revision + 1 };
    this.#keep(this.draft);
    this.#emit("change");
    if (!this.awaited) this.#send();
  }

  #send() {
    this.awaited = this.draft;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#lose(), this.patienceMs);
    this.set("draft", this.draft);
  }

  /**
   * A model throws when its kernel is gone.
   * @param {() => void} send
   */
  #tryTo(send) {
    try {
      send();
    } catch {
      this.#lose();
    }
  }

  #lose() {
    clearTimeout(this.timer);
    this.awaited = null; // the next change is sent in any case
    this.silent = true;
    this.#emit("answer");
  }

  /** @param {Draft} draft */
  #adopt(draft) {
    if (draft.author === this.author || sameChange(draft, this.theirs)) return;
    this.theirs = draft;
    this.#remember(this.draft);
    this.before = null;
    const crossed = this.awaited !== null;
    this.draft = draft;
    this.#emit("adopt");
    this.#emit("change");
    // A change of ours may reach the kernel after it wrote this one: say again what is on screen.
    if (crossed) this.#set(draft);
    else if (this.current) this.#emit("answer");
  }

  /** @param {Answer} answer */
  #receive(answer) {
    if (this.awaited && sameChange(this.awaited, answer)) {
      this.awaited = null;
      clearTimeout(this.timer);
      if (!sameChange(this.draft, answer)) this.#send();
    }
    if (!sameChange(this.draft, answer)) return; // stale
    this.silent = false;
    this.answer = answer;
    this.#emit("answer");
  }

  /** @returns {Draft | null} */
  #lostEdits() {
    try {
      const kept = JSON.parse(this.storage?.getItem(this.#place()) ?? "null");
      return kept && !sameSchedule(kept, this.draft) ? kept : null;
    } catch {
      return null; // no storage, or not ours
    }
  }

  /** @param {Draft | null} draft */
  #keep(draft) {
    try {
      if (draft) this.storage?.setItem(this.#place(), JSON.stringify(draft));
      else this.storage?.removeItem(this.#place());
    } catch {
      // A page without storage forgets the edits when its kernel ends and the cell is run again.
    }
  }

  #place() {
    return `timegate:${this.model.get("origin")}`;
  }

  /** @param {"change" | "adopt" | "answer"} type */
  #emit(type) {
    this.dispatchEvent(new Event(type));
  }
}

/** @type {(a: Change, b: Change) => boolean} */
const sameChange = (a, b) => a.revision === b.revision && a.author === b.author;
/** @type {(a: Schedule, b: Schedule) => boolean} */
const sameSchedule = (a, b) => asText(a) === asText(b);
/** @type {(schedule: Schedule) => string} */
const asText = ({ windows, deployments, faults }) => JSON.stringify([windows, deployments, faults]);
