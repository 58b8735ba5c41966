// Tabs for narrow screens: one panel at a time. On wide ones all panels show, and there are no tabs.

import { el } from "./dom.js";

const NARROW = "(max-width: 759px)";

export class Tabs {
  constructor(panels) {
    this.panels = panels; // [[id, name, section]]
    this.chosen = panels[0][0];
    this.element = el("div", { class: "sym-tabs", id: "symbol-tabs", role: "tablist", "aria-label": "Parts of the symbol" });
    this.buttons = new Map();
    for (const [id, name, section] of panels) {
      const button = el("button", {
        type: "button", role: "tab", id: `symbol-tab-${id}`, "aria-controls": section.id,
        "data-tab": id, text: name,
      });
      button.addEventListener("click", () => this.choose(id));
      this.buttons.set(id, button);
      this.element.append(button);
    }
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.query = matchMedia(NARROW);
    this.onChange = () => this.#apply();
    this.query.addEventListener("change", this.onChange);
    this.#apply();
  }

  remove() {
    this.query.removeEventListener("change", this.onChange);
  }

  choose(id) {
    this.chosen = id;
    this.#apply();
  }

  #apply() {
    const narrow = this.query.matches;
    this.element.hidden = !narrow;
    for (const [id, , section] of this.panels) {
      const isChosen = id === this.chosen;
      const button = this.buttons.get(id);
      button.setAttribute("aria-selected", String(isChosen));
      button.tabIndex = isChosen ? 0 : -1;
      section.hidden = narrow && !isChosen;
      if (narrow) {
        section.setAttribute("role", "tabpanel");
        section.setAttribute("aria-labelledby", button.id);
      } else {
        section.removeAttribute("role");
        section.setAttribute("aria-labelledby", `symbol-heading-${id}`);
      }
    }
  }

  #key(event) {
    const ids = this.panels.map(([id]) => id);
    const i = ids.indexOf(this.chosen);
    const places = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: ids.length - 1 };
    const place = places[event.key];
    if (place === undefined) return;
    event.preventDefault();
    this.choose(ids[(place + ids.length) % ids.length]);
    this.buttons.get(this.chosen).focus();
  }
}
