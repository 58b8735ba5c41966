// Theme of the page: the system's until one is chosen; the choice is remembered.

import { remembered, remember } from "./memory.js";

const SYSTEM = matchMedia("(prefers-color-scheme: dark)");
const CHOICES = ["system", "light", "dark"];
const NAMES = { system: "as the system", light: "light", dark: "dark" };

export class Theme {
  constructor(button, onChange) {
    this.button = button;
    this.onChange = onChange;
    const chosen = remembered("theme");
    this.choice = CHOICES.includes(chosen) ? chosen : "system";
    SYSTEM.addEventListener("change", () => this.#apply());
    button.addEventListener("click", () => this.next());
    this.#apply();
  }

  /** "light" or "dark", as shown. */
  get shown() {
    if (this.choice !== "system") return this.choice;
    return SYSTEM.matches ? "dark" : "light";
  }

  /** Switches to the other theme than the shown one, then back to the system's. */
  next() {
    const other = this.shown === "dark" ? "light" : "dark";
    const system = SYSTEM.matches ? "dark" : "light";
    this.choice = this.choice === "system" ? other : this.choice === system ? "system" : system;
    remember("theme", this.choice === "system" ? null : this.choice);
    this.#apply();
  }

  #apply() {
    document.documentElement.dataset.theme = this.shown;
    const text = `Theme: ${NAMES[this.choice]}`;
    this.button.setAttribute("aria-label", text);
    this.button.title = `${text} (t)`;
    this.onChange(this.shown);
  }
}
