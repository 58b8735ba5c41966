"""KuCoin spot and futures, as the ccxt source uses them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.books.diff import DiffBook
from feedd.venues.contract import CheckedBook, ListedEntries, RawChannel, RequestedSnapshot, Venue
from feedd.venues.kucoin import book, control, parsers
from feedd.venues.kucoin.limits import LIMITS

if TYPE_CHECKING:
    from feedd.model import Checked

# A lost quote, ticker or candle makes no later one wrong: each is complete. Nothing shows a lost
# trade: its ids skip numbers, and the sequence counts the book's updates too.
CHECKED: dict[str, Checked] = {
    "quote": "whole", "ticker": "whole", "candle": "whole", "book": "sequence",
}  # fmt: skip


def _entry_id(entry: Any) -> str:
    found = entry.get("symbol") if isinstance(entry, dict) else None
    return found if isinstance(found, str) else ""


def _entry_fault(entry: Any) -> str | None:
    return None if _entry_id(entry) else "it has no symbol"


def _entry_status(entry: Any) -> str | None:
    """Return the word for the state of a contract; a spot market has `enableTrading`."""
    if entry.get("enableTrading") is False:
        return "enableTrading false"
    word = entry.get("status")
    return word if isinstance(word, str) else None


_ENTRIES = ListedEntries(_entry_id, _entry_fault, _entry_status)
# The address of a connection has a token that is valid for 24 h: ccxt would use it for ever.
_TOKENS = ("urls",)
# ccxt would request the snapshot itself after the answer to the subscription.
_DISABLED = ("handle_order_book_subscription",)
_SPOT = Venue(
    checked=CHECKED,
    ccxt_options={"fetchMarkets": {"types": ["spot"], "fetchTickersFees": False}},
    connection_options=_TOKENS,
    raw_channels={
        "quote": RawChannel(parsers.spot_quotes),
        "trade": RawChannel(parsers.trades),
        "ticker": RawChannel(parsers.spot_tickers),
    },
    grows={"quote": "timestamp", "ticker": "timestamp"},
    book=CheckedBook(
        rules=book.spot_rules,
        parse=book.spot_update,
        snapshot=RequestedSnapshot(book.snapshot_request, book.spot_snapshot),
        disabled_handlers=_DISABLED,
    ),
    control_keys=control.CONTROL_KEYS,
    refusal=control.refusal,
    market_id_of=control.market_id_of,
    channel_of=control.channel_of,
    resubscribe=control.resubscribe,
    refuses=control.refuses,
    entries=_ENTRIES,
    limits={"spot": LIMITS, "linear": LIMITS, "inverse": LIMITS},
)
_FUTURES = Venue(
    checked=CHECKED,
    ccxt_options={"fetchMarkets": {"types": ["swap", "future", "contract"]}},
    connection_options=_TOKENS,
    raw_channels={
        "quote": RawChannel(parsers.futures_quotes),
        "trade": RawChannel(parsers.trades),
        "ticker": RawChannel(parsers.futures_tickers),
    },
    grows={"quote": "timestamp", "ticker": "timestamp"},
    book=CheckedBook(
        rules=DiffBook,
        parse=book.futures_update,
        snapshot=RequestedSnapshot(book.snapshot_request, book.futures_snapshot),
        disabled_handlers=_DISABLED,
    ),
    control_keys=control.CONTROL_KEYS,
    refusal=control.refusal,
    market_id_of=control.market_id_of,
    channel_of=control.channel_of,
    resubscribe=control.resubscribe,
    refuses=control.refuses,
    entries=_ENTRIES,
    limits=_SPOT.limits,
)
VENUES = {"spot": _SPOT, "linear": _FUTURES, "inverse": _FUTURES}
