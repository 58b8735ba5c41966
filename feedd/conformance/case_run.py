"""Plays a case to a client: publishes, leaves out, and notes what the client must say to it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from feedd.clock import NS_PER_MS
from feedd.conformance.judge import Expected, Told
from feedd.conformance.tested_client import DONE
from feedd.topics import topic

if TYPE_CHECKING:
    from random import Random

    from feedd.conformance.judge import Line
    from feedd.conformance.tested_client import Client
    from feedd.transport.scripted_publisher import ScriptedPublisher

EXCHANGE = "conformance"
BEAT_S = 0.5
LATE_S = 2.0  # a heartbeat that comes so late may make a client say `stale`, and rightly
REACT_S = 10.0  # so long is waited until a client has subscribed, or has ended a case
SNAPSHOT_S = 1.0  # and so long for its question, which it need not ask
LOOK_S = 0.02
OLD_S = 3600.0  # a session that began so long ago began before anybody listened
NONE = {"p50": None, "p99": None, "max": None}

_encode = msgspec.msgpack.encode


class Play:
    """One case with one client. `random` is the case's own.

    `answer_s`: so long is waited for what the client has to say.
    """

    def __init__(
        self, name: str, stage: ScriptedPublisher, client: Client, random: Random, answer_s: float
    ) -> None:
        self.name = name
        self.random = random
        self.expected = Expected()
        self.lines: list[Line] = []
        self.done = False
        self._stage = stage
        self._client = client
        self._answer_s = answer_s
        self._feeds: list[FeedPlay] = []

    def feed(self, symbol: str = "A") -> FeedPlay:
        """Return a feed of this case alone."""
        one = FeedPlay(self, self._stage, f"{self.name}/{symbol}")
        self._feeds.append(one)
        return one

    def join(self, *topics: str) -> None:
        """Have the client subscribe, and wait until it has."""
        self._client.tell("SUBSCRIBE", *topics)
        answered = self._stage.answered
        statuses = [f"status.{name.partition('.')[2]}" for name in topics]
        self._until(lambda: all(map(self._stage.subscribed, topics)), REACT_S)
        self._until(
            lambda: all(map(self._stage.subscribed, statuses)) and self._stage.answered > answered,
            SNAPSHOT_S,
        )

    def settle(self) -> None:
        """Wait until the client has said all that it must, with heartbeats meanwhile."""
        self._until(lambda: not self.expected.wrong(self.lines), self._answer_s)

    def wait(self, wait_s: float) -> None:
        """Let time pass, with heartbeats."""
        self._until(lambda: False, wait_s)

    def end(self) -> None:
        """Have the client end the case, and take in what it has still to say."""
        self._client.tell("END")
        self._until(lambda: self.done, REACT_S)

    def publish(self, name: str, payload: bytes) -> None:
        """Publish something that is no feed's; whether the client says so is its own affair."""
        self.expected.ignored.add(name)
        self._stage.send(name, payload)

    def _until(self, condition: Any, timeout_s: float) -> None:
        deadline_s = time.monotonic() + timeout_s
        while True:
            fresh = self._client.lines()
            self.done = self.done or any(line.words == DONE for line in fresh)
            self.lines += [line for line in fresh if line.words != DONE]
            now_s = time.monotonic()
            if condition() or now_s >= deadline_s or self._client.ended is not None:
                return
            for feed in self._feeds:
                if feed.beats and now_s - feed.beat_s >= BEAT_S:
                    feed.beat()
            self._stage.pump(LOOK_S)


class FeedPlay:
    """One feed: it numbers its ticks, and `beat` says where it stands.

    It has heartbeats of its own from the first one on, until `beats` is set False.
    """

    def __init__(self, play: Play, stage: ScriptedPublisher, symbol: str) -> None:
        self._play = play
        self._stage = stage
        self._symbol = symbol
        self.session = 1000
        self.beats = False
        self.beat_s = 0.0
        self._since_s = time.monotonic() - OLD_S
        self._next: dict[str, int] = {}

    @property
    def name(self) -> str:
        """The feed, as clients name it."""
        return f"{EXCHANGE}.{self._symbol}."

    def topic(self, channel: str = "quote") -> str:
        """Return a topic of it."""
        return topic(channel, EXCHANGE, self._symbol)

    def tick(
        self,
        *,
        channel: str = "quote",
        sent: bool = True,
        kept: bool = True,
        told: bool = True,
        **more: Any,
    ) -> tuple[str, bytes]:
        """Publish the next tick; return its frames.

        `sent`: the client gets it; `kept`: the history has it. What is neither must be told as a
        gap. `told` False: the client need not hear of it.
        """
        name = self.topic(channel)
        seq = self._numbered(name)
        payload = _encode({**self._head(seq), **_TICKS[channel], **more})
        if sent:
            self._stage.send(name, payload)
        if kept:
            self._stage.keep(name, payload)
        if told:
            fate: Any = "tick" if sent or kept else "gap"
            self._play.expected.topics.setdefault(name, []).append(Told(self.session, seq, fate))
        return name, payload

    def unknown(self, channel: str) -> None:
        """Publish something of a channel that this version does not know."""
        name = self.topic(channel)
        self._play.publish(name, _encode({**self._head(self._numbered(name)), "new": True}))

    def again(self, frames: tuple[str, bytes]) -> None:
        """Send a tick again, or one that was not sent yet."""
        self._stage.send(*frames)

    def beat(self, state: str = "live", gap: dict[str, Any] | None = None, **more: Any) -> None:
        """Publish a status."""
        name = self.topic("status")
        seq = self._numbered(name)
        now_s = time.monotonic()
        if self.beats and now_s - self.beat_s > LATE_S:
            self._play.expected.excused.add(self.name)
        channels = {one.partition(".")[0]: _channel(state) for one in self._next if one != name}
        payload = _encode(
            {
                **self._head(seq), "state": state, "reason": None, "next_seq": dict(self._next),
                "messages": 0, "messages_per_s": 0.0, "reconnects": 0, "gaps": 0, "rejected": 0,
                "latency_us": NONE, "exchange_latency_us": NONE, "uptime_s": now_s - self._since_s,
                "cpu_percent": 0.0, "memory_mb": 0.0, "channels": channels, "gap": gap, **more,
            }
        )  # fmt: skip
        self._stage.send(name, payload)
        self._stage.keep(name, payload)
        self.beat_s, self.beats = now_s, True

    def upstream_gap(self, channel: str, from_id: int | None, to_id: int | None) -> None:
        """Say that the exchange's events are missing."""
        ids = {"from_id": from_id, "to_id": to_id}
        self._play.expected.upstream.append((self.name, channel, _word(from_id), _word(to_id)))
        self.beat(gap={"channel": channel, **ids, "reason": "played"})

    def restart(self) -> None:
        """Begin a new session."""
        old, self.session = self.session, self.session + 1000
        self._next.clear()
        self._since_s = time.monotonic()
        self._play.expected.sessions.append((self.name, old, self.session))
        self.beat()

    def stop(self) -> None:
        """Stop cleanly, and be silent."""
        self._play.expected.stopped.append((self.name, self.session))
        self.beat("stopped")
        self.beats = False

    def fall_silent(self) -> None:
        """End the heartbeats without a word."""
        self.beat()
        self.beats = False
        self._play.expected.stale.append((self.name, self.beat_s))

    def come_back(self) -> None:
        """Have heartbeats again."""
        self.beat()
        self._play.expected.live_again.append((self.name, self.beat_s))

    def _numbered(self, name: str) -> int:
        seq = self._next.get(name, 1)
        self._next[name] = seq + 1
        return seq

    def _head(self, seq: int) -> dict[str, Any]:
        now_ns = time.time_ns()
        return {
            "symbol": self._symbol, "timestamp": now_ns // NS_PER_MS, "exchange": EXCHANGE,
            "received_ns": now_ns, "published_ns": now_ns, "session": self.session, "seq": seq,
            "id": None,
        }  # fmt: skip


_TICKS: dict[str, dict[str, Any]] = {
    "quote": {"bid": 1.0, "bid_size": 2.0, "ask": 3.0, "ask_size": 4.0},
    "trade": {"price": 1.0, "size": 2.0, "side": "buy"},
}


def _channel(state: str) -> dict[str, Any]:
    return {
        "state": state, "reason": None, "age_ms": 0, "stale_after_s": 30.0, "published": True,
        "messages_per_s": 1.0, "latency_us": NONE, "reconnects": 0, "reconnects_1h": 0, "tries": 0,
        "waits": False, "gaps": 0, "connected_percent_1h": 100.0,
    }  # fmt: skip


def _word(value: int | None) -> str:
    return "-" if value is None else str(value)
