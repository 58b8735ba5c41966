// Condition of a feed, and which of its numbers are current. Pure.

import { age } from "../format.js";

export const RECENT_MS = 5 * 60 * 1000; // a gap or a restart needs attention for so long
export const SILENT_MS = 3000; // a status comes each second
const SURELY_RUNS_MS = 1500; // after a status
const SETTLED_MS = 5000; // live for so long, a process report is not of the time before
const DEFAULT_STALE_MS = 30000;
const FLOWS_MS = 5000; // beside a channel that is lost, another delivers

// Ranks: the lower, the further up.
export const DOWN = 0;
export const UNWELL = 1;
export const STOPPED = 2;
export const GAPPED = 3;
export const WELL = 4;

const RANKS = {
  down: DOWN,
  silent: DOWN,
  blocked: DOWN,
  stale: UNWELL,
  reconnecting: UNWELL,
  resync: UNWELL,
  starting: UNWELL,
  stopped: STOPPED,
  live: WELL,
  replay: WELL,
  ended: WELL,
};

/** States in the order in which a filter lists them. */
export const STATES = Object.keys(RANKS);

const NOT_RUNNING = new Set(["EXITED", "FATAL", "BACKOFF", "MISSING", "STOPPED", "STOPPING"]);
const PROCESS_WORDS = {
  EXITED: "its process has ended",
  FATAL: "its process does not start",
  BACKOFF: "its process ended right after its start",
  MISSING: "supervisord does not know it",
};

/** `{state, rank, reason, gapped, restarted}` of a feed at `nowMs`. */
export function condition(feed, nowMs) {
  const { state, reason } = stateOf(feed, nowMs);
  const gapped = feed.gap !== null && nowMs - feed.gap.atMs < RECENT_MS;
  const restarted = feed.restartMs !== null && nowMs - feed.restartMs < RECENT_MS;
  let rank = RANKS[state] ?? UNWELL;
  if (rank === WELL && (gapped || restarted)) rank = GAPPED;
  return { state, rank, reason, gapped, restarted };
}

function stateOf(feed, nowMs) {
  const { process, status } = feed;
  if (process?.state === "replay" || process?.state === "ended") {
    return { state: process.state, reason: process.reason };
  }
  const statusAgeMs = feed.statusMs === null ? Infinity : nowMs - feed.statusMs;
  const runs = statusAgeMs < SURELY_RUNS_MS && status.state !== "stopped";
  if (process && !runs) {
    if (process.process === "STOPPED" || process.process === "STOPPING") {
      return { state: "stopped", reason: process.reason ?? "stopped on purpose" };
    }
    if (NOT_RUNNING.has(process.process)) {
      return { state: "down", reason: process.reason ?? PROCESS_WORDS[process.process] };
    }
  }
  if (status === null) {
    if (process?.state && process.state !== "live") {
      return { state: process.state, reason: process.reason };
    }
    if (process?.process === "STARTING") return { state: "starting", reason: process.reason };
    return { state: "silent", reason: process?.reason ?? "no status arrived" };
  }
  if (status.state === "stopped") return { state: "stopped", reason: status.reason };
  if (statusAgeMs > SILENT_MS) {
    const why = process?.state === "blocked" ? process.reason : null;
    return { state: "silent", reason: why ?? `no status for ${age(statusAgeMs)}` };
  }
  if (status.state !== "live") return { state: status.state, reason: reasonOf(status) };
  const settled = feed.liveSinceMs !== null && nowMs - feed.liveSinceMs > SETTLED_MS;
  if (settled && process && process.healthy === false && process.process === "RUNNING") {
    if (process.state && process.state !== "live") {
      return { state: process.state, reason: process.reason };
    }
  }
  return { state: "live", reason: status.reason };
}

function reasonOf(status) {
  if (status.reason) return status.reason;
  for (const name in status.channels) {
    if (status.channels[name].reason) return `${name}: ${status.channels[name].reason}`;
  }
  return status.listing ? `the exchange lists it as ${status.listing}` : null;
}

/** Whether a value (`last`, `bid` or `ask` of a feed) is current: its channel delivers. */
export function isCurrent(feed, value, { rank, state }, nowMs) {
  if (value === null || rank === DOWN || rank === STOPPED || state === "ended") return false;
  const channel = feed.status?.channels?.[value.channel];
  if (channel && channel.state !== "live") return false;
  if (!channel && rank === UNWELL) return false;
  let limitMs = channel ? channel.stale_after_s * 1000 : DEFAULT_STALE_MS;
  // A silent feed is first stale in the channel with the shortest limit.
  if (rank === UNWELL) limitMs = Math.min(limitMs, FLOWS_MS);
  return nowMs - value.atMs <= limitMs;
}
