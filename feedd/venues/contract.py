"""The description of a venue: everything the generic code needs to know of one exchange.

A venue is a folder `feedd/venues/<venue>/` whose `venue.py` holds one `VENUE: Venue`, and a line in
`feedd/venues/registry.py`. Every field has a default: a venue that sets none of them gets what
ccxt makes of its messages. ccxt itself is not imported here, nor by any venue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

if TYPE_CHECKING:
    from feedd.books.depth import DepthRules, Snapshot, Update
    from feedd.model import BackfilledTrade, EventId
    from feedd.venues.ccxt_request import CcxtRequest
    from feedd.venues.limits import AddressLimits
    from feedd.venues.market_type import MarketType

# (message, exchange, symbol, received_ns, timeframe) -> events, oldest first. Raises ValueError,
# TypeError, LookupError or ArithmeticError for a message that can't be parsed.
RawParser = Callable[[Any, str, str, int, str], "Sequence[Any]"]


class RawChannel(Struct, frozen=True):
    """A channel that feedd parses itself, from the message that ccxt passes to its handler.

    `parse` of a `trade`, where `Venue.trades` is set, returns pairs like `ContiguousTrades.parse`.
    """

    handler: str  # ccxt's method, e.g. `handle_ohlcv`
    parse: RawParser
    types: frozenset[MarketType] | None = None  # in other market types ccxt parses it; None: all


class RequestedSnapshot(Struct, frozen=True):
    """A book snapshot that is requested over REST.

    `request` takes the market type and the venue's id of the market. `parse` raises ValueError for
    an answer that can't be parsed.
    """

    request: Callable[[MarketType, str], CcxtRequest]
    parse: Callable[[Any], Snapshot]


class StreamedSnapshot(Struct, frozen=True):
    """A book snapshot with which the stream begins: subscribing again brings a new one.

    `resubscribe` takes the venue's id of the market, the number of levels subscribed to, and a
    function that returns a new request id; it returns the messages to send.
    """

    resubscribe: Callable[[str, int | None, Callable[[], str]], list[dict[str, Any]]]


class CheckedBook(Struct, frozen=True):
    """A depth channel that feedd verifies itself, by the ids of its updates.

    `rules` takes the number of levels to publish. `parse` takes a raw depth message and raises as a
    RawParser does; `is_depth` is False for other messages that ccxt passes to the same
    handlers.
    """

    rules: Callable[[int], DepthRules]
    parse: Callable[[Any], Update | Snapshot]
    snapshot: RequestedSnapshot | StreamedSnapshot
    handlers: tuple[str, ...] = ("handle_order_book",)  # ccxt's methods that receive the messages
    is_depth: Callable[[Any], bool] | None = None  # None: all of them are
    limits: tuple[int, ...] = ()  # numbers of levels that can be subscribed to; (): no choice
    disabled_handlers: tuple[str, ...] = ()  # ccxt's methods that would build a book of their own

    def limit(self, depth: int) -> int | None:
        """Return the smallest number of levels to subscribe to, or None for ccxt's default."""
        return next((limit for limit in self.limits if limit >= depth), None)


class ContiguousTrades(Struct, frozen=True):
    """Trade ids without a gap, and the REST page that returns trades that were missed.

    `request` takes the market type, the venue's id of the market, the first id that is missing and
    whether there is an API key. `parse` takes a row of the answer and returns the trade's id, and
    the trade or None for an id that is not a trade of the market.
    """

    request: Callable[[MarketType, str, int, bool], CcxtRequest]
    parse: Callable[[Any, str, str, int], tuple[int, BackfilledTrade | None]]


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

    `one_market_type`: ccxt's `fetchMarkets` can be limited to one market type, and keeps nothing
    besides the list that it returns, so that the processes of a machine may share the list.
    """

    # --- subscribing ---
    ccxt_options: Mapping[str, Any] = field(default_factory=dict)
    watch_params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by channel
    one_market_type: bool = False
    lists_nothing: Callable[[Any], bool] | None = None  # of the answer with one type's markets

    # --- replacing connections, where all channels are `raw_channels` or `book` ---
    rotate_after_s: float | None = None  # the age at which a connection is replaced
    announces_close: Callable[[Any], bool] | None = None  # a message before the venue closes it

    # --- messages ---
    quote_id: Callable[[Any], EventId] | None = None  # of the raw message of a quote
    raw_channels: Mapping[str, RawChannel] = field(default_factory=dict)  # by channel
    book: CheckedBook | None = None  # None: ccxt's book is published unverified
    trades: ContiguousTrades | None = None  # None: ids may skip numbers
    ticker_is_snapshot: Callable[[Any], bool] | None = None  # None: every ticker is complete
    liquidation_names_position: bool = False  # its side is the position's, not the order's

    # --- control messages ---
    # A message with one of these keys, or a text that is one of them, is not data. (): not known.
    control_keys: frozenset[str] = frozenset()
    refusal: Callable[[Any], str | None] | None = None  # of a control message that ccxt ignores
    market_id_of: Callable[[Any], Any] | None = None  # of a raw message of `raw_channels` or `book`
    channel_of: Callable[[Any], str | None] | None = None  # of any message, None if unknown
    # The messages that end and renew the subscription of a request, which take new request ids.
    resubscribe: Callable[[Any, Callable[[], int]], list[Any]] | None = None  # None: not possible
    refuses: Callable[[Any, Any], bool] | None = None  # (message, request); None: not known

    # --- list of markets ---
    entries: ListedEntries | None = None

    # --- limits ---
    limits: Mapping[MarketType, AddressLimits] = field(default_factory=dict)  # {}: ccxt's
