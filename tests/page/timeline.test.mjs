import assert from "node:assert/strict";
import test from "node:test";

import {
  EntryList, axisTimes, entryOfNotice, marks, stateSpans, summary, windowOf,
} from "../../feedd/gateway/page/symbol/timeline.js";

const WINDOW = { fromMs: 0, toMs: 1000 };
const state = (at_ms, name, reason = null) => ({ kind: "state", at_ms, state: name, reason });
const spans = (entries, more = {}) =>
  stateSpans(entries, { ...WINDOW, ...more }).map((s) => [s.from_ms, s.to_ms, s.state]);

test("a state lasts until the next change, the newest until now", () => {
  assert.deepEqual(spans([state(500, "stale"), state(200, "live")]), [
    [0, 200, "unknown"], [200, 500, "live"], [500, 1000, "stale"],
  ]);
});

test("the state at the window's start is that of the last change before it", () => {
  assert.deepEqual(spans([state(-5000, "live")]), [[0, 1000, "live"]]);
});

test("without any change the state is today's since the gateway's start", () => {
  assert.deepEqual(spans([], { sinceMs: 400, currentState: "live" }), [
    [0, 400, "unknown"], [400, 1000, "live"],
  ]);
  assert.deepEqual(spans([]), [[0, 1000, "unknown"]]);
});

test("a stop on purpose is a state", () => {
  assert.deepEqual(spans([state(-1, "live"), { kind: "stopped", at_ms: 300 }]), [
    [0, 300, "live"], [300, 1000, "stopped"],
  ]);
});

test("equal states with one reason are one span, with two reasons two", () => {
  assert.equal(spans([state(-1, "stale", "a"), state(500, "stale", "a")]).length, 1);
  assert.equal(spans([state(-1, "stale", "a"), state(500, "stale", "b")]).length, 2);
});

test("entries in the future of the window are left out", () => {
  assert.deepEqual(spans([state(-1, "live"), state(5000, "stale")]), [[0, 1000, "live"]]);
  assert.deepEqual(marks([{ kind: "gap", at_ms: 5000 }], WINDOW), []);
});

test("near marks are drawn as one with their count, far ones apart", () => {
  const gap = (at_ms) => ({ kind: "gap", at_ms });
  const found = marks([gap(900), gap(103), gap(100)], WINDOW);
  assert.deepEqual(found.map((m) => [m.x, m.count]), [[0.1, 2], [0.9, 1]]);
});

test("gaps and restarts have lanes of their own", () => {
  const found = marks([{ kind: "restart", at_ms: 100 }, { kind: "upstream_gap", at_ms: 100 }], WINDOW);
  assert.deepEqual(found.map((m) => m.lane), ["gap", "restart"]);
});

test("an entry is listed once, newest first, bounded", () => {
  const list = new EntryList(3);
  for (const number of [1, 3, 2, 3, 4]) list.add({ number, at_ms: number * 10 });
  assert.deepEqual(list.entries.map((e) => e.number), [4, 3, 2]);
  assert.equal(list.add({ number: 1, at_ms: 10 }), false);
});

test("entries of a gateway that restarted, and counts from 1 again, are others", () => {
  const list = new EntryList();
  list.add({ number: 1, at_ms: 10 });
  assert.equal(list.add({ number: 1, at_ms: 500 }), true);
  assert.deepEqual(list.entries.map((e) => e.at_ms), [500, 10]);
});

test("entries of one millisecond are in the order of their numbers", () => {
  const list = new EntryList();
  for (const number of [2, 1, 3]) list.add({ number, at_ms: 10 });
  assert.deepEqual(list.entries.map((e) => e.number), [3, 2, 1]);
});

test("a notice of the stream becomes the entry that the API returns", () => {
  const gap = {
    type: "gap", number: "7", at_ms: 5, topic: "trade.x.A/B:C.", session: "1", from_seq: 1, to_seq: 2,
  };
  const entry = entryOfNotice(gap);
  assert.deepEqual(
    [entry.kind, entry.channel, entry.feed, entry.number], ["gap", "trade", "x.A/B:C.", 7],
  );
  const restart = entryOfNotice({ type: "new_session", number: 8, at_ms: 5, feed: "f", new: "9" });
  assert.deepEqual([restart.kind, restart.session], ["restart", "9"]);
  assert.equal(entryOfNotice({ type: "trade", number: 1 }), null);
  assert.equal(entryOfNotice({ type: "gap" }), null);
});

test("the whole window reaches to the first entry, at least a minute", () => {
  assert.deepEqual(windowOf("all", 1e6, [{ at_ms: 5 }], null), { fromMs: 5, toMs: 1e6 });
  assert.deepEqual(windowOf("all", 1e6, [], 1e6), { fromMs: 1e6 - 60e3, toMs: 1e6 });
  assert.equal(windowOf("5m", 1e6, [], null).fromMs, 1e6 - 300e3);
});

test("the axis has few times at round steps", () => {
  assert.deepEqual(axisTimes({ fromMs: 1, toMs: 300e3 }, 6), [60e3, 120e3, 180e3, 240e3, 300e3]);
  assert.ok(axisTimes({ fromMs: 0, toMs: 400 * 86400e3 }, 6).length <= 7);
});

test("the summary states the share of each state and the counts", () => {
  const entries = [state(-1, "live"), state(900, "stale"), { kind: "gap", at_ms: 900 }];
  const text = summary(stateSpans(entries, WINDOW), marks(entries, WINDOW));
  assert.equal(text, "live 90 %, stale 10 %; 1 gap");
});

test("a state that held almost all the time is not rounded to all of it", () => {
  const spansOf = [
    { from_ms: 0, to_ms: 999_999, state: "live" }, { from_ms: 999_999, to_ms: 1e6, state: "stale" },
  ];
  assert.match(summary(spansOf, []), /^live 99\.9 %/);
});
