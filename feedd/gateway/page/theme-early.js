// Sets the theme before the first paint; a classic script, since modules run after it.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("feedd.theme");
  } catch {
    // Storage is blocked: the system's theme.
  }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = chosen === "light" || chosen === "dark" ? chosen : dark ? "dark" : "light";
  document.documentElement.dataset.theme = theme;
})();
