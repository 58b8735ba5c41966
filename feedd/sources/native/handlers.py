"""From a decoded message to its channel's merge: one function for each kind of channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from feedd.sources.merged_events import DepthMessage, content_of, same_quote
from feedd.venues.native import NoSnapshotError

if TYPE_CHECKING:
    from feedd.merge.by_content import ContentMerge
    from feedd.merge.by_id import Merge
    from feedd.model import Quote
    from feedd.sources.book_keeper import BookKeeper
    from feedd.sources.native.connection import NativeConnection
    from feedd.venues.native import Convert

# (connection, message, payload, received_ns); raises UNREADABLE.
Handler = Callable[["NativeConnection", Any, bytes, int], None]


def both(first: Handler, second: Handler) -> Handler:
    """Return the handler of a message that contains two channels."""

    def on_message(
        connection: NativeConnection, message: Any, payload: bytes, received_ns: int
    ) -> None:
        first(connection, message, payload, received_ns)
        second(connection, message, payload, received_ns)

    return on_message


def quotes(
    convert: Convert,
    merge: Merge,
    publish: Callable[[Quote], None],
    repeated: Callable[[], None],
    overtaken: Callable[[Quote, Quote], bool] | None,
) -> Handler:
    """Return the handler of quotes; `repeated` is called for one that repeats the last one.

    `overtaken` returns whether one whose id does not rise is older than the last one.
    """

    def on_quote(
        connection: NativeConnection, message: Any, payload: bytes, received_ns: int
    ) -> None:
        quote = convert(message, payload, received_ns)
        if connection is not merge.only:
            merge.take(connection, quote.id, None, quote)
            return
        quote_id, last = quote.id, merge.last
        if last is not None and quote_id <= last:
            if quote_id == last and same_quote(quote, merge.newest):
                repeated()
                return
            if overtaken is not None and overtaken(quote, merge.newest):
                return
        merge.last, merge.newest = quote_id, quote  # `merge.take`, without its call
        publish(quote)

    return on_quote


def trades(convert: Convert, merge: Merge, *, several: bool) -> Handler:
    """Return the handler of trades whose ids have no gap."""

    def on_trade(
        connection: NativeConnection, message: Any, payload: bytes, received_ns: int
    ) -> None:
        numbered = convert(message, payload, received_ns)
        trade_id = numbered[0]
        merge.take(connection, trade_id, trade_id - 1, numbered)

    def on_trades(
        connection: NativeConnection, message: Any, payload: bytes, received_ns: int
    ) -> None:
        for numbered in convert(message, payload, received_ns):
            trade_id = numbered[0]
            merge.take(connection, trade_id, trade_id - 1, numbered)

    return on_trades if several else on_trade


def depths(convert: Convert, merge: Merge, books: BookKeeper) -> Handler:
    """Return the handler of a book's messages.

    While no book is verified, a snapshot of the stream begins it again; else the snapshot of a
    further connection is one of many messages, which the others' updates lead to.
    """

    def on_depth(
        connection: NativeConnection, message: Any, payload: bytes, received_ns: int
    ) -> None:
        key, before, change = convert(message, payload, received_ns)
        depth = DepthMessage(before, change, received_ns)
        if before is None and not books.synced:
            merge.begins(connection, key, depth)
        else:
            merge.take(connection, key, before, depth)

    return on_depth


def contents(convert: Convert, merge: ContentMerge, *, several: bool) -> Handler:
    """Return the handler of events that their content identifies."""

    def on_event(
        connection: NativeConnection, message: Any, payload: bytes, received_ns: int
    ) -> None:
        at_ms, _, tick = convert(message, payload, received_ns)
        content, timestamp = content_of(tick)
        merge.take(connection, content, (at_ms, timestamp), tick)

    def on_events(
        connection: NativeConnection, message: Any, payload: bytes, received_ns: int
    ) -> None:
        for at_ms, _, tick in convert(message, payload, received_ns):
            content, timestamp = content_of(tick)
            merge.take(connection, content, (at_ms, timestamp), tick)

    return on_events if several else on_event


def stateful(
    channel: str,
    make: Callable[[], Convert],
    handler: Callable[[Convert], Handler],
    lacking: Callable[[NativeConnection, str], None],
    merge: Merge | ContentMerge,
) -> Handler:
    """Return the handler of a channel that `keeps_state`, with a converter for each connection.

    The first message of a connection beside others is its snapshot, and no event: the others have
    delivered what led to it. `lacking` is called for a connection whose snapshot is missing.
    """

    def on_message(
        connection: NativeConnection, message: Any, payload: bytes, received_ns: int
    ) -> None:
        own = connection.states.get(channel)
        try:
            if own is None:
                convert = make()
                own = connection.states[channel] = handler(convert)
                if merge.goes_on_beside(connection):
                    convert(message, payload, received_ns)
                    return
            own(connection, message, payload, received_ns)
        except NoSnapshotError:
            lacking(connection, channel)

    return on_message
