// The last ten minutes of a price, in steps of 5 s. Pure.

export const STEP_MS = 5000;
export const STEPS = 120;

export class History {
  #values = new Float64Array(STEPS).fill(NaN);
  #end = null; // number of the newest step, since the epoch
  version = 0; // grows with each step

  /** Takes a value; a later one of the same step replaces it. */
  add(atMs, value) {
    const step = Math.floor(atMs / STEP_MS);
    if (this.#end === null || step > this.#end) this.#advance(step);
    if (step > this.#end - STEPS) this.#values[step % STEPS] = value;
  }

  /** Fills steps that are still unknown: `values`, oldest first, the newest at `endMs`. */
  past(endMs, stepMs, values) {
    const end = Math.floor(endMs / STEP_MS);
    if (this.#end === null || end > this.#end) this.#advance(end);
    values.forEach((value, index) => {
      if (value === null) return;
      const step = Math.floor((endMs - (values.length - 1 - index) * stepMs) / STEP_MS);
      const known = step <= this.#end - STEPS || !Number.isNaN(this.#values[step % STEPS]);
      if (!known) this.#values[step % STEPS] = value;
    });
    this.version += 1;
  }

  /** Values of the ten minutes before `nowMs`, oldest first; NaN where unknown. */
  at(nowMs, into = new Float64Array(STEPS)) {
    const now = Math.floor(nowMs / STEP_MS);
    for (let i = 0; i < STEPS; i += 1) {
      const step = now - STEPS + 1 + i;
      const known = this.#end !== null && step <= this.#end && step > this.#end - STEPS;
      into[i] = known ? this.#values[step % STEPS] : NaN;
    }
    return into;
  }

  #advance(step) {
    const from = this.#end === null ? step - STEPS : Math.max(this.#end, step - STEPS);
    for (let between = from + 1; between <= step; between += 1) this.#values[between % STEPS] = NaN;
    this.#end = step;
    this.version += 1;
  }
}
