// Banners over the page: the connection, the market, feeds that need attention, and notices.

import { element, icon } from "./dom.js";
import { age, count, localTime, utcTime } from "./format.js";
import { feedHash } from "./route.js";
import { iconOf } from "./feeds/states.js";

const NAMED = 6; // feeds of each state
const MISSED_SHOWN_MS = 30000;

const $ = (id) => document.getElementById(id);

export class Banners {
  #shown = new Map();
  #missed = 0;
  #missedMs = -Infinity;
  #onShowAll;

  constructor(onShowAll) {
    this.#onShowAll = onShowAll;
  }

  /** Shows what is wrong with the connection; `info` as of `openStream`. */
  connection(state, info, nowMs) {
    if (info.missed > this.#missed) this.#missedMs = nowMs;
    const before = this.#missed;
    this.#missed = info.missed;
    const asOf = info.lastMs === null ? "" : `${localTime(info.lastMs)} (${utcTime(info.lastMs)} UTC)`;
    if (state === "disconnected") {
      const retry = info.retryInMs === null ? "connecting…" : `next try in ${Math.ceil(info.retryInMs / 1000)} s`;
      const old = asOf ? `All numbers are as of ${asOf}. ` : "";
      this.#show("connection-banner", "down", "down", "Disconnected from the gateway.", `${old}${retry}`);
    } else if (state === "behind") {
      const [head, text] = behindText(info, asOf);
      this.#show("connection-banner", "attention", "stale", head, text);
    } else if (nowMs - this.#missedMs < MISSED_SHOWN_MS && this.#missed > 0) {
      const more = `${count(info.missed)} messages since the page was opened`;
      this.#show("connection-banner", "attention", "gap", "This page is too slow.",
        `It missed ${more}, which the gateway left out. The prices shown are the newest; the feeds and other subscribers are not affected.`);
    } else {
      this.#hide("connection-banner");
    }
    return this.#missed > before;
  }

  market(text) {
    if (text) this.#show("market-banner", "notice", "gap", text, "");
    else this.#hide("market-banner");
  }

  notices(lines) {
    const key = lines.join("\n");
    if (this.#shown.get("notices") === key) return;
    this.#shown.set("notices", key);
    $("notices").replaceChildren(...lines.map((line) => element("li", {}, line)));
    $("notices").hidden = lines.length === 0;
  }

  /** Counts and names of the feeds that need attention. */
  alarms({ groups, level, count: total }) {
    const key = groups
      .map(({ word, items }) => `${word}:${items.map(({ feed }) => feed.name).sort().join()}`)
      .join(";");
    if (this.#shown.get("alarms") === key) return;
    this.#shown.set("alarms", key);
    const banner = $("alarm-banner");
    banner.hidden = total === 0;
    if (total === 0) return;
    banner.dataset.level = level;
    const head = total === 1 ? "1 feed needs attention" : `${total} feeds need attention`;
    const parts = groups.map(({ word, level: of, items }) => {
      const names = items.slice(0, NAMED).map(({ feed }) =>
        element("a", { href: feedHash(feed.name), title: feed.exchange }, feed.symbol));
      const rest = items.length - names.length;
      if (rest > 0) names.push(element("span", {}, `and ${rest} more`));
      const label = element("strong", {}, `${items.length} ${word}`);
      return element("span", { class: "alarm", "data-level": of, "data-alarm": word },
        icon(iconOf(word)), label, ...names);
    });
    const all = element("button", { type: "button", class: "small" }, "Show only these");
    all.addEventListener("click", () => this.#onShowAll());
    const body = element("div", { class: "banner-body" }, element("strong", {}, head), ...parts);
    banner.replaceChildren(icon(level === "down" ? "down" : "gap"), body, all);
  }

  #show(id, level, iconName, head, text) {
    const key = `${level}|${head}|${text}`;
    if (this.#shown.get(id) === key) return;
    const banner = $(id);
    const headBefore = this.#shown.get(id)?.split("|")[1];
    this.#shown.set(id, key);
    banner.dataset.level = level;
    banner.hidden = false;
    if (headBefore === head) {
      banner.lastChild.lastChild.textContent = text; // the seconds count; the head is not read out again
      return;
    }
    const body = element("div", { class: "banner-body" },
      element("strong", {}, head), element("span", { "aria-live": "off" }, text));
    banner.replaceChildren(icon(iconName), body);
  }

  #hide(id) {
    if (!this.#shown.delete(id)) return;
    $(id).hidden = true;
    $(id).replaceChildren();
  }
}

function behindText({ why, byMs }, asOf) {
  switch (why) {
    case "no-heartbeat":
      return ["The gateway does not respond.", `No heartbeat for ${age(byMs)}. All numbers are as of ${asOf}.`];
    case "asleep":
      return ["This tab was in the background.", `Its numbers are as of ${asOf}, until the next heartbeat.`];
    case "page":
      return ["This page is behind.", `It handles messages ${age(byMs)} late: the browser or this machine is too busy.`];
    default:
      return ["The gateway is behind.", `Its newest message is ${age(byMs)} old.`];
  }
}
