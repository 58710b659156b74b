// The rules of windows that the page shares with Python, which tests/cases/windows.json holds it to.
// Time is in minutes: of the day for a window, since the epoch for an instant, since the epoch of local days for
// wall-clock time. A zone is a table [[since, offset], ...] that the kernel sends, so both use the same rules.
import { DAYS, datesInWords, formatDate, modulo, parseDate, startsOn, weekday } from "./dates.js";
/** @import { Axis, Holidays, Piece, Window, Zone } from "./types.js" */

export const DAY = 1440;

// Numbers and text

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

/**
 * Whether there can be a zone of this name, as far as the page knows.
 * @param {string} name
 */
export function isZone(name) {
  if (!/^[A-Za-z]/.test(name)) return false; // an offset, which the page would take
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone: name }));
  } catch {
    return false;
  }
}

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
 * The weekday and the time of an end like "mon 08:00"; of one without a weekday, "" and the time.
 * @param {string} end
 */
const partsOf = (end) => (end.includes(" ") ? end.split(" ") : ["", end]);

/**
 * Whether a window ends on a weekday, and so perhaps days after it starts.
 * @param {Window} window
 */
export const endsOnWeekday = (window) => partsOf(window.end)[0] !== "";

/**
 * An end as it is kept, or null: "08:00", or "mon 08:00".
 * @param {string} text
 */
export function readEnd(text) {
  const [name, time] = partsOf(text.toLowerCase());
  const minutes = parseTime(time, true);
  if (minutes === null || (name && !DAYS.includes(name))) return null;
  return `${name} ${formatTime(minutes)}`.trim();
}

/**
 * The weekday on which a window starts, of several the first.
 * @param {Window} window
 */
export const firstWeekday = (window) => (window.days ?? DAYS)[0].slice(0, 3);

/**
 * Start and end of a window in minutes since midnight of the date it starts on; the end may lie beyond DAY. Of one
 * whose times cannot be read, which the kernel refuses, an instant at midnight.
 * @param {Window} window
 * @param {string} on the weekday of that date, which matters where the end is on a weekday
 * @returns {[number, number]}
 */
export function extent(window, on = firstWeekday(window)) {
  const [name, time] = partsOf(window.end);
  const [start, end] = [parseTime(window.start) ?? 0, parseTime(time, true) ?? 0];
  if (!name) return [start, end < start ? end + DAY : end];
  const later = end + DAY * modulo(DAYS.indexOf(name) - DAYS.indexOf(on), 7);
  return [start, later <= start ? later + 7 * DAY : later];
}

/**
 * Where a window lies within [from, to): a piece for each date on which it starts, two where the clocks repeat an
 * hour. `starts` and `ends` say whether the piece shows that edge of the window, or is cut there.
 * @param {Window} window
 * @param {Zone} zone
 * @param {number} from
 * @param {number} to
 * @param {Holidays} holidays
 */
export function occurrences(window, zone, from, to, holidays = {}) {
  const reach = endsOnWeekday(window) ? 7 : 1;
  /** @type {Piece[]} */
  const pieces = [];
  for (const [since, until, offset] of stretches(zone, from, to)) {
    const [low, high] = [since + offset, until + offset];
    for (let day = Math.floor(low / DAY) - reach; day * DAY < high; day++) {
      if (!startsOn(window, day, holidays)) continue;
      const [start, end] = extent(window, weekday(day));
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
  const [days, ...more] = datesInWords(window);
  const open = window.end_included === false ? ["end not included"] : [];
  const named = window.name ? `${window.name}: ` : "";
  return [`${named}${window.start}–${window.end}`, window.tz ?? "UTC", days, ...open, ...more].join(" · ");
}

/**
 * A window with only the fields that say something, those that this page knows nothing of included.
 * @param {Window} window
 */
export function plainWindow(window) {
  const { start, end, ...rest } = window;
  const said = Object.entries(rest).filter(([name, value]) => {
    if (value === UNSAID[name]) return false;
    if (name === "days" && DAYS.every((day) => window.days?.includes(day))) return false;
    if (Array.isArray(value)) return value.length > 0;
    return value !== undefined && value !== null && value !== "";
  });
  return /** @type {Window} */ ({ start, end, ...Object.fromEntries(said) });
}

/** @type {Record<string, unknown>} */
const UNSAID = { tz: "UTC", on_holidays: "skip", end_included: true };
