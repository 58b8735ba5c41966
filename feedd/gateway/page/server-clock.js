// Estimate of the server's time from its heartbeats. Pure: `nowMs` is of a monotonic clock.

const KEPT = 60; // heartbeats

/**
 * A heartbeat states the server's time when it was sent. It arrives later, so that each one bounds
 * the server's time from below; the newest 60 bounds' maximum is the estimate.
 */
export class ServerClock {
  #offsets = [];
  #offset = null;

  heartbeat(serverMs, nowMs) {
    this.#offsets.push(serverMs - nowMs);
    if (this.#offsets.length > KEPT) this.#offsets.shift();
    this.#offset = Math.max(...this.#offsets);
  }

  /** A new connection may be to another clock. */
  reset() {
    this.#offsets = [];
  }

  get known() {
    return this.#offset !== null;
  }

  /** The server's time in ms since the epoch; null before the first heartbeat. */
  at(nowMs) {
    return this.#offset === null ? null : nowMs + this.#offset;
  }
}
