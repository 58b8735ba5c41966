// The view of one symbol: its panels, what connects them, and the keys.

import { serverNowMs } from "../connection.js";
import { feedHash } from "../route.js";
import { BookPanel } from "./book-panel.js";
import { ChartPanel } from "./chart-panel.js";
import { el, Frame } from "./dom.js";
import { FeedLink } from "./feed-link.js";
import { HeaderPanel } from "./header-panel.js";
import { HealthPanel } from "./health-panel.js";
import { FeedModel } from "./model.js";
import { neighbour } from "./neighbour.js";
import { Tabs } from "./tabs.js";
import { TapePanel } from "./tape-panel.js";
import { TimelinePanel } from "./timeline-panel.js";

const TICK_MS = 500; // ages and the timeline move without an event
const NO_LIBRARY = "The chart library is missing from this installation. Run `make chart-library`, and reload the page.";
const ALL = ["header", "book", "trades", "candle", "health", "timeline"];

export class SymbolView {
  #root;
  #context;
  #model = null;
  #link = null;
  #frame = new Frame(() => this.#draw());
  #changed = new Set();
  #timer = null;
  #feeds = [];
  #parts = null;
  #library = null;
  #onKey = (event) => this.#key(event);
  #onVisible = () => this.#changeAll();

  constructor(root, context) {
    this.#root = root;
    this.#context = context;
  }

  /** Show a feed, instead of the one shown before. */
  show(feed) {
    if (this.#model?.feed === feed) return;
    const isFirst = this.#parts === null;
    if (isFirst) this.#build();
    else this.#disconnect();
    const model = new FeedModel(feed);
    model.changed = () => this.#change(["candle"]);
    this.#model = model;
    this.#root.dataset.feed = feed;
    this.#parts.header.reset(model, this.#feeds);
    for (const part of [this.#parts.tape, this.#parts.chart, this.#parts.health, this.#parts.timeline]) {
      part.reset(model);
    }
    this.#link = new FeedLink(model, this.#context, (parts) => this.#change(parts), (name, text) => {
      this.#problem(model, name, text);
    });
    this.#loadFeeds();
    this.#changeAll();
    if (isFirst) this.#parts.header.heading.focus({ preventScroll: true });
  }

  /** Close the connections and drop everything that was shown. */
  hide() {
    if (this.#parts === null) return;
    this.#disconnect();
    clearInterval(this.#timer);
    document.removeEventListener("keydown", this.#onKey);
    document.removeEventListener("visibilitychange", this.#onVisible);
    for (const part of [this.#parts.chart, this.#parts.health, this.#parts.timeline, this.#parts.tabs]) {
      part.remove();
    }
    this.#parts = null;
    this.#model = null;
    delete this.#root.dataset.feed;
    this.#root.replaceChildren();
  }

  refreshTheme() {
    this.#parts?.chart.refreshTheme();
    this.#parts?.health.refreshTheme();
  }

  #build() {
    const parts = {
      header: new HeaderPanel(),
      chart: new ChartPanel(),
      book: new BookPanel(),
      tape: new TapePanel(),
      health: new HealthPanel(),
      timeline: new TimelinePanel(() => this.#link?.loadOlder()),
    };
    parts.tabs = new Tabs([
      ["chart", "Price", parts.chart.element],
      ["book", "Book", parts.book.element],
      ["trades", "Trades", parts.tape.element],
      ["health", "Latency", parts.health.element],
      ["timeline", "Timeline", parts.timeline.element],
    ]);
    const grid = el(
      "div", { class: "sym-grid" },
      ...[parts.chart, parts.book, parts.tape, parts.health, parts.timeline].map((part) => part.element),
    );
    this.#parts = parts;
    this.#root.replaceChildren(
      el("article", { class: "sym", "aria-labelledby": "symbol-heading" }, parts.header.element, parts.tabs.element, grid),
    );
    this.#timer = setInterval(() => this.#change(["header", "book", "trades", "health", "timeline", "candle"]), TICK_MS);
    document.addEventListener("keydown", this.#onKey);
    document.addEventListener("visibilitychange", this.#onVisible);
    this.#loadLibrary(parts);
  }

  async #loadLibrary(parts) {
    let problem = null;
    if (this.#library === null) {
      try {
        this.#library = await import("../vendor/lightweight-charts.mjs");
      } catch (error) {
        this.#context.onError(`the chart library can't be loaded: ${error.message}`);
        problem = NO_LIBRARY;
      }
    }
    if (this.#parts !== parts) return; // hidden meanwhile
    parts.chart.setLibrary(this.#library, problem);
    parts.health.setLibrary(this.#library, problem);
    this.#changeAll();
  }

  #disconnect() {
    this.#link?.close();
    this.#link = null;
    this.#frame.cancel();
    this.#changed.clear();
  }

  async #loadFeeds() {
    const model = this.#model;
    try {
      const overview = await this.#context.fetchJson("/api/overview");
      if (this.#model !== model) return;
      model.sinceMs = overview.started_ms ?? null;
      const listed = this.#context.feeds?.() ?? [];
      const running = overview.processes.filter((process) => process.is_feed && process.feed);
      this.#feeds = listed.length > 0 ? listed : running.map((process) => process.feed);
      this.#parts?.header.links(model.feed, this.#feeds);
      this.#change(["timeline"]);
    } catch (error) {
      this.#context.onError(error.message);
    }
  }

  #problem(model, name, text) {
    if (this.#model !== model) return;
    if (name === "candles") this.#parts.chart.problem(text);
    else this.#context.onError(`${name}: ${text}`);
  }

  #change(parts) {
    for (const part of parts) this.#changed.add(part);
    this.#frame.request();
  }

  #changeAll() {
    if (this.#parts !== null) this.#change(ALL);
  }

  #draw() {
    const { header, book, tape, chart, health, timeline } = this.#parts;
    const model = this.#model;
    const nowMs = serverNowMs();
    const changed = new Set(this.#changed);
    this.#changed.clear();
    const fresh = model.freshness(nowMs);
    const article = this.#root.firstElementChild;
    article.dataset.current = String(fresh.current);
    article.dataset.state = model.state ?? "unknown";
    article.dataset.connection = model.connection.state;
    if (changed.has("header")) header.draw(model, nowMs);
    if (changed.has("book") && !book.element.hidden) book.draw(model, nowMs);
    if (changed.has("trades") && !tape.element.hidden) {
      tape.draw(model, nowMs);
      tape.drawEmpty(model);
    }
    if ((changed.has("candle") || changed.has("header")) && !chart.element.hidden) chart.draw(model, nowMs);
    if (changed.has("health") && !health.element.hidden) health.draw(model, nowMs);
    if (changed.has("timeline") && !timeline.element.hidden) timeline.draw(model, nowMs);
  }

  #key(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("input, select, textarea, dialog")) return;
    const by = { "[": -1, "]": 1 }[event.key];
    if (by === undefined || this.#model === null) return;
    const other = neighbour(this.#feeds, this.#model.feed, by);
    if (other !== null) location.hash = feedHash(other);
  }
}
