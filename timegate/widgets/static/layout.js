// Where the bars of a row lie, and what they stand for.
import { lanesOf, outageSpan } from "./schedule.js";
import { occurrences } from "./windows.js";
/** @import { Editor } from "./editor.js" */
/** @import { Bar, Deployment, Item, Piece, Window } from "./types.js" */

const BAR_TOP = 5;
const BAR_HEIGHT = 26;
export const OUTAGE_TOP = 34; // pointers below it mean outages
const OUTAGE_HEIGHT = 9;
export const ROW_HEIGHT = 48;
export const BAR_MARGIN = 3; // around a bar counts as the bar

/** @typedef {{ windows: Bar[], hours: Bar[], outages: Bar[] }} Row what lies under the pointer */

/**
 * @param {Editor} ui
 * @param {Deployment} deployment
 * @param {number} row
 * @returns {Row}
 */
export const layOut = (ui, deployment, row) => ({
  windows: closedBars(ui, deployment, row),
  hours: availableBars(ui, deployment, row),
  outages: outageBars(ui, deployment, row),
});

/**
 * @param {Editor} ui
 * @param {Deployment} deployment
 * @param {number} row
 */
function closedBars(ui, deployment, row) {
  const closed = deployment.time_constraints.map((window) => pieces(ui, window));
  const lanes = lanesOf(closed);
  const count = Math.max(...lanes, 0) + 1;
  return closed.flatMap((parts, index) => {
    const top = BAR_TOP + (lanes[index] * BAR_HEIGHT) / count;
    return bars(parts, { row, kind: "time_constraints", index }, top, BAR_HEIGHT / count - (count > 1 ? 1 : 0));
  });
}

/**
 * The available hours: what is around them is drawn, and of themselves the edges where that begins or ends.
 * @param {Editor} ui
 * @param {Deployment} deployment
 * @param {number} row
 */
function availableBars(ui, deployment, row) {
  const all = deployment.available.map((window) => pieces(ui, window));
  return all.flatMap((parts, index) => {
    /** @type {(at: number) => boolean} */
    const isOpenAround = (at) => all.some((other, i) => i !== index && other.some((p) => p.from < at && at < p.to));
    const drawn = parts.map((piece) => ({
      ...piece,
      starts: piece.starts && !isOpenAround(piece.from),
      ends: piece.ends && !isOpenAround(piece.to),
    }));
    return bars(drawn, { row, kind: "available", index }, BAR_TOP, BAR_HEIGHT);
  });
}

/**
 * The pieces of one window as bars, of which one carries its body, its start and its end.
 * @param {Piece[]} parts
 * @param {Item} item
 * @param {number} top
 * @param {number} height
 */
function bars(parts, item, top, height) {
  const lead = parts.findIndex((p) => p.starts);
  const tail = parts.findLastIndex((p) => p.ends);
  return parts.map(
    (piece, part) =>
      /** @type {Bar} */ ({
        ...piece,
        item,
        key: `${item.kind} ${item.index}/${part}`,
        main: part === Math.max(lead, 0),
        lead: part === lead,
        tail: part === tail,
        top,
        height,
      }),
  );
}

/**
 * @param {Editor} ui
 * @param {Deployment} deployment
 * @param {number} row
 */
function outageBars(ui, deployment, row) {
  const { axis, store } = ui;
  /** @type {Bar[]} */
  const bars = [];
  store.draft.faults.forEach((fault, index) => {
    if (fault.type !== "outage" || !ui.hits(fault, deployment)) return;
    const [start, end] = outageSpan(fault);
    if (start >= axis.to || end <= axis.from) return;
    bars.push({
      from: Math.max(start, axis.from),
      to: Math.min(end, axis.to),
      starts: start >= axis.from,
      ends: end <= axis.to,
      main: true,
      lead: true,
      tail: true,
      item: { row, kind: "fault", index },
      key: `fault ${index}`,
      number: bars.length + 1,
      top: OUTAGE_TOP + 1,
      height: OUTAGE_HEIGHT,
    });
  });
  return bars;
}

/**
 * The stretches outside of a deployment's available hours.
 * @param {Editor} ui
 * @param {Deployment} deployment
 */
export function outside(ui, deployment) {
  if (!deployment.available.length) return [];
  const { from, to } = ui.axis;
  const open = deployment.available.flatMap((window) => pieces(ui, window)).sort((a, b) => a.from - b.from);
  const gaps = [];
  let reach = from;
  for (const piece of open) {
    if (piece.from > reach) gaps.push({ from: reach, to: piece.from });
    reach = Math.max(reach, piece.to);
  }
  if (reach < to) gaps.push({ from: reach, to });
  return gaps.map((gap, i) => ({ ...gap, key: `outside ${i}` }));
}

/**
 * @param {Editor} ui
 * @param {Window} window
 */
const pieces = (ui, window) =>
  occurrences(window, ui.zone(window.tz ?? "UTC"), ui.axis.from, ui.axis.to, ui.store.answer.holidays);
