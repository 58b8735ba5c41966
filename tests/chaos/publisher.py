"""A worker without an exchange: feedd's publisher, as fast or as broad as a case needs it.

`python -m chaos.publisher OUT WORKERS_ENDPOINT PER_S COUNT SYMBOLS [wait]`: COUNT quotes in all,
PER_S a second, in turn over SYMBOLS symbols of the exchange `test`, and a heartbeat of each a
second, until SIGTERM. It writes `connected`, `published` when it has, and `stopped`. With `wait` it
begins at SIGUSR1; until then there are ten quotes a second, that are not counted.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from pathlib import Path

from numbered_publisher import NumberedPublisher

from feedd.model import Latency, Quote, Status
from feedd.topics import topic

EXCHANGE = "test"
NONE = Latency(None, None, None)
BEAT_S = 1.0
PIECE_S = 0.01
WAIT_S = 0.1


def symbol(number: int) -> str:
    return f"S{number:05}/USDT"


class Source:
    """One symbol, with one publisher."""

    def __init__(self, number: int, session: int) -> None:
        self.symbol = symbol(number)
        self.topic = topic("quote", EXCHANGE, self.symbol)
        self.publisher = NumberedPublisher(EXCHANGE, self.symbol, ["quote"], session)
        self.began_s = time.monotonic()

    def high(self) -> int:
        """Return the last quote's seq."""
        return self.publisher.next_seq()[self.topic] - 1

    def quote(self) -> None:
        self.publisher.publish(
            Quote(
                symbol=self.symbol, timestamp=1, bid=1.0, bid_size=1.0, ask=2.0, ask_size=1.0,
                exchange=EXCHANGE, received_ns=time.time_ns(),
            )
        )  # fmt: skip

    def beat(self, state: str = "live") -> None:
        self.publisher.check()
        self.publisher.publish(
            Status(
                symbol=self.symbol, timestamp=1, state=state, reason=None,
                next_seq=self.publisher.next_seq(), messages=0, messages_per_s=0.0, reconnects=0,
                gaps=0, rejected=0, latency_us=NONE, exchange_latency_us=NONE,
                uptime_s=time.monotonic() - self.began_s, cpu_percent=0.0, memory_mb=0.0,
                channels={}, exchange=EXCHANGE, received_ns=1,
            )
        )  # fmt: skip


async def main(
    out: Path, endpoint: str, per_s: float, count: int, symbols: int, *, wait: bool = False
) -> None:
    """Publish until stopped."""
    stopped: list[int] = []
    requested: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    signal.signal(signal.SIGUSR1, lambda number, _: requested.append(number))
    sources = [Source(number, time.time_ns() // 10**6) for number in range(symbols)]
    with out.open("w", encoding="utf-8") as file:

        def say(kind: str, **more: float) -> None:
            file.write(json.dumps({"at": time.monotonic(), "kind": kind, **more}) + "\n")
            file.flush()

        for source in sources:
            await source.publisher.connect([endpoint], 20.0)
            source.beat()
        say("connected")
        if wait:
            await _wait(sources, [stopped, requested])
        began_s = beat_s = time.monotonic()
        sent = 0
        while not stopped:
            now_s = time.monotonic()
            due = min(count, int((now_s - began_s) * per_s))
            _quote(sources, range(sent, due))
            if sent < count <= due:
                say("published", count=count, high=max(map(Source.high, sources)))
            sent = due
            if now_s - beat_s > BEAT_S:
                beat_s = now_s
                for source in sources:
                    source.beat()
            await asyncio.sleep(PIECE_S)
        for source in sources:
            source.beat("stopped")
        say("stopping")
        await asyncio.gather(*(source.publisher.close() for source in sources))
        say("stopped")


def _quote(sources: list[Source], numbers: range) -> None:
    """Publish what is due in one piece, as a feed does with what is at hand."""
    for source in sources:
        source.publisher.hold()
    for number in numbers:
        sources[number % len(sources)].quote()
    for source in sources:
        source.publisher.release()


async def _wait(sources: list[Source], signals: list[list[int]]) -> None:
    """Publish a little until one of the signals is there."""
    while not any(signals):
        for source in sources:
            source.quote()
            source.beat()
        await asyncio.sleep(WAIT_S)


if __name__ == "__main__":
    path, workers, pace, quotes, number, *more = sys.argv[1:]
    asyncio.run(
        main(Path(path), workers, float(pace), int(quotes), int(number), wait=more == ["wait"])
    )
