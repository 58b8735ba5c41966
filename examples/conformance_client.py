"""Adapter for `feedd conformance`: reads commands and prints events, one per line.

Usage: .venv/bin/feedd conformance -- .venv/bin/python examples/conformance_client.py
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import feedd


def formatted(event: feedd.Event) -> str | None:
    """Return an event as a line of the protocol in docs/conformance.md."""
    match event:
        case feedd.Gap(topic, session, from_seq, to_seq):
            return f"GAP {topic} {session} {from_seq} {to_seq}"
        case feedd.NewSession(feed, old, new):
            return f"SESSION {feed} {old} {new}"
        case feedd.UpstreamGap(feed, channel, from_id, to_id):
            ids = ("-" if one is None else one for one in (from_id, to_id))
            return " ".join(map(str, ("UPSTREAM", feed, channel, *ids)))
        case feedd.Stopped(feed, session):
            return f"STOPPED {feed} {session}"
        case feedd.StateChange(feed, state):
            return f"STATE {feed} {state}" if feed else None
        case _:
            topic = feedd.topic(event.channel, event.exchange, event.symbol)
            return f"TICK {topic} {event.session} {event.seq}"


def report(stream: feedd.Stream[Any]) -> None:
    """Print the events of a stream until it is closed."""
    for event in stream:
        line = formatted(event)
        if line is not None:
            print(line, flush=True)


def main() -> None:
    """Execute the commands on standard input until it ends."""
    if "FEEDD_ENDPOINT" not in os.environ:
        sys.exit(__doc__)
    endpoint, history = os.environ["FEEDD_ENDPOINT"], os.environ["FEEDD_HISTORY"]
    for command in sys.stdin:
        match command.split():
            case ["SUBSCRIBE", *topics]:
                stream = feedd.subscribe(endpoint, topics, history=history)
                thread = threading.Thread(target=report, args=(stream,))
                thread.start()
            case ["END"]:
                stream.close()
                thread.join()
                print("DONE", flush=True)


if __name__ == "__main__":
    main()
