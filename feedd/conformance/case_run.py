"""One case with one client: publish and drop messages, record what the client must report."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from feedd.clock import NS_PER_MS
from feedd.conformance.judge import Expected, ReportedMessage
from feedd.conformance.tested_client import DONE
from feedd.topics import topic

if TYPE_CHECKING:
    from random import Random

    from feedd.conformance.judge import OutputLine
    from feedd.conformance.tested_client import ClientProcess
    from feedd.transport.scripted_publisher import ScriptedPublisher

EXCHANGE = "conformance"
SESSION = 1000  # of the first one; each further one is higher by as much
HEARTBEAT_S = 0.5
LATE_S = 2.0  # after a heartbeat this late, a client may correctly report `stale`
REACT_S = 10.0  # timeout for a client to subscribe, or to end a case
SNAPSHOT_S = 1.0  # timeout for its snapshot request, which is optional
POLL_S = 0.02
MAX_REQUESTS = 200  # to the history, in one case
OLD_S = 3600.0  # a session this old started before any client subscribed
NONE = {"p50": None, "p99": None, "max": None}

_encode = msgspec.msgpack.encode


class CaseRun:
    """One case with one client. `random` belongs to this case.

    `answer_s`: timeout in seconds for the client's required output.
    """

    def __init__(
        self,
        name: str,
        publisher: ScriptedPublisher,
        client: ClientProcess,
        random: Random,
        answer_s: float,
    ) -> None:
        self.name = name
        self.random = random
        self.expected = Expected()
        self.lines: list[OutputLine] = []
        self._answered = publisher.answered
        self.done = False
        self._publisher = publisher
        self._client = client
        self._answer_s = answer_s
        self._feeds: list[CaseFeed] = []

    def feed(self, symbol: str = "A", *, session: int = SESSION, first_seq: int = 1) -> CaseFeed:
        """Return a feed that only this case uses; its ticks begin with `first_seq`."""
        one = CaseFeed(self, self._publisher, f"{self.name}/{symbol}", session, first_seq)
        self._feeds.append(one)
        return one

    def join(self, *topics: str) -> None:
        """Make the client subscribe, and wait until it has subscribed."""
        self._client.send("SUBSCRIBE", *topics)
        answered = self._publisher.answered
        statuses = [f"status.{name.partition('.')[2]}" for name in topics]
        self._until(lambda: all(map(self._publisher.subscribed, topics)), REACT_S)
        self._until(
            lambda: (
                all(map(self._publisher.subscribed, statuses))
                and self._publisher.answered > answered
            ),
            SNAPSHOT_S,
        )

    def settle(self) -> None:
        """Wait for all required output of the client; send heartbeats meanwhile."""
        self._until(lambda: not self.expected.wrong(self.lines), self._answer_s)

    def wait(self, wait_s: float) -> None:
        """Wait, and send heartbeats meanwhile."""
        self._until(lambda: False, wait_s)

    def end(self) -> None:
        """Make the client end the case, and read its remaining output."""
        self._client.send("END")
        self._until(lambda: self.done, REACT_S)

    def wrong(self) -> list[str]:
        """Return one sentence for each failure."""
        found = self.expected.wrong(self.lines)
        requests = self._publisher.answered - self._answered
        if requests > MAX_REQUESTS:
            found.append(f"the client sent {requests:,} requests to the history; at most "
                         f"{MAX_REQUESTS} are enough")  # fmt: skip
        return found

    def publish(self, name: str, payload: bytes) -> None:
        """Publish a message of an unknown topic; the client may or may not report it."""
        self.expected.ignored.add(name)
        self._publisher.send(name, payload)

    def publish_bytes(self, topic: bytes, payload: bytes) -> None:
        """Publish a message whose topic is not text; the client must ignore it."""
        self._publisher.send(topic, payload)

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
                if feed.sends_heartbeats and now_s - feed.heartbeat_s >= HEARTBEAT_S:
                    feed.heartbeat()
            self._publisher.pump(POLL_S)


class CaseFeed:
    """One feed: numbers its ticks, and publishes its `next_seq` in heartbeats.

    After the first heartbeat the case sends more by itself, until `sends_heartbeats` is False.
    """

    def __init__(
        self,
        case: CaseRun,
        publisher: ScriptedPublisher,
        symbol: str,
        session: int,
        first_seq: int,
    ) -> None:
        self._case = case
        self._publisher = publisher
        self._symbol = symbol
        self.session = session
        self._first_seq = first_seq
        self.sends_heartbeats = False
        self.heartbeat_s = 0.0
        self._since_s = time.monotonic() - OLD_S
        self._next_seqs: dict[str, int] = {}

    @property
    def name(self) -> str:
        """The feed's name in the protocol."""
        return f"{EXCHANGE}.{self._symbol}."

    def topic(self, channel: str = "quote") -> str:
        """Return the feed's topic for a channel."""
        return topic(channel, EXCHANGE, self._symbol)

    def tick(
        self,
        *,
        channel: str = "quote",
        sent: bool = True,
        kept: bool = True,
        reported: bool = True,
        **more: Any,
    ) -> tuple[str, bytes]:
        """Publish the next tick; return its frames.

        `sent`: the client receives it; `kept`: the history has it. If neither, the client must
        report a gap. `reported` False: the client must report neither a tick nor a gap.
        """
        name = self.topic(channel)
        seq = self._next_seq(name)
        payload = _encode({**self._head(seq), **_TICKS[channel], **more})
        if sent:
            self._publisher.send(name, payload)
        if kept:
            self._publisher.keep(name, payload)
        if reported:
            fate: Any = "tick" if sent or kept else "gap"
            self._case.expected.topics.setdefault(name, []).append(
                ReportedMessage(self.session, seq, fate)
            )
        return name, payload

    def unknown(self, channel: str) -> None:
        """Publish a message of a channel that this version does not know."""
        name = self.topic(channel)
        self._case.publish(name, _encode({**self._head(self._next_seq(name)), "new": True}))

    def again(self, frames: tuple[str, bytes]) -> None:
        """Send a tick again, or for the first time if it was held back."""
        self._publisher.send(*frames)

    def heartbeat(
        self,
        state: str = "live",
        gap: dict[str, Any] | None = None,
        *,
        sent: bool = True,
        kept: bool = True,
        **more: Any,
    ) -> tuple[str, bytes]:
        """Publish a status, as `tick`; return its frames."""
        name = self.topic("status")
        seq = self._next_seq(name)
        now_s = time.monotonic()
        if self.sends_heartbeats and now_s - self.heartbeat_s > LATE_S:
            self._case.expected.excused.add(self.name)
        channels = {
            one.partition(".")[0]: _channel_status(state) for one in self._next_seqs if one != name
        }
        payload = _encode(
            {
                **self._head(seq), "state": state, "reason": None,
                "next_seq": dict(self._next_seqs),
                "messages": 0, "messages_per_s": 0.0, "reconnects": 0, "gaps": 0, "rejected": 0,
                "latency_us": NONE, "exchange_latency_us": NONE, "uptime_s": now_s - self._since_s,
                "cpu_percent": 0.0, "memory_mb": 0.0, "channels": channels, "gap": gap, **more,
            }
        )  # fmt: skip
        if sent:
            self._publisher.send(name, payload)
            self.heartbeat_s, self.sends_heartbeats = now_s, True
        if kept:
            self._publisher.keep(name, payload)
        return name, payload

    def upstream_gap(self, channel: str, from_id: int | None, to_id: int | None) -> None:
        """Report missing events of the exchange."""
        ids = {"from_id": from_id, "to_id": to_id}
        self._case.expected.upstream.append(
            (self.name, channel, _id_text(from_id), _id_text(to_id))
        )
        self.heartbeat(gap={"channel": channel, **ids, "reason": "played"})

    def restart(self) -> None:
        """Start a new session."""
        old, self.session = self.session, self.session + SESSION
        self._next_seqs.clear()
        self._first_seq = 1
        self._since_s = time.monotonic()
        self._case.expected.sessions.append((self.name, old, self.session))
        self.heartbeat()

    def stop(self) -> None:
        """Stop cleanly, and send nothing more."""
        self._case.expected.stopped.append((self.name, self.session))
        self.heartbeat("stopped")
        self.sends_heartbeats = False

    def stop_heartbeats(self) -> None:
        """Stop the heartbeats without a `stopped` status."""
        self.heartbeat()
        self.sends_heartbeats = False
        self._case.expected.stale.append((self.name, self.heartbeat_s))

    def resume(self) -> None:
        """Resume the heartbeats."""
        self.heartbeat()
        self._case.expected.live_again.append((self.name, self.heartbeat_s))

    def _next_seq(self, name: str) -> int:
        first = 1 if name == self.topic("status") else self._first_seq
        seq = self._next_seqs.get(name, first)
        self._next_seqs[name] = seq + 1
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


def _channel_status(state: str) -> dict[str, Any]:
    return {
        "state": state, "reason": None, "age_ms": 0, "stale_after_s": 30.0, "published": True,
        "messages_per_s": 1.0, "latency_us": NONE, "reconnects": 0, "reconnects_1h": 0, "tries": 0,
        "waits": False, "gaps": 0, "connected_percent_1h": 100.0,
    }  # fmt: skip


def _id_text(value: int | None) -> str:
    return "-" if value is None else str(value)
