// What the page knows of each feed: the newest values, its status, its process, gaps and restarts.
// Pure: times are passed in, in ms of the server's clock.

import { decimalsOf, nsToMs, splitFeed } from "../format.js";
import { History } from "./history.js";

const MOST_DIGITS = 9; // of a price: more are an artefact of floating point
const BOOK_CHANNELS = new Set(["quote", "ticker", "book"]);

export class Feed {
  constructor(name) {
    this.name = name;
    Object.assign(this, splitFeed(name));
    this.last = null; // {value, channel, atMs, order}
    this.bid = null;
    this.ask = null;
    this.direction = 0; // of the last change of `last`
    this.changedMs = 0; // when `last` changed
    this.decimals = 0;
    this.eventMs = null; // of the newest event of any channel
    this.arrivedMs = null;
    this.status = null;
    this.statusMs = null;
    this.liveSinceMs = null;
    this.process = null; // of /api/overview
    this.processMs = null;
    this.seenGaps = 0; // reported to the gateway
    this.lostGaps = 0; // messages that the gateway lost
    this.gap = null; // the newest: {atMs, text}
    this.restartMs = null;
    this.history = new History();
  }

  get gaps() {
    return Math.max(this.status?.gaps ?? 0, this.seenGaps) + this.lostGaps;
  }

  /** Restarts that nobody requested, since supervisord started; null where unknown. */
  get restarts() {
    return this.process?.restarts ?? null;
  }

  get replayed() {
    return this.process?.state === "replay" || this.process?.state === "ended";
  }

  /** Messages per second of the published channels. */
  get rate() {
    const channels = this.status?.channels;
    if (!channels) return this.process?.messages_per_s ?? null;
    let sum = 0;
    for (const name in channels) if (channels[name].published) sum += channels[name].messages_per_s;
    return sum;
  }

  /** The latency `p50` or `p99` in µs: of the channel with the highest p99. */
  latency(percentile) {
    const channels = this.status?.channels;
    let worst = null;
    for (const name in channels ?? {}) {
      const { p50, p99 } = channels[name].latency_us;
      if (p99 !== null && (worst === null || p99 > worst.p99)) worst = { p50, p99 };
    }
    return worst === null ? null : worst[percentile];
  }

  get spread() {
    return this.bid === null || this.ask === null ? null : this.ask.value - this.bid.value;
  }

  get spreadBps() {
    const spread = this.spread;
    const mid = spread === null ? 0 : (this.ask.value + this.bid.value) / 2;
    return mid > 0 ? (spread / mid) * 1e4 : null;
  }

  /** Time since the newest event; of a replay, since it arrived. */
  ageMs(nowMs) {
    const atMs = this.replayed ? this.arrivedMs : this.eventMs;
    return atMs === null ? null : Math.max(0, nowMs - atMs);
  }
}

export class FeedStore {
  constructor() {
    this.feeds = new Map();
    this.dirty = new Set(); // changed since it was last emptied
    this.membersChanged = false; // a feed was added or removed since this was last false
    this.overviewMs = null;
    this.exchangesListed = null; // feeds of the newest overview; null before the first
    this.entries = new Set(); // numbers of the journal's entries that are counted
  }

  /** Takes an event of /stream. Returns the feed that it changes, or null. */
  apply(event, nowMs) {
    switch (event.type) {
      case "status":
        return this.#status(event, nowMs);
      case "ticker":
      case "quote":
      case "trade":
      case "book":
      case "candle":
      case "mark":
      case "liquidation":
        return this.#tick(event, nowMs);
      case "gap":
      case "upstream_gap":
      case "new_session":
      case "state":
      case "stopped":
        return this.#notice(event);
      default:
        return null;
    }
  }

  /** Takes entries of /api/timeline: what happened before the page was opened. */
  timeline(entries) {
    for (const entry of entries) {
      if (entry.kind === "restart") this.#notice({ ...entry, type: "new_session" });
      else this.#notice({ ...entry, type: entry.kind });
    }
  }

  /** Takes /api/overview: which feeds there are, and their processes. */
  overview(content) {
    this.overviewMs = content.now_ms;
    const listed = new Set();
    for (const process of content.processes) {
      if (!process.is_feed || !process.feed) continue;
      listed.add(process.feed);
      const feed = this.feeds.get(process.feed) ?? this.#add(process.feed);
      feed.process = process;
      feed.processMs = content.now_ms;
      this.dirty.add(feed);
    }
    this.exchangesListed = listed;
    // A supervisord that hangs lists nothing; the feeds may still run.
    if (listed.size === 0) return;
    for (const [name, feed] of this.feeds) {
      if (listed.has(name)) continue;
      const silentMs = content.now_ms - Math.max(feed.statusMs ?? 0, feed.eventMs ?? 0);
      if (silentMs > 3000) this.#remove(name, feed);
    }
  }

  /** Takes /api/trends: the sparklines' past. */
  trends(content) {
    for (const [name, trend] of Object.entries(content.feeds)) {
      const feed = this.feeds.get(name);
      if (!feed) continue;
      feed.history.past(trend.end_ms, content.step_s * 1000, trend.last);
      this.dirty.add(feed);
    }
  }

  /** Topics without which some feed would have no price: it has neither quotes nor a ticker. */
  extraTopics() {
    const topics = [];
    for (const feed of this.feeds.values()) {
      const channels = feed.status?.channels ?? {};
      const published = (name) => channels[name]?.published;
      if (published("book") && !published("quote") && !published("ticker")) {
        topics.push(`book.${feed.name}`);
      }
      const priced = published("ticker") || published("trade");
      if (published("candle") && !priced) topics.push(`candle.${feed.name}`);
      if (published("mark") && !priced && !published("candle")) topics.push(`mark.${feed.name}`);
    }
    return topics.sort();
  }

  #add(name) {
    const feed = new Feed(name);
    this.feeds.set(name, feed);
    this.dirty.add(feed);
    this.membersChanged = true;
    return feed;
  }

  #remove(name, feed) {
    this.feeds.delete(name);
    this.dirty.delete(feed);
    this.membersChanged = true;
  }

  #of(name) {
    return this.feeds.get(name) ?? this.#add(name);
  }

  #status(event, nowMs) {
    const feed = this.#of(`${event.exchange}.${event.symbol}.`);
    const atMs = nsToMs(event.published_ns);
    // A snapshot may be older than what arrived before a reconnect.
    if (feed.statusMs !== null && atMs < feed.statusMs && !feed.replayed) return null;
    if (event.state !== "live") feed.liveSinceMs = null;
    else if (feed.status?.state !== "live") feed.liveSinceMs = nowMs;
    feed.status = event;
    feed.statusMs = feed.replayed ? nowMs : atMs;
    for (const name in event.channels) {
      const ageMs = event.channels[name].age_ms;
      if (!event.channels[name].published || ageMs === null) continue;
      feed.eventMs = Math.max(feed.eventMs ?? 0, atMs - ageMs);
    }
    this.dirty.add(feed);
    return feed;
  }

  #tick(event, nowMs) {
    const feed = this.#of(`${event.exchange}.${event.symbol}.`);
    const atMs = nsToMs(event.published_ns);
    const order = event.timestamp ?? nsToMs(event.received_ns);
    feed.eventMs = Math.max(feed.eventMs ?? 0, atMs);
    if (event.origin !== "snapshot") feed.arrivedMs = nowMs;
    const at = feed.replayed ? nowMs : atMs;
    const { type } = event;
    if (BOOK_CHANNELS.has(type)) takeBidAsk(feed, event, at);
    const last = lastOf(event);
    if (last !== null && supersedes(feed.last, type, order)) takeLast(feed, last, type, at, order, nowMs);
    this.dirty.add(feed);
    return feed;
  }

  #notice(event) {
    const name = event.feed ?? event.topic?.slice(event.topic.indexOf(".") + 1);
    if (!name) return null; // of the stream itself
    if (event.number !== undefined && event.number !== null) {
      if (this.entries.has(event.number)) return null;
      this.entries.add(event.number);
      if (this.entries.size > 20000) this.entries.delete(this.entries.values().next().value);
    }
    const feed = this.#of(name);
    const atMs = event.at_ms;
    if (event.type === "gap") {
      feed.lostGaps += 1;
      newer(feed, atMs, `messages ${event.from_seq} to ${event.to_seq} lost: ${event.reason}`);
    } else if (event.type === "upstream_gap") {
      feed.seenGaps += 1;
      newer(feed, atMs, `${event.channel}: ${event.reason}`);
    } else if (event.type === "new_session") {
      feed.restartMs = Math.max(feed.restartMs ?? 0, atMs);
    }
    this.dirty.add(feed);
    return feed;
  }
}

function newer(feed, atMs, text) {
  if (feed.gap === null || atMs >= feed.gap.atMs) feed.gap = { atMs, text };
}

function lastOf(event) {
  switch (event.type) {
    case "trade":
      return event.price;
    case "ticker":
      return event.last;
    case "candle":
      return event.close;
    case "mark":
      return event.mark_price;
    default:
      return null;
  }
}

/** A trade and a ticker are ordered by the exchange's time; both precede candles and marks. */
function supersedes(last, channel, order) {
  if (last === null || last.channel === channel) return true;
  const traded = (name) => name === "trade" || name === "ticker";
  if (traded(channel) !== traded(last.channel)) return traded(channel);
  return order >= last.order;
}

function takeLast(feed, value, channel, atMs, order, nowMs) {
  const before = feed.last?.value;
  if (before !== undefined && value !== before) {
    feed.direction = value > before ? 1 : -1;
    feed.changedMs = nowMs;
  }
  learnDecimals(feed, value);
  feed.last = { value, channel, atMs, order };
  feed.history.add(nowMs, value);
}

const PRECEDENCE = { quote: 2, ticker: 1, book: 0 };

function takeBidAsk(feed, event, atMs) {
  const channel = event.type;
  const held = feed.bid ?? feed.ask;
  if (held && PRECEDENCE[channel] < PRECEDENCE[held.channel] && atMs - held.atMs < 30000) return;
  const [bid, ask] =
    channel === "book" ? [event.bids[0]?.[0], event.asks[0]?.[0]] : [event.bid, event.ask];
  feed.bid = isNumber(bid) ? { value: bid, channel, atMs } : null;
  feed.ask = isNumber(ask) ? { value: ask, channel, atMs } : null;
  if (event.bid_ask === "estimate") return;
  if (feed.bid) learnDecimals(feed, bid);
  if (feed.ask) learnDecimals(feed, ask);
}

function learnDecimals(feed, value) {
  const whole = Math.max(1, Math.floor(Math.log10(Math.abs(value) || 1)) + 1);
  const most = Math.abs(value) >= 1 ? Math.max(0, MOST_DIGITS - whole) : 12;
  feed.decimals = Math.max(feed.decimals, Math.min(most, decimalsOf(value)));
}

function isNumber(x) {
  return typeof x === "number" && Number.isFinite(x);
}
