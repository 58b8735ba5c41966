"""One ccxt client's tap: what it reports of the client's messages."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from feedd.sources.ccxt.tap import Tap, subscribing_to
from feedd.venues.contract import Venue


class Observed:
    """Keeps what taps report."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []

    def subscribing(self, tap: Tap, channel: str) -> None:
        self.events.append(("subscribing", tap, channel))

    def connected(self, tap: Tap) -> None: ...

    def disconnected(self, tap: Tap, error: Any) -> None:
        self.events.append(("disconnected", tap, error))

    def parsed(self, tap: Tap, channel: str, result: Any, message: Any, _received_ns: int) -> None:
        self.events.append(("parsed", tap, channel, result, message))

    def raw(self, _tap: Tap, _channel: str, _message: Any, _received_ns: int) -> bool:
        return False

    def book_invalid(self, reason: str) -> None: ...

    def refused(self, tap: Tap, channel: str, error: Any) -> None:
        self.events.append(("refused", tap, channel, str(error)))

    def unreadable(self, tap: Tap, error: Exception, _message: Any) -> None:
        self.events.append(("unreadable", tap, str(error)))


def tapped(observer: Observed, venue: Venue) -> tuple[Any, Tap]:
    """Return a client whose handler resolves the hash in a message's `for`, and its tap."""

    def on_message(client: Any, message: Any) -> None:
        if isinstance(message, dict) and "for" in message:
            client.resolve(message["result"], message["for"])

    client = SimpleNamespace(
        future=lambda message_hash: message_hash,
        resolve=lambda result, _message_hash=None: result,
        reject=lambda error, _message_hash=None: error,
        handle_message=lambda frame: client.on_message_callback(client, frame),
        on_message_callback=on_message,
        send=lambda message: message,
    )
    tap = Tap(client, venue, observer)
    token = subscribing_to.set("quote")
    client.future("bidask")
    subscribing_to.reset(token)
    observer.events.clear()
    return client, tap


def test_two_clients_report_each_its_own_message() -> None:
    observer = Observed()
    (one, tap), (other, other_tap) = (tapped(observer, Venue()) for _ in range(2))
    messages = [{"for": "bidask", "result": n} for n in range(2)]
    one.handle_message(messages[0])
    other.handle_message(messages[1])
    one.resolve(5, "bidask")  # by a task of ccxt's, after the other client's message
    assert observer.events == [
        ("parsed", tap, "quote", 0, messages[0]),
        ("parsed", other_tap, "quote", 1, messages[1]),
        ("parsed", tap, "quote", 5, messages[0]),
    ]


def test_a_message_that_is_neither_data_nor_control_is_reported() -> None:
    observer = Observed()
    venue = Venue(
        control_keys=frozenset({"event", "pong"}), refusal=lambda message: message.get("error")
    )
    client, tap = tapped(observer, venue)
    for message in ({"event": "subscribed"}, "pong", {"for": "bidask", "result": 1}):
        client.handle_message(message)
    assert [event[0] for event in observer.events] == ["parsed"]
    observer.events.clear()
    for message in ({"weather": "fine"}, "sunny", [1, 2], {"event": "error", "error": "refused"}):
        client.handle_message(message)
    assert observer.events == [
        *[("unreadable", tap, "nothing is known of its kind")] * 3,
        ("disconnected", tap, "refused"),
    ]


def test_the_messages_that_open_a_connection_are_sent_once_and_first() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    client = SimpleNamespace(
        future=None, resolve=None, reject=None, handle_message=None, on_message_callback=None,
        send=send,
    )  # fmt: skip
    Tap(client, Venue(opening=({"event": "conf"},)), Observed())

    async def both() -> None:
        await asyncio.gather(client.send("one"), client.send("two"))

    asyncio.run(both())
    assert sent == [{"event": "conf"}, "one", "two"]


def test_a_router_knows_how_to_subscribe_again_on_its_connection() -> None:
    class Router:
        def __call__(self, _message: Any) -> str | None:
            return None

        def resubscribe(self, request: Any, _new_id: Any) -> list[Any]:
            return [{"ends": 5}, request]

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    venue = Venue(router=Router, resubscribe=lambda request, _new_id: [request])
    client, tap = tapped(Observed(), venue)
    client.isConnected = True
    tap._ccxt_send = send

    async def again() -> None:
        subscribing_to.set("quote")
        await client.send("request")
        assert venue.resubscribe is not None
        assert await tap.resubscribe("quote", venue.resubscribe)

    asyncio.run(again())
    assert sent == ["request", {"ends": 5}, "request"]


def test_a_venues_own_request_is_sent_instead_of_that_of_ccxt() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    client, tap = tapped(Observed(), Venue(requests={"quote": lambda asked: [asked, "more"]}))
    tap._ccxt_send = send

    async def both() -> None:
        subscribing_to.set("quote")
        await client.send("request")
        await client.send("ping")

    asyncio.run(both())
    assert sent == [["request", "more"], "ping"]
    assert tap._requests == {"quote": ["request", "more"]}
