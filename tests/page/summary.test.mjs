import assert from "node:assert/strict";
import { test } from "node:test";

import { budgetLevel, byNeed, recorderState, restartsOf, tightest } from "../../feedd/gateway/page/overview/summary.js";

const budget = (used, limit, pausedS = 0) => ({ exchange: "x", kind: "weight", used, limit, paused_s: pausedS });

test("the tightest budget is shown, with a warning from 80 % on", () => {
  assert.equal(tightest([budget(10, 100), budget(9, 10)]).share, 0.9);
  assert.equal(tightest([]), null);
  assert.deepEqual([79, 80, 100].map((used) => budgetLevel(budget(used, 100))), [null, "attention", "down"]);
  assert.equal(budgetLevel(budget(1, 100, 30)), "down");
});

test("a recorder that fails, loses or lacks room is named", () => {
  const well = { failing: null, lost: 0, lag_s: 0.5, disk_free_bytes: 50, disk_total_bytes: 100 };
  assert.equal(recorderState(null).word, "off");
  assert.deepEqual(recorderState(well), { level: null, word: "recording" });
  assert.equal(recorderState({ ...well, failing: "no space left" }).level, "down");
  assert.equal(recorderState({ ...well, lost: 1 }).word, "lost messages");
  assert.equal(recorderState({ ...well, lag_s: 6 }).word, "behind");
  assert.equal(recorderState({ ...well, disk_free_bytes: 9 }).word, "disk nearly full");
});

test("unknown restarts are not 0", () => {
  assert.equal(restartsOf([{ restarts: null }]), null);
  assert.equal(restartsOf([{ restarts: null }, { restarts: 2 }]), 2);
});

test("processes that are not healthy come first", () => {
  const list = [{ name: "a", healthy: true, cpu_percent: 90 }, { name: "b", healthy: false, cpu_percent: 0 }];
  assert.deepEqual(byNeed(list).map(({ name }) => name), ["b", "a"]);
});
