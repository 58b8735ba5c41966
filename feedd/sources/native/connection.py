"""One WebSocket connection: subscriptions, heartbeats, and the dispatch of its frames.

picows passes one frame at a time, which is valid during the callback only
(https://picows.readthedocs.io/en/stable/). Its payload is copied: for a message of 200 bytes that
takes half the time of a memoryview of it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import DecodeError
from picows import WSCloseCode, WSListener, WSMsgType

from feedd.errors import SourceError
from feedd.sources.error_texts import one_line
from feedd.venues.native import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from picows import WSFrame, WSTransport

    from feedd.clock import Clock
    from feedd.venues.native import NativeMarket

ACK_WITHIN_S = 10.0
PING_EVERY_S = 5.0
DEAD_AFTER_S = 20.0  # without a frame, although pings are sent
ASLEEP_S = 3.0  # between two checks: then this process was suspended, and not the connection
UNNEGOTIATED = "the exchange sends frames of an extension that was not negotiated (RSV bits)"
MESSAGE_AT_MOST = 10 * 1024 * 1024  # bytes, also of a fragmented message

# By the type of the decoded message: (connection, message, payload, received_ns).
Handlers = dict[type, "Callable[[NativeConnection, Any, bytes, int], None]"]


class NativeConnection(WSListener):
    """One connection to a venue. Every frame is a sign of life; the last came at `received_ns`.

    `handlers` receive the decoded messages. A message is rejected where its handler raises
    UNREADABLE, and where it is of a market other than `market_id`. `lost` is set, with the reason,
    when the connection is given up; its later frames are ignored. `burst` is called with True when
    a frame is followed by others that have already arrived, and with False after the last of them.
    `clock` is the venue's, for the limit of messages per second.
    """

    offer: ClassVar[tuple[tuple[str, str], ...]] = ()  # headers of the handshake

    def __init__(
        self,
        market: NativeMarket,
        market_id: str,
        handlers: Handlers,
        rejected: Callable[[NativeConnection, str | None, str], None],
        refused: Callable[[NativeConnection, str, str], None],
        burst: Callable[[bool], None],
        clock: Clock,
    ) -> None:
        self._market = market
        self._market_id = market_id
        self._decode = market.decode
        self._handlers = handlers
        self._rejected = rejected
        self._refused = refused
        self._burst = burst
        self._in_burst = False
        self._clock = clock
        self._sent: deque[float] = deque(maxlen=market.messages_per_s - 1)
        self._transport: WSTransport | None = None
        # By request id: channel, deadline, text.
        self._unanswered: dict[int, tuple[str, float, bytes]] = {}
        self._refusal: str | None = None  # of one of these; the venue did not name which
        self._newest: dict[str, int] = {}  # request of each channel
        self._requests = 0
        self._pinged_s = time.monotonic()
        # Not sent yet, because the limit of this second is reached.
        self._queued: deque[bytes] = deque()  # requests: as many as there are channels
        self._pong: bytes | None = None
        self._fragments: bytearray | None = None
        self.received_ns = self._seen_ns = 0
        self.has_data = False
        self.states: dict[str, Any] = {}  # of channels whose messages depend on those before
        self._alive_s = self._checked_s = self._pinged_s
        self.closing = False  # the venue announced that it will close the connection
        # Called with a channel whose subscription the venue accepts.
        self.accepted: Callable[[str], None] = lambda _channel: None
        self.opened_s = clock.monotonic_s()
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    # --- callbacks of picows ------------------------------------------------------------------

    def accept(self, extensions: str | None) -> None:
        """Take the extensions that the venue negotiates; raise SourceError for any not offered."""
        if extensions:
            raise not_offered(extensions)

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Accept an established connection."""
        self._transport = transport
        self.received_ns = time.time_ns()
        if self.lost.done():
            transport.disconnect(graceful=False)

    def on_ws_frame(self, _transport: WSTransport, frame: WSFrame) -> None:
        """Dispatch a frame. Frames that are not events, control frames too, fail to decode."""
        self.received_ns = received_ns = time.time_ns()
        payload = frame.get_payload_as_bytes()
        last = frame.last_in_buffer
        if not last and not self._in_burst:
            self._in_burst = True
            self._burst(True)
        try:
            message = self._decode(payload)
            if message.market_id != self._market_id:
                raise _other_market(message.market_id)
            self._handlers[type(message)](self, message, payload, received_ns)
            self.has_data = True
        except UNREADABLE as error:
            self._on_other_frame(frame, payload, error)
        if last:
            self._end_burst()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Give the connection up; a burst may have been cut off before its last frame."""
        self._end_burst()
        self._closed(transport)

    # --- calls of the route -------------------------------------------------------------------

    def subscribe(self, channel: str, stream: str) -> None:
        """Subscribe to a stream; the venue may refuse, or never answer."""
        self._request(channel, self._market.subscribe, stream)

    def resubscribe(self, channel: str, stream: str) -> None:
        """Subscribe again, so that the stream begins with a snapshot."""
        self.states.pop(channel, None)
        self._request(channel, self._market.unsubscribe, stream)
        self._request(channel, self._market.subscribe, stream)

    def check(self) -> list[tuple[str, str]]:
        """Send what is queued, and give up a dead connection; to be called about once a second.

        Return the channels whose subscription was not answered in time, and why, where events of
        others arrive; without any event, the connection is given up.
        """
        now_s = time.monotonic()
        self._send_queued()
        if now_s - self._pinged_s >= PING_EVERY_S and self._may_send():
            self._pinged_s = now_s
            if self._market.ping is None:
                self._send(WSMsgType.PING, b"")
            else:
                self._send(WSMsgType.TEXT, self._market.ping)
        if self.received_ns != self._seen_ns or now_s - self._checked_s > ASLEEP_S:
            self._seen_ns, self._alive_s = self.received_ns, now_s
        self._checked_s = now_s
        if now_s - self._alive_s > DEAD_AFTER_S:
            self.give_up(f"no sign of life for {DEAD_AFTER_S:g} s")
        late = {
            request_id: channel
            for request_id, (channel, deadline_s, _) in self._unanswered.items()
            if now_s > deadline_s
        }
        if not late:
            return []
        if not self.has_data:
            self.give_up(self._why_unanswered(next(iter(late.values()))))
            return []
        for request_id in late:
            del self._unanswered[request_id]
        return [(channel, self._why_unanswered(channel)) for channel in sorted(set(late.values()))]

    @property
    def established(self) -> bool:
        """Whether the handshake is over, and the connection has not been lost since."""
        return self._transport is not None and not self.lost.done()

    @property
    def answered(self) -> bool:
        """Whether every subscription has been answered."""
        return not self._unanswered

    def give_up(self, reason: str) -> None:
        """Close the connection; only the first reason counts."""
        if self.lost.done():
            return
        self.lost.set_result(reason)
        self._decode = _ignore
        if self._transport is not None and not self._transport.is_disconnected:
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect()

    # --- frames -------------------------------------------------------------------------------

    def _on_other_frame(self, frame: WSFrame, payload: bytes, error: Exception) -> None:
        """Handle a frame that is not one whole, readable event."""
        if self.lost.done():
            return
        frame_type = frame.msg_type
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self.give_up(UNNEGOTIATED)
        elif frame_type is WSMsgType.PING:
            self._answer_ping(payload)
        elif frame_type is WSMsgType.CLOSE:
            self._closed(self._transport)
        elif frame_type is WSMsgType.CONTINUATION or not frame.fin:
            self._on_fragment(frame.fin, payload)
        elif frame_type is not WSMsgType.PONG:
            self._on_control(payload, error)

    def _end_burst(self) -> None:
        if self._in_burst:
            self._in_burst = False
            self._burst(False)

    def _closed(self, transport: WSTransport | None) -> None:
        """Give up a connection that the venue closed or that broke."""
        handshake = None if transport is None else transport.close_handshake
        if handshake is not None and handshake.recv is not None:
            code, text = int(handshake.recv.code.value), handshake.recv.reason
            self.give_up(f"the exchange closed the connection, code {code} {text}".rstrip())
        self.give_up("the connection broke")

    def _on_fragment(self, fin: bool, payload: bytes) -> None:
        if self._fragments is None:
            self._fragments = bytearray()
        self._fragments += payload
        if len(self._fragments) > MESSAGE_AT_MOST:
            self.give_up(f"a message of more than {MESSAGE_AT_MOST} bytes")
        elif fin:
            whole, self._fragments = bytes(self._fragments), None
            try:  # as in `on_ws_frame`, where a shared function would cost every frame a call
                message = self._decode(whole)
                if message.market_id != self._market_id:
                    raise _other_market(message.market_id)
                self._handlers[type(message)](self, message, whole, self.received_ns)
            except UNREADABLE as error:
                self._on_control(whole, error)

    def _on_control(self, payload: bytes, error: Exception) -> None:
        """Handle a text message that is not a readable event; `error` is the decoder's."""
        try:
            control = self._market.control(payload)
        except UNREADABLE:
            self._reject(None, error)
            return
        if control.meaning == "event":
            self._reread(payload, control.channel, error)
        elif control.meaning == "closing":
            self.closing = True
        elif control.meaning == "answer":
            if control.request is None:
                self._on_answer(control.request_id, control.refusal)
            else:
                self._on_answer(self._first_with(control.request), control.refusal)

    def _reread(self, payload: bytes, channel: str | None, error: Exception) -> None:
        """Dispatch an event that only the slow decoder can read, or reject it."""
        reread = self._market.reread
        if reread is None or not isinstance(error, DecodeError):  # else it was decoded
            self._reject(channel, error)
            return
        try:
            message = reread(payload)
            if message.market_id != self._market_id:
                raise _other_market(message.market_id)
            self._handlers[type(message)](self, message, payload, self.received_ns)
            self.has_data = True
        except UNREADABLE as slow_error:
            self._reject(channel, slow_error)

    def _on_answer(self, request_id: int | None, refusal: str | None) -> None:
        answered = self._unanswered.pop(request_id or 0, None)
        if refusal is None:
            if answered is not None and self._newest[answered[0]] == request_id:
                self.accepted(answered[0])
            return
        channel = next((name for name, its in self._newest.items() if its == request_id), None)
        if channel is None and request_id is not None and request_id <= self._requests:
            return  # the channel has been subscribed to again since
        if channel is None and request_id is None:
            waiting = {name for name, _, _ in self._unanswered.values()}
            if len(waiting) > 1:  # the one that is refused is not answered in time
                self._refusal = refusal
                return
            channel = next(iter(waiting), None)
            self._unanswered.clear()
        if channel is None:
            # It does not say which subscription: a new connection repeats all of them.
            self.give_up(f"the exchange refuses: {refusal}")
        else:
            self._refused(self, channel, f"the subscription is refused: {refusal}")

    def _first_with(self, text: bytes) -> int | None:
        """Return the id of the first unanswered request with a text."""
        requests = self._unanswered.items()
        return next((request_id for request_id, (_, _, its) in requests if its == text), None)

    def _why_unanswered(self, channel: str) -> str:
        if self._refusal is not None:
            return f"the subscription to {channel} is refused: {self._refusal}"
        return f"the subscription to {channel} was not answered in {ACK_WITHIN_S:g} s"

    def _reject(self, channel: str | None, error: Exception) -> None:
        """Report an unreadable message; without a channel it may have been of any of them.

        What it would have changed is not known any more.
        """
        if channel is None:
            self.states.clear()
        else:
            self.states.pop(channel, None)
        self._rejected(self, channel, f"{type(error).__name__}: {error}")

    # --- sending ------------------------------------------------------------------------------

    def _request(self, channel: str, request: Callable[[str, int], bytes], stream: str) -> None:
        self._requests += 1
        self._newest[channel] = self._requests
        text = request(stream, self._requests)
        self._unanswered[self._requests] = (channel, time.monotonic() + ACK_WITHIN_S, text)
        self._queued.append(text)
        self._send_queued()

    def _answer_ping(self, payload: bytes) -> None:
        """Answer at once, or, beyond the limit, with the newest payload as soon as allowed.

        A pong for the newest ping answers those before it (RFC 6455, 5.5.3).
        """
        self._pong = payload
        self._send_queued()

    def _send_queued(self) -> None:
        if self._pong is not None and self._may_send():
            self._send(WSMsgType.PONG, self._pong)
            self._pong = None
        while self._queued and self._may_send():
            self._send(WSMsgType.TEXT, self._queued.popleft())

    def _may_send(self) -> bool:
        sent = self._sent
        return len(sent) < (sent.maxlen or 1) or self._clock.monotonic_s() - sent[0] > 1.0

    def _send(self, message_type: WSMsgType, payload: bytes) -> None:
        if self._transport is not None and not self.lost.done():
            self._sent.append(self._clock.monotonic_s())
            self._transport.send(message_type, payload)


def not_offered(extensions: str) -> SourceError:
    """Return the error for a handshake that negotiates an extension that was not offered."""
    return SourceError(
        f"the exchange negotiates what was not offered: {one_line(extensions[:100])}"
    )


def _other_market(market_id: str) -> ValueError:
    return ValueError(f"a message of {market_id}, which is not subscribed to")


def _ignore(_payload: bytes) -> Any:
    raise ValueError("the connection was given up")
