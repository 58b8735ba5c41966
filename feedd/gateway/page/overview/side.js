// Side panels of the overview: processes, request budgets, proxies, recorder, network.

import { element, icon } from "../dom.js";
import { age, bytes, count, localTime, NONE, rate } from "../format.js";
import { feedHash } from "../route.js";
import { iconOf } from "../feeds/states.js";
import { budgetLevel, byNeed, recorderState } from "./summary.js";

export class Side {
  #root;
  #panels = new Map();

  constructor(root) {
    this.#root = root;
    const loading = element("p", { class: "empty", id: "side-empty" }, "No overview so far.");
    root.append(loading);
  }

  /** Says why there is no overview. */
  fail(text) {
    const empty = document.getElementById("side-empty");
    if (empty) empty.textContent = text;
  }

  setCurrent(current) {
    this.#root.classList.toggle("stale-figures", !current);
  }

  show(content) {
    document.getElementById("side-empty")?.remove();
    const others = content.processes.filter((process) => !process.is_feed);
    const feeds = content.processes.filter((process) => process.is_feed);
    this.#panel("processes", "Processes", processTable(byNeed(others), "Processes other than feeds"));
    this.#panel("feed-processes", `Feeds' processes (${feeds.length})`, processTable(byNeed(feeds), "Feeds' processes"), true);
    this.#panel("budgets", "Request budgets", budgetList(content.budgets));
    this.#panel("proxies", "Proxies", proxyList(content.proxies));
    this.#panel("recorder", "Recorder", recorderList(content.recorder));
    this.#panel("gateway", "Gateway", gatewayList(content));
  }

  #panel(key, title, body, closed = false) {
    let panel = this.#panels.get(key);
    if (panel === undefined) {
      const details = element("details", { class: "panel", "data-panel": key });
      details.open = !closed;
      const heading = element("h2", {}, title);
      const content = element("div", { class: "panel-body" });
      details.append(element("summary", {}, heading), content);
      panel = { details, heading, content, text: "" };
      this.#panels.set(key, panel);
      this.#root.append(details);
      details.addEventListener("toggle", () => {
        if (details.open) panel.content.replaceChildren(panel.latest());
      });
    }
    panel.heading.textContent = title;
    panel.latest = () => body();
    if (!panel.details.open) return;
    // The focus of a link in a panel outlives its refresh.
    const focused = panel.content.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const next = body();
    const text = next.textContent;
    if (text === panel.text && panel.content.firstChild) return;
    panel.text = text;
    panel.content.replaceChildren(next);
    if (focused) panel.content.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
}

function processTable(processes, caption) {
  return () => {
    const head = element("tr", {}, ...["Process", "State", "CPU %", "MB", "Up", "Restarts"].map((text) =>
      element("th", { scope: "col", class: text === "Process" || text === "State" ? "" : "number" }, text === "Restarts" ? element("abbr", { title: "Unrequested restarts since supervisord started" }, "Rst") : text)));
    const rows = processes.map((process) => {
      const state = process.state ?? process.process.toLowerCase();
      const name = process.feed
        ? element("a", { href: feedHash(process.feed), title: process.exchange }, process.symbol)
        : process.name;
      const cell = element("td", { class: "state", title: process.reason ?? "" }, icon(process.healthy ? "live" : iconOf(state)), state);
      const row = element("tr", { "data-process": process.name, "data-state": state, "data-level": process.healthy ? null : process.process === "RUNNING" ? "attention" : "down" },
        element("th", { scope: "row", title: process.name }, name), cell,
        number(plain(process.cpu_percent, 1)), number(plain(process.memory_mb, 0)),
        number(uptime(process)), number(count(process.restarts)));
      return process.healthy || !process.reason ? [row] : [row, element("tr", { class: "reason" }, element("td", { colspan: "6" }, process.reason))];
    });
    const table = element("table", { class: "small-table" },
      element("caption", { class: "visually-hidden" }, caption),
      element("thead", {}, head), element("tbody", {}, ...rows.flat()));
    return processes.length === 0 ? none("no process") : table;
  };
}

function plain(x, decimals) {
  return x === null || x === undefined ? NONE : x.toFixed(x < 9.95 ? decimals : 0);
}

function uptime(process) {
  if (process.process !== "RUNNING") return NONE;
  const s = process.uptime_s;
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m`;
  if (s < 86400) return `${Math.floor(s / 3600)}h`;
  return `${Math.floor(s / 86400)}d`;
}

function budgetList(budgets) {
  return () => {
    if (budgets.length === 0) return none("No request to an exchange is counted so far.");
    const list = element("ul", { class: "budgets" });
    for (const budget of budgets) {
      const level = budgetLevel(budget);
      const meter = element("meter", { min: "0", max: "1", low: "0.8", high: "0.999", optimum: "0", value: String(Math.min(1, budget.limit > 0 ? budget.used / budget.limit : 0)),
        "aria-label": `${budget.exchange} ${budget.kind}` });
      const used = `${count(budget.used)} / ${count(budget.limit)} ${budget.unit ?? ""} in ${age(budget.period_s * 1000)}`;
      const paused = budget.paused_s > 0 ? ` · paused for ${age(budget.paused_s * 1000)}` : "";
      list.append(element("li", { "data-level": level },
        element("span", { class: "label" }, `${budget.exchange} ${budget.kind}`), meter,
        element("span", { class: "muted" }, used + paused)));
    }
    return list;
  };
}

function proxyList(proxies) {
  return () => {
    if (proxies.length === 0) return none("No figures of a proxy so far.");
    return pairs(proxies.flatMap((proxy) => [
      [proxy.name, `${rate(proxy.messages_per_s)} msg/s · ${bytes(proxy.bytes_per_s)}/s`],
      ["subscribers", count(proxy.subscribers)],
    ]));
  };
}

function recorderList(recorder) {
  return () => {
    if (!recorder) return none("No recorder is configured.");
    const { level, word } = recorderState(recorder);
    return pairs([
      ["state", word, level],
      ["written", bytes(recorder.bytes)],
      ["rate", `${rate(recorder.messages_per_s)} msg/s`],
      ["lost", count(recorder.lost), recorder.lost > 0 ? "attention" : null],
      ["lag", recorder.lag_s === null ? NONE : age(recorder.lag_s * 1000)],
      ["disk free", `${bytes(recorder.disk_free_bytes)} of ${bytes(recorder.disk_total_bytes)}`],
      ["folder", recorder.dir],
    ]);
  };
}

function gatewayList(content) {
  return () => pairs([
    ["version", content.version],
    ["since", localTime(content.started_ms)],
    ["clients of /stream", count(content.clients)],
    ...content.network.map((line) => ["network", line]),
  ]);
}

function pairs(rows) {
  const list = element("dl", { class: "pairs" });
  for (const [name, value, level] of rows) {
    list.append(element("div", { "data-level": level ?? null }, element("dt", {}, name), element("dd", {}, value)));
  }
  return list;
}

function number(text) {
  return element("td", { class: "number" }, text);
}

function none(text) {
  return element("p", { class: "muted" }, text);
}
