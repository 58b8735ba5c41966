// The timeline: a strip of states, gaps and restarts, and the same as a list.

import { NONE, localTime, utcTime } from "../format.js";
import { choice, el, panel, setAttribute, setText, svg } from "./dom.js";
import { axisTimes, keyOf, marks, stateSpans, summary, windowOf } from "./timeline.js";
import { KINDS, eventText } from "./words.js";

const STATE = { y: 6, height: 26 };
const GAPS = { y: 40, height: 22 };
const RESTARTS = { y: 68, height: 14 };
const AXIS_Y = 98;
const GUTTER = 54; // for the names of the lanes
const LANES = [["state", 23], ["gaps", 55], ["restarts", 79]];
const HEIGHT = 104;
const SHOWN = 200; // rows of the list at first
const SHORT_MS = 15 * 60e3;
const TITLES = 12; // entries that the tooltip of a mark names

export class TimelinePanel {
  constructor(loadOlder) {
    const { section, body, tools } = panel("timeline", "Timeline");
    this.element = section;
    this.zoom = null; // until one is chosen: what the gateway's uptime fills
    this.model = null;
    this.choice = choice("Period", [["5m", "5 min"], ["1h", "1 h"], ["all", "All"]], null, (zoom) => {
      this.zoom = zoom;
      this.#redraw();
    });
    tools.append(this.choice);
    this.strip = svg("svg", { class: "sym-strip", id: "symbol-strip", role: "img", height: HEIGHT, "aria-labelledby": "symbol-strip-summary" });
    this.summary = el("p", { class: "sym-quiet", id: "symbol-strip-summary" });
    this.rows = el("tbody", { id: "symbol-timeline-rows" });
    const head = ["Local time", "UTC", "Kind", "What", "Reason"].map((text) => el("th", { scope: "col", text }));
    const table = el(
      "table", { class: "sym-entries", id: "symbol-entries" },
      el("caption", { class: "visually-hidden", text: "Gaps, states and restarts, the newest first" }),
      el("thead", {}, el("tr", {}, ...head)), this.rows,
    );
    this.empty = el("p", { class: "empty", id: "symbol-timeline-empty", text: "Nothing has happened to this feed since the gateway's start." });
    this.older = el("button", { type: "button", id: "symbol-timeline-older", text: "Show older", hidden: true });
    this.older.addEventListener("click", () => this.#showOlder(loadOlder));
    const scroller = el(
      "div", { class: "sym-scroller", tabindex: "0", role: "region", "aria-label": "Timeline, scrollable" },
      table, this.empty, this.older,
    );
    body.append(this.strip, this.summary, scroller);
    this.limit = SHOWN;
    this.width = 0;
    this.listVersion = -1;
    this.observer = new ResizeObserver(([entry]) => {
      this.width = entry.contentRect.width;
      this.#redraw();
    });
    this.observer.observe(this.strip);
  }

  reset(model) {
    this.model = model;
    this.limit = SHOWN;
    this.listVersion = -1;
    this.rows.replaceChildren();
    this.strip.replaceChildren();
  }

  remove() {
    this.observer.disconnect();
    this.model = null;
  }

  draw(model, nowMs) {
    this.nowMs = nowMs;
    if (this.width > 0) this.#drawStrip(model, nowMs);
    if (this.listVersion !== model.entries.version) {
      this.listVersion = model.entries.version;
      this.#drawList(model.entries);
    }
    this.#offerOlder(model.entries);
  }

  #redraw() {
    if (this.model && this.nowMs) this.draw(this.model, this.nowMs);
  }

  async #showOlder(loadOlder) {
    const { entries } = this.model;
    if (this.limit < entries.entries.length) {
      this.limit += SHOWN;
      this.#drawList(entries);
    } else {
      this.older.disabled = true;
      await loadOlder();
      this.older.disabled = false;
      this.limit += SHOWN;
      this.#redraw();
    }
    this.#offerOlder(entries);
  }

  #offerOlder(entries) {
    const more = this.limit < entries.entries.length || (!entries.complete && !entries.full);
    this.older.hidden = entries.entries.length === 0 || !more;
  }

  #zoom(model, nowMs) {
    if (this.zoom === null && model.sinceMs !== null) {
      this.zoom = nowMs - model.sinceMs < SHORT_MS ? "5m" : "1h";
      for (const button of this.choice.children) {
        button.setAttribute("aria-pressed", String(button.dataset.value === this.zoom));
      }
    }
    return this.zoom ?? "1h";
  }

  #drawStrip(model, nowMs) {
    const { entries } = model.entries;
    const period = windowOf(this.#zoom(model, nowMs), nowMs, entries, model.sinceMs);
    const spans = stateSpans(entries, { ...period, sinceMs: model.sinceMs, currentState: model.state });
    const found = marks(entries, { ...period, mergeWithin: 6 / this.width });
    const width = this.width - GUTTER;
    const x = (ms) => GUTTER + ((ms - period.fromMs) / (period.toMs - period.fromMs)) * width;
    const nodes = [...this.#axis(period, x, nowMs)];
    for (const [name, y] of LANES) nodes.push(svg("text", { x: 0, y, class: "sym-axis", text: name }));
    for (const span of spans) {
      const left = x(span.from_ms);
      const length = Math.max(1, x(span.to_ms) - left);
      const node = svg("rect", {
        x: left.toFixed(1), y: STATE.y, width: length.toFixed(1), height: STATE.height,
        class: "sym-span", "data-state": span.state,
      });
      const title = `${stateWord(span.state)}${span.reason ? `: ${span.reason}` : ""}, ${localTime(span.from_ms)} to ${localTime(span.to_ms)}`;
      node.append(svg("title", { text: title }));
      nodes.push(node);
      if (length > 60) {
        nodes.push(svg("text", {
          x: (left + 6).toFixed(1), y: STATE.y + 17, class: "sym-span-text",
          "data-state": span.state, text: length > 200 || span.state !== "unknown" ? stateWord(span.state) : "",
        }));
      }
    }
    for (const outage of model.outages) {
      const to = Math.min(this.width, x(outage.to_ms ?? period.toMs));
      const left = Math.max(GUTTER, x(outage.from_ms));
      if (to <= left) continue;
      nodes.push(svg("rect", {
        x: left.toFixed(1), y: STATE.y, width: (to - left).toFixed(1),
        height: STATE.height, class: "sym-span", "data-state": "unknown",
      }, svg("title", { text: `not known: this page was not connected, ${localTime(outage.from_ms)} to ${localTime(outage.to_ms ?? period.toMs)}` })));
    }
    for (const mark of found) nodes.push(this.#mark(mark, width));
    this.strip.replaceChildren(...nodes);
    setAttribute(this.strip, "viewBox", `0 0 ${this.width} ${HEIGHT}`);
    setText(this.summary, summary(spans, found));
  }

  #axis(period, x, nowMs) {
    const nodes = [];
    const offsetMs = new Date(nowMs).getTimezoneOffset() * 60e3;
    for (const time of axisTimes(period, this.width < 500 ? 4 : 8, offsetMs)) {
      const at = x(time).toFixed(1);
      nodes.push(svg("line", { x1: at, x2: at, y1: 0, y2: AXIS_Y - 12, class: "sym-tick" }));
      const anchor = x(time) < GUTTER + 25 ? "start" : x(time) > this.width - 25 ? "end" : "middle";
      nodes.push(svg("text", { x: at, y: AXIS_Y, class: "sym-axis", "text-anchor": anchor, text: axisText(time, period) }));
    }
    return nodes;
  }

  #mark(mark, stripWidth) {
    const left = GUTTER + mark.x * stripWidth;
    const width = Math.max(4, mark.width * stripWidth);
    const lines = mark.entries.slice(0, TITLES).map(
      (entry) => `${localTime(entry.at_ms)} ${eventText(entry)}${entry.reason ? `: ${entry.reason}` : ""}`,
    );
    if (mark.count > TITLES) lines.push(`and ${mark.count - TITLES} more`);
    const title = svg("title", { text: lines.join("\n") });
    if (mark.lane === "gap") {
      const group = svg("g", { class: "sym-mark-gap", "data-kind": "gap", "data-count": mark.count }, title);
      group.append(svg("rect", {
        x: (left - 2).toFixed(1), y: GAPS.y, width: width.toFixed(1), height: GAPS.height, rx: 1,
      }));
      if (mark.count > 1) {
        const atEnd = left + width + 40 > this.width;
        const x = atEnd ? left - 5 : left + width + 2;
        const anchor = atEnd ? "end" : "start";
        group.append(svg("text", { x: x.toFixed(1), y: GAPS.y + 15, "text-anchor": anchor, text: `×${mark.count}` }));
      }
      return group;
    }
    const y = RESTARTS.y;
    const points = `${left - 6},${y + RESTARTS.height} ${left + 6},${y + RESTARTS.height} ${left},${y}`;
    return svg("polygon", { points, class: "sym-mark-restart", "data-kind": "restart", "data-count": mark.count }, title);
  }

  #drawList(list) {
    const wanted = list.entries.slice(0, this.limit);
    const known = new Map([...this.rows.children].map((tr) => [tr.dataset.key, tr]));
    const rows = wanted.map((entry) => known.get(keyOf(entry)) ?? entryRow(entry));
    this.rows.replaceChildren(...rows);
    this.empty.hidden = rows.length > 0;
    this.rows.parentElement.hidden = rows.length === 0;
  }
}

function entryRow(entry) {
  const state = entry.kind === "stopped" ? "stopped" : entry.state;
  return el(
    "tr", { "data-key": keyOf(entry), "data-kind": entry.kind, "data-state": state },
    el("td", {}, el("time", { datetime: new Date(entry.at_ms).toISOString(), text: withDay(entry.at_ms) })),
    el("td", { text: utcTime(entry.at_ms) }),
    el("td", { class: "sym-kind", text: KINDS[entry.kind] ?? entry.kind }),
    el("td", { class: "sym-what", text: eventText(entry) }),
    el("td", { class: "sym-why", text: entry.reason ?? NONE }),
  );
}

function stateWord(state) {
  return state === "unknown" ? "not known: before the gateway's start" : state;
}

function withDay(ms) {
  const date = new Date(ms);
  if (date.toDateString() === new Date().toDateString()) return localTime(ms);
  return `${date.toLocaleDateString(undefined, { day: "numeric", month: "short" })} ${localTime(ms)}`;
}

function axisText(ms, { fromMs, toMs }) {
  const text = localTime(ms);
  if (toMs - fromMs > 2 * 86400e3) {
    return new Date(ms).toLocaleDateString(undefined, { day: "numeric", month: "short" });
  }
  return toMs - fromMs <= 120e3 ? text : text.slice(0, 5);
}
