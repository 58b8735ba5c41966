"""Chart of a recording: each symbol's price and messages per second over time, in UTC.

Problems are shaded. Only this module imports matplotlib, which draws to a file without a display.
"""

from __future__ import annotations

from datetime import UTC
from math import isnan
from typing import TYPE_CHECKING, Any

from feedd.clock import NS_PER_DAY
from feedd.errors import ConfigError
from feedd.prices import plain, without_noise
from feedd.recordings.format.timestamps import iso
from feedd.recordings.inspection.time_bins import BINS, GAP, NOT_LIVE, SESSION, UPSTREAM

try:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch
    from matplotlib.ticker import FuncFormatter
except ImportError as error:
    raise ConfigError(
        f"a picture needs matplotlib: pip install 'feedd[research]' ({error})"
    ) from None

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from feedd.recordings.format.damage import Damage
    from feedd.recordings.inspection.time_bins import SymbolBins, TimeBins

MAX_PANELS = 12
MIN_BINS = 4  # width of a shorter mark, so that it is visible
MAX_BARS = 300
PRICE, RATE = "#14508c", "#7c8da3"
DAMAGED = "damaged"
COLOURS = {
    NOT_LIVE: "#c9c9c9",
    UPSTREAM: "#f5a623",
    GAP: "#d0021b",
    DAMAGED: "#8b1a8b",
    SESSION: "#2e8b57",
}


def draw(bins: TimeBins, damages: Sequence[Damage], path: Path) -> None:
    """Draw a recording to a PNG file; raise ConfigError if that fails."""
    shown, left_out = chosen(bins)
    columns = 1 if len(shown) <= 3 else 2 if len(shown) <= 8 else 3
    rows = max(1, -(-len(shown) // columns))
    figure = Figure(figsize=((13, 15, 19)[columns - 1], 3.6 * rows + 1.0), layout="constrained")
    figure.suptitle(f"{iso(bins.from_ns, 0)} to {iso(bins.to_ns, 0)}", fontsize=11)
    used: dict[str, None] = {}
    # Each symbol has its price above its rate.
    grid = figure.add_gridspec(rows, columns)
    for number, key in enumerate(shown):
        cell = grid[number // columns, number % columns].subgridspec(2, 1, height_ratios=(3, 1))
        price = figure.add_subplot(cell[0])
        rate = figure.add_subplot(cell[1], sharex=price)
        _panel(price, rate, bins, key, damages, used)
    if not shown:
        figure.text(0.5, 0.5, "no messages", ha="center")
    handles = [Patch(color=COLOURS[mark], alpha=0.5, label=mark) for mark in used]
    notes = []
    if left_out:
        names = ", ".join(left_out[:6]) + (" …" if len(left_out) > 6 else "")
        notes.append(f"{len(left_out):,} symbols with fewer messages are left out: {names}")
    if handles:
        figure.legend(handles=handles, loc="outside lower right", ncols=len(handles), frameon=False)
    figure.supxlabel("\n".join(["UTC, by time of publication", *notes]), fontsize=9, x=0.02,
                     ha="left")  # fmt: skip
    try:
        figure.savefig(path, format="png", dpi=110)
    except OSError as error:
        raise ConfigError(f"{path}: can't be written: {error.strerror}") from None


def chosen(bins: TimeBins) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the busiest symbols, sorted by name, and the names of the others."""
    busiest = sorted(bins.symbols, key=lambda one: -bins.symbols[one].messages)
    others = (*busiest[MAX_PANELS:], *sorted(bins.left_out))
    return sorted(busiest[:MAX_PANELS]), [".".join(one) for one in others]


def axis_label(price: float, _position: int | None = None) -> str:
    """Return the label of a price; matplotlib's own label is 0 for each price below 1e-8."""
    return plain(without_noise(float(price)), 0)


def _panel(
    price: Any, rate: Any, bins: TimeBins, key: tuple[str, str], damages: Sequence[Damage],
    used: dict[str, None],
) -> None:  # fmt: skip
    symbol = bins.symbols[key]
    width_ns = bins.begins_ns(1) - bins.begins_ns(0)
    _prices(price, bins, symbol)
    _rates(rate, bins, symbol)
    for mark in (NOT_LIVE, UPSTREAM, GAP, SESSION):
        for first, end in symbol.runs(mark):
            used.setdefault(mark)
            _shade((price, rate), bins, bins.begins_ns(first), bins.begins_ns(end), mark)
    for damage in damages:
        begin_ns = bins.from_ns if damage.from_ns is None else damage.from_ns
        end_ns = bins.to_ns if damage.to_ns is None else damage.to_ns
        if end_ns >= bins.from_ns and begin_ns <= bins.to_ns and damage.records != 0:
            used.setdefault(DAMAGED)
            _shade((price, rate), bins, begin_ns, end_ns + width_ns, DAMAGED)
    by = "" if symbol.priced_by is None else f", {_SOURCES[symbol.priced_by.__name__]}"
    exchange, name = key
    price.set_title(f"{name}  ({exchange}{by})", loc="left", fontsize=10, fontweight="bold")
    price.set_ylabel("price", fontsize=8)
    rate.set_ylabel("messages/s", fontsize=8)
    price.set_xlim(_days(bins.from_ns), _days(bins.begins_ns(BINS)))
    locator: Any = AutoDateLocator(tz=UTC, minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    rate.xaxis.set_major_locator(locator)
    form: Any = ConciseDateFormatter(locator, tz=UTC)  # type: ignore[no-untyped-call]
    rate.xaxis.set_major_formatter(form)
    price.tick_params(labelbottom=False, labelsize=8)
    rate.tick_params(labelsize=8)
    price.yaxis.set_major_formatter(FuncFormatter(axis_label))
    for axes in (price, rate):
        axes.grid(visible=True, color="#e3e3e3", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)


def _prices(axes: Any, bins: TimeBins, symbol: SymbolBins) -> None:
    """Draw each bin's range, and a line of prices that breaks where messages may be missing."""
    line = [(_days(bins.begins_ns(at)), price) for at, price in symbol.price_line()]
    bars = [
        (_days(bins.begins_ns(at)), low, symbol.high[at])
        for at, low in enumerate(symbol.low)
        if not isnan(low)
    ]
    if not line:
        axes.text(0.5, 0.5, "no price", ha="center", transform=axes.transAxes, color="#888888")
        return
    axes.vlines(*zip(*bars, strict=True), color=PRICE, alpha=0.35, linewidth=1.2)
    marker = "." if len(line) < 60 else None
    axes.plot(
        *zip(*line, strict=True), color=PRICE, linewidth=1.0, marker=marker, drawstyle="steps-post"
    )


def _rates(axes: Any, bins: TimeBins, symbol: SymbolBins) -> None:
    """Draw messages per second, in bars of at least one second."""
    group = max(-(-BINS // MAX_BARS), round(1 / bins.bin_s))
    group = min(group, max(1, BINS // 20))  # shorter ones for a recording of a few seconds
    starts = range(0, BINS, group)
    counts = [sum(symbol.counts[at : at + group]) for at in starts]
    edges = [_days(bins.begins_ns(min(at, BINS))) for at in (*starts, starts[-1] + group)]
    lengths = [min(group, BINS - at) * bins.bin_s for at in starts]
    rates = [count / length for count, length in zip(counts, lengths, strict=True)]
    axes.stairs(rates, edges, fill=True, color=RATE)
    axes.set_ylim(0, max(*rates, 1e-9) * 1.08)


def _shade(panels: tuple[Any, ...], bins: TimeBins, from_ns: int, to_ns: int, mark: str) -> None:
    minimum_ns = (bins.begins_ns(MIN_BINS) - bins.from_ns) // 2
    middle = (from_ns + to_ns) // 2
    first, last = min(from_ns, middle - minimum_ns), max(to_ns, middle + minimum_ns)
    for axes in panels:
        if mark == SESSION:
            axes.axvline(_days(middle), color=COLOURS[mark], linewidth=1.4, linestyle="--")
            continue
        axes.axvspan(
            _days(max(first, bins.from_ns)), _days(min(last, bins.begins_ns(BINS))),
            color=COLOURS[mark], alpha=0.3, linewidth=0,
        )  # fmt: skip


def _days(ns: int) -> float:
    """Return a time as matplotlib's date number: days since the epoch."""
    return ns / NS_PER_DAY


_SOURCES = {"Quote": "middle of the quote", "Trade": "trades", "Ticker": "last of the ticker"}
