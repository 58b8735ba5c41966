// Numbers and times as text. Pure. An unknown value is NONE, never 0.

export const NONE = "–";
const MAX_DECIMALS = 12;

/** Decimals that a number needs, at most MAX_DECIMALS; 1e-7 needs 7. */
export function decimalsOf(x) {
  if (x === null || x === undefined || !Number.isFinite(x)) return 0;
  const text = String(x);
  const exponent = text.indexOf("e");
  const mantissa = exponent < 0 ? text : text.slice(0, exponent);
  const point = mantissa.indexOf(".");
  const fraction = point < 0 ? 0 : mantissa.length - point - 1;
  const shift = exponent < 0 ? 0 : Number(text.slice(exponent + 1));
  return Math.min(MAX_DECIMALS, Math.max(0, fraction - shift));
}

/** 1234567.5 as "1,234,567.5", with a fixed number of decimals. */
function grouped(x, decimals) {
  const text = x.toFixed(decimals);
  const point = text.indexOf(".");
  let at = (point < 0 ? text.length : point) - 3;
  const first = x < 0 ? 1 : 0;
  if (at <= first) return text;
  let result = text;
  for (; at > first; at -= 3) result = `${result.slice(0, at)},${result.slice(at)}`;
  return result;
}

/** A price. `decimals` keeps a column of one symbol's prices aligned. */
export function price(x, decimals = decimalsOf(x)) {
  if (x === null || x === undefined || !Number.isFinite(x)) return NONE;
  if (Math.abs(x) >= 1e21) return String(x);
  return grouped(x, decimals);
}

/** An amount: at most 4 significant digits after the point, with k, M, B from 100,000 on. */
export function size(x) {
  if (x === null || x === undefined || !Number.isFinite(x)) return NONE;
  const magnitude = Math.abs(x);
  if (magnitude >= 1e9) return `${(x / 1e9).toFixed(2)}B`;
  if (magnitude >= 1e6) return `${(x / 1e6).toFixed(2)}M`;
  if (magnitude >= 1e5) return `${(x / 1e3).toFixed(1)}k`;
  if (magnitude >= 100 || Number.isInteger(x)) return grouped(x, Math.min(2, decimalsOf(x)));
  if (magnitude >= 1) return x.toFixed(Math.min(3, decimalsOf(x)));
  return String(Number(x.toPrecision(4)));
}

/** Basis points, e.g. of a spread. */
export function basisPoints(x) {
  if (x === null || x === undefined || !Number.isFinite(x)) return NONE;
  const magnitude = Math.abs(x);
  return x.toFixed(magnitude < 10 ? 2 : magnitude < 100 ? 1 : 0);
}

/** A duration in ms: "0.4 s", "12 s", "3 m 05 s", "2 h 10 m", "4 d 3 h". */
export function age(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return NONE;
  const s = Math.max(0, ms) / 1000;
  if (s < 9.95) return `${s.toFixed(1)} s`;
  if (s < 60) return `${Math.floor(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} m ${two(Math.floor(s % 60))} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} m`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** Messages per second. */
export function rate(x) {
  if (x === null || x === undefined || !Number.isFinite(x)) return NONE;
  if (x >= 1e6) return `${(x / 1e6).toFixed(2)}M`;
  if (x >= 1e5) return `${Math.round(x / 1e3)}k`;
  if (x >= 1000) return grouped(x, 0);
  return x >= 99.95 ? x.toFixed(0) : x.toFixed(1);
}

/** A latency in µs: "85 µs", "1.2 ms", "2.4 s". */
export function micros(us) {
  if (us === null || us === undefined || !Number.isFinite(us)) return NONE;
  const magnitude = Math.abs(us);
  if (magnitude < 999.5) return `${us.toFixed(0)} µs`;
  if (magnitude < 9995) return `${(us / 1e3).toFixed(2)} ms`;
  if (magnitude < 99950) return `${(us / 1e3).toFixed(1)} ms`;
  if (magnitude < 999500) return `${(us / 1e3).toFixed(0)} ms`;
  return `${(us / 1e6).toFixed(1)} s`;
}

/** Bytes: "512 B", "1.5 kB", "20 MB", "1.2 GB". */
export function bytes(x) {
  if (x === null || x === undefined || !Number.isFinite(x)) return NONE;
  let value = x;
  let unit = 0;
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  while (Math.abs(value) >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(unit === 0 || value >= 99.95 ? 0 : 1)} ${units[unit]}`;
}

/** A percentage with one decimal below 10. */
export function percent(x) {
  if (x === null || x === undefined || !Number.isFinite(x)) return NONE;
  return `${x.toFixed(Math.abs(x) < 9.95 ? 1 : 0)} %`;
}

/** Counts above a million shortened. */
export function count(x) {
  if (x === null || x === undefined || !Number.isFinite(x)) return NONE;
  return x >= 1e6 ? `${(x / 1e6).toFixed(1)}M` : grouped(x, 0);
}

/** "14:05:09", of the browser's zone. */
export function localTime(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return NONE;
  const date = new Date(ms);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** "14:05:09", UTC. */
export function utcTime(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return NONE;
  return new Date(ms).toISOString().slice(11, 19);
}

/** Local time, with the day where it is not today's. */
export function localDateTime(ms, nowMs) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return NONE;
  const date = new Date(ms);
  if (date.toDateString() === new Date(nowMs).toDateString()) return localTime(ms);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${localTime(ms)}`;
}

/** ns since the epoch, a decimal string or a number, in ms; the µs are kept, the ns are not. */
export function nsToMs(ns) {
  return Number(ns) / 1e6;
}

/** The exchange and the symbol of a feed's name, `<exchange>.<symbol>.`. */
export function splitFeed(feed) {
  const dot = feed.indexOf(".");
  const symbol = feed.slice(dot + 1);
  return {
    exchange: feed.slice(0, dot),
    symbol: symbol.endsWith(".") ? symbol.slice(0, -1) : symbol,
  };
}

function two(x) {
  return x < 10 ? `0${x}` : String(x);
}
