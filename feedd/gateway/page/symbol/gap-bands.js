// Bands on a chart for the intervals in which something is missing, with marks on its time axis.

const HATCH_PX = 6;

/** A series primitive of lightweight-charts; `set(marks)` takes `[{time}]`. */
export class GapBands {
  #marks = [];
  #chart = null;
  #update = null;

  constructor(colour) {
    this.colour = colour;
    const bars = (draw) => ({ renderer: () => ({ draw }), zOrder: () => "bottom" });
    this.panes = [bars((target) => this.#draw(target, true))];
    this.axes = [bars((target) => this.#draw(target, false))];
  }

  attached({ chart, requestUpdate }) {
    this.#chart = chart;
    this.#update = requestUpdate;
  }

  detached() {
    this.#chart = null;
    this.#update = null;
  }

  set(marks) {
    this.#marks = marks;
    this.#update?.();
  }

  setColour(colour) {
    this.colour = colour;
    this.#update?.();
  }

  paneViews() {
    return this.panes;
  }

  timeAxisPaneViews() {
    return this.axes;
  }

  #draw(target, isPane) {
    const scale = this.#chart?.timeScale();
    if (!scale) return;
    const width = Math.max(3, scale.options().barSpacing);
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      for (const mark of this.#marks) {
        const x = scale.timeToCoordinate(mark.time / 1000);
        if (x === null || x < -width || x > mediaSize.width + width) continue;
        if (isPane) this.#band(context, x - width / 2, width, mediaSize.height);
        else this.#triangle(context, x);
      }
    });
  }

  #band(context, left, width, height) {
    context.save();
    context.beginPath();
    context.rect(left, 0, width, height);
    context.clip();
    context.globalAlpha = 0.16;
    context.fillStyle = this.colour;
    context.fillRect(left, 0, width, height);
    context.globalAlpha = 0.55;
    context.strokeStyle = this.colour;
    context.lineWidth = 1;
    context.beginPath();
    for (let y = -width; y < height + width; y += HATCH_PX) {
      context.moveTo(left, y + width);
      context.lineTo(left + width, y);
    }
    context.stroke();
    context.restore();
  }

  #triangle(context, x) {
    context.fillStyle = this.colour;
    context.beginPath();
    context.moveTo(x - 5, 0);
    context.lineTo(x + 5, 0);
    context.lineTo(x, 7);
    context.fill();
  }
}
