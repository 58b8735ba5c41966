"""ZMTP 3, the part that a publisher needs. Pure: bytes in, bytes out.

3.0: https://rfc.zeromq.org/spec/23/, and PUB and SUB: https://rfc.zeromq.org/spec/29/. It also
supports the subscribe commands and pings of 3.1 (https://rfc.zeromq.org/spec/37/). libzmq supports
ZMTP 3 since 4.0 (2013). The only security mechanism is NULL, as elsewhere in feedd.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.errors import FeeddError

if TYPE_CHECKING:
    from collections.abc import Sequence

GREETING_BYTES = 64
MECHANISM = b"NULL".ljust(20, b"\0")
GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + MECHANISM + bytes(32)
MORE, LONG, COMMAND = 1, 2, 4
MAX_FRAME_BYTES = 4096  # that a subscriber sends, as at the proxy
LENGTH_BYTES = 8
SUBSCRIBERS = (b"SUB", b"XSUB")


class ZmtpError(FeeddError):
    """The peer violates the protocol, or is not a subscriber."""


def command(name: bytes, data: bytes) -> bytes:
    """Return the frame of a short command."""
    body = bytes([len(name)]) + name + data
    return bytes([COMMAND, len(body)]) + body


READY = command(b"READY", b"\x0bSocket-Type" + (3).to_bytes(4, "big") + b"PUB")


def message_head(topic: bytes) -> bytes:
    """Return the bytes before a payload: the topic's frame, and the payload frame's header.

    Its last LENGTH_BYTES are the payload's length, big-endian, for the caller to fill in.
    """
    if len(topic) > 255:
        raise ValueError(f"a topic of {len(topic)} bytes is too long")
    return bytes([MORE, len(topic)]) + topic + bytes([LONG]) + bytes(LENGTH_BYTES)


def message_end(data: bytes | bytearray, at: int) -> int:
    """Return the end of the message, or of the command, that begins at an offset."""
    if data[at] & COMMAND:
        return at + 2 + data[at + 1]
    payload = at + 2 + data[at + 1] + 1 + LENGTH_BYTES
    return payload + int.from_bytes(data[payload - LENGTH_BYTES : payload], "big")


class ZmtpSubscriber:
    """State of a subscriber's connection.

    It stores only subscriptions to one of `topics`, so that other ones use no memory. `wants` are
    the subscribed topics; `ready`: the handshake is complete.
    """

    def __init__(self, topics: Sequence[bytes]) -> None:
        self.ready = False
        self.wants: frozenset[bytes] = frozenset()
        self._topics = topics
        self._prefixes: set[bytes] = set()
        self._changed = False
        self._data = bytearray()
        self._greeted = False

    def receive(self, data: bytes) -> bytes:
        """Process received bytes; return the bytes to send back. Raises ZmtpError.

        The caller sends the greeting, as soon as it is connected.
        """
        self._data += data
        reply = b""
        if not self._greeted:
            if not self._read_greeting():
                return b""
            reply = READY
        at = 0
        while (frame := self._frame(at)) is not None:
            flags, body, at = frame
            if flags & COMMAND:
                reply += self._command(body)
            elif not self.ready:
                raise ZmtpError("it sends messages before its READY")
            elif body[:1] == b"\x01":
                self._subscribe(body[1:])
            elif body[:1] == b"\x00":
                self._cancel(body[1:])
        del self._data[:at]
        if self._changed:  # once, however many subscriptions came
            self._changed = False
            prefixes = tuple(self._prefixes)
            self.wants = frozenset(one for one in self._topics if one.startswith(prefixes))
        return reply

    def _read_greeting(self) -> bool:
        """Read the greeting; return whether it is complete."""
        data = self._data
        if (data and data[0] != GREETING[0]) or (len(data) > 9 and not data[9] & 1):
            raise ZmtpError("it does not speak ZMTP")
        if len(data) > 10 and data[10] < 3:
            raise ZmtpError(f"it speaks ZMTP {data[10]}; at least 3 is needed (libzmq 4.0)")
        if len(data) < GREETING_BYTES:
            return False
        if data[12:32] != MECHANISM:
            raise ZmtpError(
                f"it wants the security mechanism {bytes(data[12:32]).rstrip(bytes(1))!r}"
            )
        del data[:GREETING_BYTES]
        self._greeted = True
        return True

    def _frame(self, at: int) -> tuple[int, bytes, int] | None:
        """Return flags, body and end of the frame at an offset; None if it is incomplete."""
        data = self._data
        if len(data) < at + 2:
            return None
        flags, size, begin = data[at], data[at + 1], at + 2
        if flags > (MORE | LONG | COMMAND):
            raise ZmtpError(f"it sends a frame with invalid flags {flags:#x}")
        if flags & LONG:
            begin = at + 1 + LENGTH_BYTES
            if len(data) < begin:
                return None
            size = int.from_bytes(data[at + 1 : begin], "big")
        if size > MAX_FRAME_BYTES:
            raise ZmtpError(f"it sends a frame of {size} bytes; the limit is {MAX_FRAME_BYTES}")
        if len(data) < begin + size:
            return None
        return flags, bytes(data[begin : begin + size]), begin + size

    def _command(self, body: bytes) -> bytes:
        name, data = body[1 : 1 + body[0]] if body else b"", body[1 + body[0] :] if body else b""
        if name == b"READY":
            socket_type = _properties(data).get(b"socket-type") or b"socket"
            if socket_type not in SUBSCRIBERS:
                raise ZmtpError(f"it is a {socket_type.decode('ascii', 'replace')}, not a SUB")
            self.ready = True
        elif name == b"ERROR":
            raise ZmtpError(f"it reports: {data[1:].decode('ascii', 'replace')}")
        elif not self.ready:
            raise ZmtpError("it sends commands before its READY")
        elif name == b"SUBSCRIBE":
            self._subscribe(data)
        elif name == b"CANCEL":
            self._cancel(data)
        elif name == b"PING":
            return command(b"PONG", data[2:18])  # the context, after the time to live
        return b""

    def _subscribe(self, prefix: bytes) -> None:
        if prefix not in self._prefixes and any(one.startswith(prefix) for one in self._topics):
            self._prefixes.add(prefix)
            self._changed = True

    def _cancel(self, prefix: bytes) -> None:
        if prefix in self._prefixes:
            self._prefixes.remove(prefix)
            self._changed = True


def _properties(data: bytes) -> dict[bytes, bytes]:
    """Return the properties of a READY, with their names in lower case."""
    found, at = {}, 0
    while at < len(data):
        name_end = at + 1 + data[at]
        end = name_end + 4 + int.from_bytes(data[name_end : name_end + 4], "big")
        if end > len(data):
            raise ZmtpError("its READY is malformed")
        found[data[at + 1 : name_end].lower()] = data[name_end + 4 : end]
        at = end
    return found
