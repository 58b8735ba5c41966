// Entry point of the page: builds its parts and connects them.

import { fetchJson, openStream } from "./connection.js";
import { parseRoute, overviewHash } from "./route.js";
import { Theme } from "./theme.js";

const $ = (id) => document.getElementById(id);

const views = { overview: $("overview-view"), feed: $("symbol-view") };
let symbolView = null;
const theme = new Theme($("theme-toggle"), () => symbolView?.refreshTheme());

const context = {
  openStream,
  fetchJson,
  theme: () => theme.shown,
  onError: (text) => console.error(text),
};

async function showFeed(feed) {
  if (symbolView === null) {
    try {
      const { SymbolView } = await import("./symbol/view.js");
      symbolView = new SymbolView(views.feed, context);
    } catch (error) {
      views.feed.textContent = `The symbol view can't be loaded: ${error.message}`;
      return;
    }
  }
  const route = parseRoute(location.hash);
  if (route.name === "feed" && route.feed === feed) symbolView.show(feed);
}

function follow() {
  const route = parseRoute(location.hash);
  views.overview.hidden = route.name !== "overview";
  views.feed.hidden = route.name !== "feed";
  if (route.name === "feed") showFeed(route.feed);
  else symbolView?.hide();
}

window.addEventListener("hashchange", follow);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && parseRoute(location.hash).name === "feed") {
    location.hash = overviewHash(new URLSearchParams());
  }
});
follow();
