"""HTX spot, swaps and futures, as the ccxt source uses them.

ccxt opens a connection of its own for spot's books. It has no call for the stream of quotes: they
are the book's first level.
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
    StreamedSnapshot,
    Venue,
)
from feedd.venues.htx import book, control, parsers
from feedd.venues.htx.limits import LIMITS

if TYPE_CHECKING:
    from feedd.model import Checked

# A lost ticker or candle makes no later one wrong: each is complete.
_CHECKED: dict[str, Checked] = {"ticker": "whole", "candle": "whole", "book": "sequence"}


def _entry_id(entry: Any) -> str:
    found = (entry.get("contract_code") or entry.get("symbol")) if isinstance(entry, dict) else None
    return found if isinstance(found, str) else ""


def _entry_fault(entry: Any) -> str | None:
    return None if _entry_id(entry) else "it has neither symbol nor contract_code"


def _entry_status(entry: Any) -> str | None:
    """Return the word for the state of a market, or the number of a contract's, which is 1."""
    word = entry.get("state", entry.get("contract_status"))
    return None if word is None else str(word)


def _types(kept: str) -> dict[str, Any]:
    return {"fetchMarkets": {"types": {of: of == kept for of in ("spot", "linear", "inverse")}}}


_ENTRIES = ListedEntries(_entry_id, _entry_fault, _entry_status)
_SPOT = Venue(
    checked={**_CHECKED, "trade": "sequence"},
    ccxt_options=_types("spot"),
    quote_from="book",
    raw_channels={"trade": RawChannel(parsers.spot_trades), "ticker": RawChannel(parsers.tickers)},
    grows={"ticker": "timestamp"},
    book=CheckedBook(
        rules=DiffBook,
        parse=book.spot_depth,
        snapshot=StreamedSnapshot(book.spot_request),
        limits=book.SPOT_LIMITS,
        # ccxt would request a book of its own after the answer to the subscription.
        disabled_handlers=("handle_order_book_subscription",),
    ),
    trades=ContiguousTrades(
        parsers.trades_request, parsers.spot_rest_trade, rows=parsers.trades_of_page
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


def _swaps(of: str) -> Venue:
    return Venue(
        checked=_CHECKED,
        ccxt_options=_types(of),
        quote_from="book",
        raw_channels={
            "trade": RawChannel(parsers.swap_trades),
            "ticker": RawChannel(parsers.tickers),
        },
        grows={"ticker": "timestamp"},
        book=CheckedBook(
            rules=lambda _depth: StreamedBook(grows=True),
            parse=book.swap_depth,
            snapshot=StreamedSnapshot(),
            limits=book.SWAP_LIMITS,
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


VENUES = {"spot": _SPOT, "linear": _swaps("linear"), "inverse": _swaps("inverse")}
