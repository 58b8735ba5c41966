// Icon of each state of a feed or process.

const ICONS = {
  live: "live",
  starting: "starting",
  stale: "stale",
  reconnecting: "reconnecting",
  resync: "reconnecting",
  down: "down",
  silent: "down",
  blocked: "down",
  stopped: "stopped",
  replay: "replay",
  ended: "stopped",
  gapped: "gap",
  restarted: "restart",
};

export function iconOf(state) {
  return ICONS[state] ?? "gap";
}
