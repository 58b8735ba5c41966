// The trade tape: newest first; a gap is a row of its own.

import { NONE, localTime, utcTime } from "../format.js";
import { drawMark } from "./book-panel.js";
import { el, panel } from "./dom.js";

const SIDES = { buy: ["▲", "buy"], sell: ["▼", "sell"] };
const SHOWN = 100;
const BACKFILLED = "backfilled: the stream left it out, and it was requested over REST";

export class TapePanel {
  constructor() {
    const { section, body, mark, tools } = panel("trades", "Trades");
    this.element = section;
    this.mark = mark;
    this.rate = el("span", { class: "sym-quiet", id: "symbol-trades-rate" });
    this.key = el("span", { class: "sym-quiet", id: "symbol-trades-key", title: BACKFILLED, text: "↺ backfilled", hidden: true });
    tools.append(this.key, this.rate);
    const head = ["Local time", "Side", "Price", "Size"].map((text) => el("th", { scope: "col", text }));
    this.rows = el("tbody", { id: "symbol-tape-rows" });
    this.empty = el("p", { class: "empty", id: "symbol-trades-empty", hidden: true });
    const table = el(
      "table", { class: "sym-tape", id: "symbol-tape" },
      el("caption", { class: "visually-hidden", text: "Trades, the newest first" }),
      el("thead", {}, el("tr", {}, ...head)), this.rows,
    );
    const scroller = el(
      "div",
      { class: "sym-scroller", tabindex: "0", role: "region", "aria-label": "Trades, scrollable" },
      table, this.empty,
    );
    body.append(scroller);
    this.version = -1;
    this.decimals = "";
  }

  reset() {
    this.version = -1;
    this.rows.replaceChildren();
    this.key.hidden = true;
  }

  draw(model, nowMs) {
    const rate = model.channel("trade")?.messages_per_s;
    this.rate.textContent = rate == null ? "" : `${rate.toFixed(1)}/s`;
    drawMark(this, model.freshness(nowMs, model.publishes("trade") ? "trade" : null));
    this.mark.hidden ||= !model.publishes("trade");
    const decimals = `${model.price.decimals} ${model.size.decimals}`;
    if (this.version === model.tape.version && this.decimals === decimals) return;
    if (this.decimals !== decimals) this.rows.replaceChildren();
    this.version = model.tape.version;
    this.decimals = decimals;
    this.#drawRows(model);
  }

  drawEmpty(model) {
    const noTrades = model.status !== null && !model.publishes("trade");
    this.empty.hidden = this.rows.children.length > 0;
    this.empty.textContent = noTrades
      ? "This feed does not publish trades. To see them, add trade to the channels in the configuration."
      : "No trade yet.";
  }

  /** Rows keep their elements: those of new trades are put before, old ones are dropped. */
  #drawRows(model) {
    const wanted = model.tape.rows.slice(0, SHOWN);
    const known = new Map([...this.rows.children].map((tr) => [tr.dataset.key, tr]));
    const keep = new Set(wanted.map((row) => row.key));
    for (const [key, tr] of known) if (!keep.has(key)) tr.remove();
    let next = this.rows.firstElementChild;
    for (const row of wanted) {
      if (next !== null && next.dataset.key === row.key) {
        next = next.nextElementSibling;
        continue;
      }
      this.rows.insertBefore(known.get(row.key) ?? element(row, model), next);
    }
    this.key.hidden = !wanted.some((row) => row.backfilled);
  }
}

function element(row, model) {
  return row.kind === "gap" ? gapElement(row) : tradeElement(row, model);
}

function tradeElement(row, model) {
  const [sign, word] = SIDES[row.side] ?? ["", "unknown"];
  const time = el("td", { text: timeText(row.timestamp) });
  if (row.timestamp !== null) time.title = `${utcTime(row.timestamp)} UTC`;
  const sideCell = el(
    "td", { class: "sym-side" }, el("span", { "aria-hidden": "true", text: sign }), ` ${word}`,
  );
  if (row.backfilled) {
    sideCell.append(
      el("span", { class: "sym-backfilled", title: BACKFILLED, "aria-hidden": "true", text: " ↺" }),
      el("span", { class: "visually-hidden", text: " backfilled" }),
    );
  }
  return el(
    "tr",
    { "data-key": row.key, "data-side": row.side ?? "unknown", "data-backfilled": row.backfilled },
    time, sideCell,
    el("td", { class: "sym-price", text: model.price.text(row.price) }),
    el("td", { text: model.size.text(row.size) }),
  );
}

function gapElement(row) {
  const time = row.at_ms === null ? "" : `${localTime(row.at_ms)} `;
  const reason = row.reason ? `: ${row.reason}` : "";
  return el(
    "tr", { "data-key": row.key, class: "sym-gap-row" },
    el("td", { colspan: "4" }, time, el("b", { text: row.text }), reason),
  );
}

function timeText(ms) {
  if (ms === null) return NONE;
  return `${localTime(ms)}.${String(Math.floor(ms) % 1000).padStart(3, "0")}`;
}
