"""permessage-deflate: negotiation, and decompression within bounds."""

from __future__ import annotations

import os
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedd.errors import SourceError
from feedd.sources.native import compressed
from feedd.sources.native.compressed import DeflateError, Inflater, negotiated

TAIL = b"\x00\x00\xff\xff"


class Compressor:
    """What a venue does: the other side of RFC 7692."""

    def __init__(self, bits: int = 15, *, forgets: bool = False) -> None:
        self._bits, self._forgets = bits, forgets
        self._stream = zlib.compressobj(wbits=-bits)

    def message(self, payload: bytes) -> bytes:
        if self._forgets:
            self._stream = zlib.compressobj(wbits=-self._bits)
        out = self._stream.compress(payload) + self._stream.flush(zlib.Z_SYNC_FLUSH)
        assert out.endswith(TAIL)
        return out.removesuffix(TAIL)


def whole(inflater: Inflater, *parts: bytes) -> bytes:
    inflater.begin()
    return b"".join(
        inflater.inflate(part, last=number == len(parts)) for number, part in enumerate(parts, 1)
    )


@given(st.lists(st.binary(max_size=3000), max_size=8), st.integers(9, 15), st.booleans())
def test_messages_decompress_as_they_were(messages: list[bytes], bits: int, forgets: bool) -> None:
    venue = Compressor(bits, forgets=forgets)
    parameters = {"server_max_window_bits", *(["server_no_context_takeover"] * forgets)}
    inflater = Inflater(frozenset(parameters))
    for message in messages * 2:
        sent = venue.message(message)
        cut = len(sent) // 2
        assert whole(inflater, sent[:cut], sent[cut:]) == message


def test_a_message_in_a_final_block_is_followed_by_others() -> None:
    """RFC 7692, 7.2.3.4: a venue may end its stream with each message."""
    inflater = Inflater(frozenset())
    for text in (b"Hello", b"Hello again"):
        stream = zlib.compressobj(wbits=-15)
        assert whole(inflater, stream.compress(text) + stream.flush() + b"\x00") == text
    assert whole(inflater, Compressor().message(b"and again")) == b"and again"


def test_a_message_that_would_fill_the_memory_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed, "MESSAGE_AT_MOST", 100_000)
    bomb = Compressor().message(bytes(50_000_000))
    tracemalloc.start()
    with pytest.raises(DeflateError, match="more than 100000 bytes"):
        whole(Inflater(frozenset()), bomb)
    with pytest.raises(DeflateError, match="more than 100000 bytes"):
        whole(Inflater(frozenset()), bomb[:20], bomb[20:])
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
    with pytest.raises(DeflateError, match="more than 100000 bytes"):
        whole(Inflater(frozenset()), Compressor().message(bytes(100_001)))
    assert len(whole(Inflater(frozenset()), Compressor().message(bytes(100_000)))) == 100_000


def test_a_message_that_is_damaged_is_given_up() -> None:
    with pytest.raises(DeflateError, match="can't be decompressed"):
        whole(Inflater(frozenset()), b"\xff" + os.urandom(50))


@pytest.mark.parametrize(
    ("header", "parameters"),
    [
        (None, None),
        ("", None),
        ("permessage-deflate", set()),
        ("permessage-deflate; server_no_context_takeover", {"server_no_context_takeover"}),
        ("permessage-deflate;client_no_context_takeover ; server_max_window_bits=10",
         {"client_no_context_takeover", "server_max_window_bits"}),
        ('permessage-deflate; client_max_window_bits="15"', {"client_max_window_bits"}),
    ],
)  # fmt: skip
def test_every_answer_to_the_offer_is_understood(
    header: str | None, parameters: set[str] | None
) -> None:
    assert negotiated(header) == parameters


@pytest.mark.parametrize(
    "header",
    [
        "x-webkit-deflate-frame",
        "permessage-deflate, permessage-deflate",
        "permessage-deflate; unknown",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits",
    ],
)
def test_an_answer_that_was_not_offered_ends_the_handshake(header: str) -> None:
    with pytest.raises(SourceError, match="negotiates what was not offered"):
        negotiated(header)
