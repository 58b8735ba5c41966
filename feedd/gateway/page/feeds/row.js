// One feed's row in the table. It changes only those texts and attributes that differ.

import { element, icon, setAttribute, setIcon, Text } from "../dom.js";
import { age, basisPoints, count, localTime, micros, NONE, price, rate } from "../format.js";
import { feedHash } from "../route.js";
import { isCurrent, WELL, DOWN, GAPPED } from "./condition.js";
import { Sparkline } from "./sparkline.js";
import { iconOf } from "./states.js";

export const FLASH_MS = 400;
const SPARK_WIDTH = 82;
const SPARK_HEIGHT = 20;
const ARROWS = { 1: "▲", 0: "", "-1": "▼" };
const DIRECTIONS = { 1: "up", 0: null, "-1": "down" };
const LEVELS = ["down", "attention", "attention", "attention"];

export class Row {
  constructor(feed) {
    this.feed = feed;
    this.visible = true;
    this.rendered = false;
    this.flashedMs = 0;
    this.flashing = false;
    this.node = element("tr", { role: "row", "data-feed": feed.name });
    const symbol = this.#cell("symbol");
    this.link = element("a", { href: feedHash(feed.name), tabindex: "-1" }, feed.symbol);
    symbol.append(this.link, element("span", { class: "exchange" }, feed.exchange));
    this.#buildState();
    this.last = this.#cell("last");
    const arrow = element("span", { class: "arrow", "aria-hidden": "true" });
    this.last.append(arrow);
    this.arrow = new Text(arrow);
    this.lastText = new Text(this.last);
    [this.bid, this.bidText] = this.#number("bid");
    [this.ask, this.askText] = this.#number("ask");
    [this.spread, this.spreadText] = this.#number("spread");
    [this.bps, this.bpsText] = this.#number("bps");
    const trend = this.#cell("trend");
    const canvas = element("canvas", { "aria-hidden": "true" });
    trend.append(canvas);
    this.spark = new Sparkline(canvas, SPARK_WIDTH, SPARK_HEIGHT);
    [, this.rateText] = this.#number("rate");
    [this.age, this.ageText] = this.#number("age");
    const latency = this.#cell("latency");
    this.p50Text = new Text(latency.appendChild(element("span", { class: "p50" })));
    this.p99Text = new Text(latency.appendChild(element("span", { class: "p99" })));
    [this.gaps, this.gapsText] = this.#number("gaps");
    [this.restarts, this.restartsText] = this.#number("restarts");
    this.note = this.#cell("note");
    this.noteText = new Text(this.note);
  }

  #cell(name) {
    const cell = element("td", { role: "cell", class: `c-${name}`, "data-cell": name });
    this.node.append(cell);
    return cell;
  }

  #number(name) {
    const cell = this.#cell(name);
    return [cell, new Text(cell)];
  }

  #buildState() {
    const cell = this.#cell("state");
    const state = element("span", { class: "state" });
    this.stateIcon = icon("starting");
    state.append(this.stateIcon);
    this.stateText = new Text(state);
    this.flag = element("span", { class: "flag", hidden: "" });
    this.flagText = new Text(this.flag);
    cell.append(state, this.flag);
  }

  /** Shows the feed; `connected`: what the page has is what the gateway has. */
  render({ condition, nowMs, connected, wallMs, flash, colours }) {
    const { feed } = this;
    this.rendered = true;
    this.#renderState(condition, nowMs, connected, wallMs);
    const { decimals } = feed;
    const lastCurrent = connected && isCurrent(feed, feed.last, condition, nowMs);
    const bidCurrent = connected && isCurrent(feed, feed.bid, condition, nowMs);
    const askCurrent = connected && isCurrent(feed, feed.ask, condition, nowMs);
    this.lastText.set(feed.last === null ? NONE : price(feed.last.value, decimals));
    this.arrow.set(lastCurrent ? ARROWS[feed.direction] : "");
    setAttribute(this.last, "data-direction", lastCurrent ? DIRECTIONS[feed.direction] : null);
    this.#mark(this.last, feed.last, lastCurrent);
    this.bidText.set(feed.bid === null ? NONE : price(feed.bid.value, decimals));
    this.#mark(this.bid, feed.bid, bidCurrent);
    this.askText.set(feed.ask === null ? NONE : price(feed.ask.value, decimals));
    this.#mark(this.ask, feed.ask, askCurrent);
    const { spread } = feed;
    this.spreadText.set(spread === null ? NONE : price(spread, decimals));
    this.bpsText.set(basisPoints(feed.spreadBps));
    this.#mark(this.spread, spread, bidCurrent && askCurrent);
    this.#mark(this.bps, spread, bidCurrent && askCurrent);
    const runs = connected && condition.rank !== DOWN && condition.state !== "stopped";
    this.rateText.set(runs ? rate(feed.rate) : NONE);
    this.p50Text.set(runs ? micros(feed.latency("p50")) : NONE);
    this.p99Text.set(runs ? micros(feed.latency("p99")) : "");
    const ageMs = feed.ageMs(nowMs);
    this.ageText.set(ageMs !== null && ageMs < 1000 ? "< 1 s" : wholeAge(ageMs));
    this.gapsText.set(count(feed.gaps));
    setAttribute(this.gaps, "data-some", feed.gaps > 0 ? "" : null);
    setAttribute(this.gaps, "title", feed.gap && `${localTime(feed.gap.atMs)} ${feed.gap.text}`);
    this.restartsText.set(count(feed.restarts));
    setAttribute(this.restarts, "data-some", feed.restarts > 0 ? "" : null);
    this.spark.draw(feed, nowMs, colours);
    if (flash && lastCurrent && feed.changedMs > this.flashedMs && nowMs - feed.changedMs < FLASH_MS) {
      this.last.classList.add("flash");
      this.flashing = true;
    }
    this.flashedMs = feed.changedMs;
  }

  /** Ends a flash that is over. Returns whether one goes on. */
  settle(nowMs) {
    if (!this.flashing) return false;
    if (nowMs - this.feed.changedMs < FLASH_MS) return true;
    this.last.classList.remove("flash");
    this.flashing = false;
    return false;
  }

  #renderState(condition, nowMs, connected, wallMs) {
    const { state, rank, reason, gapped, restarted } = condition;
    const shown = connected ? state : "unknown";
    setAttribute(this.node, "data-state", shown);
    setAttribute(this.node, "data-level", rank === WELL ? null : LEVELS[rank]);
    setIcon(this.stateIcon, connected ? iconOf(state) : "starting");
    this.stateText.set(connected ? state : `was ${state}`);
    const flag = gapped ? "gap" : restarted ? "restarted" : "";
    this.flag.hidden = flag === "";
    this.flagText.set(flag);
    setAttribute(this.node, "data-flag", flag || null);
    const notes = [];
    if (rank < GAPPED && reason) notes.push(reason);
    if (rank < GAPPED && this.feed.last) notes.push(`prices as of ${localTime(this.feed.last.atMs)}`);
    if (gapped) notes.push(`gap ${age(nowMs - this.feed.gap.atMs)} ago: ${this.feed.gap.text}`);
    if (restarted) notes.push(`restarted ${age(nowMs - this.feed.restartMs)} ago`);
    if (!connected) notes.unshift(`as of ${localTime(wallMs)}`);
    const text = rank === WELL ? "" : notes.join(" · ");
    this.noteText.set(text);
    setAttribute(this.note, "title", text || null);
  }

  #mark(cell, value, current) {
    const old = value !== null && !current;
    if (cell.classList.contains("not-current") !== old) cell.classList.toggle("not-current", old);
  }
}

function wholeAge(ms) {
  if (ms === null) return NONE;
  return ms < 9950 ? `${Math.floor(ms / 1000)} s` : age(ms);
}
