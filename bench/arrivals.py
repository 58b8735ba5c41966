"""What the subscriber at the end noted; the layout is that of c/subscriber.c."""

from __future__ import annotations

import mmap
import struct
import sys
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench import native_parts
from bench.errors import BenchError

if TYPE_CHECKING:
    import subprocess
    from typing import Any

    from bench.processes import Processes

HEAD_BYTES = 64
ENTRY_BYTES = 24
SUBSCRIBER = Path(__file__).resolve().parent / "subscriber.py"


class Arrival(NamedTuple):
    """One message: when it came (ns since the epoch), its id or 0, the hash of its topic."""

    at_ns: int
    id: int
    topic: int


class Arrivals:
    """A log that another process writes into, read while it does."""

    def __init__(self, path: Path, capacity: int) -> None:
        self.path = path
        self.capacity = capacity
        with path.open("w+b") as file:
            file.truncate(HEAD_BYTES + capacity * ENTRY_BYTES)
            self._map = mmap.mmap(file.fileno(), 0)

    @property
    def count(self) -> int:
        """How many messages came."""
        return int(struct.unpack_from("<Q", self._map, 0)[0])

    @property
    def payload_bytes(self) -> int:
        """How many bytes their payloads had in all."""
        return int(struct.unpack_from("<Q", self._map, 8)[0])

    def since(self, mark: int) -> list[Arrival]:
        """Return what came after the first `mark` messages."""
        count = self.count
        if count > self.capacity:
            raise BenchError(f"{count} messages came, and {self.capacity} were expected at most")
        part = self._map[HEAD_BYTES + mark * ENTRY_BYTES : HEAD_BYTES + count * ENTRY_BYTES]
        return [Arrival(*row) for row in struct.iter_unpack("<QQQ", part)]

    def last_ns(self) -> int:
        """Return when the last one came; 0 when none did."""
        last = min(self.count, self.capacity)
        if not last:
            return 0
        at = HEAD_BYTES + (last - 1) * ENTRY_BYTES
        return int(struct.unpack_from("<Q", self._map, at)[0])

    def close(self) -> None:
        """Forget the file."""
        self._map.close()
        self.path.unlink()


def subscribe(
    processes: Processes,
    log: Arrivals,
    endpoint: str,
    prefix: str,
    *,
    bind: bool = False,
    sockets: int = 1,
) -> subprocess.Popen[Any]:
    """Start the subscriber at the end; `sockets` of them share one process and one count."""
    program: list[object]
    if native_parts.compiler() is None:
        program = [sys.executable, SUBSCRIBER]
    else:
        compiled = native_parts.compiled("subscriber", processes.folder)
        program = [compiled, native_parts.libzmq()]
    how = "bind" if bind else "connect"
    return processes.start(
        f"subscriber-{log.path.stem}",
        [*program, log.path, str(log.capacity), how, endpoint, prefix,
         str(sockets)],
    )  # fmt: skip


def sent(log: Path) -> dict[int, int]:
    """Return when each quote was written to the connection, by its update id."""
    words = array("Q", log.read_bytes())
    return dict(zip(words[::2], words[1::2], strict=True))


def latencies_us(arrivals: list[Arrival], sent_ns: dict[int, int]) -> list[float]:
    """Return send → receive of each message that came, in µs.

    By id; where a handler publishes none, in order, and then only where none is missing.
    """
    if any(one.id for one in arrivals):
        return [(one.at_ns - sent_ns[one.id]) / 1e3 for one in arrivals if one.id in sent_ns]
    if len(arrivals) != len(sent_ns):
        return []
    return [
        (one.at_ns - began_ns) / 1e3
        for one, began_ns in zip(arrivals, sent_ns.values(), strict=True)
    ]


def topic_hash(topic: str) -> int:
    """Return what the log has for a topic (FNV-1a, 64 bits)."""
    value = 14695981039346656037
    for byte in topic.encode():
        value = (value ^ byte) * 1099511628211 % 2**64
    return value
