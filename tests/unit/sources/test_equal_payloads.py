"""Messages as exchanges may send them: the same events through both sources."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest
from aiohttp import WSMessage, WSMsgType
from msgspec.structs import asdict
from recorded_callbacks import RecordedCallbacks

from feedd import codec
from feedd.books.depth import Update
from feedd.channels import CHANNEL_NAMES
from feedd.model import Trade
from feedd.numbers import integer, number, plain_text, truth
from feedd.sources.ccxt.source import CcxtSource
from feedd.sources.native.connection import NativeConnection
from feedd.sources.native.source import NativeSource
from feedd.sources.trade_sequence import MissingTrades, TradeSequence
from feedd.venues.binance import messages
from feedd.venues.binance.book import to_update
from feedd.venues.binance.native import USDM

SYMBOL = "BTC/USDT:USDT"
T = 1_723_161_256_313
CHANNELS = tuple(name for name in CHANNEL_NAMES if name != "book")
MARKET = {
    "id": "BTCUSDT", "symbol": SYMBOL, "base": "BTC", "quote": "USDT", "settle": "USDT",
    "baseId": "BTC", "quoteId": "USDT", "settleId": "USDT", "type": "swap", "spot": False,
    "swap": True, "future": False, "option": False, "contract": True, "linear": True,
    "inverse": False, "subType": "linear", "contractSize": 1.0, "active": True, "margin": False,
    "precision": {"price": 0.1, "amount": 0.001}, "limits": {}, "info": {},
}  # fmt: skip
PATHS = {"quote": "public", "trade": "public"}
STREAMS = {
    "quote": "bidask:bookTicker@", "trade": "trade::", "ticker": "ticker:ticker@",
    "candle": "ohlcv::", "mark": "markPrice:markPrice@", "liquidation": "liquidations::",
}  # fmt: skip


def through_ccxt(channel: str, *texts: str) -> RecordedCallbacks:
    """Deliver texts to a client of ccxt's that has subscribed to a channel."""

    async def run() -> RecordedCallbacks:
        source, sink = CcxtSource("binanceusdm", SYMBOL, CHANNELS), RecordedCallbacks()
        exchange = source._exchange
        exchange.set_markets([MARKET])
        client = exchange.client(f"wss://fstream.binance.com/{PATHS.get(channel, 'market')}/ws/0")
        source._begin(sink)
        source.subscribing(client.tap, channel)
        client.tap._channels[f"{STREAMS[channel]}{SYMBOL}"] = channel
        for text in texts:
            client.handle_message(WSMessage(WSMsgType.TEXT, text, None))
        await source.close()
        return sink

    return asyncio.run(run())


def through_native(channel: str, *texts: str) -> RecordedCallbacks:
    """Deliver texts to a connection of the native source."""

    async def run() -> RecordedCallbacks:
        source, sink = NativeSource("binanceusdm", SYMBOL, CHANNELS), RecordedCallbacks()
        source._sink, source._event = sink, sink.event
        connection = NativeConnection(
            USDM, "BTCUSDT", source._handlers,
            lambda _line, of, reason: sink.rejected([] if of is None else [of], reason),
            lambda *_: None, lambda *_: None, source._clock,
        )  # fmt: skip
        source._merges[channel].opened(connection)

        class Frame:
            msg_type, fin, last_in_buffer = 1, True, True
            rsv1 = rsv2 = rsv3 = False

            def __init__(self, text: str) -> None:
                self.text = text

            def get_payload_as_bytes(self) -> bytes:
                return self.text.encode()

        for text in texts:
            connection.on_ws_frame(None, Frame(text))  # type: ignore[arg-type]
        return sink

    return asyncio.run(run())


def both(channel: str, *texts: str) -> list[dict[str, Any]] | None:
    """Return the events, equal through both sources; None where both reject all messages."""
    found = []
    for sink in (through_ccxt(channel, *texts), through_native(channel, *texts)):
        assert sink.losses == []
        events = [{**asdict(tick), "received_ns": 0} for tick in sink.ticks]
        found.append((events, len(sink.rejections)))
    assert found[0] == found[1]
    events, rejected = found[0]
    assert len(events) + rejected == len(texts)
    return events or None


MESSAGES: dict[str, dict[str, Any]] = {
    "quote": {"e": "bookTicker", "u": 5123107839020, "s": "BTCUSDT", "b": "61800.20", "B": "2.507",
              "a": "61800.30", "A": "2.510", "T": T, "E": T},
    "trade": {"e": "trade", "E": T, "T": T, "s": "BTCUSDT", "t": 5266583935, "p": "61800.30",
              "q": "0.006", "X": "MARKET", "m": False},
    "ticker": {"e": "24hrTicker", "E": T, "s": "BTCUSDT", "p": "-131.40", "P": "-0.786",
               "w": "16628.97", "c": "16584.60", "Q": "0.002", "o": "16716.00", "h": "16764.89",
               "l": "16456.51", "v": "122474.816", "q": "2036102085.69", "O": T - 86_400_000,
               "C": T, "F": 1, "L": 2, "n": 2},
    "candle": {"e": "kline", "E": T, "s": "BTCUSDT", "k": {
        "t": T - 316, "T": T + 59_683, "s": "BTCUSDT", "i": "1m", "f": 1, "L": 2, "o": "1.01000",
        "c": "1.01100", "h": "1.01100", "l": "1.01000", "v": "3917", "n": 48, "x": False,
        "q": "3957.899", "V": "1729", "Q": "1748.019", "B": "0"}},
    "mark": {"e": "markPriceUpdate", "E": T, "s": "BTCUSDT", "p": "11794.15", "ap": "11794.15",
             "i": "11784.62659091", "P": "11784.25641265", "r": "0.00038167", "T": T + 3_600_000},
    "liquidation": {"e": "forceOrder", "E": T, "o": {
        "s": "BTCUSDT", "S": "SELL", "o": "LIMIT", "f": "IOC", "q": "0.014", "p": "9910",
        "ap": "9910", "X": "FILLED", "l": "0.014", "z": "0.014", "T": T}},
}  # fmt: skip
PRICES = {"quote": "b", "trade": "p", "ticker": "c", "candle": "o", "mark": "p",
          "liquidation": "ap"}  # fmt: skip
FIELDS = {"quote": "bid", "trade": "price", "ticker": "last", "candle": "open",
          "mark": "mark_price", "liquidation": "price"}  # fmt: skip
TIMES = {"quote": "E", "trade": "T", "ticker": "C", "candle": "E", "mark": "E", "liquidation": "T"}


def text_of(channel: str, **changed: str) -> str:
    """Return a channel's message with raw JSON in the place of some keys' values."""
    message = json.loads(json.dumps(MESSAGES[channel]))
    inner = message["k"] if channel == "candle" else message.get("o")
    for key, raw in changed.items():
        of = message
        if isinstance(inner, dict) and not (channel == "candle" and key == "E"):
            of = inner
        of[key] = f"<<{raw}>>"
    text = json.dumps(message)
    for raw in changed.values():
        text = text.replace(json.dumps(f"<<{raw}>>"), raw)
    return text


@pytest.mark.parametrize("channel", MESSAGES)
@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ('"61800.20"', 61800.2), ("61800.20", 61800.2), ("61800", 61800.0), ('"1.25E-7"', 1.25e-7),
        ("1.25E-7", 1.25e-7), ('"1E+3"', 1000.0), ('"0.00004"', 4e-5), ('"0.0000000001"', 1e-10),
        ('"9000000000000000"', 9e15), ("9000000000000000", 9e15), ('"+1.5"', 1.5), ('".5"', 0.5),
        ('"5."', 5.0), ('"01.50"', 1.5), ('"1.5000000000000000000000"', 1.5),
    ],
)  # fmt: skip
def test_a_number_is_the_same_in_each_of_its_forms(channel: str, raw: str, value: float) -> None:
    events = both(channel, text_of(channel, **{PRICES[channel]: raw}))
    assert events is not None
    assert events[0][FIELDS[channel]] == value


@pytest.mark.parametrize("channel", MESSAGES)
@pytest.mark.parametrize(
    "raw",
    ['""', "null", "true", '"true"', '"NaN"', '"Infinity"', '"-inf"', "1e400", '"1e400"',
     '"1_000"', '" 1"', '"0x10"', '"1,5"', '"٣"', "[1]", "{}"],
)  # fmt: skip
def test_what_is_no_number_is_rejected_and_never_published(channel: str, raw: str) -> None:
    assert both(channel, text_of(channel, **{PRICES[channel]: raw})) is None


@pytest.mark.parametrize("channel", MESSAGES)
@pytest.mark.parametrize("raw", [f'"{T}"', str(T), f"{T}.0"])
def test_a_time_is_the_same_as_text_or_as_a_number(channel: str, raw: str) -> None:
    events = both(channel, text_of(channel, **{TIMES[channel]: raw}))
    assert events is not None
    assert events[0]["timestamp"] == T


@pytest.mark.parametrize("id_", [2**60, 10**18, 10**19, 2**64 - 1, 2**64, 10**21 + 1])
@pytest.mark.parametrize("form", ["{}", '"{}"'])
def test_an_id_of_any_length_is_a_number(id_: int, form: str) -> None:
    for channel, key in (("quote", "u"), ("trade", "t")):
        (event,) = both(channel, text_of(channel, **{key: form.format(id_)})) or []
        assert event["id"] == id_


def test_trades_missed_between_ids_of_20_digits_and_more_are_noticed() -> None:
    base = 12_345_678_901_234_567_890_123
    for through in (through_ccxt, through_native):
        sink = through("trade", *(text_of("trade", t=f'"{base + n}"') for n in (0, 1)))
        sequence = TradeSequence()
        for trade in [*sink.ticks, msgspec.structs.replace(sink.ticks[0], id=base + 5)]:
            assert isinstance(trade, Trade)
            assert isinstance(trade.id, int)
            sequence.take(trade.id, trade)
        assert sequence.gap == MissingTrades(base + 1, base + 5)


def test_updates_of_a_book_are_the_same_in_each_form_of_their_numbers() -> None:
    plain = {"e": "depthUpdate", "E": T, "T": T, "s": "BTCUSDT", "U": 5, "u": 9, "pu": 4,
             "b": [["58710.20", "0.014"]], "a": [["61900.5", "0"]]}  # fmt: skip
    forms = [
        plain,
        {**plain, "U": "5", "u": "9", "pu": "4", "E": str(T)},
        {**plain, "b": [[58710.2, 0.014]], "a": [[61900.5, 0]]},
        {**plain, "b": [["5.87102E4", "+.014"]], "a": [["61900.50", "-0"]]},
    ]
    expected = Update(4, 9, T, [(58710.2, 0.014)], [(61900.5, 0.0)])
    for form in forms:
        assert to_update(form) == expected
        assert messages.to_update(USDM.read(json.dumps(form).encode())) == expected


@pytest.mark.parametrize(
    ("raw", "side"),
    [("true", "sell"), ("false", "buy"), ("1", "sell"), ("0", "buy"), ('"true"', "sell"),
     ('"false"', "buy")],
)  # fmt: skip
def test_a_truth_value_is_the_same_in_each_of_its_forms(raw: str, side: str) -> None:
    (event,) = both("trade", text_of("trade", m=raw)) or []
    assert event["side"] == side
    (event,) = both("candle", text_of("candle", x=raw)) or []
    assert event["closed"] is (side == "sell")


@pytest.mark.parametrize("raw", ["null", "2", '"yes"', '""'])
def test_what_is_no_truth_value_is_rejected(raw: str) -> None:
    assert both("trade", text_of("trade", m=raw)) is None
    assert both("candle", text_of("candle", x=raw)) is None


def test_optional_fields_may_be_null_empty_or_absent() -> None:
    for raw in ("null", '""'):
        (event,) = both("mark", text_of("mark", r=raw, i=raw, T="0")) or []
        assert (event["funding_rate"], event["index_price"], event["next_funding"]) == (None,) * 3
    (event,) = both("mark", text_of("mark", r="0", i='"5"')) or []
    assert (event["funding_rate"], event["index_price"]) == (0.0, 5.0)
    (event,) = both("quote", text_of("quote", E="null")) or []
    assert event["timestamp"] is None


def test_the_percentage_of_a_ticker_is_computed_from_numbers_in_each_form() -> None:
    for p, o in (('"0.0001"', '"100"'), ("0.0001", "100"), ('"+0.0001"', "1e2")):
        (event,) = both("ticker", text_of("ticker", P='"0.000"', p=p, o=o)) or []
        assert event["change_percent"] == pytest.approx(0.0001)


def test_further_keys_and_another_order_of_the_keys_change_nothing() -> None:
    for channel, message in MESSAGES.items():
        reordered = {"x1": {"y": [1]}, **dict(reversed(message.items())), "st": 1, "ps": "BTCUSDT"}
        assert both(channel, json.dumps(reordered)) == both(channel, json.dumps(message))


def test_an_id_that_messagepack_has_no_integer_for_is_text_on_the_wire() -> None:
    (tick,) = through_native("trade", text_of("trade", t=str(2**64))).ticks
    assert codec.decode(codec.encode(tick))["id"] == str(2**64)
    tick.id = 2**64 - 1
    assert codec.decode(codec.encode(tick))["id"] == 2**64 - 1


def test_ids_and_times_never_pass_through_a_float() -> None:
    assert integer(2**64 + 1) == integer(str(2**64 + 1)) == 2**64 + 1
    for raw in (float(2**60), 1.5, True, None, "1.5", "1e30"):
        with pytest.raises(ValueError, match="not an integer"):
            integer(raw)


def test_texts_that_only_python_takes_for_numbers_are_rejected() -> None:
    for raw in ("1_0", "٣", " 1", "nan", "inf", "", "+", "."):
        for parse in (number, plain_text, integer, truth):
            with pytest.raises(ValueError, match="n"):
                parse(raw)
