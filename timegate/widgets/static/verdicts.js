// What is wrong with the schedule on screen, and what the check says of it.
/** @import { Store } from "./store.js" */
/** @import { Finding, Place, Selection } from "./types.js" */

const CHECK_AFTER_MS = 250;

export class Verdicts {
  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.asking = undefined;
  }

  dispose() {
    clearTimeout(this.asking);
  }

  /** What the kernel says of the schedule on screen, once it has. */
  get problems() {
    return this.store.current ? this.store.answer.problems : [];
  }

  get #checked() {
    const findings = this.store.model.get("findings");
    const { author, revision } = this.store.draft;
    const { model } = this.store;
    const here = findings.day === model.get("day") && findings.tz === model.get("tz");
    return here && findings.revision === revision && findings.author === author;
  }

  /** What the check says of the schedule on screen, once it has. */
  get findings() {
    return (this.#checked && this.store.model.get("findings").items) || [];
  }

  /** @param {Selection} selection */
  problemOf(selection) {
    return this.problems.find((problem) => isAt(problem, selection));
  }

  /** @param {Selection} selection */
  findingOf(selection) {
    return this.findings.find((finding) => isAt(finding, selection));
  }

  /** Have the schedule checked when it has rested for a moment. */
  askForFindings() {
    clearTimeout(this.asking);
    this.asking = setTimeout(() => {
      const { current, answer } = this.store;
      if (!this.#checked && current && !answer.refused) this.store.ask("check");
    }, CHECK_AFTER_MS);
  }
}

/**
 * A finding as it is told.
 * @param {Finding} finding
 */
export const sentence = ({ text, fix }) => `${text} ${fix}`;

/**
 * Whether a place is that of an item, or of a deployment as a whole.
 * @param {Place} place
 * @param {Selection} selection
 */
function isAt(place, { row, kind, index }) {
  if (kind === "fault") return place.fault === index;
  if (place.row !== row) return false;
  return index === undefined ? !Number.isInteger(place.index) : place.kind === kind && place.index === index;
}
