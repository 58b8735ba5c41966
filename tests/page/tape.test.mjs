import assert from "node:assert/strict";
import test from "node:test";

import { Tape } from "../../feedd/gateway/page/symbol/tape.js";

const trade = (seq, more = {}) => ({
  type: "trade", session: "100", seq, price: 1, size: 1, side: "buy", timestamp: seq * 10, ...more,
});
const seqs = (tape) => tape.rows.map((row) => (row.kind === "gap" ? "gap" : row.seq));

test("the newest trade is first", () => {
  const tape = new Tape();
  for (const seq of [1, 2, 3]) tape.add(trade(seq));
  assert.deepEqual(seqs(tape), [3, 2, 1]);
  assert.equal(tape.newestTrade.seq, 3);
});

test("a trade that comes twice, live and from history, is on the tape once", () => {
  const tape = new Tape();
  assert.equal(tape.add(trade(1)), true);
  assert.equal(tape.add(trade(1, { session: 100 })), false);
  assert.deepEqual(seqs(tape), [1]);
});

test("trades from history take their place among live ones", () => {
  const tape = new Tape();
  for (const seq of [1, 5, 3, 4, 2]) tape.add(trade(seq));
  assert.deepEqual(seqs(tape), [5, 4, 3, 2, 1]);
});

test("a newer session's trades are above an older one's", () => {
  const tape = new Tape();
  tape.add(trade(7));
  tape.add(trade(1, { session: "200" }));
  tape.add(trade(8));
  assert.deepEqual(tape.rows.map((row) => [row.session, row.seq]), [[200, 1], [100, 8], [100, 7]]);
});

test("the tape is bounded and keeps the newest", () => {
  const tape = new Tape(3);
  for (let seq = 1; seq <= 10; seq += 1) tape.add(trade(seq));
  assert.deepEqual(seqs(tape), [10, 9, 8]);
  assert.equal(tape.add(trade(1)), false);
});

test("a lost range is a row between the trades around it", () => {
  const tape = new Tape();
  for (const seq of [1, 2, 6, 7]) tape.add(trade(seq));
  tape.addGap({
    kind: "gap", number: 9, channel: "trade", session: "100", from_seq: 3, to_seq: 5, reason: "why",
    at_ms: 1,
  });
  assert.deepEqual(seqs(tape), [7, 6, "gap", 2, 1]);
  assert.equal(tape.rows[2].text, "trade: messages 3 to 5 missing");
  assert.equal(tape.rows[2].reason, "why");
});

test("a gap of the exchange is a row above the trades before it, and is there once", () => {
  const tape = new Tape();
  tape.add(trade(1));
  const gap = {
    kind: "upstream_gap", number: 4, channel: "trade", from_id: "4", to_id: "10", reason: "why",
    at_ms: 15,
  };
  assert.equal(tape.addGap(gap), true);
  assert.equal(tape.addGap(gap), false);
  tape.add(trade(2));
  assert.deepEqual(seqs(tape), [2, "gap", 1]);
  assert.equal(tape.rows[1].text, "trade: ids 5 to 9 missing");
});

test("an old gap from the journal takes its place by time", () => {
  const tape = new Tape();
  for (const seq of [1, 2, 3]) tape.add(trade(seq));
  tape.addGap({ kind: "upstream_gap", number: 1, channel: "trade", at_ms: 25 });
  assert.deepEqual(seqs(tape), [3, "gap", 2, 1]);
});

test("missing numbers that nothing reports are found", () => {
  const tape = new Tape();
  for (const seq of [1, 2, 6]) tape.add(trade(seq));
  assert.deepEqual(tape.unexplained(), [{ session: 100, from_seq: 3, to_seq: 5 }]);
  tape.addGap({ kind: "gap", number: 1, channel: "trade", session: 100, from_seq: 3, to_seq: 5 });
  assert.deepEqual(tape.unexplained(), []);
});

test("the numbers of two sessions are not compared", () => {
  const tape = new Tape();
  tape.add(trade(1));
  tape.add(trade(9, { session: "200" }));
  assert.deepEqual(tape.unexplained(), []);
});

test("a backfilled trade is marked; a trade without the exchange's time has ours", () => {
  const tape = new Tape();
  tape.add(trade(1, { backfilled: true, timestamp: null, received_ns: "1700000000123456789" }));
  assert.equal(tape.rows[0].backfilled, true);
  assert.equal(Math.floor(tape.rows[0].timestamp), 1700000000123);
});

test("a restart is a row below the new session's trades", () => {
  const tape = new Tape();
  tape.add(trade(7));
  tape.add(trade(1, { session: "200" }));
  tape.addGap({ kind: "restart", number: 3, session: "200", at_ms: 70 });
  assert.deepEqual(tape.rows.map((row) => row.text ?? row.seq), [1, "worker restarted", 7]);
});
