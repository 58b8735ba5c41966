"""The tap on one ccxt client: it takes what the client parses, before ccxt drops it.

`watch_*` returns the first message of a burst and drops the others, because it has no queue.
Every handler of ccxt calls `Client.resolve` for every message, awaited or not
(https://github.com/ccxt/ccxt/blob/v4.5.90/python/ccxt/async_support/base/ws/client.py), and there
the tap takes it.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from feedd.sources.ccxt.lean_import import ccxt

if TYPE_CHECKING:
    from feedd.venues.contract import Venue

# The channel for which `watch_*` is being called: the futures that ccxt then creates are its.
subscribing_to: ContextVar[str | None] = ContextVar("subscribing_to", default=None)


class Observer(Protocol):
    """Callbacks that a tap invokes, all on the event loop."""

    def subscribing(self, tap: Tap, channel: str) -> None:
        """Note that a channel is subscribed to through the tap's client."""

    def connected(self, tap: Tap) -> None:
        """Note that the client is connected."""

    def disconnected(self, tap: Tap, error: Any) -> None:
        """Note that the connection failed, or that a subscription on it was refused."""

    def parsed(
        self, tap: Tap, channel: str, result: Any, message: Any, received_ns: int
    ) -> None:  # fmt: skip
        """Take what ccxt parsed of a channel's message: one of its structures."""

    def raw(self, tap: Tap, channel: str, message: Any, received_ns: int) -> bool:
        """Take a raw message before ccxt's handler; return whether ccxt must not see it."""

    def book_invalid(self, reason: str) -> None:
        """Note that ccxt found its own book inconsistent and drops it."""

    def unreadable(self, tap: Tap, error: Exception) -> None:
        """Note a message that can't be parsed, or is neither data nor a control message."""


class Tap:
    """Observes one ccxt client, which is one connection; its flags are of this client only.

    The order of ccxt's calls, from top to bottom; `*` marks what the tap wraps::

        watch_*() ── exchange.client(url) ── Tap(client)           once per connection
          └─ client.future(hash) *                                 hash belongs to the channel
          └─ client.connect() ── exchange.on_connected(client)     -> connected()

        frame ── client.handle_message(frame) *                    received_ns
          ├─ data: client.on_message_callback(client, message) *   JSON is parsed
          │    └─ exchange.handle_message(client, message)
          │         └─ exchange.handle_<channel>(client, message)  -> raw(), if feedd parses it
          │              ├─ client.resolve(result, hash) *         -> Observer.parsed()
          │              └─ client.reject(error, hash) *           -> Observer.disconnected()
          └─ close, error: client.reject(error) *
               └─ exchange.on_close / on_error(client, error)      -> disconnected()

    `resolve` and `reject` may also be called by a task of ccxt's, between two frames.
    """

    def __init__(self, client: Any, venue: Venue, observer: Observer) -> None:
        self.client = client
        self.has_ticker_snapshot = False
        self._observer = observer
        self._control_keys = venue.control_keys
        self._refusal = venue.refusal
        self._channels: dict[str, str] = {}  # by the hash of the message
        self._received_ns = 0  # of the last frame
        self._message: Any = None  # the last one, parsed from JSON
        self._handling = False
        self._used = False  # whether anything took the message that is being handled
        self._ccxt_future, self._ccxt_resolve = client.future, client.resolve
        self._ccxt_reject, self._ccxt_handle_message = client.reject, client.handle_message
        self._ccxt_on_message = client.on_message_callback
        client.future, client.resolve = self._future, self._resolve
        client.reject, client.handle_message = self._reject, self._handle_message
        client.on_message_callback = self._on_message
        # ccxt compares pongs by the wall clock: a step of it would drop every connection. Its pings
        # go on; the session finds a connection that does not answer, by the monotonic clock.
        client.maxPingPongMisses = float("inf")

    def connected(self) -> None:
        """Report that the client is connected."""
        self._observer.connected(self)

    def disconnected(self, error: Any) -> None:
        """Report that the client's connection failed."""
        self._observer.disconnected(self, error)

    def raw(self, channel: str, message: Any) -> bool:
        """Offer a raw message to the observer; return whether ccxt must not see it."""
        taken = self._observer.raw(self, channel, message, self._received_ns)
        if taken:
            self._used = True
        return taken

    def _future(self, message_hash: str) -> Any:
        channel = subscribing_to.get()
        if channel is not None and not self._handling:
            self._channels[message_hash] = channel
            self._observer.subscribing(self, channel)
        return self._ccxt_future(message_hash)

    def _resolve(self, result: Any, message_hash: str | None = None) -> Any:
        channel = self._channels.get(message_hash)  # type: ignore[arg-type]
        if channel is not None:
            self._used = True
            self._observer.parsed(self, channel, result, self._message, self._received_ns)
        return self._ccxt_resolve(result, message_hash)

    def _reject(self, error: Any, message_hash: str | None = None) -> Any:
        channel = self._channels.get(message_hash)  # type: ignore[arg-type]
        if isinstance(error, ccxt.InvalidNonce) and channel == "book":
            self._observer.book_invalid(str(error))
        else:
            self._observer.disconnected(self, error)
        return self._ccxt_reject(error, message_hash)

    def _handle_message(self, frame: Any) -> None:
        self._received_ns = time.time_ns()
        self._handling = True
        try:
            self._ccxt_handle_message(frame)
        except Exception as error:  # noqa: BLE001  ccxt's parsers raise anything; passed on, it
            # would end the receive loop without a log line and leave the connection open.
            self._observer.unreadable(self, error)
        finally:
            self._handling = False

    def _on_message(self, client: Any, message: Any) -> None:
        """Let ccxt handle a message, and report one that nothing took: it may be an event."""
        keys = self._control_keys
        self._message = message
        self._used = not keys
        self._ccxt_on_message(client, message)
        if self._used:
            return
        if keys.isdisjoint(message if isinstance(message, dict) else [str(message)]):
            self._observer.unreadable(self, ValueError("nothing is known of its kind"))
        elif self._refusal is not None and isinstance(message, dict):
            reason = self._refusal(message)
            if reason is not None:
                self._observer.disconnected(self, reason)
