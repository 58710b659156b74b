// The local dates on which a window starts, and how they are written. A date is a number of days since the epoch.
/** @import { Holidays } from "./types.js" */
/**
 * The conditions of those dates, as a draft holds them: timegate.core.dates.LocalDates.
 * @typedef {object} LocalDates
 * @property {string[]} [days]
 * @property {string} [since]
 * @property {string} [until]
 * @property {string[]} [except_dates]
 * @property {string[]} [months]
 * @property {number[]} [days_of_month]
 * @property {string | string[]} [holidays]
 * @property {string} [on_holidays]
 */

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
export const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

const DAY_MS = 86_400_000;
const EPOCH_WEEKDAY = 3; // 1970-01-01 was a Thursday

/** @type {(a: number, b: number) => number} */
export const modulo = (a, b) => ((a % b) + b) % b;

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
 * What a date is called: in its week, as in "fri", "fri#1" and "fri#-4", in its year, and in its month from either end.
 * @param {number} day
 */
function placeOf(day) {
  const [year, month, number] = formatDate(day).split("-").map(Number);
  const fromEnd = number - 1 - new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
  const name = weekday(day);
  const names = [name, `${name}#${Math.ceil(number / 7)}`, `${name}#${Math.floor(fromEnd / 7)}`];
  return { names, month: MONTHS[month - 1], numbers: [number, fromEnd] };
}

/**
 * Whether a window starts on a date.
 * @param {LocalDates} window
 * @param {number} day
 * @param {Holidays} holidays
 */
export function startsOn(window, day, holidays = {}) {
  const date = formatDate(day);
  if (window.since && date < window.since) return false;
  if (window.until && date > window.until) return false;
  if (window.except_dates?.includes(date)) return false;
  const place = placeOf(day);
  if (window.days && !place.names.some((name) => window.days?.includes(name))) return false;
  if (window.months && !window.months.includes(place.month)) return false;
  if (window.days_of_month && !place.numbers.some((number) => window.days_of_month?.includes(number))) return false;
  if (!window.holidays) return true;
  const dates = Array.isArray(window.holidays) ? window.holidays : (holidays[window.holidays] ?? []);
  return dates.includes(date) === (window.on_holidays === "only");
}

/**
 * Whether the dates on which a window starts, moved by a day, are again such as a window can say.
 * @param {LocalDates} window
 */
export const canShift = (window) =>
  !window.months && !window.days_of_month && !window.holidays && !window.days?.some((name) => name.includes("#"));

/**
 * The dates on which a window starts, in words.
 * @param {LocalDates} window
 */
export function datesInWords(window) {
  const { holidays } = window;
  const said = [
    !window.days || window.days.length === 7 ? "daily" : runs(window.days, DAYS).join(" "),
    window.days_of_month && `days ${window.days_of_month.join(" ")}`,
    window.months && runs(window.months, MONTHS).join(" "),
    window.since && `from ${window.since}`,
    window.until && `until ${window.until}`,
    holidays && `${window.on_holidays === "only" ? "only" : "not"} on holidays ${[holidays].flat().join(", ")}`,
    window.except_dates?.length && `except ${window.except_dates.join(", ")}`,
  ];
  return said.filter(Boolean);
}

/**
 * The names of a cycle that a text like "jan-mar, jun" lists, in their order, or null. A range may cross its end.
 * @param {string} text
 * @param {string[]} cycle
 */
export function readNames(text, cycle) {
  const found = new Set();
  for (const item of text
    .toLowerCase()
    .split(/[\s,;]+/)
    .filter(Boolean)) {
    const ends = item.split("-").map((name) => cycle.indexOf(name));
    const [first, last] = [ends[0], ends[ends.length - 1]];
    if (ends.length > 2 || ends.includes(-1) || (ends.length === 2 && first === last)) return null;
    for (let step = 0; step <= modulo(last - first, cycle.length); step++) {
      found.add(cycle[modulo(first + step, cycle.length)]);
    }
  }
  return cycle.filter((name) => found.has(name));
}

/**
 * Names of a cycle as people write them: three or more that follow each other as a range, also across its end.
 * @param {string[]} names
 * @param {string[]} cycle
 */
export function runs(names, cycle) {
  if (cycle.every((name) => names.includes(name))) return [`${cycle[0]}-${cycle[cycle.length - 1]}`];
  /** @type {(name: string) => string} */
  const after = (name) => cycle[modulo(cycle.indexOf(name) + 1, cycle.length)];
  const members = names.filter((name) => cycle.includes(name));
  const following = members.map(after);
  return names
    .filter((name) => !following.includes(name)) // it stands in the run of the one before it
    .flatMap((name) => {
      const run = [name];
      while (members.includes(name) && members.includes(after(run[run.length - 1]))) {
        run.push(after(run[run.length - 1]));
      }
      return run.length > 2 ? [`${run[0]}-${run[run.length - 1]}`] : run;
    });
}
