"""MEXC's frames as they are played: the same bytes as the library's, of a made-up recording."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mexc_frames import depth, frame, made_recording

from feedd.embedded.played.recording import PlayedRecording
from feedd.venues.mexc import wire
from feedd.venues.mexc.played import encoded


def test_frames_are_encoded_as_the_library_does() -> None:
    for packed in (
        depth(43296363236, 43296363255, [["117053.41", "1.8"]], [["117145.49", "0"], ["1", "2"]]),
        frame("spot@public.x@BTCUSDT", "publicAggreBookTicker", bidPrice="9", bidQuantity="3"),
        frame("spot@public.x@BTCUSDT", "publicMiniTicker", price="76522", zonedRate="-0.1"),
        frame("spot@public.x@BTCUSDT", "publicAggreDeals",
              deals=[{"price": "9", "quantity": "3", "tradeType": 2, "time": 1736409765051}]),
    ):  # fmt: skip
        want, made = wire.decode(packed), wire.decode(encoded(_dict(packed)))
        assert made == want


def test_a_made_up_recording_has_events_of_every_channel(tmp_path: Path) -> None:
    recording = PlayedRecording(made_recording(tmp_path))
    assert recording.name == "mexc"
    market = recording.market("BTC/USDT")
    assert recording.channels[market.id] == {"book", "trade", "quote", "ticker"}


def _dict(packed: bytes) -> dict[str, Any]:
    """Return a frame as the library reads it."""
    from ccxt.protobuf.mexc import PushDataV3ApiWrapper_pb2  # noqa: PLC0415  needs protobuf
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415

    message = PushDataV3ApiWrapper_pb2.PushDataV3ApiWrapper()
    message.ParseFromString(packed)
    found: dict[str, Any] = json.loads(json.dumps(MessageToDict(message)))
    found["sendTime"] = int(found["sendTime"])
    for deal in found.get("publicAggreDeals", {}).get("deals", ()):
        deal["time"] = int(deal["time"])
    return found
