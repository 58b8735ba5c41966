"""A subscriber in a process of its own: it writes down all that it is told, a JSON line each.

`python -m chaos.recorder OUT [endpoint, …] [history, …] TOPIC …`; `at` is the monotonic time, which
all processes share. It ends at SIGTERM.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import feedd
from feedd.client.events import Gap, NewSession, StateChange, Stopped, UpstreamGap

NOTICES = (Gap, NewSession, StateChange, Stopped, UpstreamGap)
FLUSH_EVERY_S = 0.05


def line(event: Any) -> dict[str, Any]:
    """Return what is written of an event."""
    at = time.monotonic()
    if isinstance(event, NOTICES):
        said = {name: getattr(event, name) for name in event.__struct_fields__}
        return {"at": at, "kind": type(event).__name__, **said}
    return {
        "at": at, "kind": "tick", "topic": f"{event.channel}.{event.exchange}.{event.symbol}.",
        "session": event.session, "seq": event.seq, "id": getattr(event, "id", None),
        "origin": event.origin,
    }  # fmt: skip


def main(out: Path, endpoints: list[str], histories: list[str], topics: list[str]) -> None:
    """Record until told to stop."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    with out.open("w", encoding="utf-8", buffering=1 << 20) as file:
        with feedd.subscribe(endpoints, topics, history=histories or None) as stream:
            flushed_s = 0.0
            while not stopped:
                event = stream.receive(FLUSH_EVERY_S)
                if event is not None:
                    file.write(json.dumps(line(event)) + "\n")
                if event is None or time.monotonic() - flushed_s > FLUSH_EVERY_S:
                    file.flush()
                    flushed_s = time.monotonic()


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4:])
