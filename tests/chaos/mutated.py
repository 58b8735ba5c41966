"""Mutated frames into every parser that reads what others wrote: no crash, and no wrong price.

"No wrong price" is held against the frame itself, read by a second, plain reader: what comes out of
feedd's parser equals the value in the frame and is finite, or no event is published.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator
from typing import Any

import msgpack
import msgspec

from chaos.frame import Run, case
from feedd.books.depth import Snapshot
from feedd.books.diff import DiffBook
from feedd.books.streamed import StreamedBook
from feedd.client.protocol import Protocol
from feedd.transport.history_protocol import respond
from feedd.transport.message_rings import MessageRings
from feedd.venues.binance import book as binance_book
from feedd.venues.binance import parsers as binance
from feedd.venues.bybit import book as bybit_book
from feedd.venues.bybit import parsers as bybit

EACH = 250_000
EACH_SHORT = 1_000
# What feedd.sources takes for "can't be read"; anything else would end a worker's channel.
UNREADABLE = (ValueError, TypeError, LookupError, ArithmeticError)
ODD = ["NaN", "Infinity", "-Infinity", "1e999", "", "-1", "0", None, True, [], {}, "x", 1e308, -1,
       2**70, [[]], "١٢", "1_000", " 1", "0x1p3"]  # fmt: skip
ORIGIN = ("binanceusdm", "BTC/USDT:USDT", 1)


def mutated(frame: bytes, generator: random.Random) -> bytes:
    """Return a frame with one to three things wrong with its bytes."""
    data = bytearray(frame)
    for _ in range(generator.randint(1, 3)):
        at = generator.randrange(len(data) + 1)
        end = min(len(data), at + generator.randint(1, 8))
        how = generator.randrange(5)
        if how == 0 and at < len(data):
            data[at] ^= 1 << generator.randrange(8)
        elif how == 1:
            del data[at:end]
        elif how == 2:
            data[at:at] = data[at:end]
        elif how == 3:
            data[at:at] = generator.randbytes(generator.randint(1, 8))
        elif generator.random() < 0.2:
            del data[at:]
    return bytes(data)


def odd(message: Any, generator: random.Random) -> Any:
    """Return a copy of a message of JSON with one value replaced by an odd one, or left out."""
    copy = json.loads(json.dumps(message))
    at = copy
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            return copy
        key = generator.choice(keys)
        if isinstance(at[key], (dict, list)) and at[key] and generator.random() < 0.8:
            at = at[key]
        elif generator.random() < 0.1:
            del at[key]
            return copy
        else:
            at[key] = generator.choice(ODD)
            return copy


def variants(message: Any, generator: random.Random, count: int) -> Iterator[Any]:
    """Yield messages made of one, as far as they are JSON at all."""
    text = json.dumps(message).encode()
    for _ in range(count):
        if generator.random() < 0.5:
            yield odd(message, generator)
            continue
        try:
            found = json.loads(mutated(text, generator))
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):  # ccxt hands on nothing else
            yield found


# --- what is read from ZeroMQ ---------------------------------------------------------------------

QUOTE = {"symbol": "A/B", "timestamp": 1, "bid": 61800.2, "bid_size": 2.5, "ask": 61800.3,
         "ask_size": 0.1, "exchange": "x", "received_ns": 1, "published_ns": 2, "session": 3,
         "seq": 1, "id": 7}  # fmt: skip
STATUS = {"symbol": "A/B", "exchange": "x", "state": "live", "reason": None, "uptime_s": 5.0,
          "next_seq": {"quote.x.A/B.": 3}, "gap": None, "session": 3, "seq": 1}  # fmt: skip


def client_frames(run: Run, count: int) -> int:
    """Give messages and answers to the client's protocol; return how many ticks came of them."""
    generator, ticks = run.random, 0
    for done in range(count):
        if done % 500 == 0:
            asking = Protocol([""], 1, 0.0)
        if done % 10 == 0:
            protocol = Protocol([""], 0, 0.0)
        now_s = (done % 500) / 10
        kind = generator.randrange(3)
        if kind == 0:
            held = [[b"quote.x.A/B.", msgpack.packb({**QUOTE, "seq": n})] for n in (1, 2)]
            reply = {"op": generator.choice(["snapshot", "replay"]), "id": done % 500 // 3,
                     "messages": held, "complete": True, "low": 1, "high": 2}  # fmt: skip
            asking.response(mutated(msgpack.packb(reply), generator), now_s)
            asking.check(now_s)
            asking.requests()
            continue
        content = {**(QUOTE if kind == 1 else STATUS), "seq": done % 500 + 1}
        name = b"quote.x.A/B." if kind == 1 else b"status.x.A/B."
        if generator.random() < 0.2:
            name = mutated(name, generator)
        payload = mutated(msgpack.packb(content), generator)
        protocol.message(name, payload, now_s)
        protocol.check(now_s)
        for event in protocol.events():
            if kind == 1 and hasattr(event, "bid"):
                ticks += 1
                _same_as_plain(run, event, payload)
    return ticks


def _same_as_plain(run: Run, event: Any, payload: bytes) -> None:
    """Hold a tick against the same payload as MessagePack's own reader reads it."""
    try:
        plain = msgpack.unpackb(payload, strict_map_key=False, unicode_errors="replace")
    except (ValueError, TypeError):  # a map as a key
        plain = {}
    if event.seq == plain.get("seq"):  # else it is an earlier one, that waited
        for key in ("bid", "ask", "bid_size", "ask_size"):
            expected = plain[key] if plain[key] is None else float(plain[key])  # prices are float64
            run.must(_same(getattr(event, key), expected), f"{key} of {payload!r}: {event}")


def _same(a: Any, b: Any) -> bool:
    return bool(a == b or (a != a and b != b))  # noqa: PLR0124  both NaN


class Answered(msgspec.Struct):
    """Of an answer, what is not the asker's own."""

    messages: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


_answered = msgspec.msgpack.Decoder(Answered).decode


def history_requests(run: Run, count: int) -> int:
    """Give messages and requests to the history; return how many it refused."""
    rings, errors = MessageRings(), 0
    rings.add(b"quote.x.A/B.", msgpack.packb(QUOTE))
    forms = [
        msgpack.packb({"op": "snapshot", "topics": ["quote.", ""], "after": "a", "id": 5}),
        msgpack.packb({"op": "replay", "topic": "quote.x.A/B.", "session": 3, "from": 1, "to": 2,
                       "id": "x"}),
    ]  # fmt: skip
    for _ in range(count):
        rings.add(b"quote.x.C/D.", mutated(msgpack.packb(QUOTE), run.random))
        asked = mutated(run.random.choice(forms), run.random)
        answer = _answered(respond(asked, rings))
        refused = bool(bytes(answer.error))
        run.must(refused or bytes(answer.messages), f"no answer to {asked!r}")
        errors += refused
    return errors


# --- what is read from exchanges ------------------------------------------------------------------

KLINE = {"e": "kline", "E": 5, "s": "BTCUSDT", "k": {"t": 1, "T": 2, "o": "1.01", "c": "1.02",
         "h": "1.03", "l": "1.00", "v": "3917", "x": False}}  # fmt: skip
MARK = {"e": "markPriceUpdate", "E": 5, "s": "BTCUSDT", "p": "11794.15", "i": "11784.62",
        "r": "0.00038167", "T": 1562306400000}  # fmt: skip
REST_TRADE = {"id": 28457, "price": "4.00", "qty": "12.0", "time": 9, "isBuyerMaker": True}
BYBIT_KLINE = {"topic": "kline.5.BTCUSDT", "data": [{"start": 1, "open": "16649.5", "close": "1",
               "high": "16677", "low": "16608", "volume": "2.08", "confirm": False,
               "timestamp": 3}]}  # fmt: skip


def _candle_kline(message: Any) -> Any:
    return binance.candles(message, *ORIGIN, "1m")[0]


def _candle_bybit(message: Any) -> Any:
    return bybit.candles(message, *ORIGIN, "5m")[0]


READERS: list[tuple[Any, Callable[[Any], Any], Callable[[Any], Any], dict[str, str]]] = [
    (KLINE, _candle_kline, lambda m: m["k"],
     {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}),
    (BYBIT_KLINE, _candle_bybit, lambda m: m["data"][0],
     {"open": "open", "high": "high", "low": "low", "close": "close", "volume": "volume"}),
    (MARK, lambda m: binance.mark(m, *ORIGIN), lambda m: m,
     {"mark_price": "p", "index_price": "i"}),
    (REST_TRADE, lambda m: binance.rest_trade(m, *ORIGIN), lambda m: m,
     {"price": "price", "size": "qty"}),
]  # fmt: skip


def exchange_events(run: Run, count: int) -> dict[str, int]:
    """Read raw events; return how many were read, and how many of them had a price that is none."""
    read = none = 0
    for message, reader, part, names in READERS:
        for variant in variants(message, run.random, count // len(READERS)):
            try:
                event = reader(variant)
            except UNREADABLE:
                continue
            if event is None:
                continue
            read += 1
            for name, key in names.items():
                value = getattr(event, name)
                if value is None:
                    continue
                run.must(_same(value, float(part(variant)[key])), f"{name}: {variant}: {event}")
                none += not math.isfinite(value)
    return {"read": read, "not finite": none}


def depth_updates(run: Run, count: int) -> dict[str, int]:
    """Give updates to both kinds of books; one that is vouched for has levels that can be."""
    synced = odd_levels = 0
    update = {"E": 5, "U": 11, "u": 12, "pu": 10, "b": [["9.5", "1"], ["9.4", "0"]],
              "a": [["10.5", "2"]]}  # fmt: skip
    delta = {"type": "delta", "ts": 6, "data": {"b": [["9.5", "1"]], "a": [["10.5", "2"]], "u": 2,
             "seq": 8}}  # fmt: skip
    for number, variant in enumerate(variants(update, run.random, count // 2)):
        book: Any = DiffBook(5)
        _offer(book, binance_book.to_update, {"E": 1, "U": 9, "u": 10, "pu": 8, "b": [], "a": []})
        levels = [[f"{9 - n / 10:.1f}", "1"] for n in range(3)]
        asks = [[f"{11 + n / 10:.1f}", "1"] for n in range(3)]
        respond = {"lastUpdateId": 10, "bids": levels, "asks": asks}
        _offer(book, binance_book.to_snapshot, respond)
        run.must(book.synced, "a book to begin with")
        _offer(book, binance_book.to_update, variant)
        synced += book.synced
        odd_levels += _odd_levels(run, book, number)
    for number, variant in enumerate(variants(delta, run.random, count // 2)):
        book = StreamedBook()
        snapshot = {"b": [["9", "1"]], "a": [["11", "1"]], "u": 1, "seq": 7}
        _offer(book, bybit_book.to_depth, {"type": "snapshot", "ts": 5, "data": snapshot})
        _offer(book, bybit_book.to_depth, variant)
        synced += book.synced
        odd_levels += _odd_levels(run, book, number)
    return {"vouched for": synced, "not finite": odd_levels}


def _offer(book: Any, parse: Callable[[Any], Any], message: Any) -> None:
    try:
        depth = parse(message)
    except UNREADABLE:
        return
    (book.on_snapshot if isinstance(depth, Snapshot) else book.on_update)(depth)


def _odd_levels(run: Run, book: Any, number: int) -> int:
    if not book.synced:
        return 0
    bids, asks = book.book.bids.top(5), book.book.asks.top(5)
    if bids and asks:
        run.must(not bids[0][0] >= asks[0][0], f"a crossed book, number {number}: {bids} {asks}")
    return sum(not math.isfinite(n) or n < 0 for level in (*bids, *asks) for n in level)


@case(
    "mutated frames",
    what="a million mutated frames into the client, the history's request parser, and the parsers "
    "of raw exchange events and books",
    target="no crash; every price is the frame's, and finite",
    limit_s=400,
    short=True,
)
def mutated_frames(run: Run) -> None:
    count = EACH_SHORT if run.short else EACH
    ticks = client_frames(run, count)
    errors = history_requests(run, count)
    events = exchange_events(run, count)
    books = depth_updates(run, count)
    run.note(f"{4 * count:,} frames, 0 crashes; {ticks:,} ticks of the client's")
    run.note(f"{errors:,} requests refused; {events['read']:,} events read, "
             f"{books['vouched for']:,} books verified")  # fmt: skip
    run.figure("prices not finite", events["not finite"], most=0)
    run.figure("levels not finite", books["not finite"], most=0)
