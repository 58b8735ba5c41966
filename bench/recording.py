"""The recording that all handlers are fed with: real quotes of BTCUSDT, as they were received."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from bench.errors import BenchError
from feedd.embedded.tape import read
from feedd.venues.binance import raw_recording

ROOT = Path(__file__).resolve().parent.parent
FILE = "binanceusdm_btcusdt_20240808.gz"
STREAM = "btcusdt@bookTicker"
SYMBOL = "BTC/USDT:USDT"
TOGETHER_NS = 200_000  # frames closer than this came in one piece

_ID = re.compile(r'"u":(\d+)')


class Quote(NamedTuple):
    """One bookTicker: when it came, in ns since the recording's first line, its id and JSON."""

    at_ns: int
    id: int
    data: str


def recording() -> Path:
    """Return where the recording is; raise BenchError where it is not."""
    folder = Path(os.environ.get("FEEDD_DATA", ROOT.parent / "shared" / "data"))
    path = folder / FILE
    if not path.is_file():
        raise BenchError(f"{path} is missing; set FEEDD_DATA to the folder that has it")
    return path


def quotes(path: Path) -> list[Quote]:
    """Return all quotes of a recording, in the order received."""
    found: list[Quote] = []
    start_ns = 0
    for line in read(path, raw_recording):
        start_ns = start_ns or line.local_ns
        if line.stream == STREAM:
            match = _ID.search(line.data)
            if match:
                found.append(Quote(line.local_ns - start_ns, int(match[1]), line.data))
    if not found:
        raise BenchError(f"{path} has no {STREAM}")
    return found


def renumbered(quote: Quote, by: int) -> str:
    """Return a quote's JSON with another update id."""
    return quote.data.replace(f'"u":{quote.id}', f'"u":{quote.id + by}', 1)


def repeated(recorded: list[Quote], count: int) -> list[str]:
    """Return so many quotes, the recording again and again with update ids that go on."""
    span = recorded[-1].id - recorded[0].id + 1
    texts: list[str] = []
    turn = 0
    while len(texts) < count:
        left = count - len(texts)
        texts.extend(renumbered(quote, turn * span) for quote in recorded[:left])
        turn += 1
    return texts


def pieces(recorded: list[Quote], begin_s: float, end_s: float) -> list[tuple[float, list[Quote]]]:
    """Return what is sent in one piece, and when, in seconds from `begin_s` on."""
    found: list[tuple[float, list[Quote]]] = []
    last_ns = 0
    for quote in recorded:
        if not begin_s * 1e9 <= quote.at_ns < end_s * 1e9:
            continue
        if not found or quote.at_ns - last_ns > TOGETHER_NS:
            found.append((quote.at_ns / 1e9 - begin_s, []))
        found[-1][1].append(quote)
        last_ns = quote.at_ns
    return found
