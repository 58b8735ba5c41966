import assert from "node:assert/strict";
import test from "node:test";

import { bookOfQuote, ladder } from "../../feedd/gateway/page/symbol/ladder.js";

const BOOK = { bids: [[99, 1], [98, 2], [97, 3]], asks: [[101, 4], [102, 5]] };

test("a ladder has the same number of rows whatever the book holds", () => {
  for (const book of [BOOK, { bids: [], asks: [] }, null, { bids: [[1, 1]], asks: [] }]) {
    const rows = ladder(book, 5);
    assert.equal(rows.asks.length, 5);
    assert.equal(rows.bids.length, 5);
  }
});

test("totals accumulate from the best level outwards", () => {
  const rows = ladder(BOOK, 3);
  assert.deepEqual(rows.bids.map((row) => row.total), [1, 3, 6]);
  assert.deepEqual(rows.asks.map((row) => row?.total), [4, 9, undefined]);
});

test("the deepest total of both sides is the full bar", () => {
  const rows = ladder(BOOK, 3);
  assert.equal(rows.asks[1].share, 1);
  assert.equal(rows.bids[2].share, 6 / 9);
});

test("levels beyond the rows do not count", () => {
  const rows = ladder(BOOK, 1);
  assert.equal(rows.bids[0].total, 1);
  assert.equal(rows.asks[0].share, 1);
  assert.deepEqual(rows.levels, { bids: 3, asks: 2 });
});

test("the spread is in the price's unit and in basis points of the mid", () => {
  const rows = ladder(BOOK, 3);
  assert.equal(rows.spread, 2);
  assert.equal(rows.mid, 100);
  assert.equal(rows.spreadBps, 200);
});

test("a side without levels leaves spread and mid unknown", () => {
  const rows = ladder({ bids: [[99, 1]], asks: [] }, 3);
  assert.equal(rows.spread, null);
  assert.equal(rows.mid, null);
  assert.equal(ladder(null, 3).imbalance, null);
});

test("a quote is a book of one level", () => {
  const book = bookOfQuote({ bid: 1, bid_size: 2, ask: null, ask_size: null });
  assert.deepEqual(book, { bids: [[1, 2]], asks: [] });
});
