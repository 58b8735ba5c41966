"""From a decoded message to its channel's merge: one function for each kind of channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from feedd.sources.merged_events import DepthMessage, content_of

if TYPE_CHECKING:
    from feedd.merge.by_content import ContentMerge
    from feedd.merge.by_id import Merge
    from feedd.sources.native.connection import NativeConnection
    from feedd.venues.native import Convert

# (connection, message, payload, received_ns); raises UNREADABLE.
Handler = Callable[["NativeConnection", Any, bytes, int], None]


def trades(convert: Convert, merge: Merge) -> Handler:
    """Return the handler of trades whose ids have no gap."""

    def on_trade(
        connection: NativeConnection, message: Any, payload: bytes, received_ns: int
    ) -> None:
        numbered = convert(message, payload, received_ns)
        trade_id = numbered[0]
        merge.take(connection, trade_id, trade_id - 1, numbered)

    return on_trade


def depths(convert: Convert, merge: Merge) -> Handler:
    """Return the handler of a book's messages."""

    def on_depth(
        connection: NativeConnection, message: Any, payload: bytes, received_ns: int
    ) -> None:
        key, before, change = convert(message, payload, received_ns)
        merge.take(connection, key, before, DepthMessage(before, change, received_ns))

    return on_depth


def contents(convert: Convert, merge: ContentMerge) -> Handler:
    """Return the handler of events that their content identifies."""

    def on_event(
        connection: NativeConnection, message: Any, payload: bytes, received_ns: int
    ) -> None:
        at_ms, _, tick = convert(message, payload, received_ns)
        content, timestamp = content_of(tick)
        merge.take(connection, content, (at_ms, timestamp), tick)

    return on_event
