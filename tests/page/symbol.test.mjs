import assert from "node:assert/strict";
import test from "node:test";

import { freshness } from "../../feedd/gateway/page/symbol/freshness.js";
import { neighbour } from "../../feedd/gateway/page/symbol/neighbour.js";
import { Precision } from "../../feedd/gateway/page/symbol/precision.js";
import { Trend } from "../../feedd/gateway/page/symbol/trend.js";
import { eventText, missingIds, rangeText } from "../../feedd/gateway/page/symbol/words.js";

const LIVE = { connection: "live", state: "live", statusAgeMs: 500 };

test("numbers are current only with a connection, a live feed and a recent status", () => {
  assert.equal(freshness(LIVE).current, true);
  for (const change of [
    { connection: "connecting" },
    { connection: "disconnected" },
    { connection: "behind", behindMs: 2500 },
    { state: null },
    { state: "stale", reason: "quote: silent for 31 s" },
    { state: "stopped" },
    { statusAgeMs: 60_000 },
    { channel: { state: "resync", reason: "waits for a snapshot" } },
  ]) {
    const result = freshness({ ...LIVE, ...change });
    assert.equal(result.current, false, JSON.stringify(change));
    assert.ok(result.why.length > 0);
  }
});

test("the reason that the feed gives is shown", () => {
  const { word, why } = freshness({ ...LIVE, state: "stale", reason: "quote: silent for 31 s" });
  assert.deepEqual([word, why], ["stale", "quote: silent for 31 s"]);
});

test("next and previous go around the list; an unlisted feed has the ends as neighbours", () => {
  assert.equal(neighbour(["a", "b", "c"], "c", 1), "a");
  assert.equal(neighbour(["a", "b", "c"], "a", -1), "c");
  assert.equal(neighbour(["a", "b"], "gone", 1), "a");
  assert.equal(neighbour(["a", "b"], "gone", -1), "b");
  assert.equal(neighbour(["a"], "a", 1), null);
  assert.equal(neighbour([], "a", 1), null);
});

test("a price keeps the most decimals that were seen", () => {
  const precision = new Precision();
  assert.equal(precision.add(61702.4), true);
  assert.equal(precision.add(61702), false);
  assert.equal(precision.text(61702), "61,702.0");
  assert.equal(precision.text(null), "–");
});

test("the missing ids are those between the two that arrived, also beyond 2^53", () => {
  assert.deepEqual(missingIds("4", "10"), [5n, 9n]);
  assert.deepEqual(missingIds("18446744073709551613", "18446744073709551615"), [
    18446744073709551614n, 18446744073709551614n,
  ]);
  assert.equal(missingIds("4", "5"), null);
  assert.equal(missingIds(null, "5"), null);
});

test("a gap is described by what is missing", () => {
  const upstream = (from_id, to_id) =>
    rangeText({ kind: "upstream_gap", channel: "trade", from_id, to_id });
  assert.equal(upstream(4, 10), "ids 5 to 9");
  assert.equal(upstream(4, 6), "id 5");
  assert.equal(upstream("a1", "b2"), "between ids a1 and b2");
  assert.equal(upstream(4, null), "after id 4");
  assert.equal(upstream(null, null), "unknown number");
  const gap = { kind: "gap", channel: "trade", from_seq: 3, to_seq: 3 };
  assert.equal(eventText(gap), "trade: message 3 missing");
});

test("the gateway's steps and live statuses are one line without a missing step", () => {
  const trend = new Trend();
  trend.load(
    { end_ms: 15_000, p50_us: [1, null, 3], p99_us: [2, null, 6], messages_per_s: [9, 9, 9] }, 5,
  );
  assert.deepEqual(trend.steps.map((s) => s.time), [0, 5000, 10_000]);
  trend.add({ latency_us: { p50: 10, p99: 20 }, messages_per_s: 4 }, 26_000);
  assert.deepEqual(trend.steps.map((s) => s.time), [0, 5000, 10_000, 15_000, 20_000, 25_000]);
  assert.equal(trend.steps[3].p50, null);
});

test("a step has the worst second's p99 and the mean rate", () => {
  const trend = new Trend();
  trend.add({ latency_us: { p50: 10, p99: 500 }, messages_per_s: 4 }, 1000);
  trend.add({ latency_us: { p50: 20, p99: 30 }, messages_per_s: 8 }, 2000);
  trend.add({ latency_us: { p50: null, p99: null }, messages_per_s: 0 }, 3000);
  assert.deepEqual(trend.steps.length, 1);
  const { p50, p99, rate } = trend.steps[0];
  assert.deepEqual([p50, p99, rate], [15, 500, 4]);
});

test("the trend is bounded, also after a long silence", () => {
  const trend = new Trend({ stepMs: 1000, limit: 10 });
  trend.add({ messages_per_s: 1 }, 0);
  trend.add({ messages_per_s: 1 }, 10_000_000);
  assert.equal(trend.steps.length, 10);
});
