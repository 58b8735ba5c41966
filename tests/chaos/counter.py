"""Fast subscriber in its own process: counts messages and reports their latency.

`python -m chaos.counter OUT [endpoint, …] [history, …] TOPIC`; a JSON line twice a second
and at SIGTERM. `holes` are numbers that neither came nor lie in a Gap: there must be none.
"""

from __future__ import annotations

import json
import math
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import feedd
from feedd.client.events import Gap, StateChange

SAY_EVERY_S = 0.5
LEAST_MS, WIDER = 0.1, 1.1


def bucket(ms: float) -> int:
    """Return the bucket that a latency falls in; each is a tenth wider than the last."""
    return math.ceil(math.log(max(ms, LEAST_MS) / LEAST_MS, WIDER))


def p99_ms(lines: Iterable[dict[str, Any]]) -> float:
    """Return the upper end of the bucket that 99 of 100 latencies of these lines are within."""
    late: Counter[int] = Counter()
    for line in lines:
        late.update({int(number): count for number, count in line["late"].items()})
    left = late.total() / 100
    for number in sorted(late, reverse=True):
        left -= late[number]
        if left < 0:
            return LEAST_MS * WIDER**number
    return 0.0


class Counted:
    """Of the topics together."""

    def __init__(self) -> None:
        self.next: dict[str, int] = {}
        self.ticks = self.in_gaps = self.holes = self.back = 0
        self.late: Counter[int] = Counter()
        self.gap_at = 0.0
        self.stale: list[str] = []

    def take(self, event: Any) -> None:
        if isinstance(event, Gap):
            self.gap_at = time.monotonic()
            self.in_gaps += event.to_seq - event.from_seq + 1
            self._pass(event.topic, event.from_seq, event.to_seq)
        elif isinstance(event, StateChange):
            self.stale += [event.feed] if event.state == "stale" else []
        elif hasattr(event, "seq"):
            self.ticks += 1
            self.late[bucket((time.time_ns() - event.published_ns) / 1e6)] += 1
            self._pass(f"{event.channel}.{event.exchange}.{event.symbol}.", event.seq, event.seq)

    def _pass(self, topic: str, first: int, last: int) -> None:
        due = self.next.get(topic, first)
        self.holes += max(0, first - due)
        self.back += first < due
        self.next[topic] = max(due, last + 1)

    def summary(self) -> dict[str, Any]:
        late, self.late = self.late, Counter()
        return {
            "at": time.monotonic(), "kind": "count", "ticks": self.ticks, "in_gaps": self.in_gaps,
            "holes": self.holes, "back": self.back, "high": max(self.next.values(), default=1) - 1,
            "late": late, "gap_at": self.gap_at,
            "stale": self.stale,
        }  # fmt: skip


def main(out: Path, endpoints: list[str], histories: list[str], topic: str) -> None:
    """Count until stopped."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    counted, said_s = Counted(), 0.0
    with out.open("w", encoding="utf-8") as file:
        with feedd.subscribe(endpoints, topic, history=histories or None) as stream:
            while not stopped:
                event = stream.receive(0.05)
                if event is not None:
                    counted.take(event)
                if time.monotonic() - said_s > SAY_EVERY_S:
                    file.write(json.dumps(counted.summary()) + "\n")
                    file.flush()
                    said_s = time.monotonic()
        file.write(json.dumps({**counted.summary(), "kind": "end"}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4])
