import assert from "node:assert/strict";
import { test } from "node:test";

import { LinkState } from "../../feedd/gateway/page/link-state.js";
import { ServerClock } from "../../feedd/gateway/page/server-clock.js";

function live() {
  const link = new LinkState(0);
  link.opened(0);
  link.snapshotComplete();
  link.heartbeat(0, 5, 0);
  return link;
}

test("a connection is live after its snapshot, not before", () => {
  const link = new LinkState(0);
  assert.equal(link.at(0).state, "connecting");
  link.opened(10);
  assert.equal(link.at(10).state, "connecting");
  link.snapshotComplete();
  assert.equal(link.at(10).state, "live");
});

test("after a loss, the numbers are old until the new snapshot is complete", () => {
  const link = live();
  link.closed(100, "gone");
  assert.equal(link.at(100).state, "disconnected");
  link.opened(200);
  assert.equal(link.at(200).state, "disconnected");
  link.snapshotComplete();
  assert.equal(link.at(200).state, "live");
});

test("a gateway that states to be behind is behind", () => {
  const link = live();
  link.heartbeat(1000, 4000, 0);
  assert.deepEqual(link.at(1000), { state: "behind", why: "gateway", byMs: 4000 });
});

test("a page that takes heartbeats late is behind", () => {
  const link = live();
  link.heartbeat(1000, 0, 2500);
  assert.deepEqual(link.at(1000), { state: "behind", why: "page", byMs: 2500 });
});

test("three seconds without a heartbeat are behind, ten are a loss", () => {
  const link = live();
  assert.equal(link.at(3000).state, "live");
  assert.equal(link.at(3001).state, "behind");
  assert.equal(link.isLost(10000), false);
  assert.equal(link.isLost(10001), true);
});

test("a tab that was in the background is behind until its next heartbeat", () => {
  const link = live();
  link.woke();
  assert.equal(link.at(500).why, "asleep");
  link.heartbeat(600, 0, 0);
  assert.equal(link.at(600).state, "live");
});

test("waits between tries grow to 10 s, and start again after a snapshot", () => {
  const link = new LinkState(0);
  const waits = [];
  for (let i = 0; i < 8; i += 1) {
    link.closed(i, "refused");
    waits.push(link.waitMs(1));
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 10000, 10000, 10000]);
  link.opened(9);
  link.snapshotComplete();
  link.closed(10, "gone");
  assert.equal(link.waitMs(1), 500);
  assert.ok(link.waitMs(0) >= 250);
});

test("the server's time is that of the heartbeat that was the least late", () => {
  const clock = new ServerClock();
  assert.equal(clock.at(0), null);
  clock.heartbeat(100_000, 50); // 10 ms on the way
  clock.heartbeat(101_000, 1290); // 250 ms on the way
  assert.equal(clock.at(2000), 101_950);
});

test("the server's clock may be set back: after a minute the new time counts", () => {
  const clock = new ServerClock();
  clock.heartbeat(100_000, 0);
  for (let i = 1; i <= 60; i += 1) clock.heartbeat(40_000 + 1000 * i, 1000 * i);
  assert.equal(clock.at(60_000), 100_000);
});
