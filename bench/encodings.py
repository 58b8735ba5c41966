"""MessagePack beside JSON and protobuf, on a real quote as feedd publishes it.

python encodings.py, in the peers' environment; the result is JSON on standard output.
"""

from __future__ import annotations

import json
import sys
import timeit
from typing import TYPE_CHECKING, Any

import msgpack
import msgspec
import orjson
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from feedd.model import Quote

if TYPE_CHECKING:
    from collections.abc import Callable

REPEATS = 7
QUOTE = Quote(
    symbol="BTC/USDT:USDT", timestamp=1723161256313, bid=61800.2, bid_size=2.507, ask=61800.3,
    ask_size=2.51, exchange="binanceusdm", received_ns=1723161256313_482_917,
    published_ns=1723161256313_501_233, session=1723161250123, seq=123_456, id=5123107839020,
)  # fmt: skip


def protobuf_message() -> type[Any]:
    """Return a message class with a quote's fields, as protoc would make it."""
    field = descriptor_pb2.FieldDescriptorProto
    kinds = {str: field.TYPE_STRING, float: field.TYPE_DOUBLE, int: field.TYPE_UINT64}
    file = descriptor_pb2.FileDescriptorProto(name="quote.proto", package="bench", syntax="proto3")
    message = file.message_type.add(name="Quote")
    for number, (name, value) in enumerate(msgspec.structs.asdict(QUOTE).items(), 1):
        message.field.add(
            name=name, number=number, type=kinds[type(value)], label=field.LABEL_OPTIONAL
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("bench.Quote"))


def measured(
    encode: Callable[[], bytes], decode: Callable[[bytes], Any], number: int
) -> dict[str, float]:
    """Return the size in bytes, and the µs of one call each way."""
    data = encode()

    def each_us(what: Callable[[], Any]) -> float:
        times = timeit.repeat(what, number=number, repeat=REPEATS)
        return min(times) / number * 1e6  # what is above the least is other work (timeit)

    return {
        "bytes": len(data),
        "encode_us": each_us(encode),
        "decode_us": each_us(lambda: decode(data)),
    }


def main(number: int) -> dict[str, dict[str, float]]:
    """Return what each encoding costs."""
    fields = msgspec.structs.asdict(QUOTE)
    message = protobuf_message()
    packed, text = msgspec.msgpack.Encoder(), msgspec.json.Encoder()
    return {
        "MessagePack, msgspec, struct (feedd)": measured(
            lambda: packed.encode(QUOTE), msgspec.msgpack.Decoder(Quote).decode, number
        ),
        "MessagePack, msgspec, struct → dict": measured(
            lambda: packed.encode(QUOTE), msgspec.msgpack.Decoder(dict[str, Any]).decode, number
        ),
        "MessagePack, msgpack, dict": measured(
            lambda: msgpack.packb(fields), msgpack.unpackb, number
        ),
        "JSON, msgspec, struct": measured(
            lambda: text.encode(QUOTE), msgspec.json.Decoder(Quote).decode, number
        ),
        "JSON, orjson, dict": measured(lambda: orjson.dumps(fields), orjson.loads, number),
        "JSON, json, dict": measured(lambda: json.dumps(fields).encode(), json.loads, number),
        "protobuf (upb), message": measured(
            lambda: message(**fields).SerializeToString(), message.FromString, number
        ),
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
