"""Binary frames of MEXC, made by ccxt's classes of Protocol Buffers: not by feedd's reader."""

from __future__ import annotations

from typing import Any

import pytest

TIME_MS = 1754741322152


def frame(channel: str, body: str, **fields: Any) -> bytes:
    """Return a frame; lists of the body's fields are repeated messages, each given as a dict."""
    pytest.importorskip("google.protobuf", reason="protobuf is not installed; see the dev extra")
    from ccxt.protobuf.mexc import PushDataV3ApiWrapper_pb2  # noqa: PLC0415

    message = PushDataV3ApiWrapper_pb2.PushDataV3ApiWrapper(
        channel=channel, symbol="BTCUSDT", sendTime=TIME_MS, **{body: fields}
    )
    return message.SerializeToString()  # type: ignore[no-any-return]


def depth(first: int, last: int, bids: list[list[str]], asks: list[list[str]]) -> bytes:
    """Return a frame of the depth."""
    sides = {
        name: [{"price": price, "quantity": quantity} for price, quantity in rows]
        for name, rows in (("bids", bids), ("asks", asks))
    }
    channel = "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT"
    return frame(
        channel, "publicAggreDepths", **sides, eventType="spot@public.aggre.depth.v3.api.pb@100ms",
        fromVersion=str(first), toVersion=str(last),
    )  # fmt: skip
