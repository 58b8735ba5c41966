"""Events of a played recording in a truth log; one reader for all venues.

A stream's name is `<exchange>:<channel>.<symbol>`, and its data are neutral events, see
`feedd.venues.played`. Whether a venue's events are published with an id depends on today's form of
its messages: an event is known by its id, and by its time and its number within that millisecond. A
quote or ticker with neither is not audited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from feedd.books.levels import levels
from feedd.venues.market_ids import id_of
from feedd.venues.played import Depth, Quote, Ticker, Trade
from feedd.venues.played import Event as Played
from feedd.venues.truth import BookUpdate, Event, TruthStream

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

CHANNELS = ("trade", "quote", "ticker", "book")
DIGITS = 6  # of a change in percent, which may be computed from two prices


class PlayedTruth:
    """A `TruthReader` of one exchange's recordings."""

    def __init__(self, exchange: str) -> None:
        self.exchanges: tuple[str, ...] = (exchange,)
        self._newest: dict[str, tuple[int | None, int, Hashable]] = {}

    def stream(self, name: str) -> TruthStream | None:
        """Return a stream of the exchange; None for any other."""
        exchange, _, rest = name.partition(":")
        channel, _, symbol = rest.partition(".")
        if (exchange,) != self.exchanges or channel not in CHANNELS:
            return None
        also = ("quote",) if channel == "ticker" else ()
        return TruthStream(id_of(exchange, symbol), channel, False, self, also, self.published)

    def exchange(self, _channel: str, _data: Any) -> str:
        """Return the exchange."""
        return self.exchanges[0]

    def events(self, name: str, channel: str, data: Any) -> Iterator[Event]:
        """Yield the events of a channel in a line's data."""
        for event in msgspec.convert(data["events"], list[Played]):
            if isinstance(event, Trade) and channel == "trade":
                content: tuple[Any, ...] = (float(event.price), float(event.size), event.side)
                yield self._event(name, event, event.id, content, None)
            elif isinstance(event, Quote) and channel == "quote":
                texts = (event.bid, event.bid_size, event.ask, event.ask_size)
                values = tuple(map(_float, texts))
                if event.id is not None or event.time_ms is not None:  # else nothing tells it apart
                    yield self._event(f"{name} quote", event, event.id, values, values)
            elif isinstance(event, Depth) and channel == "book":
                yield self._event(name, event, str(event.last), (), None)
            elif isinstance(event, Ticker) and channel == "ticker" and event.time_ms is not None:
                texts = (event.last, event.volume, event.high, event.low)
                change = _rounded(_float(event.change_percent))
                yield Event((event.time_ms, *map(_float, texts), change), ())

    def restarted(self, _data: Any) -> bool:
        """Return False: a recording has no restart of ids."""
        return False

    def book_update(self, data: Any) -> BookUpdate:
        """Return the book part of a line's data."""
        (event,) = msgspec.convert(data["events"], list[Depth])
        bids, asks = levels(list(map(list, event.bids))), levels(list(map(list, event.asks)))
        return BookUpdate(event.before, event.last, event.whole, bids, asks)

    def published(self, channel: str, payload: dict[str, Any]) -> Event:
        """Return a payload's event; raise LookupError or TypeError for a malformed one."""
        if channel == "ticker":
            key = tuple(payload[name] for name in ("timestamp", "last", "volume", "high", "low"))
            return Event((*key, _rounded(payload["change_percent"])), ())
        content: tuple[Any, ...] = ()
        if channel == "trade":
            content = payload["price"], payload["size"], payload["side"]
        elif channel == "quote":
            content = tuple(payload[name] for name in ("bid", "bid_size", "ask", "ask_size"))
        id_, name = payload["id"], f"{channel} {payload.get('symbol')}"
        timed = self._in_ms(name, payload["timestamp"], content if channel == "quote" else None)
        number = timed[-1]
        if channel == "trade":
            return Event(timed if id_ is None else id_, content)
        # The id of a book or quote may be its connection's, which no recording has. A venue sends
        # its state again with each subscription: the newest event, under the next number.
        aliases: list[Hashable] = [timed]
        if channel == "book" and number:
            aliases.append(("ms", payload["timestamp"], number - 1))
        return Event(timed if id_ is None else id_, content, aliases=tuple(aliases), again=True)

    def _event(
        self,
        name: str,
        event: Trade | Quote | Depth,
        id_: str | None,
        content: tuple[Any, ...],
        same: Hashable,
    ) -> Event:
        timed = self._in_ms(name, event.time_ms, same)
        if id_ is None:
            return Event(timed, content)
        number = (int(id_),) if id_.isdecimal() else ()
        return Event(id_, content, aliases=(*number, timed))

    def _in_ms(self, name: str, time_ms: int | None, same: Hashable) -> tuple[str, int | None, int]:
        """Return a time with the number of events of that millisecond before this one.

        One that is the `same` as the last one is not counted: a state that is sent again.
        """
        last, number, before = self._newest.get(name, (None, 0, None))
        repeated = same is not None and same == before
        number = number + (not repeated) if last == time_ms else 0
        self._newest[name] = time_ms, number, same
        return "ms", time_ms, number


def _float(text: str | None) -> float | None:
    return None if text is None else float(text)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
