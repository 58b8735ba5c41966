// Which feeds are listed, and in which order: those that need attention first. Pure.

import { WELL } from "./condition.js";

/** Columns by which the feeds are sorted. Numbers start with the highest, except `age`. */
export const SORTS = {
  symbol: { label: "Symbol", of: ({ feed }) => feed.symbol, first: "ascending" },
  exchange: { label: "Exchange", of: ({ feed }) => feed.exchange, first: "ascending" },
  state: { label: "State", of: ({ condition }) => condition.rank, first: "ascending" },
  last: { label: "Last", of: ({ feed }) => feed.last?.value ?? null, first: "descending" },
  bid: { label: "Bid", of: ({ feed }) => feed.bid?.value ?? null, first: "descending" },
  ask: { label: "Ask", of: ({ feed }) => feed.ask?.value ?? null, first: "descending" },
  spread: { label: "Spread", of: ({ feed }) => feed.spread, first: "descending" },
  bps: { label: "Spread in bps", of: ({ feed }) => feed.spreadBps, first: "descending" },
  trend: { label: "Change in 10 min", of: ({ feed, nowMs }) => change(feed, nowMs), first: "descending" },
  rate: { label: "Rate", of: ({ feed }) => feed.rate, first: "descending" },
  age: { label: "Age", of: ({ feed, nowMs }) => feed.ageMs(nowMs), first: "descending" },
  latency: { label: "Latency p99", of: ({ feed }) => feed.latency("p99"), first: "descending" },
  gaps: { label: "Gaps", of: ({ feed }) => feed.gaps, first: "descending" },
  restarts: { label: "Restarts", of: ({ feed }) => feed.restarts, first: "descending" },
};

export const DEFAULTS = { text: "", exchange: "", state: "", sort: "symbol", order: "ascending" };

const collator = new Intl.Collator("en", { numeric: true });

/** Settings of the view from a URL's query; what is unknown is the default. */
export function settingsFrom(query) {
  const sort = query.get("sort") ?? "";
  const descending = sort.startsWith("-");
  const key = descending ? sort.slice(1) : sort;
  const known = Object.hasOwn(SORTS, key);
  return {
    text: query.get("q") ?? "",
    exchange: query.get("exchange") ?? "",
    state: query.get("state") ?? "",
    sort: known ? key : DEFAULTS.sort,
    order: known && descending ? "descending" : "ascending",
  };
}

/** The query of settings, without defaults. */
export function queryOf(settings) {
  const query = new URLSearchParams();
  if (settings.text) query.set("q", settings.text);
  if (settings.exchange) query.set("exchange", settings.exchange);
  if (settings.state) query.set("state", settings.state);
  if (settings.sort !== DEFAULTS.sort || settings.order !== DEFAULTS.order) {
    query.set("sort", (settings.order === "descending" ? "-" : "") + settings.sort);
  }
  return query;
}

/** The settings after a click on a column's header. */
export function sortedBy(settings, key) {
  if (settings.sort !== key) return { ...settings, sort: key, order: SORTS[key].first };
  const order = settings.order === "ascending" ? "descending" : "ascending";
  return { ...settings, order };
}

/** Items `{feed, condition, nowMs}` that the settings admit. */
export function filtered(items, settings) {
  const words = settings.text.toLowerCase().split(/\s+/).filter(Boolean);
  return items.filter((item) => {
    const { feed } = item;
    if (settings.exchange && feed.exchange !== settings.exchange) return false;
    if (settings.state && !inState(item.condition, settings.state)) return false;
    if (words.length === 0) return true;
    const text = `${feed.exchange} ${feed.symbol}`.toLowerCase();
    const plain = bare(text);
    return words.every((word) => text.includes(word) || (bare(word) && plain.includes(bare(word))));
  });
}

/** A name without punctuation: "btcusdt" finds BTC/USDT. */
function bare(text) {
  return text.replace(/[/:_.-]/g, "");
}

function inState({ state, rank, gapped, restarted }, wanted) {
  if (wanted === "attention") return rank < WELL;
  if (wanted === "gapped") return gapped;
  if (wanted === "restarted") return restarted;
  return state === wanted;
}

/** The items in their order: by rank, then by the settings' column, then by name. */
export function ranked(items, settings) {
  const { of } = SORTS[settings.sort];
  const sign = settings.order === "descending" ? -1 : 1;
  const keyed = items.map((item) => ({ item, key: of(item) }));
  keyed.sort((a, b) => {
    const rank = a.item.condition.rank - b.item.condition.rank;
    if (rank !== 0) return rank;
    const byKey = compared(a.key, b.key, sign);
    return byKey !== 0 ? byKey : byName(a.item.feed, b.item.feed);
  });
  return keyed.map(({ item }) => item);
}

/** Unknown values come last in both orders. */
function compared(a, b, sign) {
  const noA = a === null || a === undefined || Number.isNaN(a);
  const noB = b === null || b === undefined || Number.isNaN(b);
  if (noA || noB) return noA - noB;
  if (typeof a === "string") return sign * collator.compare(a, b);
  return sign * (a - b);
}

function byName(a, b) {
  return collator.compare(a.symbol, b.symbol) || collator.compare(a.exchange, b.exchange);
}

function change(feed, nowMs) {
  const values = feed.history.at(nowMs);
  const first = values.find((value) => !Number.isNaN(value));
  if (first === undefined || feed.last === null || first === 0) return null;
  return feed.last.value / first - 1;
}
