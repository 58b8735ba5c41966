// Candles or a line of closes, volume, the prices of now, and gaps: drawn by lightweight-charts.

import { price } from "../format.js";
import { chartOptions, colours, LOCAL_TIMES } from "./colours.js";
import { GapBands } from "./gap-bands.js";

const FIRST_SHOWN = 120; // candles
const LINES = ["bid", "ask"];

export class PriceChart {
  constructor(library, container, onHover) {
    this.library = library;
    this.container = container;
    this.theme = colours(container);
    this.chart = library.createChart(container, chartOptions(this.theme, LOCAL_TIMES));
    this.volumes = this.chart.addSeries(library.HistogramSeries, {
      priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false,
      priceLineVisible: false,
    });
    this.chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    this.candles = this.chart.addSeries(library.CandlestickSeries, {});
    this.line = this.chart.addSeries(library.LineSeries, { visible: false, lineWidth: 2 });
    this.bands = new GapBands(this.theme.bad);
    this.candles.attachPrimitive(this.bands);
    this.lines = new Map();
    this.kind = "candles";
    this.decimals = -1;
    this.shown = []; // as set, to know what an update may follow
    this.chart.subscribeCrosshairMove((param) => {
      onHover(typeof param.time === "number" ? param.time * 1000 : null);
    });
    this.refreshTheme();
  }

  remove() {
    this.chart.remove();
  }

  refreshTheme() {
    this.theme = colours(this.container);
    const { up, down, accent, bad } = this.theme;
    this.chart.applyOptions(chartOptions(this.theme, LOCAL_TIMES));
    this.candles.applyOptions({
      upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, borderVisible: false,
    });
    this.line.applyOptions({ color: accent });
    this.bands.setColour(bad);
    this.setCandles(this.shown, false);
    for (const side of LINES) this.#styleLine(side);
  }

  setKind(kind) {
    this.kind = kind;
    this.candles.applyOptions({ visible: kind === "candles" });
    this.line.applyOptions({ visible: kind === "line" });
    const lines = [...this.lines].map(([side, line]) => [side, line.options().price]);
    for (const [side] of lines) this.setPrice(side, null);
    if (kind === "candles") this.line.detachPrimitive(this.bands);
    (kind === "candles" ? this.candles : this.line).attachPrimitive(this.bands);
    for (const [side, value] of lines) this.setPrice(side, value);
  }

  setDecimals(decimals) {
    if (decimals === this.decimals) return;
    this.decimals = decimals;
    const formatter = (number) => price(number, decimals);
    const priceFormat = { type: "custom", formatter, minMove: 1 / 10 ** decimals };
    this.candles.applyOptions({ priceFormat });
    this.line.applyOptions({ priceFormat });
  }

  /** All candles, `{time}` where an interval has none. */
  setCandles(candles, fit = true) {
    this.shown = candles;
    this.candles.setData(candles.map(bar));
    this.line.setData(candles.map(close));
    this.volumes.setData(candles.map((candle) => this.#volume(candle)));
    if (fit && candles.length > 0) {
      const to = candles.length + 4;
      // Few candles stay narrow, at the right.
      this.chart.timeScale().setVisibleLogicalRange({ from: to - FIRST_SHOWN, to });
    }
  }

  /** The newest candle, or the one after it. */
  update(candle) {
    const last = this.shown.at(-1);
    if (last && last.time > candle.time) return;
    if (last?.time === candle.time) this.shown[this.shown.length - 1] = candle;
    else this.shown.push(candle);
    this.candles.update(bar(candle));
    this.line.update(close(candle));
    this.volumes.update(this.#volume(candle));
  }

  setGaps(marks) {
    this.bands.set(marks);
  }

  /** A line at a price of now; null removes it. */
  setPrice(side, value) {
    const line = this.lines.get(side);
    if (value === null) {
      if (line) this.#series.removePriceLine(line);
      this.lines.delete(side);
    } else if (line) {
      if (line.options().price !== value) line.applyOptions({ price: value });
    } else {
      this.lines.set(side, this.#series.createPriceLine({ price: value, title: side, lineStyle: 2, lineWidth: 1 }));
      this.#styleLine(side);
    }
  }

  /** Whether the prices are of now; if not, their lines lose their colour. */
  setCurrent(current) {
    if (this.current === current) return;
    this.current = current;
    for (const side of LINES) this.#styleLine(side);
    const title = current ? "" : "not current";
    this.candles.applyOptions({ title });
    this.line.applyOptions({ title });
  }

  get #series() {
    return this.kind === "candles" ? this.candles : this.line;
  }

  #styleLine(side) {
    const colour = side === "bid" ? this.theme.up : this.theme.down;
    const color = this.current === false ? this.theme.muted : colour;
    this.lines.get(side)?.applyOptions({ color, axisLabelColor: color, axisLabelTextColor: this.theme.panel });
  }

  #volume(candle) {
    const time = candle.time / 1000;
    if (candle.volume == null) return { time };
    const color = candle.close >= candle.open ? this.theme.upTint : this.theme.downTint;
    return { time, value: candle.volume, color };
  }
}

function bar({ time, open, high, low, close: last }) {
  return open === undefined ? { time: time / 1000 } : { time: time / 1000, open, high, low, close: last };
}

function close({ time, close: last }) {
  return last === undefined ? { time: time / 1000 } : { time: time / 1000, value: last };
}
