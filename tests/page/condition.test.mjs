import assert from "node:assert/strict";
import { test } from "node:test";

import { condition, DOWN, GAPPED, isCurrent, RECENT_MS, STOPPED, UNWELL, WELL } from "../../feedd/gateway/page/feeds/condition.js";
import { FeedStore } from "../../feedd/gateway/page/feeds/store.js";
import { FEED, NOW, ns, overview, process, quote, status, trade } from "./samples.mjs";

function feedOf(...events) {
  const store = new FeedStore();
  for (const event of events) store.apply(event, NOW);
  return { store, feed: store.feeds.get(FEED) };
}

test("a feed with a fresh live status is live", () => {
  const { feed } = feedOf(status());
  assert.deepEqual(condition(feed, NOW + 1000).state, "live");
  assert.equal(condition(feed, NOW + 1000).rank, WELL);
});

test("a feed without a status for more than 3 s is silent", () => {
  const { feed } = feedOf(status());
  const is = condition(feed, NOW + 3100);
  assert.deepEqual([is.state, is.rank], ["silent", DOWN]);
  assert.match(is.reason, /no status for 3/);
});

test("a feed whose process has ended is down, with the reason", () => {
  const { store, feed } = feedOf(status());
  store.overview(overview([process({ process: "BACKOFF", state: "down", healthy: false })]));
  const is = condition(feed, NOW + 2000);
  assert.deepEqual([is.state, is.rank], ["down", DOWN]);
  assert.match(is.reason, /ended/);
});

test("a status that arrived just now outweighs an older report on the process", () => {
  const { store, feed } = feedOf(status());
  store.overview(overview([process({ process: "BACKOFF", state: "down" })]));
  assert.equal(condition(feed, NOW + 500).state, "live");
});

test("a feed of the overview that never published is listed, and not live", () => {
  const store = new FeedStore();
  store.overview(overview([process({ state: "silent", reason: "no status arrived", healthy: false })]));
  const is = condition(store.feeds.get(FEED), NOW);
  assert.deepEqual([is.state, is.rank, is.reason], ["silent", DOWN, "no status arrived"]);
});

test("a feed that was stopped on purpose is stopped", () => {
  const { feed } = feedOf(status({ state: "stopped", reason: "SIGTERM" }));
  const is = condition(feed, NOW + 60000);
  assert.deepEqual([is.state, is.rank], ["stopped", STOPPED]);
});

test("a stale feed states its channel's reason", () => {
  const { feed } = feedOf(status({ state: "stale" }, { quote: { state: "stale", reason: "no event for 14 s" } }));
  const is = condition(feed, NOW);
  assert.deepEqual([is.state, is.rank, is.reason], ["stale", UNWELL, "quote: no event for 14 s"]);
});

test("a gap keeps a live feed on top for 5 minutes", () => {
  const { store, feed } = feedOf(status());
  store.apply({ type: "upstream_gap", feed: FEED, channel: "trade", from_id: 1, to_id: 9, reason: "ids jump", at_ms: NOW, number: 1 }, NOW);
  feed.statusMs = NOW + RECENT_MS;
  assert.equal(condition(feed, NOW + RECENT_MS - 1).rank, GAPPED);
  assert.equal(condition(feed, NOW + RECENT_MS).rank, WELL);
});

test("a value is current until its channel's limit, and not after it", () => {
  const { feed } = feedOf(status(), quote());
  const live = condition(feed, NOW);
  assert.equal(isCurrent(feed, feed.bid, live, NOW + 10000), true);
  assert.equal(isCurrent(feed, feed.bid, live, NOW + 10001), false);
});

test("no value of a feed that is down is current, however new", () => {
  const { store, feed } = feedOf(status({ published_ns: ns(NOW - 5000) }), quote());
  store.overview(overview([process({ process: "EXITED", state: "down" })]));
  assert.equal(isCurrent(feed, feed.bid, condition(feed, NOW), NOW), false);
});

test("where one channel is lost, the values of the other stay current", () => {
  const { feed } = feedOf(status({ state: "reconnecting" }, { quote: { state: "reconnecting" }, trade: {} }), quote(), trade());
  const is = condition(feed, NOW);
  assert.equal(isCurrent(feed, feed.bid, is, NOW), false);
  assert.equal(isCurrent(feed, feed.last, is, NOW), true);
});

test("a silent feed's last price is not current, although its trades may be silent for longer", () => {
  const { feed } = feedOf(status({ state: "stale" }, { quote: { state: "stale" }, trade: { stale_after_s: 300 } }), quote(), trade());
  assert.equal(isCurrent(feed, feed.last, condition(feed, NOW), NOW + 5001), false);
});
