// Words for journal entries: what is missing, and why. Pure.

export const KINDS = {
  gap: "gap",
  upstream_gap: "exchange gap",
  restart: "restart",
  state: "state",
  stopped: "stopped",
};

const INTEGER = /^\d+$/;

/** The ids of the missing events, first and last, from the two that arrived; null if unknown. */
export function missingIds(fromId, toId) {
  const numbers = [fromId, toId].map((id) => (INTEGER.test(String(id)) ? BigInt(id) : null));
  if (numbers[0] === null || numbers[1] === null || numbers[1] - numbers[0] < 2n) return null;
  return [numbers[0] + 1n, numbers[1] - 1n];
}

/** The range of an entry: `ids 5 to 9`, `messages 3 to 7`, or an empty text. */
export function rangeText(entry) {
  if (entry.kind === "gap") {
    const { from_seq: from, to_seq: to } = entry;
    return String(from) === String(to) ? `message ${from}` : `messages ${from} to ${to}`;
  }
  if (entry.kind !== "upstream_gap") return entry.session == null ? "" : `session ${entry.session}`;
  const ids = missingIds(entry.from_id, entry.to_id);
  if (ids) return ids[0] === ids[1] ? `id ${ids[0]}` : `ids ${ids[0]} to ${ids[1]}`;
  if (entry.from_id != null && entry.to_id != null) {
    return `between ids ${entry.from_id} and ${entry.to_id}`;
  }
  if (entry.from_id != null) return `after id ${entry.from_id}`;
  return entry.to_id != null ? `before id ${entry.to_id}` : "unknown number";
}

/** What happened, in a few words: `trade: ids 5 to 9 missing`. */
export function eventText(entry) {
  switch (entry.kind) {
    case "gap":
    case "upstream_gap":
      return `${entry.channel}: ${rangeText(entry)} missing`;
    case "restart":
      return `worker restarted${entry.session == null ? "" : `, session ${entry.session}`}`;
    case "state":
      return entry.state ?? "";
    case "stopped":
      return "stopped on purpose";
    default:
      return String(entry.kind);
  }
}

/** How many gaps and restarts: `5 gaps, 1 restart`. */
export function gapText({ gaps, restarts }) {
  const counted = (n, word) => (n === 0 ? [] : [`${n} ${word}${n === 1 ? "" : "s"}`]);
  return [...counted(gaps, "gap"), ...counted(restarts, "restart")].join(", ");
}
