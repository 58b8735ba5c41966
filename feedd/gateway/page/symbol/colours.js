// Colours of the theme for canvases, read from the page's custom properties.

const NAMES = {
  text: "--text", muted: "--muted", line: "--line", strong: "--line-strong", panel: "--panel",
  up: "--up", down: "--down", upTint: "--up-tint", downTint: "--down-tint", bad: "--bad",
  warn: "--warn", accent: "--accent", badLine: "--bad-line",
};

export function colours(element) {
  const style = getComputedStyle(element);
  const all = {};
  for (const [key, name] of Object.entries(NAMES)) all[key] = style.getPropertyValue(name).trim();
  return all;
}

/** Options that both charts share. */
export function chartOptions(theme, { timeFormatter, tickMarkFormatter }) {
  return {
    autoSize: true,
    layout: {
      attributionLogo: false, // the panel names TradingView and links to it
      background: { color: theme.panel },
      textColor: theme.muted,
      fontSize: 11,
      fontFamily: getComputedStyle(document.body).fontFamily,
      panes: { separatorColor: theme.line, separatorHoverColor: theme.strong, enableResize: false },
    },
    grid: { vertLines: { color: theme.line }, horzLines: { color: theme.line } },
    rightPriceScale: { borderColor: theme.line },
    timeScale: {
      borderColor: theme.line, timeVisible: true, secondsVisible: false, tickMarkFormatter,
    },
    crosshair: {
      mode: 0,
      vertLine: { color: theme.strong, labelBackgroundColor: theme.muted },
      horzLine: { color: theme.strong, labelBackgroundColor: theme.muted },
    },
    localization: { timeFormatter },
    handleScroll: { vertTouchDrag: false },
  };
}

/** Formatters of a time axis in local time; times are seconds since the epoch. */
export const LOCAL_TIMES = {
  timeFormatter: (s) => {
    const date = new Date(s * 1000);
    return `${day(date)} ${clock(date, true)}`;
  },
  tickMarkFormatter: (s, kind) => {
    const date = new Date(s * 1000);
    return kind <= 2 ? day(date) : clock(date, kind === 4);
  },
};

function day(date) {
  return date.toLocaleDateString(undefined, { day: "numeric", month: "short" });
}

function clock(date, seconds) {
  const two = (x) => String(x).padStart(2, "0");
  const text = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return seconds ? `${text}:${two(date.getSeconds())}` : text;
}
