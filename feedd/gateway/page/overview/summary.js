// Figures of the overview from /api/overview. Pure.

/** The budget that is used most: `{share, budget}`; null without budgets. */
export function tightest(budgets) {
  let worst = null;
  for (const budget of budgets) {
    const share = budget.limit > 0 ? budget.used / budget.limit : 0;
    if (worst === null || share > worst.share) worst = { share, budget };
  }
  return worst;
}

/** "attention" from 80 % on and "down" from 100 % on or while requests are paused; else null. */
export function budgetLevel({ used, limit, paused_s: pausedS }) {
  if (pausedS > 0 || (limit > 0 && used >= limit)) return "down";
  return limit > 0 && used / limit >= 0.8 ? "attention" : null;
}

/** `{level, word}` of a recorder; "off" where none runs. */
export function recorderState(recorder) {
  if (recorder === null || recorder === undefined) return { level: null, word: "off" };
  if (recorder.failing) return { level: "down", word: "failing" };
  if (recorder.lost > 0) return { level: "attention", word: "lost messages" };
  if (recorder.lag_s !== null && recorder.lag_s > 5) return { level: "attention", word: "behind" };
  const free = recorder.disk_free_bytes / recorder.disk_total_bytes;
  if (free < 0.1) return { level: "attention", word: "disk nearly full" };
  return { level: null, word: "recording" };
}

/** Whether a p99 in µs exceeds 10 ms, the limit of the alert rules. */
export function isSlow(p99) {
  return p99 !== null && p99 !== undefined && p99 > 10000;
}

/** Sum of the restarts that nobody requested; null where none is known. */
export function restartsOf(processes) {
  const known = processes.filter(({ restarts }) => restarts !== null && restarts !== undefined);
  return known.length === 0 ? null : known.reduce((sum, { restarts }) => sum + restarts, 0);
}

/** Processes in the order of the table: those that are not healthy, then by CPU. */
export function byNeed(processes) {
  return [...processes].sort(
    (a, b) => a.healthy - b.healthy || (b.cpu_percent ?? 0) - (a.cpu_percent ?? 0) || a.name.localeCompare(b.name),
  );
}
