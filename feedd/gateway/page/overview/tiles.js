// Tiles of the overview: one figure each, always in the same place.

import { element, setAttribute, Text } from "../dom.js";
import { age, bytes, count, micros, NONE, percent, rate } from "../format.js";
import { budgetLevel, isSlow, recorderState, restartsOf, tightest } from "./summary.js";

const TILES = [
  ["feeds", "Feeds live"],
  ["throughput", "Messages/s"],
  ["latency", "Latency p50 / p99"],
  ["gaps", "Gaps"],
  ["budget", "Request budget"],
  ["recorder", "Recorder"],
  ["usage", "CPU / memory"],
  ["gateway", "Gateway"],
];

class Tile {
  constructor(list, key, label) {
    this.node = element("div", { class: "tile", "data-tile": key });
    const value = element("dd", { class: "value" });
    const detail = element("dd", { class: "detail" });
    this.node.append(element("dt", {}, label), value, detail);
    this.value = new Text(value, NONE);
    this.detail = new Text(detail, "");
    list.append(this.node);
  }

  set(value, detail, level = null) {
    this.value.set(value);
    this.detail.set(detail);
    setAttribute(this.node, "data-level", level);
    setAttribute(this.node, "title", detail || null);
  }
}

const SLOW_POLLS = 3; // a single second above the limit is no trend

export class Tiles {
  #tiles = new Map();
  #slowPolls = 0;
  #list;

  constructor(list) {
    this.#list = list;
    for (const [key, label] of TILES) this.#tiles.set(key, new Tile(list, key, label));
  }

  #set(key, ...figures) {
    this.#tiles.get(key).set(...figures);
  }

  /** Marks all figures as not current. */
  setCurrent(current) {
    this.#list.classList.toggle("stale-figures", !current);
  }

  show(content) {
    const { summary, processes, recorder } = content;
    const missing = summary.feeds - summary.live - (summary.ended ?? 0);
    this.#set("feeds", `${summary.live} / ${summary.feeds}`,
      missing > 0 ? `${missing} not live` : summary.ended ? `${summary.ended} ended` : "all",
      missing > 0 ? (summary.live === 0 ? "down" : "attention") : null);
    this.#set("throughput", rate(summary.messages_per_s), proxyText(content.proxies));
    const latency = content.latency_us;
    this.#slowPolls = isSlow(latency?.p99) ? this.#slowPolls + 1 : 0;
    this.#set("latency", latency ? `${micros(latency.p50)} / ${micros(latency.p99)}` : NONE,
      "frame to socket, last second", this.#slowPolls >= SLOW_POLLS ? "attention" : null);
    const restarts = restartsOf(processes);
    this.#set("gaps", count(summary.gaps), `${restarts === null ? NONE : count(restarts)} restarts`,
      null);
    this.#budget(content.budgets);
    const { level, word } = recorderState(recorder);
    this.#set("recorder", recorder ? `${rate(recorder.messages_per_s)} /s` : "off",
      recorder ? `${word}, ${bytes(recorder.disk_free_bytes)} free` : "not configured", level);
    this.#set("usage", percent(summary.cpu_percent), `${bytes(summary.memory_mb * 1e6)}, ${summary.running} / ${summary.processes} processes run`,
      summary.running < summary.processes ? "attention" : null);
    const behind = content.behind_ms;
    this.#set("gateway", behind === null ? NONE : behind < 1000 ? `${Math.max(0, Math.round(behind))} ms` : age(behind),
      `behind · ${count(content.clients)} ${content.clients === 1 ? "client" : "clients"}`, behind > 1000 ? "attention" : null);
  }

  #budget(budgets) {
    const worst = tightest(budgets);
    if (worst === null) {
      this.#set("budget", NONE, "no requests so far");
      return;
    }
    const { budget, share } = worst;
    const paused = budget.paused_s > 0 ? `, paused ${age(budget.paused_s * 1000)}` : "";
    this.#set("budget", percent(share * 100), `${budget.exchange} ${budget.kind}${paused}`,
      budgetLevel(budget));
  }
}

function proxyText(proxies) {
  if (proxies.length === 0) return "from the exchanges";
  const subscribers = proxies.reduce((sum, proxy) => sum + (proxy.subscribers ?? 0), 0);
  const bytesPerS = proxies.reduce((sum, proxy) => sum + (proxy.bytes_per_s ?? 0), 0);
  return `${bytes(bytesPerS)}/s to ${count(subscribers)} ${subscribers === 1 ? "subscriber" : "subscribers"}`;
}
