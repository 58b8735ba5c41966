// Latency and message rate over time, and the state of each channel.

import { NONE, age, micros, rate } from "../format.js";
import { drawMark } from "./book-panel.js";
import { chartOptions, colours, LOCAL_TIMES } from "./colours.js";
import { el, panel, setAttribute, setText } from "./dom.js";

const COLUMNS = [
  ["Channel", "name"], ["State", "state"], ["Last event", "age"], ["Msg/s", "rate"],
  ["p50", "p50"], ["p99", "p99"], ["Gaps", "gaps"], ["Reconnects", "reconnects"], ["Checked by", "checked"],
];

export class HealthPanel {
  constructor() {
    const { section, body, mark, tools } = panel("health", "Latency and channels");
    this.element = section;
    this.mark = mark;
    this.now = {};
    const legend = el("dl", { class: "sym-now", id: "symbol-latency-now" });
    for (const [name, title] of [["p50", "p50"], ["p99", "p99"], ["rate", "messages/s"]]) {
      const value = el("dd", { id: `symbol-latency-${name}` });
      this.now[name] = value;
      legend.append(el("div", { "data-series": name }, el("dt", { text: title }), value));
    }
    tools.append(legend);
    this.container = el("div", { class: "sym-latency", id: "symbol-latency", role: "img", "aria-label": "Latency and message rate over time" });
    this.empty = el("p", { class: "empty", hidden: true });
    const head = COLUMNS.map(([title]) => el("th", { scope: "col", text: title }));
    this.rows = el("tbody", {});
    const table = el(
      "table", { class: "sym-channels", id: "symbol-channels" },
      el("caption", { class: "visually-hidden", text: "Channels of this feed" }),
      el("thead", {}, el("tr", {}, ...head)), this.rows,
    );
    this.process = el("p", { class: "sym-quiet sym-process", id: "symbol-process" });
    const scroller = el(
      "div", { class: "sym-table-scroller", tabindex: "0", role: "region", "aria-label": "Channels, scrollable" }, table,
    );
    body.append(this.empty, this.container, scroller, this.process);
    this.cells = new Map();
    this.drawnSteps = null;
  }

  setLibrary(library, problem) {
    if (library === null) {
      this.empty.hidden = false;
      setText(this.empty, problem);
      this.container.hidden = true;
      return;
    }
    this.chart = library.createChart(this.container, chartOptions(colours(this.container), LOCAL_TIMES));
    this.series = {
      p99: this.chart.addSeries(library.LineSeries, { ...LINE, lineWidth: 1 }),
      p50: this.chart.addSeries(library.LineSeries, { ...LINE, lineWidth: 2 }),
      rate: this.chart.addSeries(library.AreaSeries, { ...RATE, lineWidth: 1 }, 1),
    };
    const [above, below] = this.chart.panes();
    above.priceScale("right").applyOptions({ mode: library.PriceScaleMode.Logarithmic });
    above.setStretchFactor(2);
    below.setStretchFactor(1);
    for (const kind of ["wheel", "pointerdown"]) {
      this.container.addEventListener(kind, () => { this.moved = true; }, { passive: true });
    }
    this.refreshTheme();
  }

  refreshTheme() {
    if (!this.chart) return;
    const theme = colours(this.container);
    this.chart.applyOptions(chartOptions(theme, LOCAL_TIMES));
    this.chart.timeScale().applyOptions({ secondsVisible: true, minBarSpacing: 0.1 });
    this.series.p50.applyOptions({ color: theme.accent });
    this.series.p99.applyOptions({ color: theme.warn });
    this.series.rate.applyOptions({ lineColor: theme.muted, topColor: theme.line, bottomColor: theme.panel });
  }

  reset() {
    this.rows.replaceChildren();
    this.cells.clear();
    this.drawnSteps = null;
    this.moved = false; // by the reader: then the chart no longer fits itself to the data
    setText(this.process, "");
    for (const series of Object.values(this.series ?? {})) series.setData([]);
    for (const value of Object.values(this.now)) setText(value, NONE);
  }

  remove() {
    this.chart?.remove();
    this.chart = null;
    this.series = null;
  }

  draw(model, nowMs) {
    const fresh = model.freshness(nowMs);
    drawMark(this, fresh);
    const { status } = model;
    if (status !== null) {
      setText(this.now.p50, micros(status.latency_us?.p50));
      setText(this.now.p99, micros(status.latency_us?.p99));
      setText(this.now.rate, rate(status.messages_per_s));
      this.#drawChannels(model, nowMs);
      setText(this.process, processText(status));
    }
    this.#drawSteps(model.trend);
  }

  #drawSteps(trend) {
    const { steps } = trend;
    if (!this.chart || steps.length === 0) return;
    const point = (i, name) => {
      const time = steps[i].time / 1000;
      const value = steps[i][name];
      if (value === null) return { time };
      return i > 0 && steps[i - 1][name] === null ? { time, value, ...BREAK[name] } : { time, value };
    };
    const drawn = this.drawnSteps;
    const newest = steps.at(-1);
    const isNext = drawn !== null && drawn.trend === trend
      && newest.time - drawn.time <= trend.stepMs && newest.time >= drawn.time;
    for (const [name, series] of Object.entries(this.series)) {
      if (!isNext) series.setData(steps.map((_, i) => point(i, name)));
      else {
        const last = steps.length - 1;
        if (newest.time > drawn.time && last > 0) series.update(point(last - 1, name));
        series.update(point(last, name));
      }
    }
    if (!this.moved) this.chart.timeScale().fitContent();
    this.drawnSteps = { trend, time: newest.time };
  }

  #drawChannels(model, nowMs) {
    const channels = Object.entries(model.status.channels ?? {});
    const sinceStatus = model.statusMs === null ? 0 : Math.max(0, nowMs - model.statusMs);
    for (const [name, channel] of channels) {
      const cells = this.#row(name);
      setText(cells.state, channel.state);
      setAttribute(cells.state, "data-state", channel.state);
      setAttribute(cells.state, "title", channel.reason);
      const newest = model.eventMs[name];
      const ageMs = channel.age_ms === null ? null : channel.age_ms + sinceStatus;
      const known = newest === undefined ? ageMs : Math.max(0, Math.min(ageMs ?? Infinity, nowMs - newest));
      setText(cells.age, known === null ? NONE : `${age(known)} ago`);
      setText(cells.rate, rate(channel.messages_per_s));
      setText(cells.p50, micros(channel.latency_us?.p50));
      setText(cells.p99, micros(channel.latency_us?.p99));
      setText(cells.gaps, String(channel.gaps));
      setText(cells.reconnects, String(channel.reconnects));
      setText(cells.checked, channel.published ? channel.checked ?? NONE : "serves tickers only");
      setAttribute(cells.checked, "data-checked", channel.checked);
    }
    for (const [name, cells] of this.cells) {
      if (model.status.channels?.[name]) continue;
      cells.tr.remove();
      this.cells.delete(name);
    }
  }

  #row(name) {
    const known = this.cells.get(name);
    if (known) return known;
    const cells = { tr: el("tr", { "data-channel": name }) };
    for (const [, key] of COLUMNS) {
      const cell = key === "name" ? el("th", { scope: "row", text: name }) : el("td", {});
      cells[key] = cell;
      cells.tr.append(cell);
    }
    this.rows.append(cells.tr);
    this.cells.set(name, cells);
    return cells;
  }
}

const MICROS = { type: "custom", minMove: 0.1, formatter: (us) => (us < 0 ? "" : micros(us)) };
// The library joins the points around unknown ones; the piece that leads to such a point is hidden.
const NO_LINE = { color: "transparent" };
const NO_AREA = { lineColor: "transparent", topColor: "transparent", bottomColor: "transparent" };
const BREAK = { p50: NO_LINE, p99: NO_LINE, rate: NO_AREA };
const LINE = { priceFormat: MICROS, priceLineVisible: false, lastValueVisible: false };
const RATE = {
  priceFormat: { type: "custom", minMove: 0.1, formatter: (x) => (x < 0 ? "" : `${rate(x)}/s`) },
  priceLineVisible: false, lastValueVisible: false,
};

function processText(status) {
  const parts = [
    status.pid == null ? null : `process ${status.pid}`,
    `up ${age(status.uptime_s * 1000)}`,
    `CPU ${status.cpu_percent.toFixed(1)} %`,
    `${status.memory_mb.toFixed(0)} MB`,
    `${status.reconnects} reconnects`,
    `${status.rejected} unreadable messages`,
  ];
  const exchange = status.exchange_latency_us?.p50;
  if (exchange != null) parts.push(`exchange to here ${micros(exchange)} (two clocks)`);
  return parts.filter(Boolean).join(" · ");
}
