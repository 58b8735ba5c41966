// Latency and message rate over time in equal steps, from the gateway and live statuses. Pure.

const MAX_STEPS = 720;

/** Steps `{time, p50, p99, rate}` (µs, messages a second; null where unknown), oldest first. */
export class Trend {
  constructor({ stepMs = 5000, limit = MAX_STEPS } = {}) {
    this.stepMs = stepMs;
    this.limit = limit;
    this.steps = [];
  }

  /** Take over the gateway's lists, whose last value is of the step that ends at `end_ms`. */
  load(answer, stepS) {
    this.stepMs = stepS * 1000;
    const n = answer.p50_us?.length ?? 0;
    const lastTime = Math.floor((answer.end_ms - 1) / this.stepMs) * this.stepMs;
    this.steps = [];
    for (let i = 0; i < n; i += 1) {
      this.steps.push({
        time: lastTime - (n - 1 - i) * this.stepMs,
        p50: answer.p50_us[i] ?? null,
        p99: answer.p99_us[i] ?? null,
        rate: answer.messages_per_s?.[i] ?? null,
        seconds: 0,
      });
    }
    this.steps = this.steps.slice(-this.limit);
  }

  /**
   * Add a feed's status, which covers one second; returns the step that changed. A step has the
   * worst second's p99, and the means of the seconds' p50 and rates.
   */
  add(status, atMs) {
    const time = Math.floor(atMs / this.stepMs) * this.stepMs;
    let step = this.steps.at(-1);
    if (step === undefined || step.time < time) {
      this.#fillTo(time);
      step = { time, p50: null, p99: null, rate: null, seconds: 0 };
      this.steps.push(step);
      if (this.steps.length > this.limit) this.steps.splice(0, this.steps.length - this.limit);
    } else if (step.time > time) {
      return null;
    }
    const { p50, p99 } = status.latency_us ?? {};
    const mean = (old, value) =>
      value == null ? old : old == null ? value : old + (value - old) / (step.seconds + 1);
    step.p50 = mean(step.p50, p50);
    if (p99 != null) step.p99 = Math.max(step.p99 ?? 0, p99);
    step.rate = mean(step.rate, status.messages_per_s);
    step.seconds += 1;
    return step;
  }

  #fillTo(time) {
    const last = this.steps.at(-1);
    if (last === undefined) return;
    const from = Math.max(last.time + this.stepMs, time - this.limit * this.stepMs);
    for (let t = from; t < time; t += this.stepMs) {
      this.steps.push({ time: t, p50: null, p99: null, rate: null, seconds: 0 });
    }
  }
}
