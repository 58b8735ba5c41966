"""Recordings made as a recorder makes them, by the client's protocol over a lossy network.

And what of a stream's events must be the same in a replay of one.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import samples
from unit.client.simulated import Client, Frames, History

from feedd.client.decoding import PublishedMessage
from feedd.client.events import Gap, NewSession, StateChange, Stopped, UpstreamGap
from feedd.recordings.format.block_records import LIVE, REPLAYED, SNAPSHOT, BlockRecord

FEEDS = ("binanceusdm.BTC/USDT:USDT.", "binanceusdm.ETH/USDT:USDT.")
CHANNELS = ("quote", "trade")
KINDS = {"live": LIVE, "snapshot": SNAPSHOT, "replayed": REPLAYED}
S = 1_000_000_000
GAP = {"channel": "trade", "from_id": 3, "to_id": 9, "reason": "a reconnect"}


class Worker:
    """A feed's worker: payloads with the numbers of its sessions."""

    def __init__(self, feed: str, began_s: float) -> None:
        self.feed = feed
        self.exchange, _, symbol = feed.partition(".")
        self.symbol = symbol.rstrip(".")
        self.session, self.began_s, self.seqs = 0, began_s, dict.fromkeys(CHANNELS, 0)
        self.statuses = 0
        self.restart(began_s)

    def restart(self, at_s: float) -> None:
        self.session = int((samples.BEGUN_NS + at_s * S) / 1e6)
        self.began_s, self.seqs, self.statuses = at_s, dict.fromkeys(CHANNELS, 0), 0

    def _frames(self, channel: str, at_s: float, seq: int, **content: Any) -> Frames:
        at_ns = samples.BEGUN_NS + int(at_s * S)
        content = {
            "symbol": self.symbol, "timestamp": at_ns // 10**6, "exchange": self.exchange,
            "received_ns": at_ns, **content, "published_ns": at_ns, "session": self.session,
            "seq": seq,
        }  # fmt: skip
        return f"{channel}.{self.feed}".encode(), msgspec.msgpack.encode(content)

    def tick(self, channel: str, at_s: float) -> Frames:
        self.seqs[channel] += 1
        content = (
            {"bid": 1.0, "bid_size": 1.0, "ask": 2.0, "ask_size": 1.0}
            if channel == "quote"
            else {"price": 1.0, "size": 1.0, "side": "buy"}
        )
        return self._frames(channel, at_s, self.seqs[channel], **content)

    def status(self, at_s: float, *, state: str = "live", gap: Any = None) -> Frames:
        self.statuses += 1
        next_seq = {f"{name}.{self.feed}": seq + 1 for name, seq in self.seqs.items()}
        return self._frames(
            "status", at_s, self.statuses, state=state, reason=None, gap=gap,
            uptime_s=at_s - self.began_s,
            next_seq={**next_seq, f"status.{self.feed}": self.statuses + 1},
        )  # fmt: skip


class Recording:
    """A recorder at the endpoint of two workers: some messages are lost, and repaired late."""

    def __init__(self, chance: random.Random, prefixes: tuple[str, ...]) -> None:
        self.records: list[BlockRecord] = []
        self._chance = chance
        self._prefixes = prefixes
        self._workers = [Worker(feed, -5.0) for feed in FEEDS]
        self._history = History()
        self._client: Client | None = None
        self._at_s, self._next_status_s, self._responds_s = -4.0, -3.5, 0.0

    def step(self) -> None:
        """Publish a tick, and statuses once a second; record what arrives, from time 0 on."""
        chance, frames = self._chance, []
        self._at_s += chance.choice((0.001, 0.005, 0.02, 0.06))
        worker = chance.choice(self._workers)
        frames.append(worker.tick(chance.choice(CHANNELS), self._at_s))
        if self._at_s > self._next_status_s:
            self._next_status_s += 1.0
            gap = GAP if chance.random() < 0.1 else None
            frames += [one.status(self._at_s, gap=gap) for one in self._workers]
        if chance.random() < 0.004:
            worker.restart(self._at_s)
            frames.append(worker.status(self._at_s, state="starting"))
        if self._client is None and self._at_s > 0.0:
            self._client = Client(*self._prefixes, history=self._history, published=True)
        for one in frames:
            if chance.random() > 0.02:
                self._history.add(one)
            if self._client is not None and chance.random() > 0.05:
                self._client.receive(one)
        if self._client is not None:
            self._record(self._client)

    def _record(self, client: Client) -> None:
        client.now_s = 100.0 + self._at_s
        client.check()
        if client.pending and self._chance.random() < 0.3 and self._at_s > self._responds_s:
            client.respond()
            self._responds_s = self._at_s + self._chance.choice((0.0, 0.0, 0.2))
        for event in client.received:
            if isinstance(event, PublishedMessage):
                kind = KINDS[event.origin]
                record = BlockRecord(event.published_ns, kind, event.topic, event.payload)
            else:
                record = samples.notice(type(event).__name__, self._at_s * 1000, event)
            self.records.append(record)
        client.received.clear()


def lossy_recording(
    path: Path, chance: random.Random, *, records: int = 400, prefixes: tuple[str, ...] = ("",)
) -> Path:
    """Write a recording with so many records."""
    made = Recording(chance, prefixes)
    while len(made.records) < records:
        made.step()
    return samples.write(path, made.records, block=50, prefixes=prefixes)


def outline(events: Iterable[Any]) -> dict[str, list[Any]]:
    """Return each topic's ticks with the seqs missing between them, and each feed's notices.

    `stale` depends on the clock, and a replayed message is live to a replay's subscriber; so is a
    snapshot that the recorder got after newer messages.
    """
    found: dict[str, list[Any]] = {}
    states: dict[str, StateChange] = {}
    for event in events:
        if isinstance(event, StateChange):
            if event.feed and event.state != "stale" and states.get(event.feed) != event:
                states[event.feed] = event
                found.setdefault(event.feed, []).append(event)
        elif isinstance(event, Gap):
            missing = [
                ("lost", event.session, seq) for seq in range(event.from_seq, event.to_seq + 1)
            ]
            found.setdefault(event.topic, []).extend(missing)
        elif isinstance(event, UpstreamGap | NewSession | Stopped):
            if isinstance(event, Stopped):
                states.pop(event.feed, None)
            found.setdefault(event.feed, []).append(event)
        else:
            topic = f"{event.channel}.{event.exchange}.{event.symbol}."
            ticks = found.setdefault(topic, [])
            origin = "snapshot" if event.origin == "snapshot" and not ticks else "live"
            ticks.append((origin, event.session, event.seq))
    return found


def without_end(found: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Leave out the report of the recording's end, after checking that each feed has it."""
    for feed in FEEDS:
        ended = found[feed].pop()
        assert isinstance(ended, Stopped)
        assert ended.reason == "the recording has ended"
    return found
