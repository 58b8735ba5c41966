"""The description of a venue: everything the generic code needs to know of one exchange.

A venue is a folder `feedd/venues/<venue>/` whose `venue.py` holds one `VENUE: Venue`, and a line in
`feedd/venues/registry.py`. Every field has a default: a venue that sets none of them gets what
ccxt makes of its messages. ccxt itself is not imported here, nor by any venue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field

from feedd.venues.market_type import MARKET_TYPES, market_type

if TYPE_CHECKING:
    from feedd.books.depth import DepthRules, Snapshot, Update
    from feedd.model import BackfilledTrade, Checked, EventId
    from feedd.venues.ccxt_request import CcxtRequest
    from feedd.venues.limits import AddressLimits
    from feedd.venues.market_type import MarketType

# (message, exchange, symbol, received_ns, timeframe) -> events, oldest first. Raises ValueError,
# TypeError, LookupError or ArithmeticError for a message that can't be parsed.
RawParser = Callable[[Any, str, str, int, str], "Sequence[Any]"]


class RawChannel(Struct, frozen=True):
    """A channel that feedd parses itself: ccxt does not see the messages of `Venue.channel_of`.

    `parse` of a `trade`, where `Venue.trades` is set, returns pairs like `ContiguousTrades.parse`;
    the number is None where a message lacks it.

    `carrier` is the channel whose messages contain this one, e.g. `ticker` for a `quote`; None:
    they are its own. Only the carrier is subscribed to, and `parse` takes each of its messages. It
    returns () for one that has nothing for this channel.

    `make` makes the parser of one connection, where it depends on earlier messages; a message that
    can't be read, and a new subscription, begin with a new one. `parse` is then for one connection.

    Where a message has events of several markets, `select` returns the part that is of the market
    with an id, or None; `Venue.market_id_of` is then not asked.
    """

    parse: RawParser
    carrier: str | None = None
    select: Callable[[Any, str], Any] | None = None
    make: Callable[[], RawParser] | None = None


class RequestedSnapshot(Struct, frozen=True):
    """A book snapshot that is requested over REST.

    `request` takes the market type and the venue's id of the market. `parse` raises ValueError for
    an answer that can't be parsed.
    """

    request: Callable[[MarketType, str], CcxtRequest]
    parse: Callable[[Any], Snapshot]


class StreamedSnapshot(Struct, frozen=True):
    """A book snapshot with which the stream begins: subscribing again brings a new one.

    `request` takes the venue's id of the market, the number of levels subscribed to, and a function
    that returns a new request id; it returns the messages after which the stream brings a snapshot.
    None: the messages of `Venue.resubscribe`.
    """

    request: Callable[[str, int | None, Callable[[], str]], list[Any]] | None = None


class CheckedBook(Struct, frozen=True):
    """A depth channel that feedd verifies itself, by the ids of its updates.

    `rules` takes the number of levels to publish. `parse` takes a raw depth message, which
    `Venue.channel_of` finds, and raises as a RawParser does; it returns None for a message that
    changes nothing. `reads_text`: it takes the text of the message instead, whose numbers are as
    sent: parsed, a JSON number loses zeros that a checksum contains.
    """

    rules: Callable[[int], DepthRules]
    parse: Callable[[Any], Update | Snapshot | None]
    snapshot: RequestedSnapshot | StreamedSnapshot
    limits: tuple[int, ...] = ()  # numbers of levels that can be subscribed to; (): no choice
    disabled_handlers: tuple[str, ...] = ()  # ccxt's methods that would build a book of their own
    reads_text: bool = False
    # Levels per side that a checksum covers. A change behind them may be lost without a trace, so
    # that no more are published. None: every level is checked.
    checked_levels: int | None = None

    def depth(self, wanted: int) -> int:
        """Return how many levels to publish: those that are checked and subscribed to.

        A level that leaves the best ones subscribed to stays in the book, but is no longer updated.
        """
        checked = wanted if self.checked_levels is None else self.checked_levels
        return min(wanted, checked, max(self.limits, default=wanted))

    def limit(self, depth: int) -> int | None:
        """Return the smallest number of levels to subscribe to, or None for ccxt's default.

        It is the greatest one where all are too small.
        """
        return next(
            (limit for limit in self.limits if limit >= depth), max(self.limits, default=None)
        )


class OwnSubscription(Struct, frozen=True):
    """A stream that ccxt has no method for: feedd subscribes to it on ccxt's connection.

    `url` are the keys of the connection's address in ccxt's `urls["api"]`; `request` takes ccxt's
    market and returns the message to send.
    """

    url: tuple[str, ...]
    request: Callable[[Mapping[str, Any]], Any]


class ContiguousTrades(Struct, frozen=True):
    """Trade numbers without a gap, and the REST page that returns trades that were missed.

    The number may be another than the published id, as Gate's `id_market` or Deribit's `trade_seq`.
    `request` takes the market type, the venue's id of the market, the first number that is missing
    and whether there is an API key. `parse` takes a row of the answer and returns the trade's
    number, and the trade or None for a number that is not a trade of the market.

    Without them, the venue has no such page: the channel is subscribed to again, and the stream
    then begins with the newest trades.
    """

    request: Callable[[MarketType, str, int, bool], CcxtRequest] | None = None
    parse: Callable[[Any, str, str, int], tuple[int, BackfilledTrade | None]] | None = None
    rows: Callable[[Any], Any] | None = None  # of the answer; None: it is the rows


class ListedEntries(Struct, frozen=True):
    """Raw entries of the list of markets; the functions take one, whatever it is.

    `fault` returns why an entry can't be read, also where ccxt would invent what it lacks. `status`
    returns the venue's own word for the state of a market.
    """

    id: Callable[[Any], str]
    fault: Callable[[Any], str | None]
    status: Callable[[Any], str | None]


class Venue(Struct, frozen=True):
    """One venue as the ccxt source uses it; the functions are pure.

    `checked` states, by channel, how a lost or altered message shows; a channel that is not in it
    is checked by nothing. Quotes that are made from another channel are checked as that one is.

    `quote_from`: the venue has no stream of quotes; each is the first level of a book, published
    when that changes, with the book's id and times. `grows` names, by channel, the key of its
    events that never falls on one connection, while it is the same market: an event with a smaller
    one was overtaken, and is not published.

    `one_market_type`: ccxt's `fetchMarkets` can be limited to one market type, and keeps nothing
    besides the list that it returns, so that the processes of a machine may share the list.
    `market_lists` are ccxt's names of those types, and `market_list` returns that of a symbol.
    """

    checked: Mapping[str, Checked] = field(default_factory=dict)
    quote_from: Literal["book"] | None = None  # quotes are the first level of the book

    # --- subscribing ---
    ccxt_options: Mapping[str, Any] = field(default_factory=dict)
    # Options in which ccxt keeps what holds for one connection, such as an address with a token.
    connection_options: tuple[str, ...] = ()
    watch_params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by channel
    # By channel: makes the request that is sent from ccxt's, which subscribes to something else.
    requests: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    # Channels that need a connection of their own: ccxt gives two of them the same message hash.
    own_connections: frozenset[str] = frozenset()
    own_subscriptions: Mapping[str, OwnSubscription] = field(default_factory=dict)  # by channel
    needs_key: frozenset[str] = frozenset()  # channels that are refused without an API key
    one_market_type: bool = False
    market_lists: tuple[str, ...] = MARKET_TYPES
    market_list: Callable[[str], str] = market_type
    # Whether the list that contains a symbol needs ccxt's `fetchCurrencies`; None: it does.
    needs_currencies: Callable[[str], bool] | None = None
    lists_nothing: Callable[[Any], bool] | None = None  # of the answer with one type's markets

    # --- replacing connections, where all channels are `raw_channels` or `book` ---
    rotate_after_s: float | None = None  # the age at which a connection is replaced
    announces_close: Callable[[Any], bool] | None = None  # a message before the venue closes it

    # --- messages ---
    quote_id: Callable[[Any], EventId] | None = None  # of the raw message of a quote
    raw_channels: Mapping[str, RawChannel] = field(default_factory=dict)  # by channel
    grows: Mapping[str, Literal["id", "timestamp"]] = field(default_factory=dict)  # by channel
    book: CheckedBook | None = None  # None: ccxt's book is published unverified
    trades: ContiguousTrades | None = None  # None: ids may skip numbers
    ticker_is_snapshot: Callable[[Any], bool] | None = None  # None: every ticker is complete

    # --- control messages ---
    # A message with one of these keys, or a text that is one of them, is not data. (): not known.
    control_keys: frozenset[str] = frozenset()
    refusal: Callable[[Any], str | None] | None = None  # of a control message that ccxt ignores
    market_id_of: Callable[[Any], Any] | None = None  # of a raw message of `raw_channels` or `book`
    market_key: Literal["id", "symbol", "baseName"] = (
        "id"  # of ccxt's market: `market_id_of` returns its value
    )
    # (the market's, another that a message has): whether both mean it. None: only the same one
    is_same_market: Callable[[Any, Any], bool] | None = None
    channel_of: Callable[[Any], str | None] | None = None  # of any message, None if unknown
    # Reads a binary frame, after ccxt's decompression, as the message of a text; raises ValueError.
    decode: Callable[[bytes], Any] | None = None  # None: it is JSON
    # Makes the `channel_of` of one connection, where earlier answers decide what a message is. That
    # may have a method `resubscribe`, which is used instead of the venue's.
    router: Callable[[], Callable[[Any], str | None]] | None = None
    opening: Sequence[Any] = ()  # messages that are sent first on each connection
    # The number of a message, which grows by one with each of its connection; None: it has none.
    connection_sequence: Callable[[Any], int | None] | None = None
    # The messages that end and renew the subscription of a request, which take new request ids.
    resubscribe: Callable[[Any, Callable[[], int]], list[Any]] | None = None  # None: not possible
    refuses: Callable[[Any, Any], bool] | None = None  # (message, request); None: not known

    # --- list of markets ---
    entries: ListedEntries | None = None

    # --- limits ---
    limits: Mapping[MarketType, AddressLimits] = field(default_factory=dict)  # {}: ccxt's
