// The gateway's /stream in JavaScript, without ZeroMQ and without a package. Node 18 or newer, Deno,
// Bun; in a browser too, from a page of the gateway's host.
//
//   node stream.mjs http://127.0.0.1:8080 quote. status.binanceusdm.BTC/USDT:USDT.
//
// docs/gateway.md describes the messages. `follow` reconnects, and reports every message that it did
// not get: `missed` where this client was too slow, `lost` where the connection was.

import { fileURLToPath } from "node:url";

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;
const SILENT_MS = 5_000; // a heartbeat comes each second

/** Yield the messages of one connection, until it ends. */
export async function* messages(url, topics, signal) {
  const address = new URL("/stream", url);
  for (const topic of topics) address.searchParams.append("topic", topic);
  address.searchParams.set("ints", "string"); // numbers have 53 bits, ids and times have 64
  const silence = new AbortController();
  const stop = () => silence.abort();
  let timer = setTimeout(stop, SILENT_MS);
  signal?.addEventListener("abort", stop);
  try {
    const response = await fetch(address, { signal: silence.signal });
    if (!response.ok) throw new Error(await explained(response));
    const text = new TextDecoder();
    let rest = "";
    for await (const bytes of response.body) {
      clearTimeout(timer);
      timer = setTimeout(stop, SILENT_MS);
      const events = (rest + text.decode(bytes, { stream: true })).split("\n\n");
      rest = events.pop();
      for (const event of events) {
        if (event.startsWith("data: ")) yield JSON.parse(event.slice(6));
      }
    }
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

/** Call `onMessage` with each message, for ever; connect again after an error. */
export async function follow(url, topics, onMessage, { signal, onError = () => {} } = {}) {
  const last = new Map(); // topic -> [session, seq]
  let waitMs = FIRST_WAIT_MS;
  while (!signal?.aborted) {
    try {
      for await (const message of messages(url, topics, signal)) {
        waitMs = FIRST_WAIT_MS;
        const { topic, session, seq, origin } = message;
        const [ofSession, before] = last.get(topic) ?? [];
        if (seq !== undefined) {
          // The snapshot of a new connection: repeated, or ahead of what came before.
          if (origin === "snapshot" && session === ofSession) {
            if (seq <= before) continue;
            if (seq > before + 1) {
              onMessage({ type: "lost", topic, session, from_seq: before + 1, to_seq: seq - 1 });
            }
          }
          last.set(topic, [session, seq]);
        }
        onMessage(message);
      }
      onError(new Error("the gateway closed the connection"));
    } catch (error) {
      if (signal?.aborted) return;
      onError(error);
    }
    await new Promise((resolve) => setTimeout(resolve, waitMs * (0.5 + Math.random() / 2)));
    waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
  }
}

/** The gateway's errors are JSON: what is wrong, and the remedy. */
async function explained(response) {
  const text = await response.text();
  try {
    const { error, remedy } = JSON.parse(text);
    return `${response.status}: ${error}; ${remedy}`;
  } catch {
    return `${response.status}: ${text.slice(0, 200)}`;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [url, ...topics] = process.argv.slice(2);
  const print = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
  await follow(url, topics, print, { onError: (error) => console.error(String(error)) });
}
