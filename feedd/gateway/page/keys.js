// Keys of the page, and the dialog that lists them and explains the marks.

import { element, icon } from "./dom.js";
import { iconOf } from "./feeds/states.js";

const KEYS = [
  [["↑", "↓", "j", "k"], "previous or next feed"],
  [["Home", "End"], "first or last feed"],
  [["Enter"], "open the feed"],
  [["Esc"], "back to all feeds; leave or clear the filter"],
  [["/"], "filter"],
  [["a"], "only feeds that need attention, or all"],
  [["t"], "theme: light, dark, as the system"],
  [["?"], "this list"],
];
const MARKS = [
  ["live", "live", "the feed delivers"],
  ["stale", "stale", "connected, and silent for longer than is usual for the channel"],
  ["reconnecting", "reconnecting", "the connection to the exchange is lost; resync: its book is being rebuilt"],
  ["down", "down, silent", "its process has ended, or published no status for 3 s"],
  ["stopped", "stopped", "stopped on purpose"],
  ["gap", "gap", "messages were lost in the last 5 minutes; the note states which and why"],
  ["restart", "restarted", "its process restarted in the last 5 minutes"],
];

/** Calls `actions[name]` for keys outside of fields; a field keeps its own keys, except Esc. */
export function listenToKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return;
    const field = event.target.closest?.("input, select, textarea, [contenteditable]");
    if (field) {
      if (event.key === "Escape") actions.leaveField(field);
      else if (event.key === "ArrowDown" && field.type === "search") actions.first();
      else return;
      event.preventDefault();
      return;
    }
    const handled = act(event.key, actions);
    if (handled) event.preventDefault();
  });
}

function act(key, actions) {
  switch (key) {
    case "?":
      return actions.help();
    case "t":
      return actions.theme();
    case "/":
      return actions.filter();
    case "a":
      return actions.attention();
    case "Escape":
      return actions.back();
    case "j":
    case "ArrowDown":
      return actions.move(1);
    case "k":
    case "ArrowUp":
      return actions.move(-1);
    case "Home":
      return actions.move(-Infinity);
    case "End":
      return actions.move(Infinity);
    default:
      return false;
  }
}

export function buildHelp(dialog) {
  const keys = element("dl", { class: "keys" });
  for (const [names, text] of KEYS) {
    keys.append(element("dt", {}, ...names.map((name) => element("kbd", {}, name))), element("dd", {}, text));
  }
  const marks = element("dl", { class: "marks" });
  for (const [name, word, text] of MARKS) {
    const mark = element("span", { class: "state", "data-mark": name }, icon(iconOf(name === "gap" ? "gapped" : name === "restart" ? "restarted" : name)), word);
    marks.append(element("dt", {}, mark), element("dd", {}, text));
  }
  marks.append(
    element("dt", {}, element("span", { class: "not-current" }, "97,123.4")),
    element("dd", {}, "not current: the feed is not live, the value is older than its channel allows, or the page is behind"),
  );
  const close = element("button", { type: "button", class: "close", autofocus: "" }, "Close");
  close.addEventListener("click", () => dialog.close());
  dialog.append(
    element("div", { class: "help-body" },
      element("h2", { id: "help-heading" }, "Keys"), keys,
      element("h3", {}, "Marks"), marks,
      element("p", { class: "muted" }, "An age counts from the publication of the newest event to now, by the gateway's clock."),
      close),
  );
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
}
