// What the parts of the editor hand to each other. For the type-checker only: this file is not shipped.
import type { LocalDates } from "./dates.js";

/** A recurring stretch of local wall-clock time, as a draft holds it: timegate.Window. */
export interface Window extends LocalDates {
  start: string;
  end: string;
  tz?: string;
  end_included?: boolean;
  /** That of a definition at the head of the config, of which this is a copy. */
  name?: string;
}

/** The dates of holidays by the name of their calendar, around the day shown. */
export type Holidays = Record<string, string[]>;

export type WindowKind = "time_constraints" | "available";

export interface Deployment {
  model_name: string;
  model: string;
  time_constraints: Window[];
  available: Window[];
  off?: boolean;
  [field: string]: unknown;
}

/** A fault of the scenario. Only outages are edited here, and they have a start. */
export interface Fault {
  type: string;
  target: string;
  start: string;
  end?: string | null;
  error?: string;
  name?: string;
}

/** Who made a change, and which of theirs it is. */
export interface Change {
  author: string;
  revision: number;
}

export interface Schedule {
  /** Definitions by name. */
  windows?: Record<string, Window>;
  deployments: Deployment[];
  faults: Fault[];
}

export type Draft = Change & Schedule;

/** Which window or fault: `row` is the deployment in whose row it is shown. */
export interface Item {
  row: number;
  kind: WindowKind | "fault";
  index: number;
}

/** An item, or a whole deployment, which has no index. */
export interface Selection {
  row: number;
  kind: Item["kind"];
  index?: number;
}

/** Where in a draft a problem or a finding is. */
export interface Place {
  row?: number | null;
  kind?: string;
  index?: number | null;
  fault?: number;
  field?: string;
}

export interface Problem extends Place {
  text: string;
}

export interface Finding extends Place {
  severity: string;
  text: string;
  fix: string;
}

/** A line of the status, or what the form says below its fields. */
export interface Line {
  tone: string;
  text: string;
  item?: Place;
  actions?: [string, () => void][];
}

/** The offsets of a zone from UTC: [since, offset], in minutes, in order. */
export type Zone = [number, number][];

/** A window where it lies on the axis, or a part of it: instants, in minutes. */
export interface Piece {
  day: number;
  from: number;
  to: number;
  starts: boolean;
  ends: boolean;
}

export interface Bar {
  from: number;
  to: number;
  /** Whether an edge is that of the item, and not of the axis. */
  starts: boolean;
  ends: boolean;
  item: Item;
  key: string;
  /** Whether this bar of the item carries its body, its start, its end for keys and screen readers. */
  main: boolean;
  lead: boolean;
  tail: boolean;
  top: number;
  height: number;
  /** Of an outage: which of its row. */
  number?: number;
}

export type Part = "start" | "end" | "bar";
export type Edge = "start" | "end";

export interface Axis {
  from: number;
  to: number;
  ticks: { at: number; text: string }[];
}

/** Calls by name and bin; `from` and `step` in minutes. */
export interface Series {
  names: string[];
  from: number;
  step: number;
  counts: number[][];
}

export type Count = "calls" | "first_choice" | "fallback" | "failed" | "blocked" | "shed";
export type Figures = Record<Count, number> & {
  shares: Record<string, number>;
  p95_s: number | null;
  wait_p95_s: number | null;
  cost: Cost | null;
};

/** What answers cost; null if that of none is known. */
export interface Cost {
  amount: number | null;
  currency: string;
  unknown: number;
}

/** What the kernel says of a draft. */
export interface Answer extends Change {
  refused: boolean;
  problems: Problem[];
  notes: string[];
  rest: Record<string, unknown>;
  groups: Record<string, string[]>;
  colors: Record<string, string>;
  zones: Record<string, Zone>;
  holidays: Holidays;
  series: Series | null;
  figures: Figures | null;
  start: Figures | null;
  acting: { deployment: string; from: number; to: number; text: string }[];
  /** Whether there is what windows are chosen by: calls, and prices. */
  proposes: boolean;
}

/** What the kernel tells once, in answer to a button. */
export interface Message {
  kind: string;
  about?: string;
  text: string;
}

export interface Traits {
  draft: Draft;
  answer: Answer;
  findings: Partial<Change> & { day?: string; tz?: string; items?: Finding[] };
  origin: string;
  tz: string;
  day: string;
  axis: "day" | "week";
  snap: number;
  path: string;
  scope: "trace" | "shown";
  /** How far a search for windows is, in words; empty if there is none. */
  proposing: string;
}

/** The model of an anywidget. */
export interface Model {
  get<Name extends keyof Traits>(name: Name): Traits[Name];
  set<Name extends keyof Traits>(name: Name, value: Traits[Name]): void;
  save_changes(): void;
  send(content: object): void;
  on(name: string, listener: (message: Message) => void): void;
  off(name: string, listener: (message: Message) => void): void;
}

export type Attribute = string | number | boolean | null | undefined;
export type Attributes = Record<string, Attribute | ((event: any) => void)>;
export type Child = Node | string | null | undefined | false;
