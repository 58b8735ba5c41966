"""Simulated publisher and history service for a protocol without a socket."""

from __future__ import annotations

from typing import Any

import msgspec

from feedd.client.events import Gap
from feedd.client.protocol import Protocol
from feedd.codec import encode
from feedd.model import Quote
from feedd.topics import topic

EXCHANGE, SYMBOL = "binanceusdm", "BTC/USDT:USDT"
FEED = f"{EXCHANGE}.{SYMBOL}."
QUOTE = topic("quote", EXCHANGE, SYMBOL)
TRADE = topic("trade", EXCHANGE, SYMBOL)
STATUS = topic("status", EXCHANGE, SYMBOL)

Frames = tuple[bytes, bytes]


def quote(seq: int, session: int = 1, symbol: str = SYMBOL) -> Frames:
    event = Quote(
        symbol=symbol, timestamp=1, bid=1.0, bid_size=1.0, ask=2.0, ask_size=1.0,
        exchange=EXCHANGE, received_ns=1, session=session, seq=seq,
    )  # fmt: skip
    return topic("quote", EXCHANGE, symbol).encode(), encode(event)


def trade(seq: int, session: int = 1) -> Frames:
    content = {"symbol": SYMBOL, "timestamp": 1, "price": 1.0, "size": 1.0, "side": "buy",
               "exchange": EXCHANGE, "received_ns": 1, "session": session, "seq": seq}  # fmt: skip
    return TRADE.encode(), msgspec.msgpack.encode(content)


def status(
    seq: int,
    session: int = 1,
    *,
    state: str = "live",
    reason: str | None = None,
    next_seq: dict[str, int] | None = None,
    uptime_s: float = 1000.0,
    gap: dict[str, Any] | None = None,
    deployment: str | None = None,
) -> Frames:
    """Return a status with only the keys that the protocol reads."""
    content = {"symbol": SYMBOL, "exchange": EXCHANGE, "state": state, "reason": reason,
               "next_seq": next_seq or {}, "uptime_s": uptime_s, "gap": gap,
               "session": session, "seq": seq, "deployment": deployment}  # fmt: skip
    return STATUS.encode(), msgspec.msgpack.encode(content)


class History:
    """Simulated history service; it has the messages that a test adds."""

    def __init__(self) -> None:
        self.page = 2000
        self.kept: dict[tuple[str, int], dict[int, bytes]] = {}
        self.last: dict[str, bytes] = {}
        self.requests: list[dict[str, Any]] = []

    def add(self, frames: Frames) -> None:
        name, payload = frames[0].decode(), frames[1]
        head = msgspec.msgpack.decode(payload)
        self.kept.setdefault((name, head["session"]), {})[head["seq"]] = payload
        self.last[name] = payload

    def respond(self, request: bytes) -> bytes:
        asked = msgspec.msgpack.decode(request)
        self.requests.append(asked)
        answer = {"op": asked["op"], "id": asked["id"]}
        if asked["op"] == "snapshot":
            messages = [
                (name.encode(), self.last[name]) for name in sorted(self.last)
                if name.startswith(tuple(asked["topics"])) and name > asked.get("after", "")
            ]  # fmt: skip
            few = messages[: self.page]
            answer |= {"messages": few, "complete": few == messages}
        else:
            kept = self.kept.get((asked["topic"], asked["session"]), {})
            found = [seq for seq in sorted(kept) if asked["from"] <= seq <= asked["to"]]
            answer |= {key: asked[key] for key in ("topic", "session", "from", "to")}
            answer |= {
                "low": min(kept, default=None), "high": max(kept, default=None),
                "messages": [(asked["topic"].encode(), kept[seq]) for seq in found[: self.page]],
            }  # fmt: skip
        return msgspec.msgpack.encode(answer)


class Client:
    """A protocol, its clock and its events; `history` None: there is no history service."""

    def __init__(
        self,
        *prefixes: str,
        history: History | None = None,
        histories: int | None = None,
        **mode: Any,
    ) -> None:
        self.now_s = 100.0
        self.history = history
        count = histories if histories is not None else (0 if history is None else 1)
        self.protocol = Protocol(prefixes or ("",), count, self.now_s, **mode)
        self.pending: list[tuple[int, bytes]] = []
        self.received: list[Any] = []
        self.take()

    def take(self) -> None:
        self.pending += self.protocol.requests()
        self.received += self.protocol.events()

    def receive(self, *messages: Frames) -> None:
        for frames in messages:
            self.protocol.message(*frames, self.now_s)
        self.take()

    def check(self, passed_s: float = 0.0) -> None:
        self.now_s += passed_s
        self.protocol.check(self.now_s)
        self.take()

    def respond(self) -> None:
        """Let the history respond to all requests, and to those that follow."""
        assert self.history is not None
        while self.pending:
            _, request = self.pending.pop(0)
            self.protocol.response(self.history.respond(request), self.now_s)
            self.check()

    def seqs(self, name: str = "quote") -> list[int]:
        return [one.seq for one in self.received if getattr(one, "channel", None) == name]

    def ticks(self) -> list[tuple[int, str]]:
        return [
            (one.seq, one.origin) for one in self.received if getattr(one, "channel", "") == "quote"
        ]

    def gaps(self) -> list[tuple[int, int]]:
        return [(one.from_seq, one.to_seq) for one in self.received if isinstance(one, Gap)]

    def notices(self, kind: type) -> list[Any]:
        return [one for one in self.received if isinstance(one, kind)]
