// Entry point of the page: builds its parts and connects them.

import { Banners } from "./banners.js";
import { fetchJson, openStream, serverClock, serverNowMs } from "./connection.js";
import { alarmsOf, Announcements } from "./feeds/alarms.js";
import { FilterBar } from "./feeds/filter-bar.js";
import { FeedStore } from "./feeds/store.js";
import { FeedsTable } from "./feeds/table.js";
import { Header } from "./header.js";
import { buildHelp, listenToKeys } from "./keys.js";
import { Side } from "./overview/side.js";
import { Tiles } from "./overview/tiles.js";
import { parseRoute } from "./route.js";
import { Theme } from "./theme.js";

const CONFLATE_MS = 250;
const OVERVIEW_EVERY_MS = 2000;
const OVERVIEW_OLD_MS = 6000;
const BASE_TOPICS = ["status.", "quote.", "ticker.", "trade."];

const $ = (id) => document.getElementById(id);

const store = new FeedStore();
const header = new Header();
const tiles = new Tiles($("tiles"));
const side = new Side($("side"));
const banners = new Banners(() => toggleAttention(true));
const announcements = new Announcements();
const filterBar = new FilterBar((settings) => table?.setSettings(settings));
const table = new FeedsTable(store, {
  table: $("feeds"),
  scroller: $("feeds-scroller"),
  empty: $("feeds-empty"),
  settings: filterBar.settings,
  onSort: (key) => filterBar.sortBy(key),
  onOrder: ordered,
});

let connection = "connecting";
let connectionInfo = { why: null, byMs: 0, missed: 0, lastMs: null, retryInMs: null };
let overviewMs = null; // of the monotonic clock
let symbolView = null;
let opened = null; // the feed that was opened last

const theme = new Theme($("theme-toggle"), () => {
  table.refreshTheme();
  symbolView?.refreshTheme();
});

// The stream

let stream = null;
let extraTopics = "";

function connect() {
  const extra = store.extraTopics();
  extraTopics = extra.join();
  stream?.close();
  stream = openStream({
    topics: [...BASE_TOPICS, ...extra],
    conflateMs: CONFLATE_MS,
    onEvent: (event) => {
      if (store.apply(event, serverNowMs()) !== null) table.schedule();
    },
    onState: (state, info) => {
      const wasLive = connection === "live";
      connection = state;
      connectionInfo = info;
      showConnection();
      if (state === "live" && !wasLive) loadPast();
    },
  });
}

function showConnection() {
  header.connection(connection);
  banners.connection(connection, connectionInfo, performance.now());
  const current = connection === "live";
  table.setConnection(current, connectionInfo.lastMs);
  const known = overviewMs !== null && performance.now() - overviewMs < OVERVIEW_OLD_MS;
  tiles.setCurrent(known);
  side.setCurrent(known);
  if (!known) header.health("unknown", "no overview from the gateway");
}

/** What happened before: gaps and restarts, and the sparklines' past. */
async function loadPast() {
  const [timeline, trends] = await Promise.allSettled([
    fetchJson("/api/timeline?limit=1000"),
    fetchJson("/api/trends"),
  ]);
  if (timeline.status === "fulfilled") store.timeline(timeline.value.entries);
  if (trends.status === "fulfilled") store.trends(trends.value);
  table.schedule();
}

async function pollOverview() {
  try {
    const content = await fetchJson("/api/overview");
    overviewMs = performance.now();
    store.overview(content);
    tiles.show(content);
    side.show(content);
    banners.market(content.market);
    banners.notices(content.notices);
    header.health(content.health, content.reason);
    showConnection();
    if (store.extraTopics().join() !== extraTopics && stream !== null) connect();
    table.schedule();
  } catch (error) {
    side.fail(error.message);
  }
  setTimeout(pollOverview, OVERVIEW_EVERY_MS);
}

/** Follows the order of the table: alarms, counts, exchanges. */
function ordered(all, shown) {
  const alarms = alarmsOf(all);
  const live = all.filter(({ condition }) => condition.state === "live").length;
  header.alarms(connection, alarms, live);
  filterBar.setExchanges(new Set(all.map(({ feed }) => feed.exchange)));
  $("feeds-count").textContent = shown === all.length ? String(shown) : `${shown} of ${all.length}`;
  if (connection !== "live") return;
  banners.alarms(alarms);
  const said = announcements.changes(all);
  if (said.length > 0) $("announcer").textContent = `${said.join(". ")}.`;
}

// Views

const context = {
  openStream,
  fetchJson,
  theme: () => theme.shown,
  onError: (text) => {
    $("announcer").textContent = text;
  },
};

async function showFeed(feed) {
  if (symbolView === null) {
    try {
      const { SymbolView } = await import("./symbol/view.js");
      symbolView ??= new SymbolView($("symbol-view"), context);
    } catch (error) {
      $("symbol-view").textContent = `The symbol view can't be loaded: ${error.message}`;
      return;
    }
  }
  const route = parseRoute(location.hash);
  if (route.name === "feed" && route.feed === feed) symbolView.show(feed);
}

function follow() {
  const route = parseRoute(location.hash);
  const isFeed = route.name === "feed";
  document.body.dataset.view = route.name;
  $("overview-view").hidden = isFeed;
  $("symbol-view").hidden = !isFeed;
  if (isFeed) {
    opened = route.feed;
    showFeed(route.feed);
    window.scrollTo(0, 0);
    return;
  }
  symbolView?.hide();
  filterBar.read();
  table.setSettings(filterBar.settings);
  if (opened !== null) {
    table.focusFeed(opened);
    opened = null;
  }
}

function isOverview() {
  return document.body.dataset.view === "overview";
}

function goHome() {
  location.hash = filterBar.hash;
}

function toggleAttention(only = filterBar.settings.state !== "attention") {
  if (!isOverview()) goHome();
  filterBar.show({ state: only ? "attention" : "" });
  return true;
}

// Keys

buildHelp($("help"));
$("help-open").addEventListener("click", () => $("help").showModal());
$("home").addEventListener("click", (event) => {
  event.preventDefault();
  goHome();
});
listenToKeys({
  help: () => {
    $("help").showModal();
    return true;
  },
  theme: () => {
    theme.next();
    return true;
  },
  filter: () => {
    if (!isOverview()) return false;
    filterBar.focus();
    return true;
  },
  attention: () => toggleAttention(),
  back: () => {
    if (isOverview()) return false;
    goHome();
    return true;
  },
  move: (by) => {
    if (!isOverview()) return false;
    table.move(by);
    return true;
  },
  first: () => table.move(0),
  leaveField: (field) => {
    if (field.id === "filter-text" && field.value) filterBar.show({ text: "" });
    else field.blur();
  },
});

// Clocks

function tick() {
  const nowMs = serverClock.known && connection !== "disconnected" ? serverNowMs() : Date.now();
  header.clocks(nowMs);
  showConnection();
  setTimeout(tick, 1000 - (nowMs % 1000));
}

window.addEventListener("hashchange", follow);
follow();
connect();
tick();
pollOverview();
