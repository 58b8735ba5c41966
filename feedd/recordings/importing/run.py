"""Implementation of `feedd import`."""

from __future__ import annotations

import heapq
import sys
from collections import Counter
from typing import TYPE_CHECKING

from tqdm import tqdm

from feedd.clock import NS_PER_MS
from feedd.errors import ConfigError
from feedd.recordings.importing.files import input_files, rows, shortened, wrong
from feedd.recordings.importing.imported_feed import ImportedFeeds
from feedd.recordings.importing.market import MarketFile
from feedd.recordings.importing.output import RecordingOutput
from feedd.recordings.importing.raw_lines import is_raw
from feedd.recordings.importing.raw_texts import raw_texts
from feedd.recordings.importing.symbol_names import SymbolNames
from feedd.recordings.importing.tickers import TickerFile, csv_rows, json_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from feedd.recordings.importing.files import InputFile

MAX_BOOK_DEPTH = 500  # as in a configuration
ROWS_BETWEEN_PROGRESS = 4096


def run_import(
    paths: Sequence[Path],
    out: Path,
    *,
    exchange: str | None = None,
    symbols: Sequence[str] = (),
    timeframe: str | None = None,
    book_depth: int = 20,
    dry_run: bool = False,
) -> int:
    """Import, and print the number of events, gaps and skipped messages; return 0.

    `exchange` is the default for files without one. Each of `symbols` is a symbol, or ID=SYMBOL.
    With `dry_run`, the files are recognised and checked, and nothing is written.
    """
    names = SymbolNames(symbols, exchange)
    if len(set(paths)) < len(paths):
        raise ConfigError("a file is named twice; name each file once")
    if not 1 <= book_depth <= MAX_BOOK_DEPTH:
        raise ConfigError(f"--book-depth {book_depth}: 1 to {MAX_BOOK_DEPTH}")
    files = [_file(path, exchange, names, timeframe, book_depth) for path in input_files(paths)]
    names.check_used()
    for file in files:
        print(file.announcement)
    if dry_run:
        return 0
    made_of = ", ".join(file.path.name for file in files)
    with RecordingOutput(out, f"feedd import of {made_of}") as output:
        feeds = ImportedFeeds(output)
        total = sum(file.lines for file in files)
        with tqdm(
            total=total, unit=" lines", unit_scale=True, disable=not sys.stderr.isatty()
        ) as bar:  # fmt: skip
            take(files, feeds, bar.update)
        folders = output.publish()
    published: Counter[str] = Counter()
    for feed in feeds.feeds:
        published.update(feed.published)
    for channel, count in published.items():
        print(f"{channel:12} {count:>12,}")
    print(f"{'gaps':12} {sum(feed.gaps for feed in feeds.feeds):>12,}")
    behind_ns = max((feed.clock_behind_ns for feed in feeds.feeds), default=0)
    if behind_ns:
        print(
            f"the clock of the recording was about {behind_ns // NS_PER_MS:,} ms behind the "
            "exchange's: exchange_latency_us is below zero"
        )
    left_out = sum((file.left_out for file in files), Counter())
    for what, count in left_out.items():
        print(f"not imported: {what} ({count:,})")
    for folder in folders:
        print(folder)
    return 0


def take(
    files: list[MarketFile | TickerFile], feeds: ImportedFeeds, progress: Callable[[int], object]
) -> None:
    """Import the rows of all files, merged by time, each file in its own order."""
    waiting: list[tuple[int, int, Iterator[int]]] = []
    for number, file in enumerate(files):
        steps = file.steps(feeds)
        waiting.append((next(steps), number, steps))
    heapq.heapify(waiting)
    done = 0
    while waiting:
        _, number, steps = waiting[0]
        following = next(steps, None)
        if following is None:
            heapq.heappop(waiting)
        else:
            heapq.heapreplace(waiting, (following, number, steps))
        done += 1
        if done == ROWS_BETWEEN_PROGRESS:
            progress(done)
            done = 0
    progress(done)


def _file(
    path: InputFile,
    exchange: str | None,
    names: SymbolNames,
    timeframe: str | None,
    book_depth: int,
) -> MarketFile | TickerFile:
    """Return the importer of a file, chosen by its first line that is not blank."""
    first = next((text for text in rows(path) if text.strip()), None)
    if first is None:
        raise ConfigError(f"{path}: is empty; name a file with rows")
    if sys.stderr.isatty():
        print(f"checking {path}", file=sys.stderr)
    first = first.lstrip()
    if first.startswith("["):
        first = next((text for _, text in raw_texts(path)), "[")
    if is_raw(first):
        return MarketFile(path, exchange, names, timeframe=timeframe, book_depth=book_depth)
    if first.startswith("{"):
        return TickerFile(path, json_rows, exchange, names)
    if "," in first:
        return TickerFile(path, csv_rows, exchange, names)
    raise wrong(
        path, 1, None,
        f"{shortened(first.strip())} begins neither an exchange's raw messages, nor tickers as "
        "CSV (a header with commas) or JSON lines; docs/tables.md shows all three",
    )  # fmt: skip
