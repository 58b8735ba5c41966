"""Gate spot and futures, as the ccxt source uses them.

ccxt subscribes to `spot.obu` and to `futures.order_book_update`, and asks for decimal sizes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.books.diff import DiffBook
from feedd.books.streamed import StreamedBook
from feedd.venues.contract import (
    CheckedBook,
    ContiguousTrades,
    ListedEntries,
    RawChannel,
    RequestedSnapshot,
    StreamedSnapshot,
    Venue,
)
from feedd.venues.gate import book, control, parsers
from feedd.venues.gate.limits import LIMITS

if TYPE_CHECKING:
    from feedd.model import Checked

# A lost quote, ticker or candle makes no later one wrong: each is complete.
_WHOLE: dict[str, Checked] = {"quote": "whole", "ticker": "whole", "candle": "whole"}


def _entry_id(entry: Any) -> str:
    found = (entry.get("id") or entry.get("name")) if isinstance(entry, dict) else None
    return found if isinstance(found, str) else ""


def _entry_fault(entry: Any) -> str | None:
    if not _entry_id(entry):
        return "it has neither id nor name"
    return None


def _entry_status(entry: Any) -> str | None:
    """Return the word for the state of a market; a contract without one may be `in_delisting`."""
    word = entry.get("trade_status") or entry.get("status")
    if word is None and entry.get("in_delisting"):
        return "in_delisting"
    return word if isinstance(word, str) else None


_ENTRIES = ListedEntries(_entry_id, _entry_fault, _entry_status)
_SPOT = Venue(
    checked={**_WHOLE, "trade": "sequence", "book": "sequence"},
    ccxt_options={"fetchMarkets": {"types": ["spot"]}},
    raw_channels={
        "quote": RawChannel(parsers.quotes),
        "trade": RawChannel(parsers.spot_trades),
        "ticker": RawChannel(parsers.tickers),
    },
    grows={"quote": "id", "ticker": "timestamp"},
    book=CheckedBook(
        rules=lambda _depth: StreamedBook(grows=True),
        parse=book.spot_depth,
        snapshot=StreamedSnapshot(),
        limits=book.SPOT_LIMITS,
    ),
    trades=ContiguousTrades(parsers.trades_request, parsers.spot_rest_trade),
    market_id_of=control.market_id_of,
    channel_of=control.channel_of,
    resubscribe=control.resubscribe,
    refuses=control.refuses,
    entries=_ENTRIES,
    limits={"spot": LIMITS, "linear": LIMITS, "inverse": LIMITS},
)
_FUTURES = Venue(
    checked={**_WHOLE, "trade": "sequence", "book": "sequence"},
    ccxt_options={"fetchMarkets": {"types": ["swap", "future"]}},
    raw_channels={
        "quote": RawChannel(parsers.quotes),
        "trade": RawChannel(parsers.futures_trades),
        "ticker": RawChannel(parsers.tickers),
    },
    grows={"quote": "id", "ticker": "timestamp"},
    book=CheckedBook(
        rules=DiffBook,
        parse=book.futures_depth,
        snapshot=RequestedSnapshot(book.snapshot_request, book.futures_snapshot),
        limits=(book.FUTURES_LEVELS,),
        disabled_handlers=("handle_order_book_subscription",),
    ),
    trades=ContiguousTrades(parsers.trades_request, parsers.futures_rest_trade),
    market_id_of=control.market_id_of,
    channel_of=control.channel_of,
    resubscribe=control.resubscribe,
    refuses=control.refuses,
    entries=_ENTRIES,
    limits=_SPOT.limits,
)
VENUES = {"spot": _SPOT, "linear": _FUTURES, "inverse": _FUTURES}
