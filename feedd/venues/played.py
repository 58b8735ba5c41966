"""The contract of a venue's `played.py`: its recorded messages, and today's, without its parsers.

A recording holds raw frames of a venue, whose framing may be an old one. A venue's `played.py`
has two classes. Its `Reader` reads recorded frames into neutral events. Its `Player` makes today's
messages of them: the streams, the answers to requests, and the REST pages, as ccxt uses them. The
embedded exchange plays a recording with both (`feedd.embedded.played`), `feedd import` uses the
reader, and the audit compares with its events. Both are written from the venue's documentation
and never call its parsers, so that a fault of a parser shows.

The module ends with the exchanges that it plays::

    PLAYED = (PlayedExchange("okx", "OKX", Reader, Player),)

What is common is here and in `feedd.embedded.played`: the true book at any time, the trades so far,
the subscriptions of each connection, the pace, the faults and the truth log.
"""

from __future__ import annotations

import pkgutil
from bisect import bisect_left, insort
from collections import deque
from decimal import Decimal
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from feedd.channels import ChannelName

TRADES_KEPT = 10_000
FIRST_NUMBER = 1_000_000  # of a book's updates, where the recording has no ids of today's form

Text = str  # a price or a size as the venue writes it
LevelTexts = tuple[Text, Text]  # price, size; a size of zero removes the level
# A message to a client before `Player.encode`: usually an object or a list for JSON. `Bare` keeps
# the digits of a number. A text or bytes are sent unchanged.
Message = Any
Bare = msgspec.Raw


def bare(text: Text) -> Bare:
    """Return a number that JSON shows with exactly these digits, without quotes."""
    return Bare(text.encode())


class Frame(NamedTuple):
    """One line of a recording. `data` is the text of a message, or the body of an answer."""

    kind: Literal["http", "connect", "send", "recv"]
    at_ns: int
    connection: str
    url: str
    data: str


# --- neutral events -------------------------------------------------------------------------------


class Trade(Struct, frozen=True, tag="trade"):
    """A trade; `side` is the taker's. `raw` is what the player needs besides."""

    market: str
    time_ms: int | None
    id: str | None
    price: Text
    size: Text
    side: Literal["buy", "sell"] | None
    raw: Any = None


class Quote(Struct, frozen=True, tag="quote"):
    """The best bid and ask; None: that side is empty, or the venue sends no sizes."""

    market: str
    time_ms: int | None
    bid: Text | None
    bid_size: Text | None
    ask: Text | None
    ask_size: Text | None
    id: str | None = None
    raw: Any = None


class Ticker(Struct, frozen=True, tag="ticker"):
    """The summary of 24 h, in the units of docs/channels.md; None: the venue does not send it.

    `volume` is in base currency, or in contracts where the venue counts in those.
    """

    market: str
    time_ms: int | None
    last: Text | None
    bid: Text | None = None
    ask: Text | None = None
    high: Text | None = None
    low: Text | None = None
    volume: Text | None = None
    change_percent: Text | None = None
    raw: Any = None


class Depth(Struct, frozen=True, tag="book"):
    """A change of the book, or a `whole` book, which replaces it.

    `before` and `last` are today's ids of the update before and of this one. Where the recording
    has none (0), each update gets the next number.
    """

    market: str
    time_ms: int | None
    bids: tuple[LevelTexts, ...]
    asks: tuple[LevelTexts, ...]
    whole: bool = False
    before: int = 0
    last: int = 0
    raw: Any = None


Event = Trade | Quote | Ticker | Depth
PlayedChannel = Literal["trade", "quote", "ticker", "book"]


def channel_of(event: Event) -> PlayedChannel:
    """Return an event's channel."""
    return type(event).__struct_config__.tag  # type: ignore[return-value]


# --- reading --------------------------------------------------------------------------------------


class Market(NamedTuple):
    """A market of a recording: today's id, ccxt's unified symbol, and what its listing says.

    `entry` is for the player's pages: the row of the recorded listing, or what its page needs.
    """

    id: str
    symbol: str
    entry: Any = None


class Reader:
    """Reads the frames of one recording, in their order, into neutral events. May keep state."""

    def recognises(self, text: str) -> bool:
        """Return whether a frame of a recording without a header is this venue's."""
        return False

    def markets(self, pages: Mapping[str, str], seen: Iterable[str]) -> Iterable[Market]:
        """Return the recorded markets; `pages` are the bodies of the HTTP answers, by URL.

        `seen` are the market ids of the events. Every one of them must be returned.
        """
        raise NotImplementedError

    def events(self, frame: Frame) -> Iterable[Event]:
        """Return the events of a received frame, oldest first; none for a control message.

        The initial page of a stream counts (a first ticker, a whole book, earlier trades). A frame
        that repeats events, such as a page of trades after a reconnect, returns them again.
        `send` and `connect` frames come here too.
        """
        raise NotImplementedError


# --- the true state -------------------------------------------------------------------------------


class _Side:
    """One side of a book: the levels by price, and the prices in order."""

    def __init__(self) -> None:
        self.levels: dict[Decimal, LevelTexts] = {}
        self.prices: list[Decimal] = []  # rising

    def set(self, level: LevelTexts) -> None:
        price = Decimal(level[0])
        if not Decimal(level[1]):
            if self.levels.pop(price, None) is not None:
                del self.prices[bisect_left(self.prices, price)]
            return
        if price not in self.levels:
            insort(self.prices, price)
        self.levels[price] = level


class TrueBook:
    """The whole book of a market after the events that were played so far.

    `last` is the id of the newest update, `time_ms` its time. Levels are the texts as recorded.
    """

    def __init__(self) -> None:
        self.last = 0
        self.time_ms: int | None = None
        self._bids, self._asks = _Side(), _Side()

    def __bool__(self) -> bool:
        return bool(self._bids.prices or self._asks.prices)

    def apply(self, event: Depth) -> Depth:
        """Take a change; return it with its ids."""
        before = event.before or self.last or FIRST_NUMBER - 1
        event = msgspec.structs.replace(event, before=before, last=event.last or before + 1)
        if event.whole:
            self._bids, self._asks = _Side(), _Side()
        for side, levels in ((self._bids, event.bids), (self._asks, event.asks)):
            for level in levels:
                side.set(level)
        self.last, self.time_ms = event.last, event.time_ms
        return event

    def whole(self, market: str) -> Depth:
        """Return the whole book as an event, with the id of its newest update."""
        return Depth(
            market, self.time_ms, tuple(self.bids()), tuple(self.asks()),
            whole=True, before=self.last, last=self.last,
        )  # fmt: skip

    def bids(self, limit: int | None = None) -> list[LevelTexts]:
        """Return the bids, best first."""
        side, count = self._bids, len(self._bids.prices)
        best = side.prices[max(0, count - limit) if limit is not None else 0 :]
        return [side.levels[price] for price in reversed(best)]

    def asks(self, limit: int | None = None) -> list[LevelTexts]:
        """Return the asks, best first."""
        side = self._asks
        return [side.levels[price] for price in side.prices[:limit]]


class MarketState:
    """What has been played of one market so far."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.book = TrueBook()
        self.ticker: Ticker | None = None
        self.quote: Quote | None = None
        self.trades: deque[Trade] = deque(maxlen=TRADES_KEPT)  # oldest first

    def apply(self, event: Event) -> Event:
        """Take an event; return it as it is to be rendered."""
        if isinstance(event, Depth):
            return self.book.apply(event)
        if isinstance(event, Trade):
            self.trades.append(event)
        elif isinstance(event, Ticker):
            self.ticker = event
        else:
            self.quote = event
        return event


# --- playing --------------------------------------------------------------------------------------


class Session(Struct, eq=False):
    """One connection of a client; `state` is for the player's own use, such as a sequence."""

    path: str
    query: Mapping[str, str]
    number: int = 0  # of the connection, from 1
    subscriptions: dict[Any, Subscription] = field(default_factory=dict)  # by `Ask.key`
    state: dict[str, Any] = field(default_factory=dict)

    def next(self, name: str, first: int = 0) -> int:
        """Return the next number of a sequence of this connection."""
        value: int = self.state.get(name, first)
        self.state[name] = value + 1
        return value


class Ask(Struct, frozen=True):
    """One subscription that a request asks for, or ends.

    `key` identifies it on its connection, and is the same in both. `channel` is what it carries;
    None: a stream that a recording never plays (heartbeats, candles), which is only acknowledged.
    `options` are its further terms, such as the number of levels.
    """

    key: Any
    channel: PlayedChannel | None
    market: str
    request: Any
    ends: bool = False
    options: dict[str, Any] = field(default_factory=dict)


class Subscription(Struct, eq=False):
    """One subscription of a connection; `state` is for the player's own use."""

    ask: Ask
    session: Session
    state: dict[str, Any] = field(default_factory=dict)


class PageRequest(NamedTuple):
    """A request for a REST page. `path` begins with a slash; `base` is the player's own address.

    `base` has the scheme `http` and no slash at its end: for pages that name an address.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: str
    base: str
    now_ms: int


class Page(NamedTuple):
    """An answer whose status is not 200, or whose body is not JSON (bytes)."""

    status: int
    body: Any


class Player:
    """Today's messages of a venue, for the markets of one recording.

    `states` holds what has been played of each market, by its id; a request for another one is
    refused. The methods do no I/O and never wait. A message may be any value for JSON.
    """

    sockets: tuple[str, ...] = ()  # the paths of WebSocket connections, e.g. "/ws/v5/public"
    # Channels of which one message takes several events of one frame; else it is called for each.
    batched: frozenset[ChannelName] = frozenset({"trade"})
    # Channels that are sent as parts of another one's messages, by channel: {"quote": "ticker"}.
    carried: Mapping[ChannelName, ChannelName] = {}

    def __init__(self, states: Mapping[str, MarketState]) -> None:
        self.states = states

    # --- REST ---

    def page(self, request: PageRequest) -> Any:
        """Return the body of a page, a `Page`, or None for a page that does not exist."""
        return None

    # --- WebSocket ---

    def opened(self, session: Session) -> Iterable[Message]:
        """Return the messages with which a connection begins."""
        return ()

    def asks(self, message: Any, session: Session) -> Iterator[Ask | Message]:
        """Yield the subscriptions that a client's message asks for, and plain answers (pongs).

        `message` is the parsed JSON, or the text where it is not JSON.
        """
        raise NotImplementedError

    def accepted(self, subscription: Subscription) -> Iterable[Message]:
        """Return the answer to a subscription, before its first data."""
        return ()

    def refused(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Return the answer to a subscription of a market that does not exist."""
        raise NotImplementedError

    def ended(self, ask: Ask, session: Session) -> Iterable[Message]:
        """Return the answer to the end of a subscription."""
        return ()

    def first(self, subscription: Subscription) -> Iterable[Message]:
        """Return the first data of a subscription, from the state of its market.

        Called when the subscription begins. The state is that before the recording's first event
        where nothing has been played: then return nothing, and the first event will be the first
        data. A book's is a snapshot of the true book; a stream without one returns nothing.
        """
        return ()

    def messages(
        self, events: Sequence[Any], subscription: Subscription, state: MarketState
    ) -> Iterable[Message]:
        """Return the messages of events of the subscription's channel and market.

        The state already holds them. A whole book among them is the beginning of the recording's
        stream, or what it sent after a loss. The first message carries the events; further ones
        (a checksum of its own) belong to it. None at all: the events are not sent here.
        """
        raise NotImplementedError

    def encode(self, message: Message) -> str | bytes:
        """Return a message as it is sent: bytes are a binary frame."""
        if isinstance(message, str | bytes):
            return message
        return msgspec.json.encode(message).decode()


class PlayedExchange(NamedTuple):
    """An exchange that a venue's folder plays: ccxt's name, the header's name, the classes."""

    exchange: str
    header: str
    reader: type[Reader]
    player: type[Player]


@cache
def played_exchanges() -> tuple[PlayedExchange, ...]:
    """Return the exchanges of every folder that has a `played.py`."""
    import feedd.venues  # noqa: PLC0415  a parent of this module

    found: list[PlayedExchange] = []
    for folder in pkgutil.iter_modules(feedd.venues.__path__):
        name = f"feedd.venues.{folder.name}.played"
        if folder.ispkg and find_spec(name) is not None:
            found += import_module(name).PLAYED
    return tuple(found)
