"""Clients that are wrong, each in its way; they fail the conformance run.

naive            hands on what comes, and looks at no number

The others are feedd.subscribe with one fault:

duplicates       also hands on what comes a second time
blind            has no eye for `next_seq`
blind_at_stop    has none for that of a `stopped` status
status_gaps      reports gaps of the statuses, to which its caller has not subscribed
snapshot_gaps    reports the exchange's gap that the snapshot's status has
foreign_gaps     reports the exchange's gaps of all channels of a feed
old_sessions     hands on messages of a session before the newest
doubles          has numbers of 53 bits, as JavaScript does
nil_is_zero      takes nil for 0
same_stream      takes a new session for a part of the old one, and does not report it
topic_sessions   reports a new session for each topic of the feed
repeats_states   reports the state with each heartbeat
begins_anywhere  begins a new session with the first message that arrives
hammers          sends each request 150 times
text_topics      expects each topic to be text
"""

from __future__ import annotations

import builtins
import os
import runpy
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import zmq

from feedd.client.event_emitter import EventEmitter
from feedd.client.events import Gap, UpstreamGap
from feedd.client.protocol import Protocol
from feedd.client.sequencer import Sequencer
from feedd.transport.client_sockets import ClientSockets

LAST_MS = 200  # what is still on its way comes within it
LOCK = threading.Lock()
ADAPTER = Path(__file__).resolve().parent.parent.parent / "examples" / "conformance_client.py"


class Reader:
    """A plain subscriber that prints every message."""

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        with zmq.Context() as context, context.socket(zmq.SUB) as socket:
            socket.linger = 0
            for topic in self._topics:
                socket.subscribe(topic)
            socket.connect(os.environ["FEEDD_ENDPOINT"])
            while socket.poll(20) or not self._stop.is_set() or socket.poll(LAST_MS):
                if not socket.poll(0):
                    continue
                topic, payload = socket.recv_multipart()
                message = msgpack.unpackb(payload)
                print("TICK", topic.decode(), message["session"], message["seq"], flush=True)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


def naive() -> None:
    for order in sys.stdin:
        match order.split():
            case ["SUBSCRIBE", *topics]:
                reader = Reader(topics)
            case ["END"]:
                reader.close()
                print("DONE", flush=True)


def say(*words: Any, flush: bool) -> None:
    """Print a line in one piece, whichever thread another one is from."""
    del flush
    with LOCK:
        sys.stdout.write(" ".join(map(str, words)) + "\n")
        sys.stdout.flush()


def duplicates() -> None:
    builtins.print = say  # type: ignore[assignment]
    take, times = Protocol.message, Counter[Any]()

    def message(self: Protocol, frame: bytes, payload: bytes, now_s: float) -> None:
        take(self, frame, payload, now_s)
        if not frame.startswith(b"status."):
            came = msgpack.unpackb(payload)
            key = (frame.decode(), came["session"], came["seq"])
            times[key] += 1
            if times[key] > 1:
                print("TICK", *key, flush=True)

    Protocol.message = message  # type: ignore[method-assign]
    adapter()


def adapter() -> None:
    runpy.run_path(str(ADAPTER), run_name="__main__")


def with_status(change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Run with statuses that are changed before the client reads them."""
    take = Protocol.message

    def message(self: Protocol, frame: bytes, payload: bytes, now_s: float) -> None:
        if frame.startswith(b"status."):
            payload = msgpack.packb(change(msgpack.unpackb(payload)))
        take(self, frame, payload, now_s)

    Protocol.message = message  # type: ignore[method-assign]
    adapter()


def blind() -> None:
    with_status(lambda status: {**status, "next_seq": {}})


def blind_at_stop() -> None:
    with_status(
        lambda status: {**status, "next_seq": {}} if status["state"] == "stopped" else status
    )


def status_gaps() -> None:
    def gap(self: EventEmitter, topic: Any, session: int, *what: Any) -> None:
        self.events.append(Gap(topic.name, session, *what))

    EventEmitter.gap = gap  # type: ignore[method-assign]
    adapter()


def snapshot_gaps() -> None:
    take = EventEmitter.status

    def status(self: EventEmitter, feed: Any, said: Any) -> None:
        if said.gap is not None and said.origin == "snapshot":
            gap = said.gap
            self.events.append(
                UpstreamGap(feed.name, gap.channel, gap.from_id, gap.to_id, gap.reason)
            )
        take(self, feed, said)

    EventEmitter.status = status  # type: ignore[method-assign]
    adapter()


def foreign_gaps() -> None:
    EventEmitter.wants = lambda *_: True  # type: ignore[method-assign]
    adapter()


def old_sessions() -> None:
    take = Sequencer.receive

    def receive(self: Sequencer, topic: Any, message: Any, now_s: float) -> None:
        old = topic.feed.session is not None and message.session < topic.feed.session
        (self.emit(topic, message) if old else take(self, topic, message, now_s))

    Sequencer.receive = receive  # type: ignore[method-assign]
    adapter()


def printed_as(change: Callable[[str], str]) -> None:
    """Run with words that are changed before they are printed."""

    def say_changed(line: Any, *, flush: bool) -> None:
        say(*map(change, str(line).split()), flush=flush)

    builtins.print = say_changed  # type: ignore[assignment]
    adapter()


def doubles() -> None:
    printed_as(lambda word: str(int(float(word))) if word.isdecimal() else word)


def nil_is_zero() -> None:
    printed_as(lambda word: "0" if word == "-" else word)


def same_stream() -> None:
    EventEmitter.new_session = lambda *_: None  # type: ignore[method-assign]
    adapter()


def topic_sessions() -> None:
    take = EventEmitter.new_session

    def new_session(self: EventEmitter, feed: Any, *sessions: int) -> None:
        for topic in feed.topics:
            if not topic.is_status:
                take(self, feed, *sessions)

    EventEmitter.new_session = new_session  # type: ignore[method-assign]
    adapter()


def repeats_states() -> None:
    take = EventEmitter.status

    def status(self: EventEmitter, feed: Any, said: Any) -> None:
        feed.reported = None
        take(self, feed, said)

    EventEmitter.status = status  # type: ignore[method-assign]
    adapter()


def begins_anywhere() -> None:
    take = Sequencer.new_session

    def new_session(self: Sequencer, feed: Any, session: int) -> None:
        take(self, feed, session)
        feed.complete = False
        for topic in feed.topics:
            topic.buffer = None

    Sequencer.new_session = new_session  # type: ignore[method-assign]
    adapter()


def hammers() -> None:
    def request(self: ClientSockets, history: int, content: bytes) -> None:
        for _ in range(150):
            self._histories[history].socket.send(content)

    ClientSockets.request = request  # type: ignore[method-assign]
    adapter()


def text_topics() -> None:
    take = Protocol.message

    def message(self: Protocol, frame: bytes, payload: bytes, now_s: float) -> None:
        take(self, frame.decode().encode(), payload, now_s)

    Protocol.message = message  # type: ignore[method-assign]
    adapter()


CLIENTS = (naive, duplicates, blind, blind_at_stop, status_gaps, snapshot_gaps, foreign_gaps,
           old_sessions, doubles, nil_is_zero, same_stream, topic_sessions,
           repeats_states, begins_anywhere, hammers,
           text_topics)  # fmt: skip

if __name__ == "__main__":
    {client.__name__: client for client in CLIENTS}[sys.argv[1]]()
