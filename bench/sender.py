"""Exchange side of the benchmarks: plays prepared frames on command.

    python -m bench.sender RECORDING SYMBOLS

Handshakes and REST answers are the embedded exchange's. Frames are prepared in advance and written
to the connection's transport unchanged, so that the sender is faster than any handler. It prints
JSON lines (`{"port": …}`, then one per completed command), reads commands from standard input, and
exits when that ends:

    warm                   20 quotes per second to every subscriber, from now on
    hush                   stop these
    readers                how many connections have subscribed to the first symbol
    blast COUNT            quotes as fast as the slowest reader takes them
    pace BEGIN END LOG     a slice of the recording, in seconds, at its own pace; writes LOG
    mix SECONDS SLOW BURST RATE LOG   every symbol RATE quotes per second, evenly, but symbol SLOW a
                           burst of BURST once per second; 0: no bursts

A log holds two 64-bit words per quote: its update id, and the time at which it was written to the
connection (ns since the epoch).
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import recording
from bench.errors import BenchError
from feedd.clock import Clock
from feedd.embedded.binance.served import usdm
from feedd.embedded.instruments import Instrument, listed
from feedd.embedded.market import Refused
from feedd.embedded.server import ExchangeServer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from feedd.venues.raw_streams import RawStream

CHUNK_FRAMES = 300
WAITING_BYTES = 512 * 1024  # at a blast: what may wait for a reader
WARM_EVERY_S = 0.05
# Each symbol's update ids of its own, and growing from a recording's 5 * 10**12 on.
WARM_IDS = 10**13
MIX_IDS = 10**15


class Wire:
    """One connection, written to past aiohttp: a blast must not be the sender's measure."""

    def __init__(self, outlet: Any) -> None:
        self.combined: bool = outlet.connection.combined
        self._outlet = outlet

    def write(self, frames: bytes) -> None:
        """Write whole frames; do nothing if the connection is closed."""
        transport = self._outlet._request.transport  # noqa: SLF001  there is no public way
        if transport is not None and not transport.is_closing():
            transport.write(frames)

    def waiting(self) -> int:
        """Return the number of bytes that the reader has not read yet."""
        return int(self._outlet.backlog())


class Script:
    """Market without a history, controlled by commands."""

    def __init__(self, symbols: list[str]) -> None:
        known = {id_: instrument for id_, (instrument, _) in listed().items()}
        self.instruments: dict[str, Instrument] = {id_: known[id_] for id_ in symbols}
        self.wires: dict[str, dict[Any, Wire]] = {id_: {} for id_ in symbols}

    def check(self, stream: RawStream) -> None:
        """Refuse every stream but quotes."""
        self.instruments[stream.symbol]
        if stream.content != "quote":
            raise Refused(f"only quotes are sent, not {stream.name}")

    def subscribe(self, stream: RawStream, outlet: Any) -> None:
        """Send to an outlet from now on."""
        self.wires[stream.symbol].setdefault(outlet, Wire(outlet))

    def unsubscribe(self, stream: RawStream, outlet: Any) -> None:
        """Stop sending to an outlet."""
        self.wires[stream.symbol].pop(outlet, None)

    def to(self, symbol: str) -> list[Wire]:
        """Return the readers of a symbol."""
        return list(self.wires[symbol].values())

    async def close(self) -> None:
        """Do nothing: no task runs."""

    def __getattr__(self, page: str) -> Any:
        """Refuse every page of REST: depth, klines, …."""
        if page.startswith("_"):
            raise AttributeError(page)
        return _refuse


class Sender:
    """Plays the recording to all subscribers."""

    def __init__(self, script: Script, recorded: list[recording.Quote]) -> None:
        self._script = script
        self._recorded = recorded
        self._symbols = list(script.instruments)
        self._warm: asyncio.Task[None] | None = None
        self._blasts: dict[tuple[int, bool], list[bytes]] = {}
        self._mixed = 0
        self._warm_id = recorded[0].id - 1_000_000

    async def warm(self) -> None:
        """Begin to send a few quotes a second."""
        await self.hush()
        self._warm = asyncio.get_running_loop().create_task(self._warming())

    async def hush(self) -> None:
        """Stop that."""
        if self._warm is not None:
            self._warm.cancel()
            self._warm = None

    async def readers(self) -> dict[str, Any]:
        """Return how many connections read the first symbol."""
        return {"readers": len(self._script.to(self._symbols[0]))}

    async def blast(self, count: int) -> dict[str, Any]:
        """Send so many quotes of the first symbol as fast as the slowest reader takes them."""
        wires = self._readers(self._symbols[0])
        chunks = {wire.combined: self._prepared(count, wire.combined) for wire in wires}
        began_ns = time.time_ns()
        for number in range(-(-count // CHUNK_FRAMES)):
            for wire in wires:
                while wire.waiting() > WAITING_BYTES:  # noqa: ASYNC110  a transport has no callback for it
                    await asyncio.sleep(0.0005)
                wire.write(chunks[wire.combined][number])
            await asyncio.sleep(0)
        for wire in wires:
            while wire.waiting():  # noqa: ASYNC110
                await asyncio.sleep(0.0005)
        return {"sent": count, "began_ns": began_ns}

    async def pace(self, begin_s: float, end_s: float, log: Path) -> dict[str, Any]:
        """Send a slice of the recording as it came."""
        symbol = self._symbols[0]
        plan = [
            (at_s, symbol, [(quote.id, quote.data) for quote in quotes])
            for at_s, quotes in recording.pieces(self._recorded, begin_s, end_s)
        ]
        return await self._play(plan, end_s - begin_s, log)

    async def mix(
        self, seconds: float, slow: int, burst: int, rate: float, log: Path
    ) -> dict[str, Any]:
        """Send to every symbol evenly, and to one in bursts."""
        plan: list[tuple[float, str, list[tuple[int, str]]]] = []
        for index, symbol in enumerate(self._symbols):
            size, every_s = (burst, 1.0) if burst and index == slow else (1, 1 / rate)
            step = every_s / len(self._symbols)
            for turn in range(int(seconds / every_s)):
                first = (index + 1) * MIX_IDS + self._mixed + turn * size
                quotes = [
                    (first + n, _as(symbol, self._recorded[n % 5000], first + n))
                    for n in range(size)
                ]
                plan.append((turn * every_s + index * step, symbol, quotes))
        self._mixed += 10**9
        plan.sort(key=lambda piece: piece[0])
        return await self._play(plan, seconds, log)

    async def _play(
        self, plan: list[tuple[float, str, list[tuple[int, str]]]], seconds: float, log: Path
    ) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        framed = [
            (at_s, symbol, [id_ for id_, _ in quotes], _both([data for _, data in quotes], symbol))
            for at_s, symbol, quotes in plan
        ]
        noted = array("Q")
        began_ns, start_s = time.time_ns(), loop.time()
        for at_s, symbol, ids, frames in framed:
            wait_s = start_s + at_s - loop.time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            sent_ns = time.time_ns()
            for wire in self._script.to(symbol):
                wire.write(frames[wire.combined])
            for id_ in ids:
                noted.extend((id_, sent_ns))
        await asyncio.sleep(max(0.0, start_s + seconds - loop.time()))
        log.write_bytes(noted.tobytes())  # noqa: ASYNC240  nobody waits for this loop now
        return {"sent": len(noted) // 2, "began_ns": began_ns}

    async def _warming(self) -> None:
        while True:
            for index, symbol in enumerate(self._symbols):
                self._warm_id += 1
                id_ = self._warm_id + index * WARM_IDS
                frames = _both([_as(symbol, self._recorded[0], id_)], symbol)
                for wire in self._script.to(symbol):
                    wire.write(frames[wire.combined])
            await asyncio.sleep(WARM_EVERY_S)

    def _readers(self, symbol: str) -> list[Wire]:
        wires = self._script.to(symbol)
        if not wires:
            raise BenchError(f"nobody is subscribed to {symbol}")
        return wires

    def _prepared(self, count: int, combined: bool) -> list[bytes]:
        key = count, combined
        if key not in self._blasts:
            texts = recording.repeated(self._recorded, count)
            self._blasts[key] = [
                b"".join(_frames(texts[at : at + CHUNK_FRAMES], combined, recording.STREAM))
                for at in range(0, count, CHUNK_FRAMES)
            ]
        return self._blasts[key]


def _as(symbol: str, quote: recording.Quote, id_: int) -> str:
    """Return a quote as another symbol's, with an update id of its own."""
    data = recording.renumbered(quote, id_ - quote.id)
    return data.replace('"s":"BTCUSDT"', f'"s":"{symbol}"', 1)


def _both(texts: list[str], symbol: str) -> dict[bool, bytes]:
    """Return quotes as frames in one piece, combined-stream ones and plain ones."""
    stream = f"{symbol.lower()}@bookTicker"
    return {combined: b"".join(_frames(texts, combined, stream)) for combined in (True, False)}


def _frames(texts: Iterable[str], combined: bool, stream: str) -> Iterable[bytes]:
    """Yield final text frames (RFC 6455, 5.2)."""
    for text in texts:
        data = (f'{{"stream":"{stream}","data":{text}}}' if combined else text).encode()
        head = (0x81, len(data)) if len(data) < 126 else (0x81, 126, len(data))
        yield struct.pack("!BB" if len(data) < 126 else "!BBH", *head) + data


def _refuse(*_asked: Any) -> Any:
    raise Refused("quotes are streamed here, and nothing is answered")


def _say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


async def main(path: Path, symbols: list[str]) -> None:
    """Serve until standard input ends."""
    script = Script(symbols)
    sender = Sender(script, recording.quotes(path))
    server = ExchangeServer([usdm(script)], Clock())
    port = await server.start(0)
    commands: dict[str, Callable[..., Coroutine[Any, Any, dict[str, Any] | None]]] = {
        "warm": sender.warm,
        "hush": sender.hush,
        "readers": sender.readers,
        "blast": lambda count: sender.blast(int(count)),
        "pace": lambda begin, end, log: sender.pace(float(begin), float(end), Path(log)),
        "mix": lambda seconds, slow, burst, rate, log: sender.mix(
            float(seconds), int(slow), int(burst), float(rate), Path(log)
        ),
    }
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    _say(port=port)
    while line := (await reader.readline()).decode():
        name, *words = line.split()
        try:
            _say(**(await commands[name](*words) or {"done": name}))
        except BenchError as error:
            _say(error=str(error))
    await sender.hush()
    await server.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2].split(",")))
