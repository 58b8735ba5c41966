"""One ccxt client's tap: what it reports of the client's messages."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from aiohttp import WSMsgType

from feedd.sources.ccxt.tap import Subscribing, Tap, subscribing_to
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

    def book_invalid(self, _tap: Tap, _reason: str) -> None: ...

    def hole(self, tap: Tap, reason: str) -> None:
        self.events.append(("hole", tap, reason))

    def closing(self, _tap: Tap) -> None: ...

    def refused(self, tap: Tap, channel: str, error: Any) -> None:
        self.events.append(("refused", tap, channel, str(error)))

    def unreadable(self, tap: Tap, error: Exception, _message: Any, *, raised: bool) -> None:
        assert not raised
        self.events.append(("unreadable", tap, str(error)))


def tapped(observer: Observed, venue: Venue, url: str = "wss://x/v2") -> tuple[Any, Tap]:
    """Return a client whose handler resolves the hash in a message's `for`, and its tap."""

    def on_message(client: Any, message: Any) -> None:
        if isinstance(message, dict) and "for" in message:
            client.resolve(message["result"], message["for"])

    client = SimpleNamespace(
        url=url,
        future=lambda message_hash: message_hash,
        resolve=lambda result, _message_hash=None: result,
        reject=lambda error, _message_hash=None: error,
        handle_message=lambda frame: client.on_message_callback(client, frame.data),
        on_message_callback=on_message,
        send=lambda message: message,
    )
    tap = Tap(client, venue, observer)

    async def subscribe() -> None:
        subscribing_to.set(Subscribing("quote", asyncio.current_task()))
        client.future("bidask")

        async def spawned() -> None:
            client.future("unsubscribe:bidask")  # of a task of ccxt's, which inherits the variable

        await asyncio.create_task(spawned())

    asyncio.run(subscribe())
    observer.events.clear()
    return client, tap


def frame(message: Any) -> SimpleNamespace:
    """Return a frame with a message that is not JSON text."""
    return SimpleNamespace(type=WSMsgType.PING, data=message)


def test_two_clients_report_each_its_own_message() -> None:
    observer = Observed()
    (one, tap), (other, other_tap) = (tapped(observer, Venue()) for _ in range(2))
    messages = [{"for": "bidask", "result": n} for n in range(2)]
    one.handle_message(frame(messages[0]))
    other.handle_message(frame(messages[1]))
    one.resolve(5, "bidask")  # by a task of ccxt's, after the other client's message
    assert observer.events == [
        ("parsed", tap, "quote", 0, messages[0]),
        ("parsed", other_tap, "quote", 1, messages[1]),
        ("parsed", tap, "quote", 5, messages[0]),
    ]


def test_a_future_of_a_task_that_ccxt_starts_belongs_to_no_channel() -> None:
    observer = Observed()
    client, _ = tapped(observer, Venue())
    client.handle_message(frame({"for": "unsubscribe:bidask", "result": True}))
    assert observer.events == []


def test_a_message_that_is_neither_data_nor_control_is_reported() -> None:
    observer = Observed()
    venue = Venue(
        control_keys=frozenset({"event", "pong"}), refusal=lambda message: message.get("error")
    )
    client, tap = tapped(observer, venue)
    for message in ({"event": "subscribed"}, "pong", {"for": "bidask", "result": 1}):
        client.handle_message(frame(message))
    assert [event[0] for event in observer.events] == ["parsed"]
    observer.events.clear()
    for message in ({"weather": "fine"}, "sunny", [1, 2], {"event": "error", "error": "refused"}):
        client.handle_message(frame(message))
    assert observer.events == [
        *[("unreadable", tap, "nothing is known of its kind")] * 3,
        ("refused", tap, "quote", "refused"),
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
        subscribing_to.set(Subscribing("quote", None))
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
        subscribing_to.set(Subscribing("quote", None))
        await client.send("request")
        await client.send("ping")

    asyncio.run(both())
    assert sent == [["request", "more"], "ping"]
    assert tap._requests == {"quote": ["request", "more"]}


def test_a_hole_in_the_numbers_of_a_connection_is_reported_and_late_messages_are_dropped() -> None:
    observer = Observed()
    venue = Venue(connection_sequence=lambda message: message.get("n"))
    client, tap = tapped(observer, venue)
    for n in (0, 1, 1, 3, 2, 4):
        client.handle_message(frame({"for": "bidask", "result": n, "n": n}))
    client.handle_message(frame({"for": "bidask", "result": "unnumbered"}))
    assert [event[0:1] + event[2:4] for event in observer.events] == [
        ("parsed", "quote", 0), ("parsed", "quote", 1),
        ("hole", "messages 2 to 2 of the connection are missing"),
        ("parsed", "quote", 3), ("parsed", "quote", 4), ("parsed", "quote", "unnumbered"),
    ]  # fmt: skip
    assert all(event[1] is tap for event in observer.events)


def test_messages_of_a_connection_of_a_channels_own_are_that_channels() -> None:
    venue = Venue(
        channel_of=lambda message: message.get("channel"), own_connections=frozenset({"quote"})
    )
    shared, own = (tapped(Observed(), venue, url)[1] for url in ("wss://x/v2", "wss://x/v2#quote"))
    ticker = {"channel": "ticker"}
    assert (shared.channel_of(ticker), own.channel_of(ticker)) == ("ticker", "quote")
    assert own.channel_of({"method": "subscribe"}) is None
