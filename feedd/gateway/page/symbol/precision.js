// Decimals of a symbol's prices or sizes: the most that were seen, so that columns align. Pure.

import { decimalsOf, price } from "../format.js";

const MOST = 10;

/** A number of decimals that grows with the numbers added. */
export class Precision {
  constructor(most = MOST) {
    this.most = most;
    this.decimals = 0;
  }

  /** Take a number into account; returns whether the decimals grew. */
  add(number) {
    const decimals = Math.min(this.most, decimalsOf(number));
    if (decimals <= this.decimals) return false;
    this.decimals = decimals;
    return true;
  }

  text(number) {
    return price(number, this.decimals);
  }
}
