// Filter and sort of the feeds, kept in the address and remembered by the browser.

import { element } from "../dom.js";
import { remember, remembered } from "../memory.js";
import { overviewHash, parseRoute } from "../route.js";
import { STATES } from "./condition.js";
import { DEFAULTS, queryOf, settingsFrom, sortedBy, SORTS } from "./ranking.js";

const MEMORY = "feeds";
const GROUPS = [
  ["attention", "needs attention"],
  ["gapped", "recent gap"],
  ["restarted", "recent restart"],
];

export class FilterBar {
  #text = document.getElementById("filter-text");
  #exchange = document.getElementById("filter-exchange");
  #state = document.getElementById("filter-state");
  #sort = document.getElementById("sort-by");
  #clear = document.getElementById("filter-clear");
  #onChange;
  #exchanges = "";

  constructor(onChange) {
    this.#onChange = onChange;
    this.settings = { ...DEFAULTS };
    const options = [...GROUPS, ...STATES.map((state) => [state, state])];
    for (const [value, label] of options) this.#state.append(element("option", { value }, label));
    for (const [key, { label, first }] of Object.entries(SORTS)) {
      const other = first === "ascending" ? "descending" : "ascending";
      for (const order of [first, other]) {
        const arrow = order === "ascending" ? "↑" : "↓";
        this.#sort.append(element("option", { value: `${key} ${order}` }, `${label} ${arrow}`));
      }
    }
    this.#text.addEventListener("input", () => this.#change({ text: this.#text.value.trim() }));
    this.#exchange.addEventListener("change", () => this.#change({ exchange: this.#exchange.value }));
    this.#state.addEventListener("change", () => this.#change({ state: this.#state.value }));
    this.#sort.addEventListener("change", () => {
      const [sort, order] = this.#sort.value.split(" ");
      this.#change({ sort, order });
    });
    this.#clear.addEventListener("click", () => {
      this.#change({ text: "", exchange: "", state: "" });
      this.#text.focus();
    });
    document.getElementById("feeds-filter").addEventListener("submit", (event) => event.preventDefault());
  }

  /** Takes the settings of the address; without any, the remembered ones. */
  read() {
    const route = parseRoute(location.hash);
    if (route.name !== "overview") return;
    const given = route.query.size > 0 || this.#touched;
    const query = given ? route.query : new URLSearchParams(remembered(MEMORY) ?? "");
    this.#touched = true;
    this.#apply(settingsFrom(query), false);
  }

  #touched = false;

  /** The address of the view with its settings. */
  get hash() {
    return overviewHash(queryOf(this.settings));
  }

  sortBy(key) {
    this.#apply(sortedBy(this.settings, key));
  }

  show(change) {
    this.#change(change);
  }

  focus() {
    this.#text.focus();
    this.#text.select();
  }

  /** Lists the exchanges of the feeds. */
  setExchanges(names) {
    const listed = [...names].sort();
    if (listed.join() === this.#exchanges) return;
    this.#exchanges = listed.join();
    const options = listed.map((name) => element("option", { value: name }, name));
    this.#exchange.replaceChildren(element("option", { value: "" }, "all exchanges"), ...options);
    this.#exchange.value = this.settings.exchange;
  }

  #change(change) {
    this.#apply({ ...this.settings, ...change });
  }

  #apply(settings, store = true) {
    this.settings = settings;
    if (document.activeElement !== this.#text) this.#text.value = settings.text;
    else if (this.#text.value.trim() !== settings.text) this.#text.value = settings.text;
    this.#exchange.value = settings.exchange;
    this.#state.value = settings.state;
    this.#sort.value = `${settings.sort} ${settings.order}`;
    this.#clear.hidden = !(settings.text || settings.exchange || settings.state);
    if (store) {
      history.replaceState(null, "", this.hash);
      remember(MEMORY, queryOf(settings).toString());
    }
    this.#onChange(settings);
  }
}
