"""The tap on one ccxt client: it takes what the client parses, before ccxt drops it.

`watch_*` returns the first message of a burst and drops the others, because it has no queue.
Every handler of ccxt calls `Client.resolve` for every message, awaited or not
(https://github.com/ccxt/ccxt/blob/v4.5.90/python/ccxt/async_support/base/ws/client.py), and there
the tap takes it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextvars import ContextVar
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from aiohttp import WSMsgType

from feedd.clock import NS_PER_MS
from feedd.sources.ccxt.lean_import import ccxt, decompressed, read_json
from feedd.sources.ccxt.refusals import refusal_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.venues.contract import RawParser, Venue

FIRST_ID = 1_000_000  # of requests that ccxt does not know: its own begin with 1

ABNORMAL_CLOSURE = 1006
TEXT, BINARY = WSMsgType.TEXT, WSMsgType.BINARY


class Subscribing(NamedTuple):
    """The channel for which `watch_*` is being called, and the task that calls it."""

    channel: str
    task: Any


# The futures that its task creates are the channel's. The tasks that ccxt starts meanwhile inherit
# the variable, and create futures of their own: for the answer to an `un_watch`, e.g.
subscribing_to: ContextVar[Subscribing | None] = ContextVar("subscribing_to", default=None)


class Observer(Protocol):
    """Callbacks that a tap invokes, all on the event loop."""

    def subscribing(self, tap: Tap, channel: str) -> None:
        """Note that a channel is subscribed to through the tap's client."""

    def connected(self, tap: Tap) -> None:
        """Note that the client is connected."""

    def disconnected(self, tap: Tap, error: Any) -> None:
        """Note that the connection failed, or that a subscription on it was refused."""

    def refused(self, tap: Tap, channel: str, error: Any) -> None:
        """Note that the subscription of one channel was refused; its connection works."""

    def hold(self) -> None:
        """Expect more events at once, until `release`."""

    def release(self) -> None:
        """Send what is held."""

    def closing(self, tap: Tap) -> None:
        """Note that the exchange announced that it will close the connection."""

    def parsed(
        self, tap: Tap, channel: str, result: Any, message: Any, received_ns: int
    ) -> None:  # fmt: skip
        """Take what ccxt parsed of a channel's message: one of its structures."""

    def raw(self, tap: Tap, channel: str, message: Any, received_ns: int) -> bool:
        """Take a raw message before ccxt's handler; return whether ccxt must not see it."""

    def book_invalid(self, tap: Tap, reason: str) -> None:
        """Note that ccxt found its own book inconsistent and drops it."""

    def hole(self, tap: Tap, reason: str) -> None:
        """Note that messages of the connection are missing, of any of its channels."""

    def unreadable(self, tap: Tap, error: Exception, message: Any, *, raised: bool) -> None:
        """Note a message that can't be parsed, or is neither data nor a control message.

        `message` is None where it is no JSON. `raised`: ccxt's handler did.
        """


def _channel_of(url: str, venue: Venue) -> Callable[[Any], str | None] | None:
    """Return what names the channel of a connection's messages.

    A connection of a channel's own carries no other: its messages may look like another channel's.
    """
    channel_of = venue.channel_of if venue.router is None else venue.router()
    own = url.rpartition("#")[2]
    if channel_of is None or own not in venue.own_connections:
        return channel_of
    return lambda message: None if channel_of(message) is None else own


class Tap:
    """Observes one ccxt client, which is one connection; its flags are of this client only.

    The order of ccxt's calls, from top to bottom; `*` marks what the tap wraps::

        watch_*() ── exchange.client(url) ── Tap(client)           once per connection
          └─ client.future(hash) *                                 hash belongs to the channel
          └─ client.connect() ── exchange.on_connected(client)     -> connected()

        frame ── client.handle_message(frame) *                    received_ns
          ├─ data: client.on_message_callback(client, message) *   JSON is parsed; -> raw()
          │    └─ exchange.handle_message(client, message)         unless feedd parses it
          │         └─ exchange.handle_<channel>(client, message)
          │              ├─ client.resolve(result, hash) *         -> Observer.parsed()
          │              └─ client.reject(error, hash) *           -> Observer.refused()
          └─ close, error: client.reject(error) *
               └─ exchange.on_close / on_error(client, error)      -> disconnected()

    `resolve` and `reject` may also be called by a task of ccxt's, between two frames.
    """

    def __init__(self, client: Any, venue: Venue, observer: Observer) -> None:
        self.client = client
        self.has_ticker_snapshot = False
        self._parsers: dict[str, RawParser] = {}  # of channels whose messages depend on each other
        self._frame: Any = None  # the last one
        self._observer = observer
        self._channel_of = _channel_of(getattr(client, "url", ""), venue)
        self._opening = venue.opening  # not yet sent
        self._own_requests = venue.requests
        self._sequence_of = venue.connection_sequence
        self._sequence: int | None = None  # of the last message that has one
        self._decode = venue.decode
        self._control_keys = venue.control_keys
        self._refusal = venue.refusal
        self._announces_close = venue.announces_close
        self._refuses = venue.refuses
        self._channels: dict[str, str] = {}  # by the hash of the message
        self._requests: dict[str, Any] = {}  # the last one of each channel
        self._awaited: set[str] = set()  # channels whose request ccxt is about to send
        self._ended: deque[Any] = deque(maxlen=16)  # requests that a later one replaced
        self._next_id = count(FIRST_ID).__next__
        self._rejecting_all = False
        self._received_ns = 0  # of the last frame
        self._message: Any = None  # the last one, parsed from JSON
        self._parsed = False  # whether that is of the last frame
        self._handling = False
        self._used = False  # whether anything took the message that is being handled
        self._closed = False
        self._ccxt_future, self._ccxt_resolve = client.future, client.resolve
        self._ccxt_reject, self._ccxt_handle_message = client.reject, client.handle_message
        self._ccxt_on_message, self._ccxt_send = client.on_message_callback, client.send
        client.send = self._send
        client.future, client.resolve = self._future, self._resolve
        client.reject, client.handle_message = self._reject, self._handle_message
        client.on_message_callback = self._on_message
        client.receive_loop = self._receive_loop
        # ccxt compares pongs by the wall clock: a step of it would drop every connection. Its pings
        # go on; the session finds a connection that does not answer, by the monotonic clock.
        client.maxPingPongMisses = float("inf")

    def parser(self, channel: str, make: Callable[[], RawParser]) -> RawParser:
        """Return the connection's own parser of a channel."""
        own = self._parsers.get(channel)
        if own is None:
            own = self._parsers[channel] = make()
        return own

    def forget(self, channel: str | None) -> None:
        """Drop what the messages of a channel have led to, or those of any channel.

        One could not be read, or the channel is subscribed to again.
        """
        if channel is None:
            self._parsers.clear()
        else:
            self._parsers.pop(channel, None)
        if channel in {None, "ticker"}:
            self.has_ticker_snapshot = False

    @property
    def text(self) -> Any:
        """The text of the last frame, as sent."""
        return self._frame.data

    def channel_of(self, message: Any) -> str | None:
        """Return the channel of a message; None: not known."""
        return None if self._channel_of is None or message is None else self._channel_of(message)

    def close(self, error: Any) -> None:
        """Close the connection: of what it still delivers, nothing is handled."""
        self._closed = True
        self.client.on_error(error)

    def connected(self) -> None:
        """Report that the client is connected."""
        self._observer.connected(self)

    def disconnected(self, error: Any) -> None:
        """Report that the client's connection failed."""
        self._observer.disconnected(self, error)

    async def resubscribe(
        self, channel: str, messages: Callable[[Any, Callable[[], int]], list[Any]]
    ) -> bool:
        """Subscribe to a channel again; return whether the requests could be sent.

        `messages` returns them from the channel's first request. ccxt does not see them: its own
        call would send nothing, because it regards the channel as subscribed to.
        """
        request = self._requests.get(channel)
        if request is None or not self.client.isConnected:
            return False
        self.forget(channel)
        messages = getattr(self._channel_of, "resubscribe", messages)
        try:
            for message in messages(request, self._next_id):
                self._ended.append(self._requests[channel])
                self._requests[channel] = message  # the last one subscribes
                await self._ccxt_send(message)
        except (ConnectionError, RuntimeError):
            return False  # the connection was just lost, which is reported as such
        return True

    def _future(self, message_hash: str) -> Any:
        subscribing = subscribing_to.get()
        if (
            subscribing is not None
            and not self._handling
            and subscribing.task is asyncio.current_task()
        ):
            channel = subscribing.channel
            self._channels[message_hash] = channel
            self._awaited.add(channel)
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
        self._used = True
        if self._rejecting_all:  # one of its futures after the other
            return self._ccxt_reject(error, message_hash)
        if isinstance(error, ccxt.InvalidNonce) and channel == "book":
            self._observer.book_invalid(self, str(error))
        elif channel is not None:
            self._observer.refused(self, channel, error)
        elif self._refused(error):
            return error
        else:
            self._observer.disconnected(self, error)
        self._rejecting_all = message_hash is None
        try:
            return self._ccxt_reject(error, message_hash)
        finally:
            self._rejecting_all = False

    def _refused(self, error: Any) -> bool:
        """Report the channel whose request the handled message refuses; return False if unknown."""
        if not self._handling:
            return False
        if self._refuses is not None:
            for channel, request in self._requests.items():
                if self._refuses(self._message, request):
                    self._observer.refused(self, channel, error)
                    return True
            return any(self._refuses(self._message, request) for request in self._ended)
        channels = set(self._channels.values())
        if len(channels) != 1:
            return False
        self._observer.refused(self, channels.pop(), error)
        return True

    async def _send(self, message: Any) -> Any:
        subscribing = subscribing_to.get()
        channel = None if subscribing is None else subscribing.channel
        if channel in self._awaited:  # else a ping, from a task that this channel happened to start
            self._awaited.discard(channel)
            if channel in self._own_requests:
                message = self._own_requests[channel](message)
            self._requests[channel] = message
        opening, self._opening = self._opening, ()
        for first in opening:
            await self._ccxt_send(first)
        return await self._ccxt_send(message)

    def _receive_loop(self) -> None:
        """Begin to receive: what ccxt's client does, in one task instead of one for each frame."""
        self._receiving = asyncio.ensure_future(self._receive())

    async def _receive(self) -> None:
        client, observer = self.client, self._observer
        holds = False
        try:
            while not client.closed():
                frame = await client.receive()
                if not holds and client.buffer:  # others came with it
                    holds = True
                    observer.hold()
                self._handle_message(frame)
                if holds and not client.buffer:
                    holds = False
                    observer.release()
        except Exception as error:  # noqa: BLE001  aiohttp's: nobody awaits this
            self._reject(ccxt.NetworkError(str(error)))
        else:
            client.on_close(ABNORMAL_CLOSURE)
        finally:
            if holds:
                observer.release()

    def _handle_message(self, frame: Any) -> None:
        """Handle a frame: what ccxt's client does, with the JSON read once, and exactly."""
        if self._closed:
            return
        self._received_ns = received_ns = time.time_ns()
        self._handling, self._parsed, self._frame = True, False, frame
        try:
            data = frame.data
            if frame.type is TEXT and data[:1] in ("{", "["):  # ccxt asks for more, for no reason
                self.client.last_message_at = received_ns // NS_PER_MS
                self._on_message(self.client, read_json(data))
            elif frame.type is BINARY and self._decode is not None:
                self.client.last_message_at = received_ns // NS_PER_MS
                self._on_message(self.client, self._decode(decompressed(self.client, data)))
            else:
                self._ccxt_handle_message(frame)
        except Exception as error:  # noqa: BLE001  ccxt's parsers raise anything; passed on, it
            # would end the receive loop without a log line and leave the connection open.
            self._failed(error)
        finally:
            self._handling = False

    def _failed(self, error: Exception) -> None:
        """Report a message whose handling failed; ccxt raises the errors that some contain."""
        reason = self._reason() if self._parsed else None
        if reason is None:
            message = self._message if self._parsed else None
            self._observer.unreadable(self, error, message, raised=self._parsed)
        elif not self._refused(reason):
            self._observer.disconnected(self, reason)

    def _on_message(self, client: Any, message: Any) -> None:
        """Offer a message to the observer, else let ccxt handle it.

        Report one that nothing took: it may be an event.
        """
        self._message, self._parsed = message, True
        if self._sequence_of is not None and not self._follows(message):
            return
        if self._channel_of is not None:
            channel = self._channel_of(message)
            if channel is not None and self._observer.raw(
                self, channel, message, self._received_ns
            ):
                return
        if self._announces_close is not None and self._announces_close(message):
            self._observer.closing(self)
            return
        keys, self._used = self._control_keys, False
        self._ccxt_on_message(client, message)
        if self._used:
            return
        if keys and keys.isdisjoint(message if isinstance(message, dict) else [str(message)]):
            unknown = ValueError("nothing is known of its kind")
            self._observer.unreadable(self, unknown, message, raised=False)
            return
        reason = self._reason()
        if reason is not None and not self._refused(reason):
            self._observer.disconnected(self, reason)

    def _reason(self) -> str | None:
        """Return why the handled message refuses something; None: it does not."""
        message = self._message
        if self._refusal is None:
            return refusal_of(message)
        return self._refusal(message) if isinstance(message, dict) else None

    def _follows(self, message: Any) -> bool:
        """Note the number of a message; return False for one that came before, or came late.

        What it has is missing, or was reported as missing.
        """
        number, last = self._sequence_of(message), self._sequence  # type: ignore[misc]
        if number is None:
            return True
        if last is not None and number <= last:
            return False
        self._sequence = number
        if last is not None and number != last + 1:
            self._observer.hole(
                self, f"messages {last + 1} to {number - 1} of the connection are missing"
            )
        return True
