// The order-book ladder: asks above, bids below, the spread between; fixed rows.

import { basisPoints, localTime, price } from "../format.js";
import { el, panel, setAttribute, setText } from "./dom.js";
import { ladder } from "./ladder.js";

const ROWS = 15; // of each side
const HOW = {
  quote: "Best level only, from the quotes. For all levels, add book to the channels in the configuration.",
  ticker: "Best level only, from the tickers. For all levels, add book to the channels in the configuration.",
};

export class BookPanel {
  constructor() {
    const { section, body, mark, tools } = panel("book", "Order book");
    this.element = section;
    this.mark = mark;
    this.counts = el("span", { class: "sym-quiet", id: "symbol-book-levels" });
    tools.append(this.counts);
    this.how = el("p", { class: "sym-remark", id: "symbol-book-remark", hidden: true });
    const head = el("tr", {}, ...["Price", "Size", "Total"].map((text) => el("th", { scope: "col", text })));
    this.asks = side("ask");
    this.bids = side("bid");
    this.spread = el("td", { colspan: "3", id: "symbol-book-spread" });
    this.table = el(
      "table", { class: "sym-ladder", id: "symbol-ladder" },
      el("caption", { class: "visually-hidden", text: "Order book: asks, spread, bids; the best levels next to the spread" }),
      el("thead", {}, head),
      el("tbody", { "data-side": "ask" }, ...this.asks.map((row) => row.tr).reverse()),
      el("tbody", { class: "sym-spread" }, el("tr", {}, this.spread)),
      el("tbody", { "data-side": "bid" }, ...this.bids.map((row) => row.tr)),
    );
    this.bid = el("i", { class: "sym-balance-bid" });
    this.balance = el("div", { class: "sym-balance", id: "symbol-book-balance", role: "img" }, this.bid);
    this.balanceText = el("p", { class: "sym-quiet sym-balance-text" });
    body.append(this.table, this.balance, this.balanceText, this.how);
  }

  draw(model, nowMs) {
    const shown = model.book;
    const content = ladder(shown?.book ?? null, ROWS);
    for (let i = 0; i < ROWS; i += 1) {
      drawRow(this.asks[i], content.asks[i], model);
      drawRow(this.bids[i], content.bids[i], model);
    }
    const { mid, spread, spreadBps, imbalance, levels } = content;
    const text = spread === null
      ? "spread unknown"
      : `mid ${price(mid, model.price.decimals + 1)} · spread ${model.price.text(spread)} · ${basisPoints(spreadBps)} bp`;
    setText(this.spread, shown === null ? "no book yet" : text);
    const isBook = shown?.channel === "book";
    setText(this.counts, isBook ? `${levels.bids} + ${levels.asks} levels` : "");
    setAttribute(this.table, "data-levels", shown === null || isBook ? "all" : "best");
    this.how.hidden = shown === null || isBook;
    if (!this.how.hidden) setText(this.how, HOW[shown.channel]);
    this.balance.hidden = this.balanceText.hidden = imbalance === null;
    if (imbalance !== null) {
      const bids = Math.round(imbalance * 100);
      this.bid.style.setProperty("--share", String(imbalance));
      const words = `${bids} % bids · ${100 - bids} % asks`;
      setAttribute(this.balance, "aria-label", `Size shown: ${words}`);
      setText(this.balanceText, words);
    }
    drawMark(this, model.freshness(nowMs, shown?.channel ?? null));
  }
}

/** Mark a panel whose numbers are not current, with the time that they are of. */
export function drawMark({ element, mark }, fresh) {
  element.classList.toggle("not-current", !fresh.current);
  mark.hidden = fresh.current;
  if (fresh.current) return;
  const asOf = fresh.asOfMs === null ? "nothing yet" : `as of ${localTime(fresh.asOfMs)}`;
  setText(mark, `${fresh.word}: ${asOf}`);
  setAttribute(mark, "title", fresh.why);
}

function side(name) {
  return Array.from({ length: ROWS }, (_, i) => {
    const cells = { price: el("td", { class: "sym-price" }), size: el("td"), total: el("td") };
    const tr = el("tr", { "data-side": name, "data-level": i + 1 }, ...Object.values(cells));
    return { ...cells, tr, share: -1 };
  });
}

function drawRow(row, level, model) {
  setText(row.price, level ? model.price.text(level.price) : "");
  setText(row.size, level ? sizeText(model, level.size) : "");
  setText(row.total, level ? sizeText(model, level.total) : "");
  const share = level ? Math.round(level.share * 200) / 200 : 0;
  if (share === row.share) return;
  row.share = share;
  row.tr.style.setProperty("--share", String(share));
}

function sizeText(model, size) {
  return size === null ? "–" : model.size.text(size);
}
