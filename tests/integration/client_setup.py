"""Setup of the client's tests: a proxy, publishers, a history service and faults.

All real sockets, in threads of the test's process.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import zmq
from conftest import eventually, free_ports
from loop_thread import LoopThread
from numbered_publisher import NumberedPublisher

from feedd.config.settings import ProxySettings
from feedd.model import Gap, Latency, Quote, State, Status
from feedd.transport.proxy import Proxy

EXCHANGE = "test"
BEAT_S = 0.5
PROBE = b"probe."
NONE = Latency(None, None, None)


class Feed:
    """A publisher of one symbol, which the test controls."""

    def __init__(self, proxies: Iterable[str], symbol: str = "A/B", session: int = 1) -> None:
        self.symbol = symbol
        self.ticks = False
        self.quotes = 0
        self.quote_topic = f"quote.{EXCHANGE}.{symbol}."
        self.publisher = NumberedPublisher(EXCHANGE, symbol, ["quote"], session)
        # A feed that started after a client had subscribed owes it every message from the first on.
        # The client learns the start from the uptime in the statuses.
        self.started_s = time.monotonic()
        self._looped = LoopThread()
        assert self._looped.run(self.publisher.connect(list(proxies), 45.0))

    def quote(self, count: int = 1) -> None:
        self._looped.call(self._quote, count)

    def _quote(self, count: int) -> None:
        for _ in range(count):
            self.quotes += 1
            self.publisher.publish(
                Quote(
                    symbol=self.symbol, timestamp=1, bid=1.0, bid_size=1.0, ask=2.0, ask_size=1.0,
                    exchange=EXCHANGE, received_ns=time.time_ns(),
                )
            )  # fmt: skip

    def beat(
        self, state: State = "live", reason: str | None = None, gap: Gap | None = None
    ) -> None:
        self._looped.call(self._beat, state, reason, gap)

    def _beat(self, state: State, reason: str | None, gap: Gap | None) -> None:
        self.publisher.publish(
            Status(
                symbol=self.symbol, timestamp=1, state=state, reason=reason,
                next_seq=self.publisher.next_seq(), messages=0, messages_per_s=0.0, reconnects=0,
                gaps=0, rejected=0, latency_us=NONE, exchange_latency_us=NONE,
                uptime_s=time.monotonic() - self.started_s, cpu_percent=0.0, memory_mb=0.0,
                channels={}, exchange=EXCHANGE, received_ns=1, gap=gap,
            )
        )  # fmt: skip

    def close(self) -> None:
        self._looped.run(self.publisher.close())
        self._looped.close()


class Threaded:
    """Calls `once` in a thread until it is closed."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.once()
        self.ended()

    def once(self) -> None:
        raise NotImplementedError

    def ended(self) -> None:
        pass

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


class Ticking(Threaded):
    """Publishes quotes at a given rate, and a heartbeat every 100 ms."""

    def __init__(self, feed: Feed, pause_s: float = 0.0005) -> None:
        super().__init__()
        feed.ticks = True
        self._feed = feed
        self._pause_s = pause_s
        self._beat_s = 0.0

    def once(self) -> None:
        self._feed.quote()
        if time.monotonic() > self._beat_s:
            self._feed.beat()
            self._beat_s = time.monotonic() + 0.1
        time.sleep(self._pause_s)


class HistoryService(Threaded):
    """A ROUTER that keeps every message it receives and answers as the wire protocol requires."""

    def __init__(self, fan_out: str, endpoint: str) -> None:
        super().__init__()
        self.kept: dict[bytes, dict[tuple[int, int], bytes]] = {}
        self.asked: list[dict[str, Any]] = []
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._sub = self._context.socket(zmq.SUB)
        self._sub.rcvhwm = 0
        self._sub.subscribe("")
        self._sub.connect(fan_out)
        self._router = self._context.socket(zmq.ROUTER)
        self._router.bind(endpoint)

    def once(self) -> None:
        poller = zmq.Poller()
        poller.register(self._sub, zmq.POLLIN)
        poller.register(self._router, zmq.POLLIN)
        poller.poll(20)
        with contextlib.suppress(zmq.Again):
            while True:
                topic, payload = self._sub.recv_multipart(zmq.NOBLOCK)
                head = msgspec.msgpack.decode(payload)
                self.kept.setdefault(topic, {})[head["session"], head["seq"]] = payload
        with contextlib.suppress(zmq.Again):
            while True:
                *envelope, request = self._router.recv_multipart(zmq.NOBLOCK)
                self._router.send_multipart(
                    [*envelope, self._answer(msgspec.msgpack.decode(request))]
                )

    def _answer(self, asked: dict[str, Any]) -> bytes:
        self.asked.append(asked)
        answer = {"op": asked["op"], "id": asked["id"]}
        if asked["op"] == "snapshot":
            prefixes = tuple(prefix.encode() for prefix in asked["topics"])
            names = [name for name in sorted(self.kept) if name.startswith(prefixes)]
            names = [name for name in names if name.decode() > asked.get("after", "")]
            few = names[:2000]
            messages = [(name, self.kept[name][max(self.kept[name])]) for name in few]
            answer |= {"messages": messages, "complete": few == names}
        else:
            topic = asked["topic"].encode()
            kept = {seq: payload for (session, seq), payload in self.kept.get(topic, {}).items()
                    if session == asked["session"]}  # fmt: skip
            found = [seq for seq in sorted(kept) if asked["from"] <= seq <= asked["to"]][:2000]
            answer |= {key: asked[key] for key in ("topic", "session", "from", "to")}
            answer |= {"low": min(kept, default=None), "high": max(kept, default=None),
                       "messages": [(topic, kept[seq]) for seq in found]}  # fmt: skip
        return msgspec.msgpack.encode(answer)

    def ended(self) -> None:
        self._context.destroy(linger=0)


class Dropping(Threaded):
    """A relay between the proxy and a client that forwards what `lets` accepts."""

    def __init__(self, fan_out: str, endpoint: str) -> None:
        super().__init__()
        self.lets: Callable[[bytes, int], bool] = lambda topic, seq: True
        self.carried: set[bytes] = set()  # topics of which something came, and was wanted
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._sub = self._context.socket(zmq.XSUB)
        self._sub.rcvhwm = self._sub.sndhwm = 0
        self._sub.connect(fan_out)
        self._pub = self._context.socket(zmq.XPUB)
        self._pub.sndhwm = 0
        self._pub.bind(endpoint)

    def once(self) -> None:
        poller = zmq.Poller()
        poller.register(self._sub, zmq.POLLIN)
        poller.register(self._pub, zmq.POLLIN)
        poller.poll(20)
        with contextlib.suppress(zmq.Again):
            while True:
                self._sub.send(self._pub.recv(zmq.NOBLOCK))
        with contextlib.suppress(zmq.Again):
            while True:
                frames = self._sub.recv_multipart(zmq.NOBLOCK)
                self.carried.add(frames[0])
                if self.lets(frames[0], msgspec.msgpack.decode(frames[1])["seq"]):
                    self._pub.send_multipart(frames)

    def ended(self) -> None:
        self._context.destroy(linger=0)


class World:
    """A folder's proxies and their publishers and clients; `close` stops all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: list[Any] = []
        self._count = 0

    def opened(self, one: Any) -> Any:
        self._open.append(one)
        if isinstance(one, Threaded):
            one.start()
        return one

    def proxy(self, *, with_history: bool = True) -> Side:
        """Start a proxy, at its port, and its history at the next."""
        self._count += 1
        side = Side(f"w{self._count}", self._folder, *free_ports(2))
        side.start()
        self._open.append(side)
        if with_history:
            self.history(side)
        return side

    def history(self, side: Side) -> HistoryService:
        side.history = self.opened(HistoryService(side.endpoint, side.history_endpoint))
        with zmq.Context() as context, context.socket(zmq.PUB) as probe:
            probe.linger = 0
            probe.connect(side.workers)

            def heard() -> bool:
                """Whether its subscription is active: messages sent before are lost."""
                probe.send_multipart([PROBE, msgspec.msgpack.encode({"session": 1, "seq": 1})])
                return PROBE in side.history.kept

            eventually(heard)
        return side.history

    def feed(self, *sides: Side, symbol: str = "A/B", session: int = 1) -> Feed:
        feed = Feed([side.workers for side in sides], symbol, session)
        return self.opened(feed)

    def beat(self) -> None:
        """Publish a heartbeat of each feed without a publishing thread."""
        for one in self._open:
            if isinstance(one, Feed) and not one.ticks:
                one.beat()

    def dropping(self, side: Side) -> tuple[Dropping, str]:
        endpoint = f"tcp://127.0.0.1:{free_ports(1)[0]}"
        return self.opened(Dropping(side.endpoint, endpoint)), endpoint

    def closed(self, one: Any) -> None:
        self._open.remove(one)
        one.close()

    def close(self) -> None:
        for one in reversed(self._open):
            one.close()


class Side:
    """One proxy, with the name by which publishers distinguish it."""

    history: HistoryService

    def __init__(self, name: str, folder: Path, port: int, next_port: int) -> None:
        self._name = name
        self.workers = f"ipc://{folder}/{name}.sock"
        self.endpoint = f"tcp://127.0.0.1:{port}"
        self.history_endpoint = f"tcp://127.0.0.1:{next_port}"
        self._proxy: Proxy | None = None

    def start(self) -> None:
        self._proxy = Proxy(self._name)
        settings = ProxySettings(subscribers=self.endpoint, workers=self.workers)
        asyncio.run(self._proxy.bind(settings))
        self._proxy.start()

    def stop(self) -> None:
        if self._proxy is not None:
            self._proxy.stop()
            self._proxy = None

    close = stop


class Seen:
    """Takes a stream's events in a thread, as a caller would."""

    def __init__(self, stream: Any, beat: Callable[[], None]) -> None:
        self.events: list[Any] = []
        self.stream = stream
        self._beat = beat
        self._thread = threading.Thread(target=self._take)
        self._thread.start()

    def _take(self) -> None:
        for event in self.stream:
            self.events.append(event)

    def quotes(self, symbol: str = "A/B") -> list[int]:
        return [
            one.seq for one in list(self.events)
            if getattr(one, "channel", "") == "quote" and one.symbol == symbol
        ]  # fmt: skip

    def of(self, kind: type) -> list[Any]:
        return [one for one in list(self.events) if isinstance(one, kind)]

    def until(self, condition: Callable[[], Any], *, beats: bool = True) -> None:
        """Wait for a condition, with a heartbeat of every feed now and then, as in the field."""
        next_s = time.monotonic() + BEAT_S

        def holds() -> Any:
            nonlocal next_s
            if beats and time.monotonic() > next_s:
                next_s = time.monotonic() + BEAT_S
                self._beat()
            return condition()

        eventually(holds, 60.0)

    def close(self) -> None:
        self.stream.close()
        self._thread.join()


def in_a_row(seqs: list[int]) -> bool:
    return seqs == list(range(seqs[0], seqs[0] + len(seqs))) if seqs else True
