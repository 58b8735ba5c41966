import assert from "node:assert/strict";
import { test } from "node:test";

import * as format from "../../feedd/gateway/page/format.js";
import { History, STEPS } from "../../feedd/gateway/page/feeds/history.js";
import { feedHash, parseRoute } from "../../feedd/gateway/page/route.js";

test("an unknown number is a dash, and never 0", () => {
  for (const of of ["price", "size", "basisPoints", "age", "rate", "micros", "bytes", "percent", "count", "localTime", "utcTime"]) {
    for (const unknown of [null, undefined, NaN]) assert.equal(format[of](unknown), "–", of);
  }
});

test("prices keep the given decimals and group thousands", () => {
  assert.equal(format.price(61796.3, 2), "61,796.30");
  assert.equal(format.price(1234567), "1,234,567");
  assert.equal(format.price(-1234.5, 1), "-1,234.5");
  assert.equal(format.price(-123, 0), "-123");
  assert.equal(format.price(0.00001234), "0.00001234");
  assert.equal(format.price(1e-7), "0.0000001");
  assert.equal(format.price(0), "0");
});

test("ages and latencies change their unit without a jump", () => {
  assert.deepEqual([0, 9949, 9950, 59999, 60000, 3599999, 3600000, 86400000].map(format.age),
    ["0.0 s", "9.9 s", "9 s", "59 s", "1 m 00 s", "59 m 59 s", "1 h 00 m", "1 d 0 h"]);
  assert.deepEqual([999, 999.6, 9994, 9996, 99951, 999600].map(format.micros),
    ["999 µs", "1.00 ms", "9.99 ms", "10.0 ms", "100 ms", "1.0 s"]);
});

test("bytes and sizes", () => {
  assert.deepEqual([0, 999, 1500, 20e6, 1.2e9].map(format.bytes), ["0 B", "999 B", "1.5 kB", "20.0 MB", "1.2 GB"]);
  assert.deepEqual([0.00012346, 1.23456, 250000, 2.5e9].map(format.size), ["0.0001235", "1.235", "250.0k", "2.50B"]);
});

test("a time in ns as a decimal string keeps its ms", () => {
  assert.equal(Math.floor(format.nsToMs("1764539345123456789")), 1764539345123);
});

test("a feed's name has the exchange before the first dot, whatever the symbol contains", () => {
  assert.deepEqual(format.splitFeed("okx.A.B/USDT:USDT."), { exchange: "okx", symbol: "A.B/USDT:USDT" });
});

test("a route names any feed, and a damaged one is the overview", () => {
  const feed = "binanceusdm.BTC/USDT:USDT-260327.";
  assert.deepEqual(parseRoute(feedHash(feed)), { name: "feed", feed });
  assert.equal(parseRoute("#/feed/%E0%A4%A").name, "overview");
  assert.equal(parseRoute("").name, "overview");
  assert.equal(parseRoute("#/?q=btc").query.get("q"), "btc");
});

test("a sparkline has the newest price of each 5 s, and a break where nothing was known", () => {
  const history = new History();
  history.add(1_000_000, 1);
  history.add(1_004_999, 2);
  history.add(1_015_000, 3);
  const values = [...history.at(1_015_000)];
  assert.deepEqual(values.slice(-4), [2, NaN, NaN, 3]);
  assert.equal(values.length, STEPS);
});

test("a sparkline's past fills only what is unknown, and nothing older than ten minutes stays", () => {
  const history = new History();
  history.add(1_010_000, 9);
  history.past(1_010_000, 5000, [6, 7, 8]);
  assert.deepEqual([...history.at(1_010_000)].slice(-3), [6, 7, 9]);
  assert.ok([...history.at(1_010_000 + 600_000)].every(Number.isNaN));
});
