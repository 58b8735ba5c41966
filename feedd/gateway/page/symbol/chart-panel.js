// The panel of candles and prices: its controls, its legend, and what to draw when.

import { localTime, size, utcTime } from "../format.js";
import { drawMark } from "./book-panel.js";
import { aggregate, gapsByInterval, timeframeMs, withEmptyIntervals } from "./candles.js";
import { choice, el, panel, setText } from "./dom.js";
import { PriceChart } from "./price-chart.js";
import { gapText } from "./words.js";

const LONGER = [1, 5, 15];
const MADE_FROM = {
  candle: "the exchange's candles", trade: "made from trades", quote: "made from mid prices of quotes",
  ticker: "made from the last prices of tickers",
};

export class ChartPanel {
  constructor() {
    const { section, body, mark, tools } = panel("chart", "Price");
    this.element = section;
    this.mark = mark;
    this.tools = tools;
    this.factor = 1;
    this.kind = "candles";
    this.timeframes = el("span", {});
    tools.append(
      this.timeframes,
      choice("Kind of chart", [["candles", "Candles"], ["line", "Line"]], "candles", (kind) => {
        this.kind = kind;
        this.chart?.setKind(kind);
      }),
    );
    this.legend = el("p", { class: "sym-legend", id: "symbol-chart-legend" });
    this.container = el("div", { class: "sym-chart", id: "symbol-chart", role: "img", "aria-label": "Candles" });
    this.empty = el("p", { class: "empty", id: "symbol-chart-empty", hidden: true });
    const link = el("a", {
      href: "https://www.tradingview.com/", target: "_blank", rel: "noopener noreferrer",
      text: "TradingView Lightweight Charts™",
    });
    const notice = el("p", { class: "sym-attribution", id: "symbol-attribution" }, "Charts: ", link, " © TradingView, Inc.");
    this.source = el("span", { class: "sym-quiet", id: "symbol-chart-source" });
    const foot = el(
      "div", { class: "sym-foot" }, this.source,
      el("span", { class: "sym-key", text: "gap or restart" }), notice,
    );
    body.append(this.legend, this.empty, this.container, foot);
    this.hoverMs = null;
    this.loaded = null;
    this.gapsVersion = -1;
  }

  /** Give the panel the chart library, or the reason why there is none. */
  setLibrary(library, problem) {
    if (library === null) {
      this.#problem(problem);
      return;
    }
    this.chart = new PriceChart(library, this.container, (ms) => {
      this.hoverMs = ms;
      if (this.model) this.#drawLegend(this.model);
    });
    this.loaded = null;
  }

  reset(model) {
    this.model = model;
    this.loaded = null;
    this.gapsVersion = -1;
    this.factor = 1;
    this.timeframes.replaceChildren();
    setText(this.legend, "");
    setText(this.source, "");
    this.chart?.setCandles([]);
    this.chart?.setGaps([]);
    for (const side of ["bid", "ask"]) this.chart?.setPrice(side, null);
    this.empty.hidden = true;
  }

  refreshTheme() {
    this.chart?.refreshTheme();
  }

  problem(text) {
    this.#problem(text);
  }

  remove() {
    this.chart?.remove();
    this.chart = null;
  }

  /** Draw everything, or only the newest candle if no other changed. */
  draw(model, nowMs) {
    const fresh = model.freshness(nowMs);
    drawMark(this, fresh);
    if (!this.chart || model.candles === null) return;
    const fold = model.candles;
    this.chart.setDecimals(model.price.decimals);
    if (this.loaded !== fold) this.#load(fold);
    else this.#drawNewest(fold);
    if (this.gapsVersion !== model.entries.version) {
      this.gapsVersion = model.entries.version;
      this.gaps = gapsByInterval(model.entries.entries, this.stepMs);
      this.chart.setGaps(this.gaps);
    }
    const { bid, ask } = model.prices;
    this.chart.setPrice("bid", bid);
    this.chart.setPrice("ask", ask);
    this.chart.setCurrent(fresh.current);
    this.#drawLegend(model);
  }

  #load(fold) {
    const isFirst = this.loaded === null;
    this.loaded = fold;
    if (this.timeframes.children.length === 0) this.#offerTimeframes(fold);
    setText(this.source, MADE_FROM[fold.madeFrom] ?? `made from ${fold.madeFrom}`);
    this.empty.hidden = fold.candles.length > 0;
    if (fold.candles.length === 0) setText(this.empty, "No candle yet.");
    this.stepMs = fold.stepMs * this.factor;
    this.gapsVersion = -1;
    this.all = this.#candles(fold.candles);
    this.chart.setCandles(withEmptyIntervals(this.all, this.stepMs), isFirst);
  }

  #drawNewest(fold) {
    const newest = fold.last;
    if (newest === null) return;
    const from = Math.floor(newest.time / this.stepMs) * this.stepMs;
    let first = fold.candles.length - 1;
    while (first > 0 && fold.candles[first - 1].time >= from) first -= 1;
    const [candle] = this.#candles(fold.candles.slice(first));
    this.empty.hidden = true;
    const last = this.all.at(-1);
    if (last && candle.time > last.time + this.stepMs) {
      this.all = this.#candles(fold.candles);
      this.chart.setCandles(withEmptyIntervals(this.all, this.stepMs), false);
      return;
    }
    if (last?.time === candle.time) this.all[this.all.length - 1] = candle;
    else this.all.push(candle);
    this.chart.update(candle);
  }

  #candles(list) {
    return this.factor === 1 ? list.map((candle) => ({ ...candle })) : aggregate(list, this.stepMs);
  }

  #offerTimeframes(fold) {
    const base = timeframeMs(fold.timeframe);
    if (base === null || base > 3600e3) return;
    const names = LONGER.map((factor) => [factor, nameOf(base * factor)]);
    this.timeframes.append(choice("Timeframe", names, this.factor, (factor) => {
      this.factor = factor;
      this.loaded = null;
      this.model?.changed?.();
    }));
  }

  #drawLegend(model) {
    const at = this.hoverMs;
    const candle = at === null ? this.all?.at(-1) : this.all?.find((one) => one.time === at);
    const gap = this.gaps?.find((one) => one.time === (at ?? candle?.time));
    const texts = [];
    const time = at ?? candle?.time;
    if (time != null) texts.push(`${localTime(time)} (${utcTime(time)} UTC)`);
    if (candle) {
      const price = (x) => model.price.text(x);
      texts.push(`O ${price(candle.open)}`, `H ${price(candle.high)}`, `L ${price(candle.low)}`, `C ${price(candle.close)}`);
      if (candle.volume !== null) texts.push(`V ${size(candle.volume)}`);
    } else if (at !== null) texts.push("no candle");
    if (gap) texts.push(`⚠ ${gapText(gap)}`);
    setText(this.legend, texts.join("  "));
  }

  #problem(text) {
    this.empty.hidden = false;
    setText(this.empty, text);
  }
}

function nameOf(ms) {
  if (ms % 3600e3 === 0) return `${ms / 3600e3}h`;
  return ms % 60e3 === 0 ? `${ms / 60e3}m` : `${ms / 1e3}s`;
}
