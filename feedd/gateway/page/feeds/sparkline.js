// Sparkline of a price on a canvas: ten minutes, with breaks where nothing is known.

import { STEPS } from "./history.js";

const values = new Float64Array(STEPS);

/** Colours of the theme, read once for all rows. */
export function sparkColours() {
  const style = getComputedStyle(document.documentElement);
  return {
    line: style.getPropertyValue("--spark").trim(),
    up: style.getPropertyValue("--up").trim(),
    down: style.getPropertyValue("--down").trim(),
  };
}

export class Sparkline {
  #context;
  #drawn = "";

  constructor(canvas, width, height) {
    this.width = width;
    this.height = height;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    this.#context = canvas.getContext("2d");
    this.#context.scale(ratio, ratio);
  }

  /** Draws where something changed since the last time. */
  draw(feed, nowMs, colours) {
    const step = Math.floor(nowMs / 1000);
    const drawn = `${feed.history.version}|${feed.last?.value}|${Math.floor(step / 5)}|${colours.line}`;
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    feed.history.at(nowMs, values);
    let low = Infinity;
    let high = -Infinity;
    let first = NaN;
    let last = NaN;
    for (const value of values) {
      if (Number.isNaN(value)) continue;
      if (Number.isNaN(first)) first = value;
      last = value;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    const context = this.#context;
    context.clearRect(0, 0, this.width, this.height);
    if (low > high) return;
    const span = high - low || 1;
    const top = 3;
    const tall = this.height - 2 * top;
    const y = (value) => (high === low ? this.height / 2 : top + tall * (1 - (value - low) / span));
    const x = (i) => (i / (STEPS - 1)) * (this.width - 4) + 1;
    context.lineWidth = 1.25;
    context.lineJoin = "round";
    context.strokeStyle = colours.line;
    context.beginPath();
    let open = false;
    let end = 0;
    for (let i = 0; i < STEPS; i += 1) {
      if (Number.isNaN(values[i])) {
        open = false;
        continue;
      }
      if (open) context.lineTo(x(i), y(values[i]));
      else context.moveTo(x(i), y(values[i]));
      open = true;
      end = i;
    }
    context.stroke();
    context.fillStyle = last > first ? colours.up : last < first ? colours.down : colours.line;
    context.beginPath();
    context.arc(x(end), y(last), 1.9, 0, 2 * Math.PI);
    context.fill();
  }
}
