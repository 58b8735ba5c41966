"""WebSocket frames of a server, including invalid ones (RFC 6455, 5.2). Pure.

Server frames are not masked; no extension is in use.
"""

from __future__ import annotations

import struct

FINAL_TEXT = 0x81
FINAL_BINARY = 0x82
FINAL_CLOSE = 0x88
FINAL_RESERVED = 0x83  # opcode 3 is reserved


def frame(head: int, payload: bytes) -> bytes:
    """Return one frame; `head` is its first byte: the FIN bit and the opcode."""
    length = len(payload)
    if length < 126:
        return struct.pack("!BB", head, length) + payload
    if length < 65536:
        return struct.pack("!BBH", head, 126, length) + payload
    return struct.pack("!BBQ", head, 127, length) + payload


def text_frame(text: str) -> bytes:
    """Return a final text frame."""
    return frame(FINAL_TEXT, text.encode())


def message_frame(message: str | bytes) -> bytes:
    """Return a final frame: of text, or binary."""
    return text_frame(message) if isinstance(message, str) else frame(FINAL_BINARY, message)


def close_frame(code: int, reason: str) -> bytes:
    """Return a close frame."""
    return frame(FINAL_CLOSE, struct.pack("!H", code) + reason.encode())
