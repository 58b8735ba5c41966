// Header of the symbol view: prices, state and reason, how each channel is checked, age, session.

import {
  NONE, age, basisPoints, localTime, size, utcTime,
} from "../format.js";
import { feedHash } from "../route.js";
import { el, setAttribute, setText, svg } from "./dom.js";
import { neighbour } from "./neighbour.js";

const CHECKED = {
  sequence: "a lost message shows: each has a number",
  checksum: "a lost or altered message shows: the exchange sends a checksum",
  whole: "a lost message makes no later one wrong: each has the complete state",
  none: "nothing shows a lost or altered message",
};
const CHECKED_BY = {
  sequence: "checked by sequence", checksum: "checked by checksum", whole: "whole state each time",
  none: "not checked",
};
const ICONS = {
  live: "live", starting: "starting", stale: "stale", reconnecting: "reconnecting",
  resync: "reconnecting", stopped: "stopped",
};
const SIGNS = new Map([[1, "+"], [0, ""], [-1, "−"]]);
const MOVES = new Map([[1, ["▲", "up"]], [-1, ["▼", "down"]], [0, ["", ""]]]);

export class HeaderPanel {
  constructor() {
    this.symbol = el("span", { id: "symbol-name" });
    this.exchange = el("span", { id: "symbol-exchange", class: "sym-exchange" });
    this.heading = el("h2", { id: "symbol-heading", tabindex: "-1" }, this.symbol, this.exchange);
    this.use = svg("use", { href: "#icon-starting" });
    this.stateText = el("span", { id: "symbol-state-text" });
    this.state = el(
      "p", { id: "symbol-state", class: "sym-state" },
      svg("svg", { class: "icon", "aria-hidden": "true" }, this.use), this.stateText,
    );
    this.reason = el("p", { id: "symbol-reason", class: "sym-reason" });
    this.previous = el("a", { id: "symbol-previous", class: "sym-link", title: "Previous symbol ([)" });
    this.next = el("a", { id: "symbol-next", class: "sym-link", title: "Next symbol (])" });
    const back = el("a", { id: "symbol-back", class: "sym-link", href: "#/", title: "All feeds (Esc)" });
    back.append(el("span", { "aria-hidden": "true", text: "←" }), " All feeds");
    const links = el("nav", { class: "sym-nav", "aria-label": "Symbols" }, back, this.previous, this.next);
    this.values = {};
    this.move = el("span", { class: "sym-move", "aria-hidden": "true" });
    this.last = el("span", { "data-value": "last" });
    const lastValue = el("dd", { id: "symbol-last", class: "sym-last" }, this.last, this.move);
    const figures = el("dl", { class: "sym-figures", id: "symbol-figures" });
    figures.append(el("div", { class: "sym-figure" }, el("dt", { text: "Last" }), lastValue));
    for (const [name, title] of [
      ["bid", "Bid"], ["ask", "Ask"], ["spread", "Spread"], ["change", "24 h"],
      ["range", "24 h low – high"], ["volume", "24 h volume"], ["mark", "Mark"], ["age", "Last event"],
      ["session", "Session since"],
    ]) {
      const value = el("dd", { id: `symbol-${name}` });
      this.values[name] = value;
      figures.append(el("div", { class: "sym-figure", "data-figure": name }, el("dt", { text: title }), value));
    }
    this.checked = el("ul", { id: "symbol-checked", class: "sym-checked", "aria-label": "How each channel is checked" });
    this.notice = el("p", { id: "symbol-notice", class: "sym-notice", role: "status", hidden: true });
    this.element = el(
      "header", { class: "panel sym-header" },
      el("div", { class: "sym-title" }, this.heading, this.state, this.reason, links),
      figures, el("div", { class: "sym-line" }, this.checked, this.notice),
    );
    this.lastValue = lastValue;
    this.checkedShown = "";
  }

  /** Show another feed. */
  reset(model, feeds) {
    setText(this.symbol, model.symbol);
    setText(this.exchange, model.exchange);
    this.checkedShown = "";
    this.checked.replaceChildren();
    this.links(model.feed, feeds);
  }

  links(feed, feeds) {
    for (const [link, by, arrow, word] of [
      [this.previous, -1, "‹", "Previous"], [this.next, 1, "›", "Next"],
    ]) {
      const other = neighbour(feeds, feed, by);
      link.hidden = other === null;
      if (other === null) continue;
      link.href = feedHash(other);
      const name = other.slice(other.indexOf(".") + 1, -1);
      link.replaceChildren(
        el("span", { class: "visually-hidden", text: `${word} symbol: ` }),
        el("span", { "aria-hidden": "true", text: by < 0 ? `${arrow} ` : "" }), name,
        el("span", { "aria-hidden": "true", text: by > 0 ? ` ${arrow}` : "" }),
      );
    }
  }

  draw(model, nowMs) {
    const fresh = model.freshness(nowMs);
    const { prices, price } = model;
    const text = (number) => (number === null ? NONE : price.text(number));
    setText(this.last, text(prices.last));
    const [arrow, direction] = MOVES.get(fresh.current ? model.lastMove : 0);
    setText(this.move, arrow);
    setAttribute(this.last.parentElement, "data-move", direction);
    setText(this.values.bid, text(prices.bid));
    setText(this.values.ask, text(prices.ask));
    const spread = prices.spread === null ? NONE : `${text(prices.spread)} (${basisPoints(prices.spreadBps)} bp)`;
    setText(this.values.spread, spread);
    const { changePercent } = prices;
    const change = changePercent === null ? 0 : Number(changePercent.toFixed(2));
    const changeText = `${SIGNS.get(Math.sign(change))}${Math.abs(change).toFixed(2)} %`;
    setText(this.values.change, changePercent === null ? NONE : changeText);
    setAttribute(this.values.change, "data-move", MOVES.get(Math.sign(change))[1]);
    this.#optional("range", prices.low !== null && prices.high !== null, () => `${text(prices.low)} – ${text(prices.high)}`);
    this.#optional("volume", prices.volume !== null, () => size(prices.volume));
    this.#optional("mark", prices.mark !== null, () => text(prices.mark));
    const ageMs = model.ageMs(nowMs);
    setText(this.values.age, ageMs === null ? NONE : `${age(ageMs)} ago`);
    this.#optional("session", model.session !== null, () => localTime(model.session));
    setAttribute(this.values.session, "title", model.session === null ? null : `${model.session}: since ${utcTime(model.session)} UTC, ${localTime(model.session)} local`);
    this.#drawState(model, fresh);
    this.#drawChecked(model);
    this.#markOld(model, nowMs);
    this.#drawNotice(fresh);
  }

  #markOld(model, nowMs) {
    const { lastFrom, topFrom } = model.prices;
    const mark = (channel, ...nodes) => {
      const { current } = model.freshness(nowMs, channel);
      for (const node of nodes) node.classList.toggle("not-current", !current);
    };
    const { bid, ask, spread, change, range, volume, mark: markPrice } = this.values;
    mark(lastFrom, this.lastValue);
    mark(topFrom, bid, ask, spread);
    mark("ticker", change, range, volume);
    mark("mark", markPrice);
  }

  #optional(name, known, text) {
    this.values[name].parentElement.hidden = !known;
    if (known) setText(this.values[name], text());
  }

  #drawState(model, fresh) {
    const known = fresh.word !== "disconnected" && fresh.word !== "connecting";
    const state = known ? model.state ?? "unknown" : "unknown";
    const restarts = state === "starting" && model.restartedMs !== null;
    setText(this.stateText, restarts ? "restarting" : known || model.state === null ? state : `was ${model.state}`);
    setAttribute(this.state, "data-state", restarts ? "reconnecting" : state);
    setAttribute(this.use, "href", `#icon-${ICONS[state] ?? "starting"}`);
    const listing = model.status?.listing;
    const reason = [restarts ? `worker restarted at ${localTime(model.restartedMs)}` : null, known ? model.reason : null, listing ? `listed as ${listing}` : null].filter(Boolean).join("; ");
    setText(this.reason, reason);
  }

  #drawChecked(model) {
    const byCheck = new Map(Object.keys(CHECKED).map((check) => [check, []]));
    for (const [name, { published, checked }] of Object.entries(model.status?.channels ?? {})) {
      if (published && checked != null) byCheck.set(checked, [...byCheck.get(checked) ?? [], name]);
    }
    const groups = [...byCheck].filter(([, names]) => names.length > 0);
    const shown = groups.flat(2).join();
    if (shown === this.checkedShown) return;
    this.checkedShown = shown;
    this.checked.replaceChildren(...groups.map(([check, names]) => el(
      "li", { "data-checked": check, title: CHECKED[check] },
      `${CHECKED_BY[check] ?? `checked by ${check}`}: `,
      el("b", { text: names.join(", ") }),
      el("span", { class: "visually-hidden", text: `, ${CHECKED[check] ?? ""}` }),
    )));
  }

  #drawNotice(fresh) {
    this.notice.hidden = fresh.current;
    this.checked.hidden = !fresh.current; // in its place, so that nothing below moves
    if (fresh.current) return;
    const asOf = fresh.asOfMs === null
      ? "No number has arrived."
      : `Numbers are as of ${localTime(fresh.asOfMs)} (${utcTime(fresh.asOfMs)} UTC).`;
    setText(this.notice, `Not current: ${fresh.word} (${fresh.why}). ${asOf}`);
    setAttribute(this.notice, "data-word", fresh.word);
  }
}
