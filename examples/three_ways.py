"""One strategy on live, replayed and recorded data, without a change of its code.

Usage: .venv/bin/python examples/three_ways.py SOURCE [TOPIC …]

    tcp://127.0.0.1:5500              live, or replayed by `feedd replay`: an endpoint
    recordings/binanceusdm            recorded: a folder or a file, read at full speed

It keeps a fast and a slow mean of each symbol's mid price and prints when they cross. A gap resets
the means: a mean over a gap would be wrong.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import feedd

FAST, SLOW = 2 / 51, 2 / 501  # of the last 50 and 500 quotes, about


def opened(
    source: str, topics: list[str]
) -> feedd.Stream[feedd.Event] | feedd.RecordedStream[feedd.Event]:
    """Return an endpoint's or a recording's stream. The rest of the code treats both the same."""
    if "://" in source:
        return feedd.subscribe(source, topics)
    return feedd.open_recording(source, topics)


@dataclass
class Means:
    """One symbol's two means, and the number of quotes in them."""

    fast: float = 0.0
    slow: float = 0.0
    quotes: int = 0

    def crossed(self, mid: float) -> str | None:
        """Add a price; return the direction in which the means crossed, if they did."""
        if not self.quotes:
            self.fast = self.slow = mid
        above = self.fast > self.slow
        self.fast += FAST * (mid - self.fast)
        self.slow += SLOW * (mid - self.slow)
        self.quotes += 1
        if self.quotes <= 500 or above == (self.fast > self.slow):
            return None
        return "down" if above else "up"


class Crossings:
    """The strategy. It does not know where its events come from."""

    def __init__(self) -> None:
        self.means: dict[str, Means] = {}  # by feed, as notices name it
        self.crossings = self.resets = 0

    def on(self, event: feedd.Event) -> None:
        """Process one event of a stream."""
        match event:
            case feedd.Quote(bid=float(bid), ask=float(ask)):
                feed = f"{event.exchange}.{event.symbol}."
                direction = self.means.setdefault(feed, Means()).crossed((bid + ask) / 2)
                if direction is not None:
                    self.crossings += 1
                    print(f"{event.published_ns} {event.symbol} {direction} at {(bid + ask) / 2}")
            case feedd.Gap():
                self.reset(event.topic.partition(".")[2], event.reason)
            case feedd.UpstreamGap() | feedd.NewSession() | feedd.Stopped():
                self.reset(event.feed, type(event).__name__)
            case feedd.StateChange(state="damaged" | "behind"):
                print(f"! {event.state}: {event.reason}")

    def reset(self, feed: str, why: str) -> None:
        """Forget a feed's means."""
        if self.means.pop(feed, None) is not None:
            self.resets += 1
            print(f"! {feed} restarts: {why}")


def main() -> None:
    """Run until the recording ends, or Ctrl-C."""
    if not sys.argv[1:]:
        sys.exit(__doc__)
    strategy = Crossings()
    with opened(sys.argv[1], sys.argv[2:] or ["quote."]) as stream:
        try:
            for event in stream:
                strategy.on(event)
        except KeyboardInterrupt:
            pass
    print(f"{strategy.crossings} crossings, {strategy.resets} restarts")


if __name__ == "__main__":
    try:
        main()
    except feedd.ConfigError as error:
        sys.exit(f"three_ways: {error}")
