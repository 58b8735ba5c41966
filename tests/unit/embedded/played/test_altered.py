"""A message is altered in one size, wherever its venue puts it."""

import msgspec
import pytest

from feedd.embedded.played.altered import altered
from feedd.venues.played import Depth, Event, Ticker, Trade, bare

BOOK = Depth("X", 1, (("5", "2"),), (("6", "0"), ("7", "3")))
TRADE = Trade("X", 1, "9", "5", "2.5", "buy")


@pytest.mark.parametrize(
    ("message", "event", "changed"),
    [
        ({"data": [{"bids": [["5", "2", "0", "1"]]}]}, BOOK,
         {"data": [{"bids": [["5", "12", "0", "1"]]}]}),
        ({"b": [{"p": 5, "s": 2}]}, BOOK, {"b": [{"p": 5, "s": 3}]}),
        ([17, [7.0, 1, -3.0]], BOOK, [17, [7.0, 1, -2.0]]),
        ({"px": "5", "sz": "2.5", "id": "9"}, TRADE, {"px": "5", "sz": "12.5", "id": "9"}),
        ({"qty": bare("2.5"), "p": bare("5")}, TRADE, {"qty": bare("12.5"), "p": bare("5")}),
        ({"last": "5", "vol": "8"}, Ticker("X", 1, "5", volume="8"), {"last": "5", "vol": "18"}),
        ({"px": "5", "sz": "5"}, Trade("X", 1, "9", "5", "5", "buy"), {"px": "5", "sz": "15"}),
    ],
)  # fmt: skip
def test_a_size_is_altered(message: object, event: Event, changed: object) -> None:
    encoded = msgspec.json.encode(message)
    assert msgspec.json.encode(altered(message, [event])) == msgspec.json.encode(changed)
    assert msgspec.json.encode(message) == encoded  # the message itself is as it was


def test_a_message_without_the_event_s_size_can_not_be_altered() -> None:
    assert altered({"event": "heartbeat"}, [TRADE]) is None
    assert altered({"px": "5", "sz": "2"}, []) is None
