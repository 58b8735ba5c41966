// Rows of an order-book ladder: a fixed number for each side, whatever the book holds. Pure.

/**
 * `{asks, bids, spread, spreadBps, mid, imbalance, levels}` of a book `{bids, asks}`, each a list of
 * `[price, size]`, best first. `asks` and `bids` have exactly `count` rows
 * `{price, size, total, share}` (null where the book has no level), best first. `total` is the size
 * up to and including the level, `share` that total relative to the deepest one shown, 0 to 1.
 */
export function ladder(book, count) {
  const bids = rows(book?.bids ?? [], count);
  const asks = rows(book?.asks ?? [], count);
  const bidTotal = bids.findLast((row) => row)?.total ?? 0;
  const askTotal = asks.findLast((row) => row)?.total ?? 0;
  const deepest = Math.max(bidTotal, askTotal);
  for (const row of [...bids, ...asks]) {
    if (row) row.share = deepest > 0 ? row.total / deepest : 0;
  }
  const bid = bids[0]?.price ?? null;
  const ask = asks[0]?.price ?? null;
  const both = bid !== null && ask !== null;
  const mid = both ? (bid + ask) / 2 : null;
  const total = bidTotal + askTotal;
  return {
    asks,
    bids,
    mid,
    spread: both ? ask - bid : null,
    spreadBps: both && mid > 0 ? ((ask - bid) / mid) * 1e4 : null,
    imbalance: total > 0 ? bidTotal / total : null,
    levels: { bids: book?.bids?.length ?? 0, asks: book?.asks?.length ?? 0 },
  };
}

/** A book with the one level that a quote shows of each side. */
export function bookOfQuote(quote) {
  const level = (price, size) => (price == null ? [] : [[price, size ?? null]]);
  return {
    bids: level(quote?.bid, quote?.bid_size),
    asks: level(quote?.ask, quote?.ask_size),
  };
}

function rows(levels, count) {
  const list = [];
  let total = 0;
  for (let i = 0; i < count; i += 1) {
    if (i >= levels.length) {
      list.push(null);
      continue;
    }
    const [price, size] = levels[i];
    total += size ?? 0;
    list.push({ price, size, total, share: 0 });
  }
  return list;
}
