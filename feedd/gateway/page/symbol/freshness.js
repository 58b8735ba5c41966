// Whether numbers on screen are current, and if not, why and as of when. Pure.

const STATUS_SILENCE_MS = 3500; // statuses come each second; the gateway reports silence after 2.2 s

/**
 * `{current, word, why}` of the feed's numbers.
 *
 * `connection` is the page's: `connecting`, `live`, `behind` or `disconnected`. `state` is the
 * feed's newest, from a status or a notice; `statusAgeMs` the time since the last status arrived,
 * null before the first. `channel` is the channel's own status, where the numbers are of one;
 * `isEarlier`: they are from before the worker's last restart.
 */
export function freshness({
  connection, behindMs = null, state, reason, statusAgeMs, channel, isEarlier = false,
}) {
  if (connection === "disconnected") {
    return old("disconnected", "the page has no connection to the gateway");
  }
  if (connection === "connecting") return old("connecting", "the page connects to the gateway");
  if (connection === "behind") {
    const by = behindMs == null ? "" : ` by ${(behindMs / 1000).toFixed(1)} s`;
    return old("behind", `what the page gets is behind${by}`);
  }
  if (state == null) return old("no status", "no status of this feed has arrived");
  if (state !== "live") {
    const own = channel && channel.state === "live" ? "; this channel itself is live" : "";
    return old(state, (reason ?? `the feed is ${state}`) + own);
  }
  if (channel && channel.state !== "live") {
    return old(channel.state, channel.reason ?? `the channel is ${channel.state}`);
  }
  if (statusAgeMs != null && statusAgeMs > STATUS_SILENCE_MS) {
    return old("stale", `no status for ${(statusAgeMs / 1000).toFixed(0)} s`);
  }
  if (isEarlier) return old("earlier", "nothing has arrived since the worker restarted");
  return { current: true, word: "live", why: null };
}

function old(word, why) {
  return { current: false, word, why };
}
