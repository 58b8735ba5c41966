// State of the connection to /stream: what makes it live, behind or disconnected.
// Pure: `nowMs` is of a monotonic clock.

export const BEHIND_MS = 1000; // of the gateway, or of this page
export const LATE_MS = 3000; // a heartbeat comes each second
export const LOST_MS = 10000; // then the connection is opened again
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10000;

export class LinkState {
  constructor(nowMs) {
    this.nowMs = nowMs;
    this.open = false;
    this.ready = false; // the snapshot is complete
    this.heardMs = nowMs; // the newest heartbeat
    this.behindMs = 0; // the gateway, by its own word
    this.lagMs = 0; // this page: how late it took the newest heartbeat
    this.asleep = false; // the tab was in the background; nothing was heard since
    this.missed = 0; // messages, since the page was opened
    this.failures = 0;
    this.reason = null;
  }

  opened(nowMs) {
    this.open = true;
    this.ready = false;
    this.heardMs = nowMs;
    this.behindMs = 0;
    this.lagMs = 0;
  }

  /** The snapshot is complete: what follows is live. */
  snapshotComplete() {
    this.ready = true;
    this.failures = 0;
    this.reason = null;
  }

  heartbeat(nowMs, behindMs, lagMs) {
    this.heardMs = nowMs;
    this.behindMs = behindMs ?? 0;
    this.lagMs = lagMs;
    this.asleep = false;
  }

  woke() {
    this.asleep = this.open;
  }

  closed(nowMs, reason) {
    this.open = false;
    this.ready = false;
    this.heardMs = Math.min(this.heardMs, nowMs);
    this.failures += 1;
    this.reason = reason;
  }

  /** How long to wait before the next try; `random` is in [0, 1). */
  waitMs(random) {
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.max(0, this.failures - 1));
    return longest * (0.5 + random / 2);
  }

  isLost(nowMs) {
    return this.open && nowMs - this.heardMs > LOST_MS;
  }

  /** "connecting", "live", "behind" or "disconnected", and why. */
  at(nowMs) {
    if (!this.open) {
      return this.failures === 0
        ? { state: "connecting", why: null }
        : { state: "disconnected", why: this.reason };
    }
    const silentMs = nowMs - this.heardMs;
    if (silentMs > LATE_MS) return { state: "behind", why: "no-heartbeat", byMs: silentMs };
    if (!this.ready) {
      return this.failures === 0
        ? { state: "connecting", why: null }
        : { state: "disconnected", why: this.reason };
    }
    if (this.asleep) return { state: "behind", why: "asleep", byMs: silentMs };
    if (this.lagMs > BEHIND_MS) return { state: "behind", why: "page", byMs: this.lagMs };
    if (this.behindMs > BEHIND_MS) return { state: "behind", why: "gateway", byMs: this.behindMs };
    return { state: "live", why: null };
  }
}
