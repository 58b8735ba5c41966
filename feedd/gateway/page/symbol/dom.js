// Elements from data: text is always set as text, never parsed.

const SVG = "http://www.w3.org/2000/svg";

/** An element: `attributes` with `class`, `text`, `data-…`, `on…` handlers are not among them. */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = value;
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

/** Set a text only if it differs: a write costs a layout even if it changes nothing. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (value == null || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/** A panel with its heading: `{section, body, heading, tools, mark}`. */
export function panel(id, title) {
  const heading = el("h3", { id: `symbol-heading-${id}`, text: title });
  const tools = el("div", { class: "sym-tools" });
  const mark = el("p", { class: "sym-mark", "data-mark": id, hidden: true });
  const body = el("div", { class: "sym-body" });
  const head = el("div", { class: "sym-head" }, heading, mark, tools);
  const section = el(
    "section",
    {
      id: `symbol-panel-${id}`, class: "panel sym-panel", "data-panel": id,
      "aria-labelledby": heading.id,
    },
    head, body,
  );
  return { section, body, heading, tools, mark };
}

/** Buttons of which one is chosen; `choose(value)` is called with it. */
export function choice(label, values, chosen, choose) {
  const group = el("div", { class: "sym-choice", role: "group", "aria-label": label });
  for (const [value, text] of values) {
    const button = el("button", {
      type: "button", "data-value": value, "aria-pressed": String(value === chosen), text,
    });
    button.addEventListener("click", () => {
      for (const other of group.children) {
        other.setAttribute("aria-pressed", String(other === button));
      }
      choose(value);
    });
    group.append(button);
  }
  return group;
}

/** Calls `draw` once in the next animation frame after any number of requests. */
export class Frame {
  #id = 0;

  constructor(draw) {
    this.draw = draw;
  }

  request() {
    if (this.#id !== 0) return;
    this.#id = requestAnimationFrame(() => {
      this.#id = 0;
      this.draw();
    });
  }

  cancel() {
    cancelAnimationFrame(this.#id);
    this.#id = 0;
  }
}
