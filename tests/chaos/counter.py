"""A quick subscriber in a process of its own: it counts, and says how late messages are.

`python -m chaos.counter OUT [endpoint, …] [history, …] TOPIC`; a JSON line twice a second
and at SIGTERM. `holes` are numbers that neither came nor lie in a Gap: there must be none.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import feedd
from feedd.client.events import Gap, StateChange

SAY_EVERY_S = 0.5


class Counted:
    """Of the topics together."""

    def __init__(self) -> None:
        self.next: dict[str, int] = {}
        self.ticks = self.in_gaps = self.holes = self.back = 0
        self.late_ms: list[float] = []
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
            self.late_ms.append((time.time_ns() - event.published_ns) / 1e6)
            self._pass(f"{event.channel}.{event.exchange}.{event.symbol}.", event.seq, event.seq)

    def _pass(self, topic: str, first: int, last: int) -> None:
        due = self.next.get(topic, first)
        self.holes += max(0, first - due)
        self.back += first < due
        self.next[topic] = max(due, last + 1)

    def said(self) -> dict[str, Any]:
        late, self.late_ms = sorted(self.late_ms), []
        return {
            "at": time.monotonic(), "kind": "count", "ticks": self.ticks, "in_gaps": self.in_gaps,
            "holes": self.holes, "back": self.back, "high": max(self.next.values(), default=1) - 1,
            "p99_ms": late[int(len(late) * 0.99)] if late else None, "gap_at": self.gap_at,
            "stale": self.stale,
        }  # fmt: skip


def main(out: Path, endpoints: list[str], histories: list[str], topic: str) -> None:
    """Count until told to stop."""
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
                    file.write(json.dumps(counted.said()) + "\n")
                    file.flush()
                    said_s = time.monotonic()
        file.write(json.dumps({**counted.said(), "kind": "end"}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4])
