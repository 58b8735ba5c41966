"""One WebSocket connection to Binance: subscriptions, pings, and what its frames say.

picows hands over one frame at a time, which is valid during the callback only
(https://picows.readthedocs.io/en/stable/). Its payload is copied: for a message of 200 bytes that
takes half the time of a memoryview of it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec
from picows import WSCloseCode, WSListener, WSMsgType

from feedd.venues.binance import messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from picows import WSFrame, WSTransport

    from feedd.clock import Clock

ACK_WITHIN_S = 10.0
PING_EVERY_S = 5.0
DEAD_AFTER_S = 20.0  # without a frame, although pings go out
ASLEEP_S = 3.0  # between two looks: then this process was held up, and not the connection
MESSAGE_AT_MOST = 10 * 1024 * 1024  # bytes, also of one that comes in pieces

# What a message can do that is not as it should be: RecursionError is of JSON that is nested deep,
# ArithmeticError of a decimal that is none and of a number that fits nowhere.
UNREADABLE = (ValueError, TypeError, LookupError, ArithmeticError, RecursionError)

Take = dict[type, "Callable[[Line, Any, bytes, int], None]"]


class Line(WSListener):
    """One connection. Every frame is a sign of life: `received_ns` is when the last one came.

    `take` says who takes which kind of message, with the line, the payload and the time in ns;
    what it raises of UNREADABLE rejects the message, and so does another
    symbol than `symbol`, which is the exchange's id. `lost` is done,
    with the reason, when the connection is to be given up; from then on its frames are ignored.
    `burst` is told True when a frame is taken behind which others are at hand, and False after the
    last of them.
    `clock` is the exchange's, for its rule of messages a second.
    """

    def __init__(
        self,
        symbol: str,
        read: Callable[[bytes], Any],
        take: Take,
        messages_a_second: int,
        rejected: Callable[[Line, str | None, str], None],
        refused: Callable[[Line, str, str], None],
        burst: Callable[[bool], None],
        clock: Clock,
    ) -> None:
        self._symbol = symbol
        self._read = read
        self._take = take
        self._rejected = rejected
        self._refused = refused
        self._burst = burst
        self._in_burst = False
        self._clock = clock
        self._sent: deque[float] = deque(maxlen=messages_a_second - 1)
        self._transport: WSTransport | None = None
        self._unanswered: dict[int, tuple[str, float]] = {}  # by id: channel, deadline
        self._requests = 0
        self._pinged_s = time.monotonic()
        # Not sent yet, because too much was sent in this second.
        self._due: deque[bytes] = deque()  # requests: as many as there are channels
        self._pong: bytes | None = None
        self._pieces: bytearray | None = None
        self.received_ns = self._seen_ns = 0
        self.has_data = False
        self._alive_s = self._looked_s = self._pinged_s
        self.leaving = False  # the exchange said that it will close the connection
        self.opened_s = clock.monotonic_s()
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    # --- what picows calls --------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Take a connection that stands."""
        self._transport = transport
        self.received_ns = time.time_ns()
        if self.lost.done():
            transport.disconnect(graceful=False)

    def on_ws_frame(self, _transport: WSTransport, frame: WSFrame) -> None:
        """Take a frame. What is no event, control frames too, is told by its failing to be one."""
        self.received_ns = received_ns = time.time_ns()
        payload = frame.get_payload_as_bytes()
        last = frame.last_in_buffer
        if not last and not self._in_burst:
            self._in_burst = True
            self._burst(True)
        try:
            message = self._read(payload)
            if message.s != self._symbol:
                raise _other_symbol(message.s)
            self._take[type(message)](self, message, payload, received_ns)
            self.has_data = True
        except UNREADABLE as error:
            self._other(frame, payload, error)
        if last:
            self._end_burst()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Note that the connection is gone, maybe in a burst whose last frames were never told."""
        self._end_burst()
        self._closed(transport)

    # --- what the route calls -----------------------------------------------------------------

    def subscribe(self, channel: str, stream: str) -> None:
        """Ask for a stream; it may be refused, or never be answered."""
        self._requests += 1
        self._unanswered[self._requests] = (channel, time.monotonic() + ACK_WITHIN_S)
        request = {"method": "SUBSCRIBE", "params": [stream], "id": self._requests}
        self._due.append(msgspec.json.encode(request))
        self._send_due()

    def look(self) -> None:
        """Send what is due, and give up what is dead; to be called about once a second."""
        now_s = time.monotonic()
        self._send_due()
        if now_s - self._pinged_s >= PING_EVERY_S and self._may_send():
            self._pinged_s = now_s
            self._send(WSMsgType.PING, b"")
        if self.received_ns != self._seen_ns or now_s - self._looked_s > ASLEEP_S:
            self._seen_ns, self._alive_s = self.received_ns, now_s
        self._looked_s = now_s
        if now_s - self._alive_s > DEAD_AFTER_S:
            self.give_up(f"no sign of life for {DEAD_AFTER_S:g} s")
        for channel, deadline_s in self._unanswered.values():
            if now_s > deadline_s:
                self.give_up(
                    f"the subscription to {channel} was not answered in {ACK_WITHIN_S:g} s"
                )
                return

    @property
    def stands(self) -> bool:
        """Whether the handshake is over, and the connection was not lost since."""
        return self._transport is not None and not self.lost.done()

    @property
    def answered(self) -> bool:
        """Whether every subscription was."""
        return not self._unanswered

    def give_up(self, reason: str) -> None:
        """End the connection, for this reason if it is the first."""
        if self.lost.done():
            return
        self.lost.set_result(reason)
        self._read = _refuse
        if self._transport is not None and not self._transport.is_disconnected:
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect()

    # --- frames -------------------------------------------------------------------------------

    def _other(self, frame: WSFrame, payload: bytes, error: Exception) -> None:
        """Take what is no event in one frame."""
        if self.lost.done():
            return
        kind = frame.msg_type
        if kind is WSMsgType.PING:
            self._answer_ping(payload)
        elif kind is WSMsgType.CLOSE:
            self._closed(self._transport)
        elif kind is WSMsgType.CONTINUATION or not frame.fin:
            self._piece(frame.fin, payload)
        elif kind is not WSMsgType.PONG:
            self._answer(payload, error)

    def _end_burst(self) -> None:
        if self._in_burst:
            self._in_burst = False
            self._burst(False)

    def _closed(self, transport: WSTransport | None) -> None:
        """Give the connection up as the exchange did, whether or not it still stands."""
        handshake = None if transport is None else transport.close_handshake
        if handshake is not None and handshake.recv is not None:
            code, text = int(handshake.recv.code.value), handshake.recv.reason
            self.give_up(f"the exchange closed the connection, code {code} {text}".rstrip())
        self.give_up("the connection broke")

    def _piece(self, fin: bool, payload: bytes) -> None:
        if self._pieces is None:
            self._pieces = bytearray()
        self._pieces += payload
        if len(self._pieces) > MESSAGE_AT_MOST:
            self.give_up(f"a message of more than {MESSAGE_AT_MOST} bytes")
        elif fin:
            whole, self._pieces = bytes(self._pieces), None
            try:  # as in `on_ws_frame`, where one call more would cost every frame
                message = self._read(whole)
                if message.s != self._symbol:
                    raise _other_symbol(message.s)
                self._take[type(message)](self, message, whole, self.received_ns)
            except UNREADABLE as error:
                self._answer(whole, error)

    def _answer(self, payload: bytes, error: Exception) -> None:
        """Take an answer to a subscription; reject what is none."""
        try:
            answer = messages.read_answer(payload)
            kind = messages.read_kind(payload).e
        except UNREADABLE:
            self._reject(None, error)
            return
        if kind is not None:
            self._reject(kind, error)
            return
        refusal = answer.refusal
        channel, _ = self._unanswered.pop(answer.id or 0, (None, 0.0))
        if refusal is None:
            if answer.id is None:
                self._reject(None, error)
        elif channel is None:
            # It is not said which; a new connection asks for all of them anew.
            self.give_up(f"the exchange refuses: {refusal}")
        else:
            self._refused(self, channel, f"the subscription is refused: {refusal}")

    def _reject(self, kind: str | None, error: Exception) -> None:
        """Tell a message that can't be read: one of no known kind may have been of any channel."""
        if kind == "serverShutdown":
            self.leaving = True
        else:
            channel = messages.CHANNEL_OF.get(kind or "")
            self._rejected(self, channel, f"{type(error).__name__}: {error}")

    def _answer_ping(self, payload: bytes) -> None:
        """Answer at once, or, beyond the rate, with the newest payload as soon as it may be.

        A pong for the newest ping answers those before it (RFC 6455, 5.5.3).
        """
        self._pong = payload
        self._send_due()

    def _send_due(self) -> None:
        if self._pong is not None and self._may_send():
            self._send(WSMsgType.PONG, self._pong)
            self._pong = None
        while self._due and self._may_send():
            self._send(WSMsgType.TEXT, self._due.popleft())

    def _may_send(self) -> bool:
        sent = self._sent
        return len(sent) < (sent.maxlen or 1) or self._clock.monotonic_s() - sent[0] > 1.0

    def _send(self, kind: WSMsgType, payload: bytes) -> None:
        if self._transport is not None and not self.lost.done():
            self._sent.append(self._clock.monotonic_s())
            self._transport.send(kind, payload)


def _other_symbol(symbol: str) -> ValueError:
    return ValueError(f"a message of {symbol}, which was not asked for")


def _refuse(_payload: bytes) -> Any:
    raise ValueError("the connection was given up")
