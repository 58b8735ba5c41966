"""The description of a market that the native source needs: its WebSocket and its REST pages.

An exchange that the native source serves is in `registry.NATIVE`, and its venue has a module
`feedd/venues/<venue>/native.py` with

- `SERVED`, the exchanges and their markets that it serves, as text for errors;
- `market(exchange, symbol)`, which returns the `NativeMarket`, or None where it serves none. It is
  called for the venue's exchanges of `registry.NATIVE` only.

All functions of a description are pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from msgspec import Struct, field

from feedd.channels import CHANNEL_NAMES
from feedd.errors import ConfigError
from feedd.venues.registry import NATIVE, likely_symbol, venue_module, venue_modules

if TYPE_CHECKING:
    from feedd.books.depth import DepthRules, Snapshot
    from feedd.model import Checked, Trade
    from feedd.venues.addresses import Addresses

# What a decoder or converter raises for a malformed message. RecursionError comes from deeply
# nested JSON, ArithmeticError from a malformed decimal and from a number out of range.
UNREADABLE = (ValueError, TypeError, LookupError, ArithmeticError, RecursionError)

# (message, payload, received_ns) -> what `NativeChannel` describes. Raises UNREADABLE.
Convert = Callable[[Any, bytes, int], Any]
Credentials = tuple[str, str]  # API key and secret


class NoSnapshotError(Exception):
    """A message that is a change of what its connection has not sent.

    Raised by a converter of a channel that `keeps_state`. It is not an unreadable message: the
    channel is subscribed to again.
    """


class Keyed(NamedTuple):
    """An event with what identifies it, besides its content.

    In a `book`, `key` is an id that rises, equal for the same event of two connections, and
    `before` is the key of the event before; None: the event is a snapshot of the stream. In other
    channels `key` is the venue's time, in ms, which two events may share and which may fall: the
    content identifies the event, of a trade its id where it has one.
    """

    key: Any
    before: Any
    event: Any


class NativeChannel(Struct, frozen=True):
    """One channel's messages: the types that the decoder returns, and their conversion.

    A `quote` message without a `converter` is not converted: a further call costs 5 % of the CPU
    per quote. It has the attributes `id` (which grows), `timestamp`, `bid`, `bid_size`, `ask` and
    `ask_size`; a price of 0 is an empty side.

    `converter` takes exchange, symbol and timeframe; the function that it returns makes

    - of a `quote` message the Quote, whose id grows;
    - of a `trade` message the trade's id and the Trade, or None for an id that is not a trade of
      the market, where `NativeMarket.trades` is set;
    - of any other message a Keyed, whose event is of `book` what the rules take, else the tick.

    `several`: it makes a list of those instead, oldest first. `keeps_state`: it depends on the
    messages before. There is then one for each connection, and a new one when that subscribes to
    the channel again; it may raise NoSnapshotError.
    """

    messages: tuple[type, ...]
    converter: Callable[[str, str, str], Convert] | None = None
    several: bool = False
    keeps_state: bool = False


class Control(NamedTuple):
    """A text message that is not a readable event.

    `answer`: to the request `request_id`, or to the one with the text `request` where requests have
    no id; refused for `refusal` if that is not None.
    `event`: an unreadable event, of `channel` where that is known.
    `closing`: the venue will close the connection soon. `pong`: an answer to `NativeMarket.ping`.
    """

    meaning: Literal["answer", "event", "closing", "pong"]
    request_id: int | None = None
    refusal: str | None = None
    channel: str | None = None
    request: bytes | None = None


class RestRequest(NamedTuple):
    """A GET request, or a POST request with a body of JSON.

    `name` is for messages, `weight` is in the venue's units.
    """

    name: str
    path: str  # with the query
    weight: float
    headers: dict[str, str] = {}  # noqa: RUF012  never written to
    body: bytes = b""


class ErrorAnswer(NamedTuple):
    """A venue's error: its text, and whether it rejects the API key, the symbol or the time."""

    text: str
    rejects: Literal["key", "symbol", "clock"] | None = None


class NativeListing(Struct, frozen=True):
    """The pages that list all markets.

    `parse` returns `symbol` (unified) and `id` of each; it raises ValueError. `version` changes
    with what `parse` returns. `following` returns the request for the page after an answer's, or
    None after the last one. `further` are lists of their own.
    """

    request: RestRequest
    parse: Callable[[bytes], list[dict[str, Any]]]
    version: str
    following: Callable[[bytes], RestRequest | None] | None = None
    further: tuple[RestRequest, ...] = ()


class NativeBook(Struct, frozen=True):
    """The rules of the book, and its snapshot's page.

    `rules` takes the number of levels to publish. `snapshot` takes the market's id; None: the
    stream begins with a snapshot, and each connection's with its own; subscribing again brings a
    new one. `parse` raises ValueError.
    """

    rules: Callable[[int], DepthRules]
    snapshot: Callable[[str], RestRequest] | None = None
    parse: Callable[[bytes], Snapshot] | None = None


class NativeTrades(Struct, frozen=True):
    """Trade ids without a gap, and the page that returns trades that were missed.

    `request` takes the market's id, the first id that is missing, and the credentials if any.
    `parse` takes the answer, exchange, symbol and the time in ns, and returns what a converter of
    trades returns, for each row; it raises UNREADABLE.
    """

    request: Callable[[str, int, Credentials | None], RestRequest]
    parse: Callable[[bytes, str, str, int], list[tuple[int, Trade | None]]]


class NativeMarket(Struct, frozen=True):
    """One market of a venue.

    `decode` returns a message with the attribute `market_id`, and raises UNREADABLE for a payload
    that is not an event; `control` then classifies that, and raises UNREADABLE too. `stream` takes
    channel, market id, timeframe and the number of levels to publish; `subscribe` and
    `unsubscribe` take a stream and a request id and return the text to send. `account` takes
    credentials and the time in ms: only a valid key gets an answer. `error` parses the body of a
    refusal; None where it is not the venue's. `refuses_in_answers`: a refusal may have the HTTP
    status 200, and `error` returns None for every other answer. `grows` is as in
    `feedd.venues.contract.Venue`.
    """

    name: str  # part of the file name of the market list
    addresses: Addresses
    timeframes: tuple[str, ...]
    messages_per_s: int  # that a client may send on one connection: pings, pongs and text alike
    rotate_after_s: float  # age at which a connection is replaced
    decode: Callable[[bytes], Any]
    control: Callable[[bytes], Control]
    channels: dict[str, NativeChannel]
    stream: Callable[[str, str, str, int], str]
    subscribe: Callable[[str, int], bytes]
    unsubscribe: Callable[[str, int], bytes]
    listing: NativeListing
    account: Callable[[Credentials, int], RestRequest]
    error: Callable[[bytes], ErrorAnswer | None]
    book: NativeBook | None = None
    trades: NativeTrades | None = None  # None: trade ids may skip numbers
    reread: Callable[[bytes], Any] | None = None  # decodes what `decode` can't; likewise
    checked: Mapping[str, Checked] = field(default_factory=dict)  # as `Venue.checked`
    refuses_in_answers: bool = False
    grows: Mapping[str, Literal["id", "timestamp"]] = field(default_factory=dict)
    ping: bytes | None = None  # text that the venue requires as a heartbeat; None: a ping frame

    def read(self, payload: bytes) -> Any:
        """Return a message, decoded in either way; raise UNREADABLE."""
        try:
            return self.decode(payload)
        except ValueError:
            if self.reread is None:
                raise
            return self.reread(payload)

    def check(self, exchange: str, symbol: str, channels: tuple[str, ...]) -> None:
        """Raise ConfigError for a channel that the market lacks, with those that it has."""
        served = [channel for channel in CHANNEL_NAMES if channel in self.channels]
        for channel in channels:
            if channel not in served:
                raise ConfigError(
                    f"{exchange} has no {channel} of {symbol}; it has {', '.join(served)}"
                )


def native_market(exchange: str, symbol: str) -> NativeMarket:
    """Return the market of a symbol; raise ConfigError where no venue's module serves it."""
    if exchange in NATIVE:
        found: NativeMarket | None = venue_module(exchange, "native").market(exchange, symbol)
        if found is not None:
            return found
    served = [module.SERVED for module in venue_modules("native")]
    likely = likely_symbol(exchange, symbol)
    raise ConfigError(
        f"source: native has no {symbol} of {exchange}; it serves {'; '.join(served)}. "
        + (f"Is it {likely}? Else use ccxt" if likely else "Use ccxt")
    )
