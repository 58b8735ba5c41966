import assert from "node:assert/strict";
import { test } from "node:test";

import { alarmsOf, Announcements, faviconOf, titleOf } from "../../feedd/gateway/page/feeds/alarms.js";
import { condition } from "../../feedd/gateway/page/feeds/condition.js";
import { filtered, queryOf, ranked, settingsFrom, sortedBy } from "../../feedd/gateway/page/feeds/ranking.js";
import { FeedStore } from "../../feedd/gateway/page/feeds/store.js";
import { NOW, ns, quote, status } from "./samples.mjs";

function items(symbols, change = {}) {
  const store = new FeedStore();
  for (const symbol of symbols) store.apply(status({ symbol, ...change[symbol] }), NOW);
  return {
    store,
    list: () => [...store.feeds.values()].map((feed) => ({ feed, nowMs: NOW, condition: condition(feed, NOW) })),
  };
}

const names = (list) => list.map(({ feed }) => feed.symbol);
const settings = (text) => settingsFrom(new URLSearchParams(text));

test("feeds that need attention come first, the worst on top, whatever the sort", () => {
  const { list } = items(["A", "B", "C", "D"], {
    C: { state: "stale" },
    D: { published_ns: ns(NOW - 60000) },
  });
  for (const sort of ["symbol", "-symbol", "rate", "-age"]) {
    assert.deepEqual(names(ranked(list(), settings("sort=" + sort))).slice(0, 2), ["D", "C"], sort);
  }
});

test("symbols are sorted with their numbers as numbers", () => {
  const { list } = items(["X10", "X9", "X100"]);
  assert.deepEqual(names(ranked(list(), settings(""))), ["X9", "X10", "X100"]);
});

test("unknown values come last in both orders", () => {
  const { store, list } = items(["A", "B", "C"]);
  store.apply(quote({ symbol: "B", bid: 5, ask: 6 }), NOW);
  store.apply(quote({ symbol: "C", bid: 7, ask: 8 }), NOW);
  assert.deepEqual(names(ranked(list(), settings("sort=bid"))), ["B", "C", "A"]);
  assert.deepEqual(names(ranked(list(), settings("sort=-bid"))), ["C", "B", "A"]);
});

test("a filter finds a symbol with or without its punctuation", () => {
  const { list } = items(["BTC/USDT:USDT", "ETH/USDT:USDT"]);
  assert.deepEqual(names(filtered(list(), settings("q=btcusdt"))), ["BTC/USDT:USDT"]);
  assert.deepEqual(names(filtered(list(), settings("q=eth%2Fusdt"))), ["ETH/USDT:USDT"]);
  assert.deepEqual(names(filtered(list(), settings("q=binance+eth"))), ["ETH/USDT:USDT"]);
  assert.deepEqual(names(filtered(list(), settings("q=xrp"))), []);
});

test("a filter of punctuation alone does not match everything", () => {
  const { list } = items(["BTC/USDT:USDT", "ETH"]);
  assert.deepEqual(names(filtered(list(), settings("q=%2F"))), ["BTC/USDT:USDT"]);
});

test("the state filter lists what needs attention", () => {
  const { list } = items(["A", "B"], { B: { state: "reconnecting" } });
  assert.deepEqual(names(filtered(list(), settings("state=attention"))), ["B"]);
  assert.deepEqual(names(filtered(list(), settings("state=live"))), ["A"]);
});

test("settings survive the address, and unknown ones are ignored", () => {
  const text = "q=btc&exchange=bybit&state=attention&sort=-latency";
  assert.equal(queryOf(settings(text)).toString(), text);
  assert.deepEqual(settings("sort=__proto__"), settings(""));
  assert.equal(queryOf(settings("")).toString(), "");
});

test("a second click on a header reverses the order", () => {
  const once = sortedBy(settings(""), "latency");
  assert.deepEqual([once.sort, once.order], ["latency", "descending"]);
  assert.equal(sortedBy(once, "latency").order, "ascending");
});

test("the title and the icon show what is wrong", () => {
  const { list } = items(["A", "B", "C"], { B: { state: "stale" }, C: { published_ns: ns(NOW - 60000) } });
  const alarms = alarmsOf(list());
  assert.equal(titleOf("live", alarms, 1), "✕ 1 silent, 1 stale · feedd");
  assert.equal(faviconOf("live", alarms), "down");
  assert.equal(titleOf("disconnected", alarms, 1), "✕ disconnected · feedd");
  assert.equal(faviconOf("disconnected", alarms), "disconnected");
  assert.equal(titleOf("live", alarmsOf([]), 200), "200 live · feedd");
});

test("a change of state is announced once, and no change at the start", () => {
  const said = new Announcements();
  const { store, list } = items(["A"]);
  assert.deepEqual(said.changes(list()), []);
  store.apply(status({ symbol: "A", state: "stale", published_ns: ns(NOW + 1) }), NOW);
  assert.deepEqual(said.changes(list()), ["A of binanceusdm is stale"]);
  assert.deepEqual(said.changes(list()), []);
  store.apply(status({ symbol: "A", published_ns: ns(NOW + 2) }), NOW);
  assert.deepEqual(said.changes(list()), ["A of binanceusdm is live again"]);
});
