// The trade tape: bounded, newest first, in the order of `(session, seq)`, gaps as rows. Pure.

import { nsToMs } from "../format.js";
import { eventText } from "./words.js";

const MAX_ROWS = 200;
const RESTARTED = "what the exchange sent in between is missing";

/**
 * Rows `{key, kind: "trade"|"gap", …}`. A trade row has `price size side timestamp id backfilled
 * session seq`; a gap row has `text reason at_ms session seq`, where `seq` is the trade before it.
 */
export class Tape {
  constructor(limit = MAX_ROWS) {
    this.limit = limit;
    this.rows = [];
    this.version = 0; // grows with each change
  }

  get newestTrade() {
    return this.rows.find((row) => row.kind === "trade") ?? null;
  }

  /** Add a trade as the stream or the API sends it; returns false if it is known or too old. */
  add(tick) {
    const row = {
      kind: "trade",
      session: Number(tick.session),
      seq: Number(tick.seq),
      price: tick.price,
      size: tick.size,
      side: tick.side ?? null,
      timestamp: tick.timestamp ?? (tick.received_ns == null ? null : nsToMs(tick.received_ns)),
      id: tick.id ?? null,
      backfilled: tick.backfilled === true,
    };
    row.key = `${row.session}-${row.seq}`;
    const i = this.#position(row);
    const at = this.rows[i];
    if (at?.kind === "trade" && at.session === row.session && at.seq === row.seq) return false;
    return this.#insert(i, row);
  }

  /** Add a gap of the trade channel, or a restart, from a notice or a journal entry, once. */
  addGap(entry) {
    const key = `gap-${entry.number}-${entry.at_ms ?? ""}`;
    if (this.rows.some((row) => row.key === key)) return false;
    const row = {
      kind: "gap",
      key,
      text: entry.kind === "restart" ? "worker restarted" : eventText(entry),
      reason: entry.kind === "restart" ? RESTARTED : entry.reason ?? null,
      at_ms: entry.at_ms ?? null,
      session: entry.session == null ? null : Number(entry.session),
      seq: entry.kind === "gap" ? Number(entry.to_seq) + 0.5 : null,
      provisional: entry.provisional === true,
    };
    if (entry.kind === "restart") row.seq = 0; // below the session's first trade
    if (row.seq !== null && row.session !== null) return this.#insert(this.#position(row), row);
    const i = this.rows.findIndex((other) => rowMs(other) <= (row.at_ms ?? Infinity));
    const at = i === -1 ? this.rows.length : i;
    row.session = this.rows[at]?.session ?? this.rows[at - 1]?.session ?? 0;
    row.seq = this.rows[at] === undefined ? 0 : this.rows[at].seq + 0.25;
    return this.#insert(at, row);
  }

  /** The ranges of `seq` within a session that are neither on the tape nor reported as a gap. */
  unexplained() {
    const ranges = [];
    let newer = null;
    let reported = false;
    for (const row of this.rows) {
      if (row.kind === "gap") {
        reported = true;
        continue;
      }
      if (newer && !reported && newer.session === row.session && newer.seq - row.seq > 1) {
        ranges.push({ session: row.session, from_seq: row.seq + 1, to_seq: newer.seq - 1 });
      }
      newer = row;
      reported = false;
    }
    return ranges;
  }

  /** Remove the rows of gaps that the history may have filled meanwhile. */
  dropProvisional() {
    this.rows = this.rows.filter((row) => row.provisional !== true);
    this.version += 1;
  }

  #position(row) {
    const i = this.rows.findIndex((other) => !isNewer(other, row));
    return i === -1 ? this.rows.length : i;
  }

  #insert(i, row) {
    if (i >= this.limit) return false;
    this.rows.splice(i, 0, row);
    if (this.rows.length > this.limit) this.rows.length = this.limit;
    this.version += 1;
    return true;
  }
}

function isNewer(a, b) {
  return a.session === b.session ? a.seq > b.seq : a.session > b.session;
}

function rowMs(row) {
  return row.kind === "gap" ? row.at_ms ?? 0 : row.timestamp ?? 0;
}
