"""Prices and rates over time, for a chart, in a fixed number of bins. Pure."""

from __future__ import annotations

from array import array
from math import isnan, nan
from typing import TYPE_CHECKING

from feedd.client.events import Quote, Ticker, Trade
from feedd.clock import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.client.events import Tick

BINS = 1200  # about as many as the chart has pixels
MAX_SYMBOLS = 500

GAP, UPSTREAM, NOT_LIVE, SESSION = MARKS = ("gap", "upstream gap", "not live", "new session")
_PRICE_RANKS: dict[type, int] = {
    Ticker: 1,
    Trade: 2,
    Quote: 3,
}  # the highest one of a symbol's channels provides its prices


class SymbolBins:
    """Bins of one symbol: lowest and highest price, number of messages, and marks of problems."""

    def __init__(self) -> None:
        self.low = array("d", [nan]) * BINS
        self.high = array("d", [nan]) * BINS
        self.counts = array("Q", [0]) * BINS
        self.marks = {mark: bytearray(BINS) for mark in MARKS}
        self.messages = 0
        self.priced_by: type | None = None

    def add_price(self, at: int, event_type: type, price: float) -> None:
        """Add a price; a better channel's price discards those of a worse one."""
        if event_type is not self.priced_by:
            if self.priced_by is not None:
                if _PRICE_RANKS[event_type] < _PRICE_RANKS[self.priced_by]:
                    return
                self.low = array("d", [nan]) * BINS
                self.high = array("d", [nan]) * BINS
            self.priced_by = event_type
        if not self.low[at] <= price:
            self.low[at] = price
        if not self.high[at] >= price:
            self.high[at] = price

    def runs(self, mark: str) -> Iterable[tuple[int, int]]:
        """Yield the ranges of bins with a mark: the first bin, and the one after the last."""
        marked = self.marks[mark]
        at = marked.find(1)
        while at >= 0:
            end = marked.find(0, at)
            end = BINS if end < 0 else end
            yield at, end
            at = marked.find(1, end)

    def price_line(self) -> list[tuple[int, float]]:
        """Return the bins with a price, and the middle of each one's range.

        Between two of them is a bin with nan where messages may be missing: after a gap, while the
        feed was not live, and until the next session of a worker that had ended.
        """
        line: list[tuple[int, float]] = []
        last = 0
        for at, low in enumerate(self.low):
            if isnan(low):
                continue
            if line and at > last + 1 and self._is_uncertain(last + 1, at):
                line.append((last + 1, nan))
            line.append((at, (low + self.high[at]) / 2))
            last = at
        return line

    def _is_uncertain(self, first: int, end: int) -> bool:
        """Whether messages may be missing in bins without a price, from `first` to before `end`."""
        # A session begins with its first message, and so may be marked in that message's bin.
        ends = {mark: end + 1 if mark == SESSION else end for mark in MARKS}
        return any(self.marks[mark].find(1, first, ends[mark]) >= 0 for mark in MARKS)


class TimeBins:
    """Bins of all symbols, from `from_ns` to `to_ns`."""

    def __init__(self, from_ns: int, to_ns: int) -> None:
        self.from_ns = from_ns
        self.to_ns = max(to_ns, from_ns + BINS)
        self.symbols: dict[tuple[str, str], SymbolBins] = {}  # by exchange and symbol
        self.left_out: set[tuple[str, str]] = set()
        self._bin_ns = -(-(self.to_ns - from_ns + 1) // BINS)  # rounded up

    @property
    def bin_s(self) -> float:
        """Duration of a bin, in s."""
        return self._bin_ns / NS_PER_S

    def begins_ns(self, at: int) -> int:
        """Return the begin of a bin."""
        return self.from_ns + at * self._bin_ns

    def tick(self, at_ns: int, event: Tick) -> None:
        """Add an event that was published at `at_ns`."""
        symbol = self._symbol(event.exchange, event.symbol)
        if symbol is None:
            return
        at = self._bin(at_ns)
        symbol.messages += 1
        symbol.counts[at] += 1
        event_type = type(event)
        if event_type is Quote:
            price = None
            if event.bid is not None and event.ask is not None:  # type: ignore[union-attr]
                price = (event.bid + event.ask) / 2  # type: ignore[union-attr]
        elif event_type is Trade:
            price = event.price  # type: ignore[union-attr]
        elif event_type is Ticker:
            price = event.last  # type: ignore[union-attr]
        else:
            return
        if price is not None:
            symbol.add_price(at, event_type, price)

    def mark(self, feed: str, mark: str, from_ns: int, to_ns: int) -> None:
        """Mark a range of time of a feed, `<exchange>.<symbol>.`."""
        exchange, _, name = feed.partition(".")
        symbol = self._symbol(exchange, name.removesuffix("."))
        if symbol is not None:
            first, last = self._bin(from_ns), self._bin(to_ns)
            symbol.marks[mark][first : last + 1] = b"\1" * (last + 1 - first)

    def _symbol(self, exchange: str, name: str) -> SymbolBins | None:
        found = self.symbols.get((exchange, name))
        if found is None:
            if len(self.symbols) >= MAX_SYMBOLS:
                self.left_out.add((exchange, name))
                return None
            found = self.symbols[exchange, name] = SymbolBins()
        return found

    def _bin(self, at_ns: int) -> int:
        return min(max(0, (at_ns - self.from_ns) // self._bin_ns), BINS - 1)
