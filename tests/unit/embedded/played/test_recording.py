"""Recordings that can't be played are refused by one clear line."""

import base64
import gzip
import json
from pathlib import Path

import pytest
import zstandard

from feedd.embedded.played.recording import PlayedRecording
from feedd.errors import ConfigError

LISTING = {
    "instId": "BTC-USDT", "instType": "SPOT", "baseCcy": "BTC", "quoteCcy": "USDT", "state": "live",
}  # fmt: skip
TRADE = {
    "arg": {"channel": "trades", "instId": "BTC-USDT"},
    "data": [{"instId": "BTC-USDT", "tradeId": "7", "px": "5", "sz": "2", "side": "buy",
              "ts": "1652459225000"}],
}  # fmt: skip


def lines(*frames: object, exchange: str = "OKX", listing: object = (LISTING,)) -> str:
    rows: list[dict[str, object]] = [
        {"t": "header", "format": 2, "exchange": exchange},
        {"t": "http", "conn": "h", "ts": 1.5, "url": "https://www.okx.com/api/v5/public/instruments",
         "data": json.dumps({"data": listing})},
        *({"t": "recv", "conn": "w", "ts": 2.25, "data": json.dumps(one)} for one in frames),
    ]  # fmt: skip
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_a_recording_is_read_plain_and_packed(tmp_path: Path, pack: object) -> None:
    path = tmp_path / "one"
    path.write_bytes(pack(lines(TRADE).encode()))  # type: ignore[operator]
    recording = PlayedRecording(path)
    assert recording.name == "okx"
    (batch,) = recording.batches()
    assert batch.at_ns == 2_250_000_000
    assert batch.events[0].id == "7"  # type: ignore[union-attr]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_binary_frame_is_read_and_unpacked(tmp_path: Path, pack: object) -> None:
    packed = base64.b64encode(pack(json.dumps(TRADE).encode())).decode()  # type: ignore[operator]
    path = tmp_path / "one"
    path.write_text(lines() + json.dumps({"t": "recv", "conn": "w", "ts": 2.25, "b64": packed}))
    (batch,) = PlayedRecording(path).batches()
    assert batch.events[0].id == "7"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "packed",
    ["?", base64.b64encode(gzip.compress(b"x", mtime=0)[:-5]).decode()],
    ids=["no base64", "cut off"],
)
def test_a_binary_frame_that_is_damaged_is_refused(tmp_path: Path, packed: str) -> None:
    path = tmp_path / "one"
    path.write_text(lines() + json.dumps({"t": "recv", "conn": "w", "ts": 2.25, "b64": packed}))
    with pytest.raises(ConfigError, match="line 3: its binary frame can't be read"):
        PlayedRecording(path)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (lines(TRADE, exchange="NOBODY"), "is a recording of NOBODY; those that can be played are"),
        (lines(), "holds no event of okx that can be played"),
        (lines({**TRADE, "data": [{}]}), "line 3: is not a message of okx: KeyError: 'ts'"),
        ("hello\n", "line 1: is neither JSON nor `<ns> <JSON>`"),
        ("", "is not a recording of an exchange that can be played"),
        ("{}\n", "line 1: is not a line of a recording"),
        ('1234567890123456789 {"e":"x"}\n', "is not a recording of an exchange that can be played"),
    ],
)
def test_a_file_that_is_not_understood_is_refused(tmp_path: Path, text: str, error: str) -> None:
    path = tmp_path / "one"
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        PlayedRecording(path)
    assert error in str(raised.value)


def test_a_symbol_that_is_not_held_is_refused_with_those_that_are(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_text(lines(TRADE))
    recording = PlayedRecording(path)
    assert recording.market("BTC-USDT") == recording.market("BTC/USDT")
    with pytest.raises(ConfigError, match="does not hold ETH/USDT; it holds BTC/USDT of okx"):
        recording.market("ETH/USDT")
