// Windows as numbers, without a page: where they lie, what a drag makes of them, what is under the pointer.
// Time is in minutes: of the day for a window, since the epoch for an instant, since the epoch of local days for
// wall-clock time. A zone is a table [[since, offset], ...] that the kernel sends, so both use the same rules.

export const DAY = 1440;
export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

const END_OF_TIME = Date.UTC(2199, 11, 31) / 60_000;
const EPOCH_WEEKDAY = 3; // 1970-01-01 was a Thursday
const modulo = (a, b) => ((a % b) + b) % b;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const two = (number) => String(number).padStart(2, "0");

/** Minutes of a time like "9:30", or null. 24:00 is an end only. */
export function parseTime(text, isEnd = false) {
  const match = /^(\d{1,2}):(\d{1,2})$/.exec(text);
  if (!match) return null;
  const [hour, minute] = [Number(match[1]), Number(match[2])];
  if (hour === 24 && minute === 0 && isEnd) return DAY;
  return hour < 24 && minute < 60 ? 60 * hour + minute : null;
}

export const formatTime = (minutes) => `${two(Math.floor(minutes / 60))}:${two(Math.floor(minutes % 60))}`;

/** Days since the epoch of a date like "2026-03-02", or null. */
export function parseDate(text) {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || text.startsWith("0000")) return null;
  const day = Date.parse(text) / 86_400_000;
  return Number.isFinite(day) && formatDate(day) === text ? day : null; // February 30 would be March 2
}

export const formatDate = (day) => new Date(day * 86_400_000).toISOString().slice(0, 10);
export const weekday = (day) => DAYS[modulo(day + EPOCH_WEEKDAY, 7)];

/** "2026-03-02 14:10" of wall-clock minutes. */
export const formatLocal = (local) =>
  `${formatDate(Math.floor(local / DAY))} ${formatTime(modulo(Math.floor(local), DAY))}`;

/** Wall-clock minutes of "2026-03-02T14:10" or with a space, or null. */
export function parseLocal(text) {
  const [date, time] = text.trim().split(/[T ]+/);
  const [day, minutes] = [parseDate(date ?? ""), parseTime((time ?? "").slice(0, 5))];
  return day === null || minutes === null ? null : day * DAY + minutes;
}

/** Minutes since the epoch of ISO text in UTC, and back. */
export const parseInstant = (text) => Date.parse(text) / 60_000;
export const formatInstant = (at) => new Date(Math.round(at * 60) * 1000).toISOString().replace(".000Z", "Z");

export function offsetAt(zone, at) {
  let offset = zone[0][1];
  for (const [since, next] of zone) {
    if (since > at) break;
    offset = next;
  }
  return offset;
}

export const localOf = (zone, at) => at + offsetAt(zone, at);

/** The first instant at which the clocks of a zone show a wall-clock time; where they skip it, that of the skip. */
export function instantOf(zone, local) {
  for (const [since, until, offset] of stretches(zone, -Infinity, Infinity)) {
    const at = local - offset;
    if (at < since) return since;
    if (at < until) return at;
  }
  return local;
}

/** Cut [from, to) where the offset of a zone changes: [since, until, offset] of each part. */
function stretches(zone, from, to) {
  const parts = [];
  zone.forEach(([since, offset], i) => {
    const low = Math.max(i ? since : -Infinity, from);
    const high = Math.min(i + 1 < zone.length ? zone[i + 1][0] : Infinity, to);
    if (low < high) parts.push([low, high, offset]);
  });
  return parts;
}

/** Start and end of a window in minutes since midnight of the date it starts on; the end may lie beyond DAY. */
export function extent(window) {
  const [start, end] = [parseTime(window.start), parseTime(window.end, true)];
  return [start, end < start ? end + DAY : end];
}

/** The window with another extent. If it then starts on another date, its dates and weekdays move along. */
export function withExtent(window, start, end) {
  const days = Math.floor(start / DAY);
  const [first, last] = [start - days * DAY, end - days * DAY];
  const nextMidnight = last === DAY && first > 0 && window.end === "00:00"; // which is included; that of 24:00 is not
  const close = formatTime(last > DAY || nextMidnight ? last - DAY : last);
  return shiftDates({ ...window, start: formatTime(first), end: close }, days);
}

/** The window on dates that lie so many days later. */
export function shiftDates(window, days) {
  if (!days) return window;
  const moved = { ...window };
  const later = (text) => formatDate(parseDate(text) + days);
  if (window.days) {
    const names = window.days.map((day) => DAYS[modulo(DAYS.indexOf(day) + days, 7)]);
    moved.days = DAYS.filter((day) => names.includes(day));
  }
  if (window.since) moved.since = later(window.since);
  if (window.until) moved.until = later(window.until);
  if (window.except_dates) moved.except_dates = window.except_dates.map(later);
  return moved;
}

const snapped = (minutes, step) => Math.round(minutes / step) * step;

/** The window with one edge at a minute since midnight of its date, snapped; it keeps at least a minute. */
export function moveEdge(window, edge, minute, step) {
  let [start, end] = extent(window);
  if (edge === "start") {
    const longest = modulo(end, DAY) === 0 ? DAY : DAY - 1; // one of 24 hours would read as an instant
    start = clamp(snapped(minute, step), Math.ceil((end - longest) / step) * step, latestBelow(end, step));
  } else {
    const longest = start === 0 ? DAY : DAY - 1;
    end = clamp(snapped(minute, step), latestAbove(start, step), Math.floor((start + longest) / step) * step);
  }
  return withExtent(window, start, end);
}

const latestBelow = (end, step) => Math.floor((end - 1) / step) * step;
const latestAbove = (start, step) => Math.ceil((start + 1) / step) * step;

/** Whether an edge at this minute would leave nothing of the window. */
export function leavesNothing(window, edge, minute, step) {
  const [start, end] = extent(window);
  return edge === "start" ? snapped(minute, step) >= end : snapped(minute, step) <= start;
}

/** The window moved by some minutes, its start snapped. One of the whole day stays. */
export function moveWindow(window, by, step) {
  const [start, end] = extent(window);
  if (end - start >= DAY) return window;
  const first = snapped(start + by, step);
  return withExtent(window, first, first + end - start);
}

/** When an outage begins and ends, in minutes since the epoch; one without an end lasts as long as time does here. */
export const outageSpan = (fault) => [parseInstant(fault.start), fault.end ? parseInstant(fault.end) : END_OF_TIME];

/** An outage with an edge, or all of it, moved by some minutes, snapped. It keeps at least a minute. */
export function moveOutage(fault, part, by, step) {
  let [start, end] = outageSpan(fault);
  if (part === "start") start = Math.min(snapped(start + by, step), end - 1);
  else if (part === "end") end = Math.max(snapped(end + by, step), start + 1);
  else [start, end] = [snapped(start + by, step), end + snapped(start + by, step) - start];
  const times = { start: formatInstant(start), end: formatInstant(end) };
  if (!fault.end && part !== "end") delete times.end;
  return { ...fault, ...times };
}

/** A window between two wall-clock minutes since midnight of a date, in either order. */
export function newWindow(from, to, step, tz) {
  const start = Math.floor(Math.min(from, to) / step) * step;
  const end = Math.max(Math.ceil(Math.max(from, to) / step) * step, start + step);
  const longest = modulo(start, DAY) === 0 ? DAY : DAY - 1;
  return withExtent(tz === "UTC" ? {} : { tz }, start, Math.min(end, start + longest));
}

function startsOn(window, day) {
  const date = formatDate(day);
  if (window.since && date < window.since) return false;
  if (window.until && date > window.until) return false;
  return (!window.days || window.days.includes(weekday(day))) && !window.except_dates?.includes(date);
}

/**
 * Where a window lies within [from, to): a piece for each date on which it starts, two where the clocks repeat an
 * hour. `starts` and `ends` say whether the piece shows that edge of the window, or is cut there.
 */
export function occurrences(window, zone, from, to) {
  const [start, end] = extent(window);
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

/** The axis of some local days from a date on: its instants, and ticks with what the clocks show there. */
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

/** Give each item a lane such that no two in one lane overlap. Items are lists of pieces; returns their lanes. */
export function lanesOf(items) {
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
 */
export function hit(bars, at, reach) {
  const over = bars.filter((bar) => bar.from <= at && at <= bar.to);
  let found = null;
  let best = Infinity;
  for (const bar of over.length ? over : bars) {
    const within = over.length ? Math.min(reach, (bar.to - bar.from) / 3) : reach;
    for (const [part, edge, shown] of [
      ["start", bar.from, bar.starts],
      ["end", bar.to, bar.ends],
    ]) {
      const distance = Math.abs(at - edge);
      if (shown && distance <= within && distance <= best) [found, best] = [{ bar, part }, distance];
    }
  }
  return found ?? (over.length ? { bar: over.at(-1), part: "bar" } : null);
}

/** The list with one item at another place. */
export function moved(list, from, to) {
  const copy = [...list];
  copy.splice(clamp(to, 0, list.length - 1), 0, ...copy.splice(from, 1));
  return copy;
}

/** When a window holds, in words. */
export function described(window) {
  const days = !window.days || window.days.length === 7 ? "daily" : window.days.join(" ");
  const dates = [
    window.since && `from ${window.since}`,
    window.until && `until ${window.until}`,
    window.except_dates?.length && `except ${window.except_dates.join(", ")}`,
  ].filter(Boolean);
  return [`${window.start}–${window.end}`, window.tz ?? "UTC", days, ...dates].join(" · ");
}

/** A window with only the fields that say something. */
export function plainWindow(window) {
  const plain = { start: window.start, end: window.end };
  if (window.tz && window.tz !== "UTC") plain.tz = window.tz;
  if (window.days && window.days.length < 7) plain.days = window.days;
  for (const field of ["since", "until"]) if (window[field]) plain[field] = window[field];
  if (window.except_dates?.length) plain.except_dates = window.except_dates;
  return plain;
}

// JSON is YAML but for these characters, which YAML wants escaped.
const json = (value) =>
  JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** A config as YAML, times quoted. What the kernel writes is tidier; this needs none. */
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
