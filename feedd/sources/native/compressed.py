"""A connection whose frames the venue compresses: permessage-deflate (RFC 7692).

Requests are sent uncompressed, as any endpoint may: they are few and short.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, ClassVar

from picows import WSMsgType

from feedd.sources.error_texts import one_line
from feedd.sources.native.connection import (
    MESSAGE_AT_MOST,
    UNNEGOTIATED,
    NativeConnection,
    not_offered,
)

if TYPE_CHECKING:
    from picows import WSFrame, WSTransport

EXTENSION = "permessage-deflate"
_TAIL = b"\x00\x00\xff\xff"  # RFC 7692, 7.2.2: not sent at the end of a message
_FLAGS = frozenset({"server_no_context_takeover", "client_no_context_takeover"})
_BITS = frozenset({"server_max_window_bits", "client_max_window_bits"})
_CONTROL = frozenset({WSMsgType.PING, WSMsgType.PONG, WSMsgType.CLOSE})


class DeflateError(Exception):
    """A message that does not decompress, or to more than MESSAGE_AT_MOST bytes."""


class Inflater:
    """Decompresses the messages of one connection; `parameters` are those that were negotiated."""

    def __init__(self, parameters: frozenset[str]) -> None:
        self._forgets = "server_no_context_takeover" in parameters
        self._stream: Any = None
        self._left = 0  # bytes that the message may still have

    def begin(self) -> None:
        """Begin a message."""
        self._left = MESSAGE_AT_MOST
        if self._stream is None or self._forgets or self._stream.eof:
            # The largest window decompresses what any smaller one compressed.
            self._stream = zlib.decompressobj(-zlib.MAX_WBITS)

    def inflate(self, payload: bytes, *, last: bool) -> bytes:
        """Return a part of a message, decompressed; raise DeflateError."""
        try:
            part: bytes = self._stream.decompress(
                payload + _TAIL if last else payload, self._left + 1
            )
        except zlib.error as error:
            raise DeflateError(f"a message can't be decompressed: {one_line(error)}") from None
        self._left -= len(part)
        if self._left < 0:
            raise DeflateError(f"a message of more than {MESSAGE_AT_MOST} bytes")
        return part


def negotiated(header: str | None) -> frozenset[str] | None:
    """Return the parameters that a venue accepted, or None if it compresses nothing.

    `header` is Sec-WebSocket-Extensions of its answer. Raises SourceError for anything that was
    not offered.
    """
    if not (header or "").strip():
        return None
    name, *parameters = [part.strip() for part in str(header).split(";")]
    names = [parameter.partition("=")[0].strip() for parameter in parameters]
    fits = name.lower() == EXTENSION and len(set(names)) == len(names)
    if not fits or not all(map(_is_known, parameters)):
        raise not_offered(str(header))
    return frozenset(names)


def _is_known(parameter: str) -> bool:
    name, separator, value = (part.strip() for part in parameter.partition("="))
    if name in _FLAGS:
        return not separator
    return name in _BITS and value.strip('"') in {str(bits) for bits in range(8, 16)}


class CompressedConnection(NativeConnection):
    """Offers permessage-deflate, and decompresses where the venue accepts it."""

    offer: ClassVar = (("Sec-WebSocket-Extensions", f"{EXTENSION}; client_max_window_bits"),)
    _inflater: Inflater | None = None
    _in_message = False  # between the fragments of a compressed message

    def accept(self, extensions: str | None) -> None:
        """Take the venue's answer to the offer."""
        parameters = negotiated(extensions)
        if parameters is not None:
            self._inflater = Inflater(parameters)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Dispatch a frame, decompressed."""
        inflater = self._inflater
        if inflater is None or self.lost.done() or frame.msg_type in _CONTROL:
            super().on_ws_frame(transport, frame)
            return
        if frame.rsv1:
            if self._in_message or frame.msg_type is WSMsgType.CONTINUATION:
                self.give_up(UNNEGOTIATED)
                return
            inflater.begin()
            self._in_message = True
        if not self._in_message:
            super().on_ws_frame(transport, frame)
            return
        self._in_message = not frame.fin
        try:
            super().on_ws_frame(transport, _Inflated(frame, inflater))  # type: ignore[arg-type]
        except DeflateError as error:
            self.give_up(str(error))


class _Inflated:
    """A compressed frame: decompressed when its payload is read, after its time of receipt."""

    __slots__ = ("_frame", "_inflater", "fin", "last_in_buffer", "msg_type")
    rsv1 = rsv2 = rsv3 = False

    def __init__(self, frame: WSFrame, inflater: Inflater) -> None:
        self._frame = frame
        self._inflater = inflater
        self.fin = frame.fin
        self.last_in_buffer = frame.last_in_buffer
        self.msg_type = frame.msg_type

    def get_payload_as_bytes(self) -> bytes:
        """Return the decompressed payload."""
        return self._inflater.inflate(self._frame.get_payload_as_bytes(), last=self.fin)
