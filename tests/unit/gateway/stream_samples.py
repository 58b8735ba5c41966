"""Events for the tests of `/stream`."""

from __future__ import annotations

import json
from typing import Any

from feedd.client.events import Gap, Quote, Status
from feedd.gateway.journal import Entry
from feedd.gateway.market import Market
from feedd.gateway.stream.hub import Client, StreamHub
from feedd.gateway.stream.outgoing import OutgoingMessage, OutgoingNotice
from feedd.model import ChannelStatus, Latency
from feedd.model import Gap as GapUpstream
from feedd.topics import topic

EXCHANGE, BTC, ETH = "binanceusdm", "BTC/USDT:USDT", "ETH/USDT:USDT"
BTC_QUOTES = topic("quote", EXCHANGE, BTC)
BTC_FEED = f"{EXCHANGE}.{BTC}."
NO_LATENCY = Latency(None, None, None)


def quote(seq: int, symbol: str = BTC, session: int = 1, **fields: Any) -> Quote:
    given = {
        "bid": 1.5, "received_ns": 1_700_000_000_000_000_001, "id": 10_000 + seq,
        "session": session, "seq": seq, **fields,
    }  # fmt: skip
    return Quote(
        symbol=symbol, timestamp=1, bid_size=2.0, ask=1.75, ask_size=None, exchange=EXCHANGE,
        **given,
    )  # fmt: skip


def status(seq: int, gap: GapUpstream | None = None) -> Status:
    channel = ChannelStatus("live", None, 1, 30.0, True, 1.0, NO_LATENCY, 0, 0, 0, False, 0, None)
    return Status(
        symbol=BTC, timestamp=1, state="live", reason=None, next_seq={BTC_QUOTES: (1 << 60) + 1},
        messages=1, messages_per_s=1.0, reconnects=0, gaps=0, rejected=0, latency_us=NO_LATENCY,
        exchange_latency_us=NO_LATENCY, uptime_s=1.0, cpu_percent=0.1, memory_mb=1.0,
        channels={"quote": channel}, exchange=EXCHANGE, received_ns=1, gap=gap, session=1, seq=seq,
    )  # fmt: skip


def message(seq: int, symbol: str = BTC, session: int = 1) -> OutgoingMessage:
    return OutgoingMessage(topic("quote", EXCHANGE, symbol), quote(seq, symbol, session))


def notice(number: int) -> OutgoingNotice:
    gap = Gap(BTC_QUOTES, 1, 5, 6, "lost")
    return OutgoingNotice(gap, Entry(number, 1000 + number, "gap", BTC_FEED, reason="lost"))


class FilledHub:
    """A hub behind a market, as the intake fills both."""

    def __init__(self, max_clients: int = 10) -> None:
        self.market = Market()
        self.hub = StreamHub(self.market, max_clients)

    def take(self, event: Quote | Status, now_s: float = 0.0) -> None:
        self.hub.message(self.market.add(event, now_s), event, now_s)


def all_of(client: Client) -> list[dict[str, Any]]:
    """Return all that waits for a client."""
    found = []
    while texts := client.take(1000):
        found += [json.loads(text) for text in texts]
    return found
