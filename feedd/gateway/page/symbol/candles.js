// Candles of one timeframe, folded from the gateway's answer and the live stream. Pure.

const UNITS_MS = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3, w: 7 * 86400e3 };
const MAX_CANDLES = 1500;
const MAX_EMPTY = 500; // candles without an event that one silence may add
const EMPTY = [];

/** Milliseconds of a timeframe like `1m`; null if it has no fixed length (`1M`) or is unreadable. */
export function timeframeMs(timeframe) {
  const match = /^(\d+)([smhdw])$/.exec(timeframe ?? "");
  return match && Number(match[1]) > 0 ? Number(match[1]) * UNITS_MS[match[2]] : null;
}

/** The price that a tick adds to candles made from its channel; null if it adds none. */
export function priceOf(tick) {
  if (tick.type === "trade") return tick.price ?? null;
  if (tick.type === "ticker") return tick.last ?? null;
  if (tick.type !== "quote" || tick.bid == null || tick.ask == null) return null;
  return (tick.bid + tick.ask) / 2;
}

/** Fold of candles: `{time, open, high, low, close, volume}` by open time in ms, oldest first. */
export class CandleFold {
  constructor({ madeFrom, timeframe, candles = EMPTY, limit = MAX_CANDLES }) {
    this.madeFrom = madeFrom;
    this.timeframe = timeframe;
    this.stepMs = timeframeMs(timeframe) ?? 60e3;
    this.limit = limit;
    this.candles = candles
      .filter((row) => row[1] != null && row[2] != null && row[3] != null && row[4] != null)
      .map(([time, open, high, low, close, volume]) => ({
        time, open, high, low, close, volume: volume ?? null,
      }))
      .sort((a, b) => a.time - b.time)
      .slice(-limit);
  }

  get last() {
    return this.candles.at(-1) ?? null;
  }

  /** Keep candles of an earlier fold that are older than all of this one. */
  keepOlder(fold) {
    if (fold?.madeFrom !== this.madeFrom || fold.timeframe !== this.timeframe) return;
    const first = this.candles[0]?.time ?? Infinity;
    const older = fold.candles.filter((candle) => candle.time < first);
    this.candles = [...older, ...this.candles].slice(-this.limit);
  }

  /** Add a tick; returns the candle that changed, null if none did. */
  add(tick) {
    if (tick.type !== this.madeFrom) return null;
    if (tick.type === "candle") return this.#replace(tick);
    const price = priceOf(tick);
    if (price == null || tick.timestamp == null) return null;
    const time = Math.floor(tick.timestamp / this.stepMs) * this.stepMs;
    const size = tick.type === "trade" ? tick.size ?? 0 : null;
    const candle = this.#at(time);
    if (candle === undefined) {
      const first = { time, open: price, high: price, low: price, close: price, volume: size };
      return this.#insert(first);
    }
    candle.high = Math.max(candle.high, price);
    candle.low = Math.min(candle.low, price);
    if (candle === this.last) candle.close = price; // a late trade of an old candle is not its close
    if (size != null) candle.volume = (candle.volume ?? 0) + size;
    return candle;
  }

  #replace(tick) {
    const { open, high, low, close, volume } = tick;
    if (tick.timeframe !== this.timeframe) return null;
    if (open == null || high == null || low == null || close == null) return null;
    const candle = { time: tick.open_time, open, high, low, close, volume: volume ?? null };
    const known = this.#at(candle.time);
    return known === undefined ? this.#insert(candle) : Object.assign(known, candle);
  }

  #at(time) {
    for (let i = this.candles.length - 1; i >= 0 && this.candles[i].time >= time; i -= 1) {
      if (this.candles[i].time === time) return this.candles[i];
    }
    return undefined;
  }

  #insert(candle) {
    let i = this.candles.length;
    while (i > 0 && this.candles[i - 1].time > candle.time) i -= 1;
    if (i === 0 && this.candles.length >= this.limit) return null; // older than all that is kept
    this.candles.splice(i, 0, candle);
    if (this.candles.length > this.limit) this.candles.shift();
    return candle;
  }
}

/** Candles of a longer timeframe, `stepMs` each. A volume is unknown if one of its parts is. */
export function aggregate(candles, stepMs) {
  const longer = [];
  for (const part of candles) {
    const time = Math.floor(part.time / stepMs) * stepMs;
    const last = longer.at(-1);
    if (last?.time !== time) {
      longer.push({ ...part, time });
      continue;
    }
    last.high = Math.max(last.high, part.high);
    last.low = Math.min(last.low, part.low);
    last.close = part.close;
    const unknown = last.volume == null || part.volume == null;
    last.volume = unknown ? null : last.volume + part.volume;
  }
  return longer;
}

/** The candles, and `{time}` for each interval without one, so that silence has its width. */
export function withEmptyIntervals(candles, stepMs, maxEmpty = MAX_EMPTY) {
  const all = [];
  let previous = null;
  for (const candle of candles) {
    if (previous !== null) {
      const from = Math.max(previous + stepMs, candle.time - maxEmpty * stepMs);
      for (let time = from; time < candle.time; time += stepMs) all.push({ time });
    }
    all.push(candle);
    previous = candle.time;
  }
  return all;
}

/**
 * The gaps and restarts of a journal by the interval in which they occurred:
 * `[{time, gaps, restarts}]`, oldest first.
 */
export function gapsByInterval(entries, stepMs) {
  const byTime = new Map();
  for (const entry of entries) {
    if (!["gap", "upstream_gap", "restart"].includes(entry.kind)) continue;
    const time = Math.floor(entry.at_ms / stepMs) * stepMs;
    const mark = byTime.get(time) ?? { time, gaps: 0, restarts: 0 };
    if (entry.kind === "restart") mark.restarts += 1;
    else mark.gaps += 1;
    byTime.set(time, mark);
  }
  return [...byTime.values()].sort((a, b) => a.time - b.time);
}
