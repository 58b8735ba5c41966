import assert from "node:assert/strict";
import { test } from "node:test";

import { FeedStore } from "../../feedd/gateway/page/feeds/store.js";
import { FEED, NOW, ns, overview, process, quote, status, ticker, trade } from "./samples.mjs";

function storeOf(...events) {
  const store = new FeedStore();
  for (const event of events) store.apply(event, NOW);
  return store;
}

test("a ticker that repeats an older last price does not replace a newer trade", () => {
  const feed = storeOf(trade({ price: 101 }), ticker({ last: 99, timestamp: NOW - 2000 })).feeds.get(FEED);
  assert.equal(feed.last.value, 101);
});

test("a ticker that is newer than the trade replaces it", () => {
  const feed = storeOf(trade({ price: 101 }), ticker({ last: 99, timestamp: NOW + 1 })).feeds.get(FEED);
  assert.equal(feed.last.value, 99);
});

test("a quote's bid and ask precede a ticker's", () => {
  const feed = storeOf(quote({ bid: 5, ask: 6 }), ticker({ bid: 1, ask: 2 })).feeds.get(FEED);
  assert.deepEqual([feed.bid.value, feed.ask.value], [5, 6]);
});

test("a quote without bids has no bid and no spread", () => {
  const feed = storeOf(quote({ bid: null })).feeds.get(FEED);
  assert.deepEqual([feed.bid, feed.ask.value, feed.spread, feed.spreadBps], [null, 100.5, null, null]);
});

test("the spread is in the quote currency and in basis points of the middle", () => {
  const feed = storeOf(quote({ bid: 99.5, ask: 100.5 })).feeds.get(FEED);
  assert.equal(feed.spread, 1);
  assert.equal(feed.spreadBps, 100);
});

test("decimals are those of the most precise price, so that a column does not jump", () => {
  const feed = storeOf(quote({ bid: 0.1234, ask: 0.13 }), trade({ price: 0.1 })).feeds.get(FEED);
  assert.equal(feed.decimals, 4);
});

test("an artefact of floating point adds no decimals", () => {
  const feed = storeOf(ticker({ last: 61234.300000000003 })).feeds.get(FEED);
  assert.ok(feed.decimals <= 4, String(feed.decimals));
});

test("an entry of the journal counts once, also where it arrives twice", () => {
  const store = storeOf(status());
  const gap = { topic: "trade." + FEED, feed: FEED, channel: "trade", session: 1, from_seq: 5, to_seq: 7, reason: "left the history", at_ms: NOW, number: 4 };
  store.timeline([{ ...gap, kind: "gap" }]);
  store.apply({ ...gap, type: "gap" }, NOW);
  assert.equal(store.feeds.get(FEED).gaps, 1);
});

test("gaps outlive a restart of the worker, which counts from 0 again", () => {
  const store = storeOf(status({ gaps: 1 }));
  store.apply({ type: "upstream_gap", feed: FEED, channel: "trade", from_id: 1, to_id: 4, reason: "ids jump", at_ms: NOW, number: 1 }, NOW);
  store.apply({ type: "new_session", feed: FEED, old: "1", new: "2", at_ms: NOW + 5, number: 2 }, NOW);
  store.apply(status({ gaps: 0, published_ns: ns(NOW + 10) }), NOW);
  const feed = store.feeds.get(FEED);
  assert.equal(feed.gaps, 1);
  assert.equal(feed.restartMs, NOW + 5);
});

test("a feed that was removed from the configuration disappears", () => {
  const store = storeOf(status());
  store.overview(overview([process()], { now_ms: NOW + 1000 }));
  store.overview(overview([process({ feed: "bybit.X/USDT:USDT." })], { now_ms: NOW + 9000 }));
  assert.deepEqual([...store.feeds.keys()], ["bybit.X/USDT:USDT."]);
});

test("feeds stay while supervisord hangs and the overview lists none", () => {
  const store = storeOf(status());
  store.overview(overview([], { now_ms: NOW + 60000 }));
  assert.equal(store.feeds.size, 1);
});

test("a feed with a book alone gets the book's topic for its prices", () => {
  const store = storeOf(status({}, { book: {} }));
  assert.deepEqual(store.extraTopics(), ["book." + FEED]);
  assert.deepEqual(storeOf(status()).extraTopics(), []);
});

test("the age of a quiet feed follows its status, not the time at which the page was opened", () => {
  const store = storeOf(status({}, { quote: { age_ms: 40000 } }));
  assert.equal(store.feeds.get(FEED).ageMs(NOW + 1000), 41000);
});
