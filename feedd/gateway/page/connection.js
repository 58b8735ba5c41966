// Connection to the gateway: /stream with reconnects, and the JSON API.

import { LinkState } from "./link-state.js";
import { ServerClock } from "./server-clock.js";

const CHECK_EVERY_MS = 500;

/** The server's time; every stream's heartbeats set it. */
export const serverClock = new ServerClock();

/** The server's time now, in ms since the epoch; the browser's own before the first heartbeat. */
export function serverNowMs() {
  return serverClock.at(performance.now()) ?? Date.now();
}

/**
 * Opens a stream and keeps it open until `close()`.
 *
 * `onEvent(event)` gets each object of /stream, 64-bit integers as strings. `onState(state, info)`
 * gets "connecting", "live", "behind" or "disconnected" on each change, and each second while it
 * is not live; info is `{why, byMs, missed, lastMs, retryInMs}`, where `lastMs` is the server's
 * time of the newest heartbeat (null before the first).
 */
export function openStream({ topics, conflateMs, onEvent, onState }) {
  return new Stream(topics, conflateMs, onEvent, onState);
}

class Stream {
  #url;
  #onEvent;
  #onState;
  #socket = null;
  #link = new LinkState(performance.now());
  #timer;
  #retry = null;
  #retryAtMs = 0;
  #lastMs = null;
  #shown = "";
  #closed = false;
  #onVisible = () => this.#becameVisible();
  #onOnline = () => this.#retryNow();

  constructor(topics, conflateMs, onEvent, onState) {
    const query = new URLSearchParams(topics.map((topic) => ["topic", topic]));
    query.set("ints", "string");
    if (conflateMs) query.set("conflate_ms", String(conflateMs));
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.#url = `${scheme}://${location.host}/stream?${query}`;
    this.#onEvent = onEvent;
    this.#onState = onState;
    document.addEventListener("visibilitychange", this.#onVisible);
    window.addEventListener("online", this.#onOnline);
    this.#timer = setInterval(() => this.#check(), CHECK_EVERY_MS);
    this.#open();
    this.#report();
  }

  close() {
    this.#closed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#retry);
    document.removeEventListener("visibilitychange", this.#onVisible);
    window.removeEventListener("online", this.#onOnline);
    this.#drop();
  }

  #open() {
    clearTimeout(this.#retry);
    this.#retry = null;
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => {
      if (socket !== this.#socket) return;
      serverClock.reset();
      this.#link.opened(performance.now());
      this.#report();
    };
    socket.onmessage = (message) => {
      if (socket === this.#socket) this.#frame(message.data);
    };
    socket.onclose = (event) => {
      if (socket === this.#socket) this.#lost(event.reason || "the connection was closed");
    };
  }

  #frame(data) {
    const content = JSON.parse(data);
    if (!Array.isArray(content)) {
      this.#event(content);
      return;
    }
    for (const event of content) this.#event(event);
  }

  #event(event) {
    if (event.type === "heartbeat") {
      const nowMs = performance.now();
      const lagMs = serverClock.known ? serverClock.at(nowMs) - event.now_ms : 0;
      serverClock.heartbeat(event.now_ms, nowMs);
      this.#lastMs = event.now_ms;
      this.#link.heartbeat(nowMs, event.behind_ms, lagMs);
      this.#report();
    } else if (event.type === "ready") {
      this.#link.snapshotComplete();
      this.#report();
    } else if (event.type === "missed") {
      this.#link.missed += event.count;
    }
    this.#onEvent(event);
  }

  #lost(reason) {
    this.#drop();
    const nowMs = performance.now();
    this.#link.closed(nowMs, reason);
    const waitMs = this.#link.waitMs(Math.random());
    this.#retryAtMs = nowMs + waitMs;
    this.#retry = setTimeout(() => this.#open(), waitMs);
    this.#report();
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    if (socket !== null) socket.close();
  }

  #check() {
    if (this.#link.isLost(performance.now())) this.#lost("no heartbeat");
    else this.#report();
  }

  #retryNow() {
    if (!this.#closed && this.#socket === null) this.#open();
  }

  #becameVisible() {
    if (document.visibilityState !== "visible") return;
    this.#link.woke();
    this.#report();
    this.#retryNow();
  }

  #report() {
    if (this.#closed) return;
    const nowMs = performance.now();
    const { state, why, byMs } = this.#link.at(nowMs);
    const retryInMs = this.#retry === null ? null : Math.max(0, this.#retryAtMs - nowMs);
    const seconds = [byMs, retryInMs].map((ms) => Math.ceil((ms ?? 0) / 1000));
    const shown = [state, why, ...seconds, this.#link.missed].join("|");
    if (shown === this.#shown) return;
    this.#shown = shown;
    const missed = this.#link.missed;
    this.#onState(state, { why, byMs: byMs ?? 0, missed, lastMs: this.#lastMs, retryInMs });
  }
}

/** Gets JSON from the gateway; an Error has the server's words: what is wrong, and the remedy. */
export async function fetchJson(path) {
  const timeout = AbortSignal.timeout(LATEST_ANSWER_MS);
  let response;
  try {
    response = await fetch(path, { headers: { Accept: "application/json" }, signal: timeout });
  } catch (error) {
    const why = error.name === "TimeoutError" ? "no answer within 10 s" : "no connection";
    throw new Error(`${path}: ${why}`, { cause: error });
  }
  let content;
  try {
    content = await response.json();
  } catch (error) {
    throw new Error(`${path}: HTTP ${response.status} without JSON`, { cause: error });
  }
  if (!response.ok) {
    const remedy = content.remedy ? `; ${content.remedy}` : "";
    throw new Error(`${content.error ?? `HTTP ${response.status}`}${remedy}`);
  }
  return content;
}

const LATEST_ANSWER_MS = 10000;
