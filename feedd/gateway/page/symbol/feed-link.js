// The symbol view's connection: two streams and the API's answers, into a FeedModel.

import { serverNowMs } from "../connection.js";

// Trades and statuses one by one, since the tape shows each; of the others the newest is enough.
const EACH = ["trade", "status", "liquidation"];
const NEWEST = ["quote", "ticker", "book", "candle", "mark"];
const NEWEST_EVERY_MS = 100;
const RELOAD_MS = 60e3;
const TRADES = 100;
const ENTRIES = 200;
const CANDLES = 720;
const LOST = "this page missed them, and the history no longer has them";

export class FeedLink {
  #streams = [];
  #timer;
  #closed = false;

  /** `onChange(parts)` is called with the names of the model's parts that changed. */
  constructor(model, context, onChange, onProblem) {
    this.model = model;
    this.context = context;
    this.onChange = onChange;
    this.onProblem = onProblem;
    this.#open("each", EACH);
    this.#open("newest", NEWEST, NEWEST_EVERY_MS);
    this.#timer = setInterval(() => this.#loadSeries(), RELOAD_MS);
  }

  close() {
    this.#closed = true;
    clearInterval(this.#timer);
    for (const stream of this.#streams) stream.close();
  }

  /** Load entries of the journal that are older than the oldest known. */
  async loadOlder() {
    const oldest = this.model.entries.oldest;
    await this.#load("timeline", `&ints=string&limit=${ENTRIES}${oldest ? `&before=${oldest.number}` : ""}`, (answer) => {
      this.model.loadEntries(answer.entries, answer.next_before == null);
      return ["timeline", "trades"];
    });
  }

  #open(name, channels, conflateMs) {
    const topics = channels.map((channel) => `${channel}.${this.model.feed}`);
    const stream = this.context.openStream({
      topics,
      conflateMs,
      onEvent: (event) => this.#event(name, event),
      onState: (state, info) => this.#state(name, state, info),
    });
    if (this.#closed) stream.close();
    this.#streams.push(stream);
  }

  #event(name, event) {
    if (this.#closed) return;
    if (event.type === "ready" && name === "each") this.#loadAll();
    const parts = this.model.message(event, serverNowMs());
    if (parts.length > 0) this.onChange(parts);
    if (parts.includes("missed")) this.#loadTrades();
  }

  #state(name, state, info) {
    if (this.#closed) return;
    this.model.link(name, state, info, serverNowMs());
    this.onChange(["header", "book", "trades", "candle", "health", "timeline"]);
  }

  #loadAll() {
    this.#loadTrades();
    this.#loadSeries();
    this.#load("timeline", `&ints=string&limit=${ENTRIES}`, (answer) => {
      this.model.loadEntries(answer.entries, answer.next_before == null);
      return ["timeline", "trades", "candle"];
    });
  }

  #loadTrades() {
    const channel = this.model.channel("trade");
    if (this.model.status !== null && channel?.published !== true) return;
    this.#load("ticks", `&ints=string&channel=trade&limit=${TRADES}`, (answer) => {
      this.model.loadTrades(answer.ticks, LOST);
      return ["trades"];
    });
  }

  #loadSeries() {
    this.#load("candles", `&limit=${CANDLES}`, (answer) => {
      this.model.loadCandles(answer);
      return ["candle"];
    });
    this.#load("trends", "", (answer) => {
      const trend = answer.feeds?.[this.model.feed];
      if (trend) this.model.trend.load(trend, answer.step_s);
      return ["health"];
    });
  }

  async #load(name, query, take) {
    const feed = encodeURIComponent(this.model.feed);
    try {
      const answer = await this.context.fetchJson(`/api/${name}?feed=${feed}${query}`);
      if (!this.#closed) this.onChange(take(answer));
    } catch (error) {
      if (!this.#closed) this.onProblem(name, error.message);
    }
  }
}
