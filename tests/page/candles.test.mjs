import assert from "node:assert/strict";
import test from "node:test";

import {
  CandleFold, aggregate, gapsByInterval, priceOf, timeframeMs, withEmptyIntervals,
} from "../../feedd/gateway/page/symbol/candles.js";

const MINUTE = 60_000;
const fold = (madeFrom, candles = []) => new CandleFold({ madeFrom, timeframe: "1m", candles });
const trade = (timestamp, price, size = 1) => ({ type: "trade", timestamp, price, size });

test("a timeframe has a length in milliseconds, a month has none", () => {
  assert.equal(timeframeMs("1m"), MINUTE);
  assert.equal(timeframeMs("4h"), 4 * 3600_000);
  assert.equal(timeframeMs("1M"), null);
  assert.equal(timeframeMs("0m"), null);
  assert.equal(timeframeMs(undefined), null);
});

test("trades of one minute are one candle", () => {
  const candles = fold("trade");
  for (const [at, price, size] of [[0, 10, 1], [1, 12, 2], [59_999, 9, 3]]) {
    candles.add(trade(at, price, size));
  }
  assert.deepEqual(candles.candles, [
    { time: 0, open: 10, high: 12, low: 9, close: 9, volume: 6 },
  ]);
});

test("a trade adds to the candle that the gateway returned", () => {
  const candles = fold("trade", [[0, 10, 11, 9, 10, 5]]);
  candles.add(trade(30_000, 20, 2));
  assert.deepEqual(candles.last, { time: 0, open: 10, high: 20, low: 9, close: 20, volume: 7 });
});

test("a late trade of an old candle changes its range and volume, not its close", () => {
  const candles = fold("trade", [[0, 10, 11, 9, 10, 5], [MINUTE, 10, 10, 10, 10, 1]]);
  assert.equal(candles.add(trade(30_000, 30, 1)), candles.candles[0]);
  assert.deepEqual(candles.candles[0], { time: 0, open: 10, high: 30, low: 9, close: 10, volume: 6 });
});

test("a late trade opens a candle in its place", () => {
  const candles = fold("trade", [[0, 1, 1, 1, 1, 1], [2 * MINUTE, 1, 1, 1, 1, 1]]);
  candles.add(trade(MINUTE, 5));
  assert.deepEqual(candles.candles.map((c) => c.time), [0, MINUTE, 2 * MINUTE]);
});

test("candles of quotes have the mid price and no volume", () => {
  const candles = fold("quote");
  candles.add({ type: "quote", timestamp: 0, bid: 10, ask: 12 });
  assert.deepEqual(candles.last, { time: 0, open: 11, high: 11, low: 11, close: 11, volume: null });
});

test("a one-sided quote and an unknown price add nothing", () => {
  assert.equal(priceOf({ type: "quote", bid: null, ask: 12 }), null);
  assert.equal(fold("quote").add({ type: "quote", timestamp: 0, bid: 10, ask: null }), null);
  assert.equal(fold("ticker").add({ type: "ticker", timestamp: 0, last: null }), null);
});

test("ticks of channels that the candles are not made from add nothing", () => {
  assert.equal(fold("candle").add(trade(0, 10)), null);
});

test("a candle of the exchange replaces the one of its minute", () => {
  const candles = fold("candle", [[0, 1, 2, 1, 2, 3]]);
  const tick = {
    type: "candle", timeframe: "1m", open_time: 0, open: 1, high: 5, low: 1, close: 4, volume: 9,
  };
  candles.add(tick);
  candles.add({ ...tick, open_time: MINUTE });
  candles.add({ ...tick, timeframe: "5m" });
  assert.equal(candles.candles.length, 2);
  assert.equal(candles.candles[0].high, 5);
});

test("an incomplete candle is left out", () => {
  assert.equal(fold("candle", [[0, null, 2, 1, 2, 3]]).candles.length, 0);
  const tick = { type: "candle", timeframe: "1m", open_time: 0, open: null, high: 1, low: 1, close: 1 };
  assert.equal(fold("candle").add(tick), null);
});

test("the number of candles is bounded", () => {
  const candles = new CandleFold({ madeFrom: "trade", timeframe: "1m", limit: 3 });
  for (let i = 0; i < 10; i += 1) candles.add(trade(i * MINUTE, i));
  assert.deepEqual(candles.candles.map((c) => c.time / MINUTE), [7, 8, 9]);
  assert.equal(candles.add(trade(0, 1)), null);
});

test("longer candles have the first open, the last close, the extremes and the sum", () => {
  const parts = fold("trade", [
    [0, 1, 5, 1, 2, 10], [MINUTE, 2, 9, 2, 3, 10], [5 * MINUTE, 3, 3, 3, 3, 1],
  ]).candles;
  assert.deepEqual(aggregate(parts, 5 * MINUTE), [
    { time: 0, open: 1, high: 9, low: 1, close: 3, volume: 20 },
    { time: 5 * MINUTE, open: 3, high: 3, low: 3, close: 3, volume: 1 },
  ]);
  assert.equal(parts[0].high, 5, "the parts are unchanged");
});

test("a longer candle's volume is unknown if a part's is", () => {
  const parts = fold("trade", [[0, 1, 1, 1, 1, null], [MINUTE, 1, 1, 1, 1, 4]]).candles;
  assert.equal(aggregate(parts, 5 * MINUTE)[0].volume, null);
});

test("a silence has its width, up to a bound", () => {
  const times = (list, most) => withEmptyIntervals(list, MINUTE, most).map((c) => c.time / MINUTE);
  const two = [{ time: 0, open: 1 }, { time: 3 * MINUTE, open: 1 }];
  assert.deepEqual(times(two), [0, 1, 2, 3]);
  assert.deepEqual(times(two, 1), [0, 2, 3]);
});

test("gaps and restarts are marked at their interval, states are not", () => {
  const entries = [
    { kind: "gap", at_ms: 5 }, { kind: "upstream_gap", at_ms: 59_000 },
    { kind: "state", at_ms: 6 }, { kind: "restart", at_ms: 70_000 },
  ];
  const found = gapsByInterval(entries, MINUTE);
  assert.deepEqual(found, [
    { time: 0, gaps: 2, restarts: 0 }, { time: MINUTE, gaps: 0, restarts: 1 },
  ]);
});
