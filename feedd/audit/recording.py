"""Recordings of what a subscriber received, as JSON lines; docs/audit.md has the format.

Written by `feedd tail --json`, read by `feedd audit`.
"""

from __future__ import annotations

import signal
import time
from typing import IO, TYPE_CHECKING, Any, Literal

import msgspec
import orjson

from feedd.audit.lines import Head
from feedd.client.events import Gap, NewSession, Other, StateChange, Stopped, UpstreamGap
from feedd.client.stream import subscribe
from feedd.errors import ConfigError
from feedd.topics import topic
from feedd.transport.subscriber import Subscriber

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import FrameType

    from feedd.client.events import Event

    Admit = Callable[[str, dict[str, Any]], Sequence[tuple[str, dict[str, Any]]]]

By = Literal["client", "plain"]
FLUSH_S = 0.2
FLUSH_LINES = 5000
NOTICES = (Gap, UpstreamGap, NewSession, StateChange, Stopped)

_encode = msgspec.json.encode


class LineRecorder:
    """Write lines to a file and flush them every 0.2 s, until SIGINT or SIGTERM."""

    def __init__(self, file: IO[bytes], prefixes: list[str]) -> None:
        self._file = file
        # Statuses are subscribed by name: an audit needs them to distinguish an upstream gap from a
        # loss, and the client library passes them on only if they are named.
        statuses = {f"status.{prefix.partition('.')[2]}" for prefix in prefixes}
        self._prefixes = sorted({*prefixes, *statuses})
        self._ending: str | None = None
        self._unflushed = 0
        self._flushed_s = time.monotonic()
        self.lines = 0

    def client(
        self, endpoints: list[str], histories: list[str], deployment: str | None = None
    ) -> str:
        """Record the events of `feedd.subscribe` until a signal arrives; return its name."""
        with subscribe(
            endpoints, self._prefixes, history=histories, deployment=deployment
        ) as stream:
            self._begin("client")
            while self._ending is None:
                event = stream.receive(FLUSH_S)
                if event is not None:
                    self._write(event_line(time.time_ns(), event))
                self._flush()
        return self._end()

    def plain(self, endpoint: str, admit: Admit = lambda *message: [message]) -> str:
        """Record a plain subscriber's messages until a signal arrives; return its name.

        `admit` returns which messages to record once one has arrived.
        """
        with Subscriber(endpoint, self._prefixes) as subscriber:
            self._begin("plain")
            while self._ending is None:
                message = subscriber.receive(FLUSH_S)
                for one in admit(*message) if message is not None else ():
                    self._write(message_line(time.time_ns(), *one))
                self._flush()
        return self._end()

    def _begin(self, by: By) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        self._write(head_line(time.time_ns(), by, self._prefixes))
        self._file.flush()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._ending = signal.Signals(number).name

    def _write(self, line: bytes) -> None:
        self._file.write(line)
        self._unflushed += 1

    def _flush(self) -> None:
        now_s = time.monotonic()
        if self._unflushed >= FLUSH_LINES or now_s - self._flushed_s >= FLUSH_S:
            self._flushed_s = now_s
            if self._unflushed:
                self._file.flush()
                self.lines += self._unflushed
                self._unflushed = 0

    def _end(self) -> str:
        ending = self._ending or ""
        self.lines += self._unflushed + 1
        self._file.write(
            _encode({"ns": time.time_ns(), "end": ending, "lines": self.lines}) + b"\n"
        )
        self._file.flush()
        return ending


def head_line(ns: int, by: By, prefixes: list[str]) -> bytes:
    """Return a recording's first line: the type of subscriber and its topics."""
    return _encode({"recording": 1, "by": by, "ns": ns, "topics": prefixes}) + b"\n"


def event_line(ns: int, event: Event) -> bytes:
    """Return an event of the client library as a line."""
    if isinstance(event, NOTICES):
        fields = _encode(event)[1:]
        return b'{"ns":%d,"notice":"%s",%s\n' % (ns, type(event).__name__.encode(), fields)
    name = topic(event.channel, event.exchange, event.symbol)
    if isinstance(event, Other):
        payload: Any = {**msgspec.msgpack.decode(event.payload), "client.origin": event.origin}
        return message_line(ns, name, payload)
    return b'{"ns":%d,"topic":%s,"payload":%s}\n' % (ns, _encode(name), _encode(event))


def message_line(ns: int, name: str, payload: Any) -> bytes:
    """Return a message as a line."""
    return b'{"ns":%d,"topic":%s,"payload":%s}\n' % (ns, _encode(name), _encode(payload))


class Recording:
    """Reader of a recording: the fields of its first line, and the other lines."""

    def __init__(self, path: Path) -> None:
        """Read the first line; raise ConfigError if the file is not a recording."""
        self._path = path
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise ConfigError(f"{path}: can't be read: {error.strerror}") from None
        try:
            head = self._head()
        except ConfigError:
            self.close()
            raise
        self.by_client = head.by == "client"
        self.prefixes = head.topics

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def lines(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the other lines with their numbers; skip an incomplete last line."""
        for number, line in enumerate(self._file, 2):
            if line.endswith(b"\n"):
                yield number, self._parsed(line, number)

    def _head(self) -> Head:
        try:
            return msgspec.convert(self._parsed(self._file.readline(), 1), Head)
        except msgspec.ValidationError as error:
            raise ConfigError(
                f"{self._path}, line 1: is not a recording of a subscriber; "
                f"feedd tail --json writes one ({error})"
            ) from None

    def _parsed(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            parsed = orjson.loads(line)
        except ValueError as error:
            raise ConfigError(f"{self._path}, line {number}: is not JSON: {error}") from None
        if not isinstance(parsed, dict):
            raise ConfigError(f"{self._path}, line {number}: is not a line of a recording")
        return parsed
