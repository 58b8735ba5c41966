// What needs attention, in counts and names, and what changed since the last time. Pure.

import { DOWN, GAPPED, STOPPED, UNWELL, WELL } from "./condition.js";

/** `{groups: [{word, level, items}], level, count}` of `{feed, condition}`, the worst first. */
export function alarmsOf(items) {
  const groups = new Map();
  for (const item of items) {
    const { rank, state, gapped } = item.condition;
    if (rank === WELL) continue;
    const word = rank === GAPPED ? (gapped ? "gapped" : "restarted") : state;
    const level = rank === DOWN ? "down" : "attention";
    if (!groups.has(word)) groups.set(word, { word, level, rank, items: [] });
    groups.get(word).items.push(item);
  }
  const sorted = [...groups.values()].sort((a, b) => a.rank - b.rank);
  const count = sorted.reduce((sum, group) => sum + group.items.length, 0);
  return { groups: sorted, level: sorted[0]?.level ?? null, count };
}

/** The title of the page, with the counts first: a tab shows little more. */
export function titleOf(connection, alarms, feeds) {
  if (connection === "disconnected") return "✕ disconnected · feedd";
  if (connection === "connecting") return "feedd";
  const behind = connection === "behind" ? "behind · " : "";
  if (alarms.count === 0) return `${behind}${feeds} live · feedd`;
  const mark = alarms.level === "down" ? "✕" : "⚠";
  const counts = alarms.groups.map(({ word, items }) => `${items.length} ${word}`).join(", ");
  return `${mark} ${counts} · ${behind}feedd`;
}

export function faviconOf(connection, alarms) {
  if (connection !== "live" && connection !== "behind") return connection;
  if (alarms.level !== null) return alarms.level;
  return connection === "behind" ? "attention" : "live";
}

/** Sentences on feeds whose state changed, for a screen reader. */
export class Announcements {
  #known = new Map();

  /** At most `limit` sentences; the first call knows no changes. */
  changes(items, limit = 4) {
    const said = [];
    const first = this.#known.size === 0;
    const now = new Map();
    for (const { feed, condition } of items) {
      const { state, rank } = condition;
      now.set(feed.name, state);
      const before = this.#known.get(feed.name);
      if (before === state || (before === undefined && (first || rank >= GAPPED))) continue;
      const where = `${feed.symbol} of ${feed.exchange}`;
      const bad = rank === DOWN || rank === UNWELL || rank === STOPPED;
      said.push(bad ? `${where} is ${state}` : `${where} is ${state} again`);
    }
    this.#known = now;
    if (said.length <= limit) return said;
    return [...said.slice(0, limit), `${said.length - limit} more changes`];
  }
}
