// What an edit makes of a schedule, without a page: of a window or an outage that is dragged, of what lies under the
// pointer, of a config that is downloaded. Time is in minutes, as in windows.js.
import { DAYS, canShift, formatDate, modulo, parseDate } from "./dates.js";
import { DAY, endsOnWeekday, extent, firstWeekday, formatInstant, formatTime, parseInstant } from "./windows.js";
/** @import { Deployment, Edge, Fault, Item, Part, Schedule, Window } from "./types.js" */

const END_OF_TIME = Date.UTC(2199, 11, 31) / 60_000;

/** @type {(value: number, low: number, high: number) => number} */
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** @type {(minutes: number, step: number) => number} */
const snapped = (minutes, step) => Math.round(minutes / step) * step;

/** @type {(end: number, step: number) => number} */
const latestBelow = (end, step) => Math.floor((end - 1) / step) * step;

/** @type {(start: number, step: number) => number} */
const earliestAbove = (start, step) => Math.ceil((start + 1) / step) * step;

/**
 * The targets of faults that stand for a deployment: timegate.core.targets.Targets.of.
 * @param {Deployment} deployment
 * @param {Record<string, string[]>} groups
 */
export const targetsOf = (deployment, groups) => [
  deployment.model_name,
  `provider:${deployment.model.split("/")[0]}`,
  ...Object.keys(groups)
    .filter((group) => groups[group].includes(deployment.model_name))
    .map((group) => `group:${group}`),
];

// Windows

/**
 * The window with another extent. If it then starts on another date, its dates and weekdays move along.
 * @param {Window} window
 * @param {number} start
 * @param {number} end
 * @returns {Window}
 */
export function withExtent(window, start, end) {
  const days = Math.floor(start / DAY);
  const [first, last] = [start - days * DAY, end - days * DAY];
  const nextMidnight = last === DAY && first > 0 && window.end === "00:00"; // which is included; that of 24:00 is not
  const close = formatTime(last > DAY || nextMidnight ? last - DAY : last);
  const named = endsOnWeekday(window) ? weekdayEnd(window, end) : close;
  return shiftDates({ ...window, start: formatTime(first), end: named }, days);
}

/**
 * An end on a weekday that lies so many minutes after midnight of the date on which a window starts.
 * @param {Window} window
 * @param {number} end
 */
function weekdayEnd(window, end) {
  const days = Math.floor(end / DAY) - (end % DAY === 0 && window.end.endsWith("24:00") ? 1 : 0);
  return `${DAYS[modulo(DAYS.indexOf(firstWeekday(window)) + days, 7)]} ${formatTime(end - days * DAY)}`;
}

/**
 * Whether no drag can change a window: how long it lasts depends on which of its weekdays it starts.
 * @param {Window} window
 */
export const isStiff = (window) => endsOnWeekday(window) && window.days?.length !== 1;

/**
 * The window on dates that lie so many days later.
 * @param {Window} window
 * @param {number} days
 */
export function shiftDates(window, days) {
  if (!days) return window;
  const shifted = { ...window };
  /** @type {(text: string) => string} */
  const later = (text) => {
    const day = parseDate(text);
    return day === null ? text : formatDate(day + days); // what cannot be read, the kernel refuses
  };
  if (window.days) {
    const names = window.days.map((day) => DAYS[modulo(DAYS.indexOf(day) + days, 7)]);
    shifted.days = DAYS.filter((day) => names.includes(day));
  }
  if (window.since) shifted.since = later(window.since);
  if (window.until) shifted.until = later(window.until);
  if (window.except_dates) shifted.except_dates = window.except_dates.map(later);
  return shifted;
}

/**
 * The window with one edge at a minute since midnight of its date, snapped; it keeps at least a minute.
 * @param {Window} window
 * @param {Edge} edge
 * @param {number} minute
 * @param {number} step
 */
export function moveEdge(window, edge, minute, step) {
  if (isStiff(window)) return window;
  let [start, end] = extent(window);
  const week = endsOnWeekday(window) ? 7 * DAY : 0;
  if (edge === "start") {
    const longest = week || (modulo(end, DAY) === 0 ? DAY : DAY - 1); // one of 24 hours would read as an instant
    const earliest = Math.ceil((end - longest) / step) * step;
    start = withinDate(window, clamp(snapped(minute, step), earliest, latestBelow(end, step)), step);
  } else {
    const longest = week || (start === 0 ? DAY : DAY - 1);
    end = clamp(snapped(minute, step), earliestAbove(start, step), Math.floor((start + longest) / step) * step);
  }
  return withExtent(window, start, end);
}

/**
 * A start as it is where its dates can move along, or else the nearest on the same date.
 * @param {Window} window
 * @param {number} start
 * @param {number} step
 */
const withinDate = (window, start, step) => (canShift(window) ? start : clamp(start, 0, DAY - step));

/**
 * Whether an edge at this minute would leave nothing of the window.
 * @param {Window} window
 * @param {Edge} edge
 * @param {number} minute
 * @param {number} step
 */
export function leavesNothing(window, edge, minute, step) {
  const [start, end] = extent(window);
  return edge === "start" ? snapped(minute, step) >= end : snapped(minute, step) <= start;
}

/**
 * The window moved by some minutes, its start snapped. One of the whole day stays.
 * @param {Window} window
 * @param {number} by
 * @param {number} step
 */
export function moveWindow(window, by, step) {
  const [start, end] = extent(window);
  if (isStiff(window) || (end - start >= DAY && !endsOnWeekday(window))) return window;
  const first = withinDate(window, snapped(start + by, step), step);
  return withExtent(window, first, first + end - start);
}

/**
 * A window between two wall-clock minutes since midnight of a date, in either order.
 * @param {number} from
 * @param {number} to
 * @param {number} step
 * @param {string} tz
 */
export function newWindow(from, to, step, tz) {
  const start = Math.floor(Math.min(from, to) / step) * step;
  const end = Math.max(Math.ceil(Math.max(from, to) / step) * step, start + step);
  const longest = modulo(start, DAY) === 0 ? DAY : DAY - 1;
  const blank = { start: "", end: "", ...(tz === "UTC" ? {} : { tz }) };
  return withExtent(blank, start, Math.min(end, start + longest));
}

// Windows with a name. Each of the same name is what the definition says, and a copy of it.

/**
 * A schedule with another window at a place. One that keeps its name changes wherever that stands; one that takes the
 * name of another becomes that; a new name defines it.
 * @param {Schedule} schedule
 * @param {Item} item
 * @param {Window} window
 * @returns {Pick<Schedule, "windows" | "deployments">}
 */
export function withWindow(schedule, { row, kind, index }, window) {
  const { windows = {}, deployments } = schedule;
  if (kind === "fault") return { windows, deployments };
  const { name, ...plain } = window;
  const before = deployments[row][kind][index];
  const definitions = !name || (windows[name] && before.name !== name) ? windows : { ...windows, [name]: plain };
  const placed = name ? { ...definitions[name], name } : plain;
  return {
    windows: definitions,
    deployments: deployments.map((deployment, i) => {
      if (i !== row && !name) return deployment;
      /** @type {(list: Window[], of: string) => Window[]} */
      const changed = (list, of) =>
        list.map((old, j) => ((i === row && of === kind && j === index) || (name && old.name === name) ? placed : old));
      const { time_constraints, available } = deployment;
      return {
        ...deployment,
        time_constraints: changed(time_constraints, "time_constraints"),
        available: changed(available, "available"),
      };
    }),
  };
}

/**
 * Whether a text may name a window: nothing that could be a time.
 * @param {string} text
 */
export const isName = (text) => /^[^0-9\s:][^:]*$/.test(text);

// Outages

/**
 * When an outage begins and ends, in minutes since the epoch; one without an end lasts as long as time does here.
 * @param {Fault} fault
 * @returns {[number, number]}
 */
export const outageSpan = (fault) => [parseInstant(fault.start), fault.end ? parseInstant(fault.end) : END_OF_TIME];

/**
 * An outage with an edge, or all of it, moved by some minutes, snapped. It keeps at least a minute.
 * @param {Fault} fault
 * @param {Part} part
 * @param {number} by
 * @param {number} step
 * @returns {Fault}
 */
export function moveOutage(fault, part, by, step) {
  let [start, end] = outageSpan(fault);
  if (part === "start") start = Math.min(snapped(start + by, step), end - 1);
  else if (part === "end") end = Math.max(snapped(end + by, step), start + 1);
  else [start, end] = [snapped(start + by, step), end + snapped(start + by, step) - start];
  const next = { ...fault, start: formatInstant(start) };
  if (fault.end || part === "end") next.end = formatInstant(end);
  return next;
}

// Places

/**
 * Give each item a lane such that no two in one lane overlap. Items are lists of pieces; returns their lanes.
 * @param {{ from: number, to: number }[][]} items
 */
export function lanesOf(items) {
  /** @type {{ from: number, to: number }[][]} */
  const lanes = [];
  return items.map((pieces) => {
    const free = lanes.findIndex((taken) => pieces.every((p) => taken.every((t) => p.to <= t.from || t.to <= p.from)));
    const lane = free < 0 ? lanes.length : free;
    (lanes[lane] ??= []).push(...pieces);
    return lane;
  });
}

/**
 * What lies under the pointer: a bar, or an edge within reach. Bars are {from, to, starts, ends} with what else they
 * carry. Inside of bars their own edges count, and leave a third of a short bar for the bar; outside, the nearest.
 * @template {{ from: number, to: number, starts: boolean, ends: boolean }} Bar
 * @param {Bar[]} bars
 * @param {number} at
 * @param {number} reach
 * @returns {{ bar: Bar, part: Part } | null}
 */
export function hit(bars, at, reach) {
  const over = bars.filter((bar) => bar.from <= at && at <= bar.to);
  /** @type {{ bar: Bar, part: Part } | null} */
  let found = null;
  let best = Infinity;
  for (const bar of over.length ? over : bars) {
    const within = over.length ? Math.min(reach, (bar.to - bar.from) / 3) : reach;
    /** @type {[Edge, number, boolean][]} */
    const edges = [
      ["start", bar.from, bar.starts],
      ["end", bar.to, bar.ends],
    ];
    for (const [part, edge, shown] of edges) {
      const distance = Math.abs(at - edge);
      if (shown && distance <= within && distance <= best) [found, best] = [{ bar, part }, distance];
    }
  }
  const last = over.at(-1);
  return found ?? (last ? { bar: last, part: "bar" } : null);
}

/**
 * The list with one item at another place.
 * @template Item
 * @param {Item[]} list
 * @param {number} from
 * @param {number} to
 */
export function reordered(list, from, to) {
  const copy = [...list];
  copy.splice(clamp(to, 0, list.length - 1), 0, ...copy.splice(from, 1));
  return copy;
}

/**
 * A name in three parts: where there is no room the first and the last give way, so that names which begin alike stay
 * apart by the word in which they differ.
 * @param {string} name
 * @param {string[]} names
 * @returns {[string, string, string]}
 */
export function parted(name, names) {
  const shared = Math.max(0, ...names.filter((other) => other !== name).map((other) => sharedStart(name, other)));
  if (shared < 8) return [name, "", ""];
  const at = Math.max(1, name.slice(0, shared).search(/[-_./: ]?[^-_./: ]{0,6}$/));
  const [word] = /^[-_./: ]?[^-_./: ]{0,12}/.exec(name.slice(at)) ?? [""];
  return [name.slice(0, at), word, name.slice(at + word.length)];
}

/**
 * How many characters two texts have in common from the start.
 * @param {string} a
 * @param {string} b
 */
function sharedStart(a, b) {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

// Files

/**
 * JSON is YAML but for these characters, which YAML wants escaped.
 * @type {(value: unknown) => string}
 */
const json = (value) =>
  JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/**
 * A config as YAML, times quoted. What the kernel writes is tidier; this needs none.
 * @param {{ deployments: object[], [key: string]: unknown }} config
 */
export function toYaml(config) {
  const lines = [];
  for (const [key, value] of Object.entries(config)) if (key !== "deployments") lines.push(`${key}: ${json(value)}`);
  lines.push("deployments:");
  for (const deployment of config.deployments) {
    Object.entries(deployment).forEach(([key, value], i) => {
      const lead = i ? "    " : "  - ";
      if (Array.isArray(value) && value.length) {
        lines.push(`${lead}${key}:`, ...value.map((item) => `      - ${json(item)}`));
      } else {
        lines.push(`${lead}${key}: ${json(value)}`);
      }
    });
  }
  return `${lines.join("\n")}\n`;
}
