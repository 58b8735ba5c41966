"""Scrapes: many at once share one generation, and a slow one holds little memory.

A generation is kept compressed; what a scraper wants uncompressed is decompressed as it reads.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from feedd.gateway.metrics.collector import ReadingsCollector
from feedd.gateway.metrics.exposition import exposition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from feedd.gateway.metrics.readings import Readings

SHARED_FOR_S = 1.0  # statuses and reports are as old
CHUNK = 32 * 1024
GZIP = 16 + zlib.MAX_WBITS  # with a gzip header


class Generation(NamedTuple):
    """The metrics of one time: as gzip, and how many bytes they have without."""

    gzip: bytes
    size: int
    took_s: float

    def compressed(self) -> Iterator[bytes]:
        """Yield the gzip in chunks."""
        for begin in range(0, len(self.gzip), CHUNK):
            yield self.gzip[begin : begin + CHUNK]

    def plain(self) -> Iterator[bytes]:
        """Yield the text in chunks."""
        decompressor = zlib.decompressobj(GZIP)
        rest = self.gzip
        while not decompressor.eof:
            chunk = decompressor.decompress(rest, CHUNK)
            rest = decompressor.unconsumed_tail
            if chunk:
                yield chunk


class Scrapes:
    """Generations of the metrics, made in a thread when they are asked for.

    `read` returns the readings; it runs in the event loop. `results` counts how scrapes ended.
    """

    def __init__(self, read: Callable[[], Readings]) -> None:
        self.results: Counter[str] = Counter(sent=0, refused=0, given_up=0)
        self.running = 0
        self.took_s: float | None = None
        self._read = read
        self._thread = ThreadPoolExecutor(1, "metrics")
        self._latest: dict[str, tuple[float, asyncio.Task[Generation]]] = {}

    async def generation(self, form: str) -> Generation:
        """Return the metrics in a form of `exposition`, at most SHARED_FOR_S old."""
        found = self._latest.get(form)
        if found is None or _is_old(*found):
            task = asyncio.create_task(self._generate(form))
            found = self._latest[form] = time.monotonic(), task
        # Others wait for it too: the end of one scrape does not cancel it.
        return await asyncio.shield(found[1])

    async def _generate(self, form: str) -> Generation:
        loop = asyncio.get_running_loop()
        made = await loop.run_in_executor(self._thread, _generate, self._read(), form)
        self.took_s = made.took_s
        return made


def _is_old(since_s: float, task: asyncio.Task[Generation]) -> bool:
    if not task.done():
        return False
    failed = task.cancelled() or task.exception() is not None
    return failed or time.monotonic() - since_s > SHARED_FOR_S


def _generate(readings: Readings, form: str) -> Generation:
    began_s = time.perf_counter()
    compressor = zlib.compressobj(1, zlib.DEFLATED, GZIP)
    parts, size = [], 0
    for text in exposition(ReadingsCollector(readings).collect(), form):
        size += len(text)
        parts.append(compressor.compress(text))
    parts.append(compressor.flush())
    return Generation(b"".join(parts), size, time.perf_counter() - began_s)
