// What the browser remembers of the page's settings; nothing where its storage is blocked.

const PREFIX = "feedd.";

export function remembered(key) {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null;
  }
}

export function remember(key, value) {
  try {
    if (value === null || value === "") localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, value);
  } catch {
    // The setting lasts until the page is closed.
  }
}
