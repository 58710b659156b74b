// The rules of windows that the page shares with Python, which tests/cases/windows.json holds it to.
// Time is in minutes: of the day for a window, since the epoch for an instant, since the epoch of local days for
// wall-clock time. A zone is a table [[since, offset], ...] that the kernel sends, so both use the same rules.
/** @import { Axis, Piece, Window, Zone } from "./types.js" */

export const DAY = 1440;
export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

const DAY_MS = 86_400_000;
const EPOCH_WEEKDAY = 3; // 1970-01-01 was a Thursday

// Numbers and text

/** @type {(a: number, b: number) => number} */
export const modulo = (a, b) => ((a % b) + b) % b;

/** @type {(number: number) => string} */
const two = (number) => String(number).padStart(2, "0");

/**
 * Minutes of a time like "9:30", or null. 24:00 is an end only.
 * @param {string} text
 * @returns {number | null}
 */
export function parseTime(text, isEnd = false) {
  const match = /^(\d{1,2}):(\d{1,2})$/.exec(text);
  if (!match) return null;
  const [hour, minute] = [Number(match[1]), Number(match[2])];
  if (hour === 24 && minute === 0 && isEnd) return DAY;
  return hour < 24 && minute < 60 ? 60 * hour + minute : null;
}

/** @type {(minutes: number) => string} */
export const formatTime = (minutes) => `${two(Math.floor(minutes / 60))}:${two(Math.floor(minutes % 60))}`;

/**
 * Days since the epoch of a date like "2026-03-02", or null.
 * @param {string} text
 * @returns {number | null}
 */
export function parseDate(text) {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || text.startsWith("0000")) return null;
  const day = Date.parse(text) / DAY_MS;
  return Number.isFinite(day) && formatDate(day) === text ? day : null; // February 30 would be March 2
}

/** @type {(day: number) => string} */
export const formatDate = (day) => new Date(day * DAY_MS).toISOString().slice(0, 10);

/** @type {(day: number) => string} */
export const weekday = (day) => DAYS[modulo(day + EPOCH_WEEKDAY, 7)];

/**
 * "2026-03-02 14:10" of wall-clock minutes.
 * @type {(local: number) => string}
 */
export const formatLocal = (local) =>
  `${formatDate(Math.floor(local / DAY))} ${formatTime(modulo(Math.floor(local), DAY))}`;

/**
 * Wall-clock minutes of "2026-03-02T14:10" or with a space, or null.
 * @param {string} text
 * @returns {number | null}
 */
export function parseLocal(text) {
  const [date, time] = text.trim().split(/[T ]+/);
  const [day, minutes] = [parseDate(date ?? ""), parseTime((time ?? "").slice(0, 5))];
  return day === null || minutes === null ? null : day * DAY + minutes;
}

/**
 * Minutes since the epoch of ISO text in UTC.
 * @type {(text: string) => number}
 */
export const parseInstant = (text) => Date.parse(text) / 60_000;

/** @type {(at: number) => string} */
export const formatInstant = (at) => new Date(Math.round(at * 60) * 1000).toISOString().replace(".000Z", "Z");

// Zones

/** @type {(zone: Zone, at: number) => number} */
export function offsetAt(zone, at) {
  let offset = zone[0][1];
  for (const [since, next] of zone) {
    if (since > at) break;
    offset = next;
  }
  return offset;
}

/** @type {(zone: Zone, at: number) => number} */
export const localOf = (zone, at) => at + offsetAt(zone, at);

/**
 * The first instant at which the clocks of a zone show a wall-clock time; where they skip it, that of the skip.
 * @param {Zone} zone
 * @param {number} local
 */
export function instantOf(zone, local) {
  for (const [since, until, offset] of stretches(zone, -Infinity, Infinity)) {
    const at = local - offset;
    if (at < since) return since;
    if (at < until) return at;
  }
  return local;
}

/**
 * Cut [from, to) where the offset of a zone changes: [since, until, offset] of each part.
 * @param {Zone} zone
 * @param {number} from
 * @param {number} to
 */
function stretches(zone, from, to) {
  /** @type {[number, number, number][]} */
  const parts = [];
  zone.forEach(([since, offset], i) => {
    const low = Math.max(i ? since : -Infinity, from);
    const high = Math.min(i + 1 < zone.length ? zone[i + 1][0] : Infinity, to);
    if (low < high) parts.push([low, high, offset]);
  });
  return parts;
}

/**
 * The axis of some local days from a date on: its instants, and ticks with what the clocks show there.
 * @param {Zone} zone
 * @param {number} day
 * @param {number} days
 * @returns {Axis}
 */
export function axisOf(zone, day, days) {
  const [from, to] = [instantOf(zone, day * DAY), instantOf(zone, (day + days) * DAY)];
  const every = days > 1 ? DAY : 180;
  const ticks = [];
  const last = (day + days) * DAY - (days > 1 ? DAY : 0); // a day's name stands where it begins
  for (let local = day * DAY; local <= last; local += every) {
    const text =
      days > 1 ? `${weekday(local / DAY)} ${formatDate(local / DAY).slice(5)}` : formatTime(local - day * DAY);
    ticks.push({ at: instantOf(zone, local), text });
  }
  return { from, to, ticks };
}

// Windows

/**
 * Start and end of a window in minutes since midnight of the date it starts on; the end may lie beyond DAY. Of one
 * whose times cannot be read, which the kernel refuses, an instant at midnight.
 * @param {Window} window
 * @returns {[number, number]}
 */
export function extent(window) {
  const [start, end] = [parseTime(window.start) ?? 0, parseTime(window.end, true) ?? 0];
  return [start, end < start ? end + DAY : end];
}

/**
 * Whether a window starts on a date.
 * @param {Window} window
 * @param {number} day
 */
function startsOn(window, day) {
  const date = formatDate(day);
  if (window.since && date < window.since) return false;
  if (window.until && date > window.until) return false;
  return (!window.days || window.days.includes(weekday(day))) && !window.except_dates?.includes(date);
}

/**
 * Where a window lies within [from, to): a piece for each date on which it starts, two where the clocks repeat an
 * hour. `starts` and `ends` say whether the piece shows that edge of the window, or is cut there.
 * @param {Window} window
 * @param {Zone} zone
 * @param {number} from
 * @param {number} to
 */
export function occurrences(window, zone, from, to) {
  const [start, end] = extent(window);
  /** @type {Piece[]} */
  const pieces = [];
  for (const [since, until, offset] of stretches(zone, from, to)) {
    const [low, high] = [since + offset, until + offset];
    for (let day = Math.floor(low / DAY) - 1; day * DAY < high; day++) {
      if (!startsOn(window, day)) continue;
      const [first, last] = [day * DAY + start, day * DAY + end];
      const [a, b] = [Math.max(first, low), Math.min(last, high)];
      if (a > b || (a === b && (start !== end || a === high))) continue;
      const piece = { day, from: a - offset, to: b - offset, starts: a === first, ends: b === last };
      const before = pieces.at(-1);
      if (before && before.day === day && before.to === piece.from) {
        Object.assign(before, { to: piece.to, ends: piece.ends });
      } else {
        pieces.push(piece);
      }
    }
  }
  return pieces;
}

/**
 * When a window holds, in words.
 * @param {Window} window
 */
export function described(window) {
  const days = !window.days || window.days.length === 7 ? "daily" : window.days.join(" ");
  const dates = [
    window.since && `from ${window.since}`,
    window.until && `until ${window.until}`,
    window.except_dates?.length && `except ${window.except_dates.join(", ")}`,
  ].filter(Boolean);
  return [`${window.start}–${window.end}`, window.tz ?? "UTC", days, ...dates].join(" · ");
}

/**
 * A window with only the fields that say something, those that this page knows nothing of included.
 * @param {Window} window
 */
export function plainWindow(window) {
  const { start, end, ...rest } = window;
  const said = Object.entries(rest).filter(([name, value]) => {
    if (name === "tz" && value === "UTC") return false;
    if (Array.isArray(value)) return value.length > 0 && !(name === "days" && value.length === 7);
    return value !== undefined && value !== null && value !== "";
  });
  return /** @type {Window} */ ({ start, end, ...Object.fromEntries(said) });
}
