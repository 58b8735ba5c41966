"""Print ticks, and handle every notice that a stream can contain.

Usage: .venv/bin/python examples/strategy.py [ENDPOINT] [TOPIC …]
"""

from __future__ import annotations

import sys

import feedd


def main() -> None:
    """Print events until Ctrl-C."""
    endpoint = sys.argv[1] if sys.argv[1:] else "tcp://127.0.0.1:5500"
    topics = sys.argv[2:] or ["quote."]
    with feedd.subscribe(endpoint, topics) as stream:
        for event in stream:
            match event:
                case feedd.Quote():
                    print(f"{event.symbol} {event.bid} / {event.ask} ({event.origin})")
                case feedd.Gap():
                    print(
                        f"! {event.topic} lacks {event.from_seq} to {event.to_seq}: {event.reason}"
                    )
                case feedd.UpstreamGap():
                    print(f"! {event.feed} {event.channel}: gap at the exchange: {event.reason}")
                case feedd.NewSession():
                    print(f"! {event.feed} restarted: discard your state")
                case feedd.StateChange():
                    print(f"! {event.feed or 'stream'} is {event.state}: {event.reason}")
                case feedd.Stopped():
                    print(f"! {event.feed} was stopped: {event.reason}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(0)
    except feedd.ConfigError as error:
        sys.exit(f"strategy: {error}")
