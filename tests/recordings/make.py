"""Make the raw recordings in this folder with the embedded exchange.

Usage, from the project's root: .venv/bin/python tests/recordings/make.py [FOLDER]

The same files come out on every machine: the market's seed is fixed, and time is simulated. Run it
after a change to the generated market, and update tests/raw_recordings.py where a count changed.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import selectors
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from feedd.clock import NS_PER_S, Clock
from feedd.embedded.generated import GeneratedMarket
from feedd.embedded.market import MarketMessage
from feedd.venues.binance.streams import parse

START_NS = 1_767_225_590 * NS_PER_S  # 2025-12-31T23:59:50Z: a minute ends after ten seconds
DELAY_NS = 3_000_000  # from the exchange's clock to the receiver's
ONE_SYMBOL = ["btcusdt@bookTicker", "btcusdt@trade", "btcusdt@depth@0ms"]
SYMBOLS = ["btcusdt", "ethusdt", "solusdt", "dogeusdt"]
CONTENTS = ["aggTrade", "depth@100ms", "kline_1m", "bookTicker"]


class SimulatedTime(selectors.SelectSelector):
    """A selector for an event loop that never waits: time moves to the next timer at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        """Move the time forward instead of waiting."""
        self.now_s += max(timeout or 0.0, 0.0)
        return super().select(0)


class SimulatedClock(Clock):
    """The exchange's clock in simulated time."""

    def __init__(self, time: SimulatedTime) -> None:
        super().__init__()
        self._time = time

    def now_ns(self) -> int:
        """Nanoseconds since the epoch, UTC."""
        return START_NS + int(self._time.now_s * NS_PER_S)


class Receiver:
    """A reader of the market that stamps each frame with its receive time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.frames: list[tuple[int, str]] = []

    def now_ns(self) -> int:
        """Return the receive time of a frame sent now; no two frames have the same."""
        last_ns = self.frames[-1][0] if self.frames else 0
        return max(self._clock.now_ns() + DELAY_NS, last_ns + 7_000)

    def send(self, messages: Sequence[MarketMessage]) -> None:
        """Receive frames."""
        for one in messages:
            text = f'{{"stream":"{one.stream}","data":{one.data}}}'
            self.frames.append((self.now_ns(), text))

    def backlog(self) -> int:
        """Return 0: everything is read at once."""
        return 0

    def abort(self) -> None:
        """Do nothing: there is no connection."""


def record(
    streams: list[str], seconds: float, rate: float, seed: int, snapshot_after_s: float
) -> tuple[list[tuple[int, str]], dict[str, tuple[int, dict[str, Any]]]]:
    """Return a market's frames with their receive times, and a depth answer of each symbol."""
    time = SimulatedTime()
    loop = asyncio.SelectorEventLoop(time)
    loop.time = lambda: time.now_s  # type: ignore[method-assign]

    async def run() -> Any:
        clock = SimulatedClock(time)
        market = GeneratedMarket(clock, seed=seed, rate=rate)
        receiver = Receiver(clock)
        parsed = [one for one in map(parse, streams) if one is not None]
        for stream in parsed:
            market.subscribe(stream, receiver)
        await asyncio.sleep(snapshot_after_s)
        answers = {
            symbol: (receiver.now_ns(), market.depth(symbol, 1000))
            for symbol in dict.fromkeys(stream.symbol for stream in parsed)
        }
        await asyncio.sleep(seconds - snapshot_after_s)
        await market.close()
        return receiver.frames, answers

    try:
        return loop.run_until_complete(run())  # type: ignore[no-any-return]
    finally:
        loop.close()


def compact(value: Any) -> str:
    """Write JSON without spaces, as the exchange does."""
    return json.dumps(value, separators=(",", ":"))


def write_one_symbol(path: Path) -> None:
    """Write one symbol's frames and depth answer in one gzipped file."""
    frames, answers = record(ONE_SYMBOL, 90.0, 60.0, 1, 0.3)
    ((at_ns, answer),) = answers.values()
    lines = [f"{ns} {text}\n" for ns, text in sorted([*frames, (at_ns, compact(answer))])]
    path.write_bytes(gzip.compress("".join(lines).encode(), mtime=0))


def write_four_symbols(frames_path: Path, answers_path: Path) -> None:
    """Write four symbols' frames in a text file, and their depth answers in a file beside it."""
    names = [f"{symbol}@{content}" for symbol in SYMBOLS for content in CONTENTS]
    frames, answers = record(names, 15.0, 5.0, 2, 1.0)
    address = f"wss://fstream.binance.com/stream?streams={'/'.join(names)}"
    lines = [f"{address} <-> {START_NS / NS_PER_S:.6f}"]
    lines += [f"{ns / NS_PER_S:.6f}: {text}" for ns, text in frames]
    frames_path.write_text("\n".join(lines) + "\n")
    page = "https://fapi.binance.com/fapi/v1/depth?symbol={}&limit=1000 -> {:.6f}: {}"
    rows = [page.format(name, ns / NS_PER_S, compact(row)) for name, (ns, row) in answers.items()]
    answers_path.write_text("\n".join(rows) + "\n")


def main(folder: Path) -> None:
    """Write all of them to a folder."""
    write_one_symbol(folder / "embedded_btcusdt.gz")
    write_four_symbols(
        folder / "embedded_four_symbols.ws.1.0.txt", folder / "embedded_four_symbols.http.0.0.txt"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
