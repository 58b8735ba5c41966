import assert from "node:assert/strict";
import test from "node:test";

import { FeedModel } from "../../feedd/gateway/page/symbol/model.js";

const FEED = "binanceusdm.BTC/USDT:USDT.";
const NOW = 1_800_000_000_000;
const ns = (ms) => `${ms}000000`;
const tick = (type, more) => ({
  type, origin: "live", session: "100", seq: 1, timestamp: NOW, published_ns: ns(NOW), ...more,
});
const quote = (more) => tick("quote", { bid: 10, bid_size: 1, ask: 11, ask_size: 2, ...more });
const trade = (seq, more) => tick("trade", { seq, price: 10, size: 1, side: "buy", ...more });
const status = (more) => tick("status", {
  state: "live", reason: null, channels: { trade: { state: "live", published: true } },
  latency_us: { p50: 1, p99: 2 }, messages_per_s: 3, ...more,
});

function live() {
  const model = new FeedModel(FEED);
  model.link("each", "live", {});
  model.link("newest", "live", {});
  model.message(status(), NOW);
  return model;
}

test("a feed with both streams, a live state and a recent status is current", () => {
  assert.equal(live().freshness(NOW + 500).current, true);
});

test("one lost stream is enough for numbers not to be current", () => {
  const model = live();
  assert.equal(model.link("newest", "disconnected", {}), true);
  assert.equal(model.freshness(NOW).word, "disconnected");
});

test("numbers state the time of their own newest event", () => {
  const model = live();
  model.message(quote({ published_ns: ns(NOW - 9000) }), NOW);
  model.message(trade(1, { published_ns: ns(NOW - 2000) }), NOW);
  assert.equal(model.freshness(NOW, "quote").asOfMs, NOW - 9000);
  assert.equal(model.freshness(NOW).asOfMs, NOW - 2000);
  assert.equal(model.ageMs(NOW), 2000);
});

test("a price from before a restart is not current until its channel delivers again", () => {
  const model = live();
  model.message(trade(1), NOW);
  assert.equal(model.prices.lastFrom, "trade");
  assert.equal(model.freshness(NOW, "trade").current, true);
  model.message(status({ session: "200" }), NOW + 1000);
  assert.equal(model.freshness(NOW + 1000, "trade").word, "earlier");
  model.message(trade(1, { session: "200" }), NOW + 1100);
  assert.equal(model.freshness(NOW + 1100, "trade").current, true);
});

test("a snapshot's status is as old as its publication", () => {
  const model = new FeedModel(FEED);
  model.link("each", "live", {});
  model.message(status({ origin: "snapshot", published_ns: ns(NOW - 60_000) }), NOW);
  assert.equal(model.freshness(NOW).word, "stale");
});

test("a notice changes the state at once, the next status again", () => {
  const model = live();
  model.message(
    { type: "state", feed: FEED, state: "stale", reason: "no status", number: 1, at_ms: NOW }, NOW,
  );
  assert.deepEqual([model.state, model.reason], ["stale", "no status"]);
  model.message(status(), NOW + 1000);
  assert.equal(model.state, "live");
});

test("a status of an older session is ignored", () => {
  const model = live();
  model.message(status({ session: "200" }), NOW);
  assert.deepEqual(model.message(status({ session: "100", state: "stopped" }), NOW), []);
  assert.deepEqual([model.state, model.session], ["live", 200]);
});

test("a journal entry loaded later does not change the state", () => {
  const model = live();
  model.loadEntries([{ number: 1, kind: "state", feed: FEED, state: "stale", at_ms: 1 }], true);
  assert.equal(model.state, "live");
  assert.equal(model.entries.entries.length, 1);
});

test("a notice that both streams bring is one entry", () => {
  const model = live();
  const gap = {
    type: "upstream_gap", feed: FEED, channel: "trade", from_id: "1", to_id: "5", number: 3,
    at_ms: NOW,
  };
  assert.deepEqual(model.message(gap, NOW), ["timeline", "trades"]);
  assert.deepEqual(model.message(gap, NOW), []);
});

test("notices of other feeds are ignored", () => {
  const gap = { type: "upstream_gap", feed: "x.A.", channel: "trade", number: 3, at_ms: NOW };
  assert.deepEqual(live().message(gap, NOW), []);
});

test("the spread is that of the quote, else of the book, else of the ticker", () => {
  const model = live();
  model.message(tick("ticker", { bid: 1, ask: 4, last: 2 }), NOW);
  assert.equal(model.prices.spread, 3);
  assert.equal(model.book.channel, "ticker");
  model.message(tick("book", { bids: [[5, 1]], asks: [[7, 1]] }), NOW);
  assert.equal(model.prices.spread, 2);
  model.message(quote(), NOW);
  assert.equal(model.prices.spread, 1);
  assert.equal(model.book.channel, "book");
});

test("the last price is the newer of the ticker's and the trade's", () => {
  const model = live();
  model.message(tick("ticker", { last: 5, published_ns: ns(NOW) }), NOW);
  model.message(trade(1, { price: 6, published_ns: ns(NOW - 10) }), NOW);
  assert.equal(model.prices.last, 5);
  model.message(trade(2, { price: 7, published_ns: ns(NOW + 10) }), NOW);
  assert.equal(model.prices.last, 7);
  assert.equal(model.lastMove, 1);
});

test("trades that this page missed are a row on the tape until the history has them", () => {
  const model = live();
  model.message(trade(1), NOW);
  const missed = { session: "100", from_seq: 2, to_seq: 3, count: 2 };
  const parts = model.message(
    { type: "missed", count: 2, topics: { [`trade.${FEED}`]: missed } }, NOW,
  );
  assert.deepEqual(parts, ["trades", "missed"]);
  model.message(trade(4), NOW);
  assert.match(model.tape.rows[1].reason, /this page was too slow/);
  model.loadTrades([trade(2), trade(3)], "");
  assert.deepEqual(model.tape.rows.map((row) => row.seq), [4, 3, 2, 1]);
});

test("numbers that neither the stream nor the history has are a row on the tape", () => {
  const model = live();
  model.message(trade(1), NOW);
  model.message(trade(5), NOW);
  model.loadTrades([trade(3)], "not connected");
  assert.deepEqual(model.tape.rows.map((row) => row.text ?? row.seq), [
    5, "trade: message 4 missing", 3, "trade: message 2 missing", 1,
  ]);
});

test("a mid price does not add decimals to prices", () => {
  const model = live();
  model.loadCandles({ made_from: "quote", timeframe: "1m", candles: [[0, 1.25, 1.25, 1.25, 1.25, null]] });
  assert.equal(model.price.decimals, 0);
});

test("candles that a restarted gateway no longer has are kept", () => {
  const model = live();
  const answer = (candles) => ({ made_from: "trade", timeframe: "1m", candles });
  model.loadCandles(answer([[0, 1, 1, 1, 1, 1], [60_000, 1, 1, 1, 1, 1]]));
  model.loadCandles(answer([[60_000, 2, 2, 2, 2, 2]]));
  assert.deepEqual(model.candles.candles.map((c) => [c.time, c.open]), [[0, 1], [60_000, 2]]);
});

test("the time without a connection is an outage that ends when both streams are live", () => {
  const model = live();
  model.link("each", "disconnected", { lastMs: NOW }, NOW + 5);
  model.link("newest", "disconnected", { lastMs: NOW }, NOW + 6);
  model.link("each", "live", {}, NOW + 10);
  assert.deepEqual(model.outages, [{ from_ms: NOW, to_ms: null }]);
  model.link("newest", "live", {}, NOW + 20);
  assert.deepEqual(model.outages, [{ from_ms: NOW, to_ms: NOW + 20 }]);
});
