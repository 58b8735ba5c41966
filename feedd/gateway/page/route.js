// Routes of the page, in the address's fragment. Pure.
// `#/` all feeds, with the view's settings as a query; `#/feed/<encoded feed>` one symbol.

/** `{name: "overview", query}` or `{name: "feed", feed}`; an unknown fragment is the overview. */
export function parseRoute(hash) {
  const text = hash.startsWith("#") ? hash.slice(1) : hash;
  const mark = text.indexOf("?");
  const path = mark < 0 ? text : text.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? "" : text.slice(mark + 1));
  if (path.startsWith("/feed/")) {
    const feed = decoded(path.slice("/feed/".length));
    if (feed) return { name: "feed", feed };
  }
  return { name: "overview", query };
}

export function feedHash(feed) {
  return `#/feed/${encodeURIComponent(feed)}`;
}

export function overviewHash(query) {
  const text = query.toString();
  return text ? `#/?${text}` : "#/";
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
