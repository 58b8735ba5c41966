// A full client for feedd: snapshot, order, repair, gaps, sessions, statuses.
//
//   npm ci --ignore-scripts          # zeromq brings its binary with it
//   node client.mjs tcp://127.0.0.1:5500 tcp://127.0.0.1:5501 quote. trade.
//   feedd conformance -- node examples/node/client.mjs
//
// docs/clients.md describes what a client does, docs/channels.md the payloads, docs/history.md the
// history. Sessions, seqs and ids are 64-bit integers: a JavaScript number holds 53 bits, so they are
// BigInt here. Prices, sizes and times in ms are numbers.

import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Decoder, encode } from "@msgpack/msgpack";
import { Dealer, Subscriber } from "zeromq";

const STALE_MS = 2200; // two heartbeats, and some jitter
const JOIN_MS = 2000; // without a snapshot by then, the stream begins without one
const REPAIR_MS = 1000; // then a missing range is a gap
const HISTORY_LAG_MS = 250; // what the history has not got by then, it will not get
const RETRY_MS = 50;
const MOST_REQUESTS = 2; // in flight
const MOST_REPAIRED = 2000n; // messages of one range: an answer has no more
const MOST_WAITING = 5000; // messages of a topic behind a gap
const MOST_TOPICS = 20_000; // their names come from publishers
const MOST_HELD = 50_000; // messages, until the snapshot is there

// `useBigInt64`: integers of the 64-bit formats become BigInt, shorter ones stay numbers.
const decoder = new Decoder({ useBigInt64: true });

/** Return a MessagePack integer as BigInt; null for anything else. */
function integer(value) {
  if (typeof value === "bigint") return value;
  return Number.isInteger(value) ? BigInt(value) : null;
}

function decoded(payload) {
  try {
    const message = decoder.decode(payload);
    const session = integer(message?.session);
    const seq = integer(message?.seq);
    return session === null || seq === null || seq < 1n ? null : { ...message, session, seq };
  } catch {
    return null; // not a message: its seq will be missing, and is reported so
  }
}

function decodedAnswer(frame) {
  try {
    const answer = decoder.decode(frame);
    return typeof answer?.id === "number" ? answer : null;
  } catch {
    return null;
  }
}

/** One topic in one session: each seq from `next` to `high` waits here, or is missing. */
class Topic {
  constructor(name, feed, wanted) {
    this.name = name;
    this.feed = feed;
    this.isStatus = name.startsWith("status.");
    this.wanted = wanted; // statuses are followed for their feeds' sake, and not handed on
    this.begin(null);
  }

  begin(next) {
    this.next = next; // null: where the topic begins is not known yet
    this.high = next === null ? null : next - 1n;
    this.waiting = new Map(); // seq to message
    this.missingMs = null; // since when `next` is missing
    this.retryMs = 0;
    this.asking = false;
    this.optional = null; // a seq from before the stream, which is not a loss
  }

  /** Add a message, unless it is known. */
  offer(message) {
    if (this.next === null) this.begin(message.seq);
    if (message.seq < this.next) return;
    this.waiting.set(message.seq, message);
    if (message.seq > this.high) this.high = message.seq;
  }

  /** The first missing range, both ends included; null if there is none. */
  missing() {
    if (this.next === null || this.next > this.high) return null;
    let last = this.next;
    while (last < this.high && !this.waiting.has(last + 1n)) last += 1n;
    return [this.next, last];
  }
}

/** One symbol of one exchange. */
class Feed {
  constructor(name) {
    this.name = name;
    this.session = null;
    this.complete = null; // whether its session began after the stream: topics begin at 1
    this.heartbeatMs = null;
    this.stopped = false;
    this.reported = null; // the last state and reason
    this.topics = [];
  }
}

export class Stream {
  /** Follow the topics that begin with one of `prefixes`; `onEvent` gets each event. */
  constructor(endpoint, history, prefixes, onEvent) {
    this.prefixes = prefixes;
    this.onEvent = onEvent;
    // Each feed's statuses show lost tails, restarts, and gaps on the exchange's side.
    const statuses = prefixes.map((prefix) => `status.${prefix.split(".").slice(1).join(".")}`);
    this.subscriptions = [...new Set([...prefixes, ...statuses])];
    this.feeds = new Map();
    this.topics = new Map();
    this.requests = new Map(); // in flight, by id
    this.lastId = 0;
    this.sinceMs = performance.now();
    this.held = []; // live messages, until the snapshot is there
    this.snapshot = [];
    this.joined = false;
    this.closed = false;
    this.subscriber = new Subscriber({ linger: 0, receiveHighWaterMark: 100_000 });
    this.dealer = new Dealer({ linger: 0, sendHighWaterMark: 16 });
    this.subscriber.subscribe(...this.subscriptions);
    this.subscriber.connect(endpoint);
    this.dealer.connect(history);
    this.sending = Promise.resolve();
    this.running = [this.receive(), this.answers()];
    this.timer = setInterval(() => this.check(), 20);
    this.ask({ op: "snapshot", topics: this.subscriptions }, (answer) => this.page(answer));
  }

  async close() {
    this.closed = true;
    clearInterval(this.timer);
    this.subscriber.close();
    this.dealer.close();
    await Promise.allSettled(this.running);
  }

  // --- sockets ------------------------------------------------------------------------------

  async receive() {
    for await (const [topic, payload] of this.subscriber) {
      if (payload !== undefined) this.message(topic.toString(), payload, "live");
    }
  }

  async answers() {
    for await (const frames of this.dealer) {
      const answer = decodedAnswer(frames.at(-1));
      if (answer === null) continue; // the request will time out
      const request = this.requests.get(answer.id);
      if (this.requests.delete(answer.id)) request.done(answer);
      this.check();
    }
  }

  /** Send a request; `done` gets the answer, or null if none comes in time. */
  ask(content, done) {
    const id = ++this.lastId;
    this.requests.set(id, { done, untilMs: performance.now() + REPAIR_MS });
    const frame = encode({ ...content, id }, { useBigInt64: true });
    this.sending = this.sending.then(() => this.dealer.send(frame)).catch(() => {});
  }

  // --- joining: the last message of each topic, then what came meanwhile ----------------------

  page(answer) {
    if (answer === null || answer.error !== undefined) return this.begin();
    this.snapshot.push(...answer.messages);
    if (answer.complete || answer.messages.length === 0) return this.begin();
    const after = Buffer.from(answer.messages.at(-1)[0]).toString();
    this.ask({ op: "snapshot", topics: this.subscriptions, after }, (next) => this.page(next));
  }

  begin() {
    if (this.joined) return;
    this.joined = true;
    const messages = [];
    for (const [frame, payload] of this.snapshot) {
      const topic = this.topic(Buffer.from(frame).toString());
      const message = decoded(payload);
      if (topic === null || message === null) continue;
      messages.push([topic, message]);
      if (topic.feed.session === null || message.session > topic.feed.session) {
        topic.feed.session = message.session;
      }
    }
    // Live messages from before the snapshot count: a topic begins with the first of them.
    const lowest = new Map();
    for (const [name, message] of this.held) {
      const key = `${name} ${message.session}`;
      if (!lowest.has(key) || message.seq < lowest.get(key)) lowest.set(key, message.seq);
    }
    for (const [topic, message] of messages) {
      topic.feed.complete = false; // it was there before us
      if (message.session !== topic.feed.session) continue;
      const live = lowest.get(`${topic.name} ${message.session}`) ?? message.seq;
      topic.begin(live < message.seq ? live : message.seq);
      if (topic.isStatus) this.status(topic.feed, message, "snapshot");
      this.accept(topic, message, "snapshot");
    }
    for (const [name, message, origin] of this.held) this.accept(this.topic(name), message, origin);
    this.held = [];
  }

  // --- messages -----------------------------------------------------------------------------

  topic(name) {
    if (!this.subscriptions.some((prefix) => name.startsWith(prefix))) return null;
    let topic = this.topics.get(name);
    if (topic === undefined) {
      if (this.topics.size >= MOST_TOPICS) return null;
      const feedName = name.slice(name.indexOf(".") + 1);
      if (!this.feeds.has(feedName)) this.feeds.set(feedName, new Feed(feedName));
      const feed = this.feeds.get(feedName);
      topic = new Topic(name, feed, this.prefixes.some((prefix) => name.startsWith(prefix)));
      feed.topics.push(topic);
      this.topics.set(name, topic);
    }
    return topic;
  }

  message(name, payload, origin) {
    const topic = this.topic(name);
    const message = topic === null ? null : decoded(payload);
    if (message === null) return;
    if (this.joined) this.accept(topic, message, origin);
    else this.held.push([name, message, origin]);
    if (this.held.length > MOST_HELD) this.begin();
  }

  accept(topic, message, origin) {
    const feed = topic.feed;
    if (feed.session !== null && message.session < feed.session) return; // sessions grow
    if (feed.session === null) feed.session = message.session;
    if (message.session > feed.session) this.newSession(feed, message.session);
    if (topic.next === null && feed.complete) topic.begin(1n);
    topic.offer({ ...message, origin });
    this.advance(topic);
    if (topic.isStatus && origin === "live") this.heartbeat(feed, message);
  }

  /** A worker has restarted: what is missing of the old session will not come. */
  newSession(feed, session) {
    for (const topic of feed.topics) {
      while (topic.missing() !== null) this.lose(topic, ...topic.missing());
      topic.begin(1n);
    }
    this.onEvent({ type: "session", feed: feed.name, old: feed.session, new: session });
    Object.assign(feed, { session, complete: true, stopped: false });
  }

  /** Hand on what is next. */
  advance(topic) {
    while (topic.waiting.has(topic.next)) {
      const message = topic.waiting.get(topic.next);
      topic.waiting.delete(topic.next);
      topic.next += 1n;
      topic.missingMs = null;
      if (topic.isStatus) this.status(topic.feed, message, message.origin);
      if (topic.wanted) this.onEvent({ type: "tick", topic: topic.name, message });
    }
    if (topic.missing() !== null && topic.missingMs === null) topic.missingMs = performance.now();
  }

  /** Report a range as lost, and go on behind it. */
  lose(topic, from, to) {
    const first = from === topic.optional ? from + 1n : from;
    const event = { type: "gap", topic: topic.name, session: topic.feed.session, from: first, to };
    if (topic.wanted && first <= to) this.onEvent(event);
    topic.next = to + 1n;
    topic.missingMs = null;
    this.advance(topic);
  }

  // --- statuses -----------------------------------------------------------------------------

  /** Take what a heartbeat says about other topics; it need not be in order. */
  heartbeat(feed, status) {
    const nowMs = performance.now();
    feed.heartbeatMs = nowMs;
    feed.stopped = status.state === "stopped";
    feed.complete ??= status.uptime_s * 1000 < nowMs - this.sinceMs;
    for (const [name, value] of Object.entries(status.next_seq)) {
      const next = integer(value);
      const topic = this.topic(name);
      if (topic === null || topic.feed !== feed || next === null) continue;
      if (topic.next === null) {
        // Neither the snapshot nor the stream has a message of it. The last one, if there is one,
        // came between the two.
        const last = next > 1n ? next - 1n : 1n;
        topic.begin(feed.complete ? 1n : last);
        if (!feed.complete && next > 1n) topic.optional = last;
      }
      if (next - 1n > topic.high) topic.high = next - 1n; // what is published and did not come
      this.advance(topic);
    }
  }

  /** Report what is new in a status. */
  status(feed, status, origin) {
    const gap = status.gap;
    // A gap in the snapshot precedes the stream, and one of another channel is not ours.
    if (gap && origin !== "snapshot" && this.wants(`${gap.channel}.${feed.name}`)) {
      const [from, to] = [gap.from_id, gap.to_id]; // null: the exchange has no ids
      this.onEvent({ type: "upstream", feed: feed.name, channel: gap.channel, from, to });
    }
    const state = `${status.state} ${status.reason}`;
    if (state === feed.reported) return;
    feed.reported = state;
    if (status.state === "stopped") {
      this.onEvent({ type: "stopped", feed: feed.name, session: status.session });
    } else {
      this.onEvent({ type: "state", feed: feed.name, state: status.state });
    }
  }

  wants(name) {
    return this.prefixes.some((prefix) => name.startsWith(prefix));
  }

  // --- what is due --------------------------------------------------------------------------

  check() {
    if (this.closed) return;
    const nowMs = performance.now();
    for (const [id, request] of this.requests) {
      if (nowMs < request.untilMs) continue;
      this.requests.delete(id);
      request.done(null);
    }
    if (!this.joined && nowMs - this.sinceMs > JOIN_MS) this.begin();
    if (!this.joined) return;
    for (const topic of this.topics.values()) this.repair(topic, nowMs);
    for (const feed of this.feeds.values()) {
      const silent = feed.heartbeatMs !== null && nowMs - feed.heartbeatMs > STALE_MS;
      if (!silent || feed.stopped || feed.reported === null) continue;
      feed.heartbeatMs = null;
      feed.reported = "stale";
      this.onEvent({ type: "state", feed: feed.name, state: "stale" });
    }
  }

  /** Request a topic's first missing range, or report it as lost. */
  repair(topic, nowMs) {
    const range = topic.missing();
    if (range === null || topic.asking) return;
    const [from, to] = range;
    const late = nowMs - topic.missingMs > REPAIR_MS;
    if (late || to - from >= MOST_REPAIRED || topic.waiting.size > MOST_WAITING) {
      return this.lose(topic, from, to);
    }
    if (nowMs < topic.retryMs || this.requests.size >= MOST_REQUESTS) return;
    topic.asking = true;
    const session = topic.feed.session;
    this.ask({ op: "replay", topic: topic.name, session, from, to }, (answer) => {
      if (topic.feed.session !== session) return; // a new session has begun
      topic.asking = false;
      if (answer !== null) this.fill(topic, from, to, answer);
    });
  }

  /** Take an answer: what it lacks up to `high` is lost; the rest may still be on its way. */
  fill(topic, from, to, answer) {
    let end = from - 1n;
    for (const [, payload] of answer.messages ?? []) {
      const message = decoded(payload);
      if (message === null || message.session !== topic.feed.session) continue;
      if (message.seq < from || message.seq > to) continue;
      topic.offer({ ...message, origin: message.seq === topic.optional ? "snapshot" : "replayed" });
      if (message.seq > end) end = message.seq;
    }
    this.advance(topic);
    const high = integer(answer.high);
    const lags = performance.now() - topic.missingMs < HISTORY_LAG_MS;
    for (let range = topic.missing(); range !== null && range[0] <= to; range = topic.missing()) {
      const [first, last] = [range[0], range[1] < to ? range[1] : to];
      if (high !== null && end >= from && end < first && first <= high) return; // it was full: ask on
      if ((high === null || last > high) && lags) {
        topic.retryMs = performance.now() + RETRY_MS;
        return;
      }
      this.lose(topic, first, last);
    }
  }
}

// --- the protocol of `feedd conformance`, docs/conformance.md ---------------------------------

const line = {
  tick: (e) => `TICK ${e.topic} ${e.message.session} ${e.message.seq}`,
  gap: (e) => `GAP ${e.topic} ${e.session} ${e.from} ${e.to}`,
  session: (e) => `SESSION ${e.feed} ${e.old} ${e.new}`,
  upstream: (e) => `UPSTREAM ${e.feed} ${e.channel} ${e.from ?? "-"} ${e.to ?? "-"}`,
  state: (e) => `STATE ${e.feed} ${e.state}`,
  stopped: (e) => `STOPPED ${e.feed} ${e.session}`,
};
const print = (event) => process.stdout.write(`${line[event.type](event)}\n`);

async function conformance() {
  let stream = null;
  for await (const command of createInterface({ input: process.stdin })) {
    const [word, ...topics] = command.split(" ");
    if (word === "SUBSCRIBE") {
      stream = new Stream(process.env.FEEDD_ENDPOINT, process.env.FEEDD_HISTORY, topics, print);
    } else if (word === "END") {
      await stream?.close();
      process.stdout.write("DONE\n");
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [endpoint, history, ...prefixes] = process.argv.slice(2);
  if (endpoint === undefined) await conformance();
  else new Stream(endpoint, history, prefixes, print);
}
