// Table of all feeds: one row each, rendered once per frame where something changed.

import { serverNowMs } from "../connection.js";
import { element, setAttribute } from "../dom.js";
import { condition } from "./condition.js";
import { filtered, ranked, SORTS } from "./ranking.js";
import { Row } from "./row.js";
import { sparkColours } from "./sparkline.js";

const TICK_MS = 500; // ages, and rows out of sight
const ORDER_EVERY_MS = 1000;
const STILL_MS = 1500; // after the pointer moved over the rows, only alarms change the order

const HEADS = [
  ["symbol", "Symbol"],
  ["state", "State"],
  ["last", "Last"],
  ["bid", "Bid"],
  ["ask", "Ask"],
  ["spread", "Spread"],
  ["bps", "bps"],
  ["trend", "10 min"],
  ["rate", "Msg/s"],
  ["age", "Age"],
  ["latency", "p50 / p99"],
  ["gaps", "Gaps"],
  ["restarts", "Restarts"],
];
const REDUCED = matchMedia("(prefers-reduced-motion: reduce)");

export class FeedsTable {
  #store;
  #rows = new Map();
  #order = []; // rows as listed
  #body;
  #scroller;
  #empty;
  #heads = new Map();
  #frame = null;
  #settings;
  #connected = false;
  #wallMs = null;
  #colours = sparkColours();
  #orderedMs = 0;
  #ranks = "";
  #pointerMs = 0;
  #flashing = new Set();
  #observer;
  #focused = null; // name of the feed whose link takes the focus

  constructor(store, { table, scroller, empty, settings, onSort, onOrder }) {
    this.#store = store;
    this.#body = table.tBodies[0];
    this.#scroller = scroller;
    this.#empty = empty;
    this.#settings = settings;
    this.onOrder = onOrder;
    this.#buildHead(table.tHead, onSort);
    this.#observer = new IntersectionObserver((entries) => this.#seen(entries), {
      rootMargin: "120px",
    });
    this.#body.addEventListener("pointermove", () => {
      this.#pointerMs = performance.now();
    });
    this.#body.addEventListener("focusin", (event) => {
      const row = this.#rows.get(event.target.closest("tr")?.dataset.feed);
      if (row) this.#setTabStop(row.feed.name);
    });
    this.#body.addEventListener("click", (event) => {
      if (event.target.closest("a") || getSelection()?.toString()) return;
      event.target.closest("tr")?.querySelector("a")?.click();
    });
    setInterval(() => this.#tick(), TICK_MS);
  }

  #buildHead(head, onSort) {
    const row = element("tr", { role: "row" });
    for (const [key, label] of HEADS) {
      const button = element("button", { type: "button", title: `Sort by ${SORTS[key].label}` }, label);
      button.addEventListener("click", () => onSort(key));
      const cell = element("th", { role: "columnheader", scope: "col", class: `c-${key}` }, button);
      this.#heads.set(key, cell);
      row.append(cell);
    }
    const note = element("span", { class: "visually-hidden" }, "Note");
    row.append(element("th", { role: "columnheader", scope: "col", class: "c-note" }, note));
    head.append(row);
  }

  /** What the view's settings admit, in order. */
  setSettings(settings) {
    this.#settings = settings;
    this.#reorder(true);
  }

  /** `connected` is false while the page is disconnected, or behind: its numbers are of `wallMs`. */
  setConnection(connected, wallMs) {
    if (connected === this.#connected && (connected || wallMs === this.#wallMs)) return;
    this.#connected = connected;
    this.#wallMs = wallMs;
    this.#invalidate();
  }

  refreshTheme() {
    this.#colours = sparkColours();
    this.#invalidate();
  }

  /** Renders what changed, in the next frame. */
  schedule() {
    this.#frame ??= requestAnimationFrame(() => this.#render());
  }

  /** Moves the focus by rows; from outside of them, to the first. */
  move(by) {
    if (this.#order.length === 0) return;
    const at = this.#order.findIndex((row) => row.link === document.activeElement);
    const to = at < 0 ? 0 : Math.min(this.#order.length - 1, Math.max(0, at + by));
    const { link, node } = this.#order[to];
    link.focus({ preventScroll: true });
    node.scrollIntoView({ block: "nearest" });
  }

  /** Gives the focus back to the row of a feed, or to the first. */
  focusFeed(name) {
    const row = this.#rows.get(name) ?? this.#order[0];
    row?.link.focus({ preventScroll: true });
    row?.node.scrollIntoView({ block: "nearest" });
  }

  #invalidate() {
    for (const feed of this.#store.feeds.values()) this.#store.dirty.add(feed);
    this.schedule();
  }

  #seen(entries) {
    for (const { target, isIntersecting } of entries) {
      const row = this.#rows.get(target.dataset.feed);
      if (row) row.visible = isIntersecting;
      if (row && isIntersecting) this.#store.dirty.add(row.feed);
    }
    this.schedule();
  }

  #tick() {
    const now = performance.now();
    if (this.#store.membersChanged || now - this.#orderedMs >= ORDER_EVERY_MS) {
      this.#reorder(false);
      // Rows out of sight follow once per second: a search in the page and a screen reader find
      // them no older than that.
      for (const feed of this.#store.feeds.values()) this.#store.dirty.add(feed);
      this.#render({ all: true });
      return;
    }
    for (const row of this.#order) if (row.visible) this.#store.dirty.add(row.feed);
    this.schedule();
  }

  #items() {
    const nowMs = serverNowMs();
    const items = [];
    for (const feed of this.#store.feeds.values()) {
      items.push({ feed, nowMs, condition: condition(feed, nowMs) });
    }
    return items;
  }

  #reorder(asked) {
    this.#orderedMs = performance.now();
    this.#syncRows();
    const all = this.#items();
    const shown = ranked(filtered(all, this.#settings), this.#settings);
    this.onOrder(all, shown.length);
    for (const { feed, condition: is } of all) this.#rows.get(feed.name).condition = is;
    const ranks = shown.map(({ feed, condition: is }) => `${feed.name}${is.rank}`).sort().join();
    const still = this.#orderedMs - this.#pointerMs > STILL_MS;
    if (!asked && !still && ranks === this.#ranks) return;
    this.#ranks = ranks;
    this.#place(shown.map(({ feed }) => this.#rows.get(feed.name)));
    this.#showSort();
    this.#empty.hidden = shown.length > 0;
    if (shown.length === 0) this.#empty.textContent = this.#why(all.length);
    this.schedule();
  }

  #why(feeds) {
    if (feeds > 0) return `None of ${feeds} feeds matches the filter.`;
    if (!this.#connected) return "No feed is known yet.";
    return "No feed runs. `feedd start` starts them.";
  }

  #syncRows() {
    if (!this.#store.membersChanged) return;
    this.#store.membersChanged = false;
    for (const [name, row] of this.#rows) {
      if (this.#store.feeds.get(name) === row.feed) continue;
      row.node.remove();
      this.#observer.unobserve(row.node);
      this.#flashing.delete(row);
      this.#rows.delete(name);
    }
    for (const [name, feed] of this.#store.feeds) {
      if (this.#rows.has(name)) continue;
      const row = new Row(feed);
      this.#rows.set(name, row);
      this.#observer.observe(row.node);
    }
  }

  #place(rows) {
    const focused = document.activeElement;
    const kept = new Set(rows);
    for (const row of this.#order) if (!kept.has(row)) row.node.remove();
    let next = this.#body.firstChild;
    for (const row of rows) {
      if (row.node === next) next = next.nextSibling;
      else this.#body.insertBefore(row.node, next);
    }
    this.#order = rows;
    if (!kept.has(this.#rows.get(this.#focused))) this.#setTabStop(rows[0]?.feed.name ?? null);
    // A moved element loses the focus.
    if (focused !== document.activeElement && this.#body.contains(focused)) {
      focused.focus({ preventScroll: true });
    }
  }

  #setTabStop(name) {
    if (name === this.#focused) return;
    this.#rows.get(this.#focused)?.link.setAttribute("tabindex", "-1");
    this.#focused = name;
    this.#rows.get(name)?.link.setAttribute("tabindex", "0");
  }

  #showSort() {
    const { sort, order } = this.#settings;
    for (const [key, cell] of this.#heads) setAttribute(cell, "aria-sort", key === sort ? order : null);
  }

  #render({ all = false } = {}) {
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    this.#frame = null;
    if (this.#store.membersChanged) this.#reorder(false);
    if (this.#scroller.offsetParent === null) {
      this.#store.dirty.clear(); // the symbol view is shown; #tick renders all rows after it
      return;
    }
    const nowMs = serverNowMs();
    const flash = !REDUCED.matches;
    for (const feed of this.#store.dirty) {
      const row = this.#rows.get(feed.name);
      if (!row || (!row.visible && !all && row.rendered)) continue;
      row.condition = condition(feed, nowMs);
      row.render({
        condition: row.condition,
        nowMs,
        connected: this.#connected,
        wallMs: this.#wallMs,
        flash,
        colours: this.#colours,
      });
      if (row.flashing) this.#flashing.add(row);
    }
    this.#store.dirty.clear();
    for (const row of this.#flashing) if (!row.settle(nowMs)) this.#flashing.delete(row);
    if (this.#flashing.size > 0) setTimeout(() => this.schedule(), 100);
  }
}
