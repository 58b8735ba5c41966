// The next and the previous symbol. Pure.

/** The feed `by` places after this one in the list, around its end; null if there is no other. */
export function neighbour(feeds, feed, by) {
  const i = feeds.indexOf(feed);
  if (i === -1) return (by > 0 ? feeds[0] : feeds.at(-1)) ?? null;
  return feeds.length === 1 ? null : feeds[(i + by + feeds.length) % feeds.length];
}
