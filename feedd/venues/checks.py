"""How the channels of a market are checked, and which channel its quotes are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from feedd.model import Checked, QuoteFrom
    from feedd.venues.contract import Venue


def quote_origin(venue: Venue) -> QuoteFrom:
    """Return the channel whose messages have a venue's quotes."""
    own = venue.raw_channels.get("quote")
    if own is not None and own.carrier is not None:
        return "book" if own.carrier == "book" else "ticker"
    return venue.quote_from or "quote"


def checks(venue: Venue) -> dict[str, Checked]:
    """Return how each channel is checked; one that is not in it is checked by nothing."""
    found = dict(venue.checked)
    origin = quote_origin(venue)
    if "quote" not in found and origin in found:
        found["quote"] = found[origin]
    return found


def shallow_notice(exchange: str, channels: Iterable[str], venue: Venue, wanted: int) -> str | None:
    """Return one line on a book of which fewer levels than wanted are published, or None."""
    book = venue.book
    if book is None or "book" not in channels or book.depth(wanted) == wanted:
        return None
    levels = book.depth(wanted)
    return (
        f"{exchange} book: {levels} levels instead of {wanted} (book_depth): its checksum covers "
        f"{levels}, and a change lost behind them would not show"
    )


def compares_books(checked: Mapping[str, Checked]) -> bool:
    """Return whether a book is compared with REST pages: nothing in its stream checks it."""
    return checked.get("book", "none") == "none"


def unchecked_notice(
    exchange: str,
    channels: Iterable[str],
    checked: Mapping[str, Checked],
    compared_every_s: float = 0.0,
) -> str | None:
    """Return one line on the channels that are checked by nothing; None if there are none.

    `checked` is empty for an exchange that no folder of `feedd.venues` describes.
    `compared_every_s` is the pause between comparisons of the book; 0: there are none.
    """
    unchecked = [name for name in channels if checked.get(name, "none") == "none"]
    if not unchecked:
        return None
    named = f"{exchange} {', '.join(unchecked)}: unchecked"
    if checked:
        them = "them" if len(unchecked) > 1 else "it"
        why = f"{exchange} offers nothing to check {them} by"
    else:
        why = f"feedd has no rules for {exchange}: a lost message does not show"
    if "book" in unchecked and compared_every_s:
        why += f"; the book is compared with a REST snapshot every {compared_every_s:g} s"
    return f"{named} ({why})"
