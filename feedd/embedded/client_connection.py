"""Outlet of a market's events for one connection; applies faults to them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

import structlog

from feedd.embedded.faults.events import EventFaults
from feedd.embedded.faults.replies import is_pong
from feedd.embedded.frames import message_frame, text_frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiohttp import web

    from feedd.embedded.faults.events import Passed
    from feedd.embedded.faults.registry import ActiveFault, Faults
    from feedd.embedded.market import MarketMessage, Streams
    from feedd.embedded.truth import TruthLog
    from feedd.embedded.ws_session import WsSession

BACKLOG_LIMIT_BYTES = 64 * 1024 * 1024  # a reader with a larger backlog is cut off
CUT_OFF = "cut_off"  # its name in the truth log
_log = structlog.get_logger()


class ClientConnection:
    """Outlet of one connection; `exchange` is the served market's name."""

    def __init__(
        self,
        number: int,
        response: web.WebSocketResponse,
        request: web.Request,
        market: Streams,
        connection: WsSession,
        exchange: str,
        faults: Faults,
        truth: TruthLog | None,
    ) -> None:
        self.number = number
        self.response = response
        self.market = market
        self.connection = connection
        self.exchange = exchange
        self.event_faults = EventFaults(faults, exchange, self._wrapped)
        self.met: set[int] = set()  # faults that have struck this connection
        self.silent: str | None = None  # the fault that silenced the connection and left it open
        self.by: Literal["exchange", "client"] | None = None
        self.fault: str | None = None  # the fault that ended the connection
        self._request = request
        self._faults = faults
        self._truth = truth
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def transport(self) -> asyncio.Transport | None:
        """The TCP transport; None once it is gone."""
        return self._request.transport

    @property
    def reachable(self) -> bool:
        """Whether sent data can still arrive."""
        transport = self.transport
        return transport is not None and not transport.is_closing() and not self.response.closed

    @property
    def streams(self) -> list[str]:
        """The names of the subscribed streams."""
        return [stream.name for stream in self.connection.streams()]

    def send(self, messages: Sequence[MarketMessage]) -> None:
        """Send events of the market in one write."""
        if not self.reachable:
            return
        if self.backlog() > BACKLOG_LIMIT_BYTES:
            _log.warning("cutting off a reader that is too far behind", connection=self.number)
            self._note(messages, CUT_OFF)
            self.abort()
        elif (
            not self._faults.traffic_unaffected
            or not self.event_faults.idle
            or self.silent is not None
        ):
            self._send_through(messages)
        else:
            self._note(messages, None)
            self.write_frames([self._wrapped(message) for message in messages])

    def reply(self, text: str | bytes) -> None:
        """Answer a request, unless a fault withholds the reply."""
        if self.silent is not None or (
            not self._faults.traffic_unaffected and self._withholds_reply(is_pong(text))
        ):
            return
        self.write_frames([message_frame(text)])

    async def pong(self, data: bytes) -> None:
        """Answer a ping, unless a fault withholds the pong."""
        if self.silent is None and (
            self._faults.traffic_unaffected or not self._withholds_reply(True)
        ):
            await self.response.pong(data)

    def backlog(self) -> int:
        """Return the number of bytes still in the write buffer."""
        transport = self.transport
        return 0 if transport is None else transport.get_write_buffer_size()

    def write(self, texts: list[str]) -> None:
        """Write text frames in one write, so that they share TCP segments as on the exchange."""
        self.write_frames([text_frame(text) for text in texts])

    def write_frames(self, frames: Iterable[bytes]) -> None:
        """Write frames unchanged in one write."""
        transport = self.transport
        if transport is not None and not transport.is_closing():
            transport.write(b"".join(frames))

    def silence(self, fault: str) -> None:
        """Stop sending, and leave the connection open until the client closes it."""
        self.silent = fault
        self.ended("exchange", fault)

    def ended(self, by: Literal["exchange", "client"], fault: str | None = None) -> None:
        """Record which side ended the connection; later calls are ignored."""
        if self.by is None:
            self.by, self.fault = by, fault

    def abort(self) -> None:
        """Drop the connection without a close frame."""
        self.ended("exchange")
        if self.transport is not None:
            self.transport.abort()

    def close(self) -> None:
        """Record the held-back messages and the end of the connection in the truth log."""
        if self._timer is not None:
            self._timer.cancel()
        self._record_and_write(self.event_faults.end())
        if self._truth is not None:
            self._truth.mark(
                "closed",
                connection=self.number,
                streams=self.streams,
                fault=self.fault,
                by=self.by or "client",
            )

    # --- faults -------------------------------------------------------------------------------

    def release(self, *, at_once: bool = False) -> None:
        """Send the delayed messages that are due, or all of them if `at_once`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.reachable:
            self._record_and_write(
                self.event_faults.release(float("inf") if at_once else self._loop.time())
            )
            self._await_release()

    def _send_through(self, messages: Sequence[MarketMessage]) -> None:
        if self.silent is not None:
            self._note(messages, self.silent)
            return
        stall = self._link("stall")
        if stall is not None:
            stall.fired += len(messages)
            self._note(messages, stall.name)
            return
        self._record_and_write(self.event_faults.take(messages, self._loop.time()))
        self._await_release()

    def _record_and_write(self, steps: list[Passed]) -> None:
        for message, swallowed, _ in steps:
            if message is not None:
                self._note([message], swallowed)
        self.write_frames([frame for step in steps for frame in step.frames])

    def _await_release(self) -> None:
        due_s = self.event_faults.next_s
        if due_s is not None and self._timer is None:
            self._timer = self._loop.call_at(due_s, self.release)

    def _withholds_reply(self, is_pong: bool) -> bool:
        stall = self._link("stall")
        if stall is not None and not (is_pong and stall.fault.pongs is not False):
            return True
        no_pong = self._link("no_pong") if is_pong else None
        if no_pong is not None:
            no_pong.fired += 1
        return no_pong is not None

    def _link(self, name: str) -> ActiveFault | None:
        return self._faults.link(name, self.exchange, self.streams)

    def _note(self, messages: Iterable[MarketMessage], swallowed: str | None) -> None:
        if self._truth is not None:
            self._truth.write(self.number, messages, swallowed)

    def _wrapped(self, message: MarketMessage) -> bytes:
        if message.text is not None:
            return message_frame(message.text)
        if self.connection.combined:
            return text_frame(f'{{"stream":"{message.stream}","data":{message.data}}}')
        return text_frame(message.data)
