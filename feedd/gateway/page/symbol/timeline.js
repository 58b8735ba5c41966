// Layout of a feed's timeline: spans of states, and marks of gaps and restarts. Pure.

import { gapText } from "./words.js";

export const MAX_ENTRIES = 1000;
const MARK_WIDTH = 0.008; // of the strip: marks that are closer are drawn as one
const LANES = { gap: "gap", upstream_gap: "gap", restart: "restart", stopped: "restart" };

/** An entry's own name: a gateway that restarts counts from 1 again. */
export function keyOf(entry) {
  return `${entry.number}-${entry.at_ms}`;
}

/** Journal entries of one feed, newest first, bounded. */
export class EntryList {
  constructor(limit = MAX_ENTRIES) {
    this.limit = limit;
    this.entries = [];
    this.complete = false; // whether nothing older exists
    this.version = 0;
  }

  get oldest() {
    return this.entries.at(-1) ?? null;
  }

  get full() {
    return this.entries.length >= this.limit;
  }

  /** Add an entry once; returns false if it is known or too old for the bound. */
  add(entry) {
    let i = 0;
    while (i < this.entries.length && isNewer(this.entries[i], entry)) i += 1;
    const at = this.entries[i];
    if ((at && keyOf(at) === keyOf(entry)) || i >= this.limit) return false;
    this.entries.splice(i, 0, entry);
    if (this.entries.length > this.limit) {
      this.entries.length = this.limit;
      this.complete = false;
    }
    this.version += 1;
    return true;
  }
}

function isNewer(a, b) {
  return a.at_ms === b.at_ms ? a.number > b.number : a.at_ms > b.at_ms;
}

/** The journal entry that a notice of the stream is about; null for other messages. */
export function entryOfNotice(message) {
  const kind = message.type === "new_session" ? "restart" : message.type;
  if (!["gap", "upstream_gap", "restart", "state", "stopped"].includes(kind)) return null;
  if (message.number == null) return null;
  const entry = { ...message, kind, number: Number(message.number), at_ms: Number(message.at_ms) };
  if (kind === "restart") entry.session = message.new;
  if (kind === "gap" && entry.feed == null) {
    const dot = message.topic.indexOf(".");
    entry.channel = message.topic.slice(0, dot);
    entry.feed = message.topic.slice(dot + 1);
  }
  return entry;
}

/**
 * Spans of state in a window, oldest first: `{from_ms, to_ms, state, reason}`. Before the first
 * entry the state is `unknown`, unless there is none and `currentState` is known since `sinceMs`.
 */
export function stateSpans(entries, { fromMs, toMs, sinceMs = null, currentState = null }) {
  const changes = entries
    .filter((entry) => entry.kind === "state" || entry.kind === "stopped")
    .map((entry) => ({
      at: entry.at_ms,
      state: entry.kind === "stopped" ? "stopped" : entry.state,
      reason: entry.reason ?? null,
    }))
    .sort((a, b) => a.at - b.at);
  const spans = [];
  let at = fromMs;
  let state = "unknown";
  let reason = null;
  const until = (ms) => {
    const to = Math.min(Math.max(ms, fromMs), toMs);
    if (to > at) spans.push({ from_ms: at, to_ms: to, state, reason });
    at = Math.max(at, to);
  };
  if (changes.length === 0 && currentState !== null) {
    until(sinceMs ?? toMs);
    state = currentState;
  }
  for (const change of changes) {
    until(change.at);
    ({ state, reason } = change);
  }
  until(toMs);
  return merged(spans);
}

/** Marks of gaps and restarts in a window: `{lane, x, width, count, entries}`, fractions of it. */
export function marks(entries, { fromMs, toMs, mergeWithin = MARK_WIDTH }) {
  const length = Math.max(1, toMs - fromMs);
  const lanes = { gap: [], restart: [] };
  for (let i = entries.length - 1; i >= 0; i -= 1) {
    const entry = entries[i];
    const lane = LANES[entry.kind];
    if (!lane || entry.at_ms < fromMs || entry.at_ms > toMs) continue;
    const x = (entry.at_ms - fromMs) / length;
    const last = lanes[lane].at(-1);
    if (last && x - (last.x + last.width) < mergeWithin) {
      last.width = Math.max(last.width, x - last.x);
      last.count += 1;
      last.entries.push(entry);
    } else {
      lanes[lane].push({ lane, x, width: 0, count: 1, entries: [entry] });
    }
  }
  return [...lanes.gap, ...lanes.restart];
}

/** The window of a zoom: `5m`, `1h`, or `all` since the first entry or the gateway's start. */
export function windowOf(zoom, nowMs, entries, sinceMs) {
  if (zoom === "5m") return { fromMs: nowMs - 300e3, toMs: nowMs };
  if (zoom === "1h") return { fromMs: nowMs - 3600e3, toMs: nowMs };
  const first = Math.min(entries.at(-1)?.at_ms ?? nowMs, sinceMs ?? nowMs, nowMs - 60e3);
  return { fromMs: first, toMs: nowMs };
}

/** Times for the axis of a window: at most `most`, at round local times. */
export function axisTimes({ fromMs, toMs }, most = 6, offsetMs = 0) {
  const steps = [10e3, 30e3, 60e3, 300e3, 900e3, 3600e3, 3 * 3600e3, 6 * 3600e3, 86400e3];
  const length = toMs - fromMs;
  const step = steps.find((ms) => length / ms <= most) ?? Math.ceil(length / most / 86400e3) * 86400e3;
  const times = [];
  for (let t = Math.ceil((fromMs - offsetMs) / step) * step + offsetMs; t <= toMs; t += step) {
    times.push(t);
  }
  return times;
}

/** What a window holds, as a sentence for those who do not see the strip. */
export function summary(spans, allMarks) {
  const seconds = new Map();
  for (const span of spans) {
    seconds.set(span.state, (seconds.get(span.state) ?? 0) + (span.to_ms - span.from_ms) / 1000);
  }
  const total = [...seconds.values()].reduce((sum, s) => sum + s, 0) || 1;
  const states = [...seconds]
    .sort((a, b) => b[1] - a[1])
    .map(([state, s]) => `${state === "unknown" ? "not known" : state} ${share(s / total)}`);
  const count = (lane) =>
    allMarks.filter((mark) => mark.lane === lane).reduce((sum, mark) => sum + mark.count, 0);
  const counts = gapText({ gaps: count("gap"), restarts: count("restart") });
  return `${states.join(", ")}; ${counts || "no gap, no restart"}`;
}

function share(fraction) {
  const percent = fraction * 100;
  return `${percent > 99.9 && percent < 100 ? "99.9" : percent.toFixed(percent < 10 ? 1 : 0)} %`;
}

function merged(spans) {
  const result = [];
  for (const span of spans) {
    const last = result.at(-1);
    if (last && last.state === span.state && last.reason === span.reason) last.to_ms = span.to_ms;
    else result.push({ ...span });
  }
  return result;
}
