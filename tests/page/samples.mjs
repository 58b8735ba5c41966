// Events as /stream sends them, and processes as /api/overview lists them.

export const NOW = 1_800_000_000_000; // ms

export const ns = (ms) => `${ms}000000`;

export function status(change = {}, channels = { quote: {}, trade: {} }) {
  const whole = {};
  for (const [name, channel] of Object.entries(channels)) {
    whole[name] = {
      state: "live", reason: null, age_ms: 100, stale_after_s: 10, published: true, messages_per_s: 5,
      latency_us: { p50: 80, p99: 200, max: 300 }, reconnects: 0, gaps: 0, ...channel,
    };
  }
  return {
    type: "status", origin: "live", exchange: "binanceusdm", symbol: "BTC/USDT:USDT", state: "live",
    reason: null, gaps: 0, listing: null, channels: whole, published_ns: ns(NOW), ...change,
  };
}

export function quote(change = {}) {
  return {
    type: "quote", origin: "live", exchange: "binanceusdm", symbol: "BTC/USDT:USDT", timestamp: NOW,
    bid: 100, ask: 100.5, received_ns: ns(NOW), published_ns: ns(NOW), ...change,
  };
}

export function trade(change = {}) {
  return {
    type: "trade", origin: "live", exchange: "binanceusdm", symbol: "BTC/USDT:USDT", timestamp: NOW,
    price: 100.1, size: 1, received_ns: ns(NOW), published_ns: ns(NOW), ...change,
  };
}

export function ticker(change = {}) {
  return { ...quote(), type: "ticker", last: 99, bid_ask: "quote", ...change };
}

export const FEED = "binanceusdm.BTC/USDT:USDT.";

export function process(change = {}) {
  return {
    name: "feed-binanceusdm-BTC-USDT-USDT", process: "RUNNING", state: "live", reason: null, pid: 1,
    uptime_s: 100, cpu_percent: 1, memory_mb: 50, restarts: 0, restarts_last_hour: 0, is_feed: true,
    exchange: "binanceusdm", symbol: "BTC/USDT:USDT", feed: FEED, healthy: true, ...change,
  };
}

export function overview(processes, change = {}) {
  return { now_ms: NOW, processes, ...change };
}
