// Header of the page: health, connection, clocks, title and favicon.

import { setAttribute, setIcon } from "./dom.js";
import { localTime, utcTime } from "./format.js";
import { faviconOf, titleOf } from "./feeds/alarms.js";

const $ = (id) => document.getElementById(id);
const HEALTH_ICONS = { healthy: "live", degraded: "gap", down: "down", unknown: "starting" };
const LINK_ICONS = { live: "live", behind: "stale", connecting: "starting", disconnected: "down" };

/** Zone of the local clock, e.g. "CET" or "GMT+2"; "local" where it is UTC too. */
function zone() {
  const parts = new Intl.DateTimeFormat("en", { timeZoneName: "short" }).formatToParts();
  const name = parts.find(({ type }) => type === "timeZoneName")?.value;
  return name === undefined || name === "UTC" ? "local" : name;
}

export class Header {
  #title = "";

  constructor() {
    $("local-zone").textContent = zone();
  }

  clocks(nowMs) {
    $("local-time").textContent = localTime(nowMs);
    $("utc-time").textContent = utcTime(nowMs);
  }

  connection(state) {
    setAttribute(document.body, "data-connection", state);
    setAttribute($("connection"), "data-state", state);
    setIcon($("connection").firstChild, LINK_ICONS[state]);
    $("connection-text").textContent = state;
  }

  /** The health of all processes; `reason` is in the tooltip and in the overview. */
  health(word, reason) {
    setAttribute($("health"), "data-health", word);
    setAttribute($("health"), "title", reason ?? null);
    setIcon($("health").firstChild, HEALTH_ICONS[word] ?? "starting");
    $("health-text").textContent = word;
  }

  alarms(connection, alarms, feeds) {
    const title = titleOf(connection, alarms, feeds);
    if (title !== this.#title) document.title = this.#title = title;
    setAttribute($("favicon"), "href", `/page/icons/${faviconOf(connection, alarms)}.svg`);
  }
}
