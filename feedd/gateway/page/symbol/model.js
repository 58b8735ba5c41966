// Everything that the page knows of one feed, from the stream and the API. Pure: times are passed in.

import { nsToMs, splitFeed } from "../format.js";
import { CandleFold } from "./candles.js";
import { freshness } from "./freshness.js";
import { bookOfQuote } from "./ladder.js";
import { Precision } from "./precision.js";
import { Tape } from "./tape.js";
import { EntryList, entryOfNotice } from "./timeline.js";
import { Trend } from "./trend.js";

const MAX_OUTAGES = 50;
const WORST = ["live", "behind", "connecting", "disconnected"];
const MARKET = ["quote", "ticker", "book", "candle", "mark", "trade", "liquidation"];

export class FeedModel {
  constructor(feed) {
    this.feed = feed;
    ({ exchange: this.exchange, symbol: this.symbol } = splitFeed(feed));
    this.latest = {}; // newest event of each channel
    this.eventMs = {}; // when each was published
    this.status = null;
    this.statusMs = null; // when it arrived; a snapshot's: when it was published
    this.state = null;
    this.reason = null;
    this.session = null;
    this.links = {}; // state of each stream
    this.sinceMs = null; // the gateway's start
    this.restartedMs = null; // the worker's newest restart that this page knows of
    this.outages = []; // of this page's connection: {from_ms, to_ms}, the newest last
    this.lastMove = 0; // of the last price: 1 up, -1 down
    this.price = new Precision();
    this.size = new Precision(8);
    this.candles = null; // a CandleFold, once the gateway has answered
    this.tape = new Tape();
    this.entries = new EntryList();
    this.trend = new Trend();
  }

  /** Take an object of /stream; returns the names of the parts that changed. */
  message(event, nowMs) {
    if (MARKET.includes(event.type)) return this.#tick(event, nowMs);
    if (event.type === "status") return this.#takeStatus(event, nowMs);
    if (event.type === "missed") return this.#missed(event, nowMs);
    const entry = entryOfNotice(event);
    return entry === null ? [] : this.#notice(entry, true);
  }

  /** Take the state of a stream of the page's; returns whether the worst of all changed. */
  link(name, state, info, nowMs) {
    const before = this.connection.state;
    this.links[name] = { state, behindMs: info?.byMs ?? null };
    const now = this.connection.state;
    if (now === "disconnected" && before !== now) {
      this.outages.push({ from_ms: info?.lastMs ?? nowMs, to_ms: null });
      if (this.outages.length > MAX_OUTAGES) this.outages.shift();
    } else if (now === "live" && this.outages.at(-1)?.to_ms === null) {
      this.outages.at(-1).to_ms = nowMs;
    }
    return before !== now;
  }

  /** The worst state of the page's streams. */
  get connection() {
    const links = Object.values(this.links);
    if (links.length === 0) return { state: "connecting", behindMs: null };
    return links.reduce((worst, link) =>
      WORST.indexOf(link.state) > WORST.indexOf(worst.state) ? link : worst,
    );
  }

  /** Take the journal's entries; of gaps in trades the tape has rows. */
  loadEntries(entries, complete) {
    for (const entry of entries) this.#notice(entry, false);
    if (complete) this.entries.complete = true;
  }

  loadCandles(answer) {
    const { made_from: madeFrom, timeframe, candles } = answer;
    const fold = new CandleFold({ madeFrom, timeframe, candles });
    fold.keepOlder(this.candles); // a gateway that has restarted no longer has them
    this.candles = fold;
    if (madeFrom === "quote") return; // a mid price may have more decimals than prices have
    for (const candle of this.candles.candles.slice(-50)) this.price.add(candle.close);
  }

  /** Take trades from the history; what is still missing afterwards is marked on the tape. */
  loadTrades(ticks, reason) {
    for (const tick of ticks) {
      this.price.add(tick.price);
      this.tape.add(tick);
    }
    this.tape.dropProvisional();
    for (const range of this.tape.unexplained()) {
      const number = `seq-${range.session}-${range.from_seq}`;
      this.tape.addGap({ kind: "gap", channel: "trade", number, reason, ...range });
    }
  }

  /** The status of one channel within the feed's; null if unknown. */
  channel(name) {
    return this.status?.channels?.[name] ?? null;
  }

  publishes(name) {
    return this.channel(name)?.published === true || this.latest[name] !== undefined;
  }

  /** Whether numbers are current; of one channel, or of the feed. */
  freshness(nowMs, channelName = null) {
    const { state: connection, behindMs } = this.connection;
    return {
      ...freshness({
        isEarlier: channelName !== null && this.#isOfEarlierSession(channelName),
        connection,
        behindMs,
        state: this.state,
        reason: this.reason,
        statusAgeMs: this.statusMs === null ? null : Math.max(0, nowMs - this.statusMs),
        channel: channelName === null ? null : this.channel(channelName),
      }),
      asOfMs: this.#asOf(channelName),
    };
  }

  /** Whether the worker has restarted since a channel's newest event. */
  #isOfEarlierSession(channelName) {
    const session = Number(this.latest[channelName]?.session);
    return this.session !== null && session < this.session;
  }

  /**
   * `{last, bid, ask, spread, spreadBps, changePercent, …}`, each null if unknown; `lastFrom` and
   * `topFrom` are the channels of the last price, and of bid and ask.
   */
  get prices() {
    const { trade, ticker, quote, book } = this.latest;
    const top = quote ? bookOfQuote(quote) : book ?? bookOfQuote(ticker);
    const bid = top.bids[0]?.[0] ?? null;
    const ask = top.asks[0]?.[0] ?? null;
    const both = bid !== null && ask !== null;
    const tradeIsNewer = trade && (this.eventMs.trade ?? 0) >= (this.eventMs.ticker ?? 0);
    const ofTrade = tradeIsNewer || ticker?.last == null;
    const last = (ofTrade ? trade?.price : ticker.last) ?? null;
    return {
      last,
      lastFrom: ofTrade ? "trade" : "ticker",
      topFrom: quote ? "quote" : book ? "book" : "ticker",
      bid,
      ask,
      spread: both ? ask - bid : null,
      spreadBps: both && bid + ask > 0 ? ((ask - bid) / ((bid + ask) / 2)) * 1e4 : null,
      changePercent: ticker?.change_percent ?? null,
      high: ticker?.high ?? null,
      low: ticker?.low ?? null,
      volume: ticker?.volume ?? null,
      mark: this.latest.mark?.mark_price ?? null,
      fundingRate: this.latest.mark?.funding_rate ?? null,
    };
  }

  /** The book to show, and the channel that it is from; null before the first. */
  get book() {
    if (this.latest.book) return { book: this.latest.book, channel: "book" };
    if (this.latest.quote) return { book: bookOfQuote(this.latest.quote), channel: "quote" };
    return this.latest.ticker
      ? { book: bookOfQuote(this.latest.ticker), channel: "ticker" }
      : null;
  }

  /** Milliseconds since the newest event of any channel; null before the first. */
  ageMs(nowMs) {
    const newest = this.#asOf(null);
    return newest === null ? null : Math.max(0, nowMs - newest);
  }

  #asOf(channelName) {
    if (channelName !== null) return this.eventMs[channelName] ?? null;
    const times = Object.values(this.eventMs);
    return times.length === 0 ? null : Math.max(...times);
  }

  #tick(event, nowMs) {
    const before = this.prices.last;
    this.latest[event.type] = event;
    this.eventMs[event.type] = event.published_ns == null ? nowMs : nsToMs(event.published_ns);
    this.#follow(event.session);
    const changed = ["header"];
    if (event.type === "quote" || event.type === "book" || event.type === "ticker") {
      changed.push("book");
    }
    this.#measure(event);
    if (event.type === "trade" && this.tape.add(event)) changed.push("trades");
    if (event.origin !== "snapshot" && this.candles?.add(event)) changed.push("candle");
    const { last } = this.prices;
    if (last !== null && before !== null && last !== before) this.lastMove = last > before ? 1 : -1;
    return changed;
  }

  #measure(event) {
    switch (event.type) {
      case "trade":
        this.price.add(event.price);
        this.size.add(event.size);
        break;
      case "quote":
        this.price.add(event.bid);
        this.price.add(event.ask);
        break;
      case "book":
        for (const [price, size] of [...event.bids.slice(0, 5), ...event.asks.slice(0, 5)]) {
          this.price.add(price);
          this.size.add(size);
        }
        break;
      case "ticker":
        this.price.add(event.last);
        break;
      default:
    }
  }

  #takeStatus(status, nowMs) {
    if (this.session !== null && Number(status.session) < this.session) return [];
    this.status = status;
    this.statusMs = status.origin === "snapshot" ? nsToMs(status.published_ns) : nowMs;
    this.state = status.state;
    this.reason = status.reason ?? null;
    this.#follow(status.session);
    if (status.origin !== "snapshot") this.trend.add(status, nowMs);
    return ["header", "health"];
  }

  #follow(session) {
    const number = Number(session);
    if (Number.isFinite(number) && (this.session === null || number > this.session)) {
      this.session = number;
    }
  }

  #missed(event, nowMs) {
    const trades = event.topics?.[`trade.${this.feed}`];
    if (!trades) return [];
    this.tape.addGap({
      kind: "gap",
      channel: "trade",
      number: `missed-${trades.session}-${trades.from_seq}`,
      at_ms: nowMs,
      reason: "this page was too slow; the history is asked for them",
      provisional: true,
      session: trades.session,
      from_seq: trades.from_seq,
      to_seq: trades.to_seq,
    });
    return ["trades", "missed"];
  }

  #notice(entry, isNew) {
    if (entry.feed !== this.feed) return [];
    if (!this.entries.add(entry)) return [];
    const changed = ["timeline"];
    if (entry.kind === "restart") this.restartedMs = Math.max(this.restartedMs ?? 0, entry.at_ms);
    const isOfTrades = entry.channel === "trade" && ["gap", "upstream_gap"].includes(entry.kind);
    if (isOfTrades || (entry.kind === "restart" && this.tape.rows.length > 0)) {
      this.tape.addGap(entry);
      changed.push("trades");
    }
    if (isNew && (entry.kind === "state" || entry.kind === "stopped")) {
      this.state = entry.kind === "stopped" ? "stopped" : entry.state;
      this.reason = entry.reason ?? null;
      changed.push("header");
    }
    return changed;
  }
}
