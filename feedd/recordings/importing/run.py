"""Implementation of `feedd import`."""

from __future__ import annotations

import heapq
import sys
from collections import Counter
from typing import TYPE_CHECKING

from tqdm import tqdm

from feedd.clock import NS_PER_MS
from feedd.embedded.tape import companions
from feedd.errors import ConfigError
from feedd.recordings.importing.files import NoEventsError, input_files
from feedd.recordings.importing.imported_feed import ImportedFeeds
from feedd.recordings.importing.market import MarketFile
from feedd.recordings.importing.output import RecordingOutput
from feedd.recordings.importing.played_file import PlayedFile
from feedd.recordings.importing.recognition import Recognised, recognised
from feedd.recordings.importing.symbol_names import SymbolNames
from feedd.recordings.importing.table_set import TableSet
from feedd.sources.exchange_names import check_exchange_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

RAW = MarketFile | PlayedFile  # files of raw messages
MAX_BOOK_DEPTH = 500  # as in a configuration
ROWS_BETWEEN_PROGRESS = 4096
NAMED_AT_MOST = 10  # files, in the recording's description


def run_import(
    paths: Sequence[Path],
    out: Path | None,
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
    if out is None and not dry_run:
        raise ConfigError("--out is missing: name the folder of the new recording")
    if exchange is not None:
        check_exchange_name(exchange)
    names = SymbolNames(symbols, exchange)
    if len(set(paths)) < len(paths):
        raise ConfigError("a file is named twice; name each file once")
    if not 1 <= book_depth <= MAX_BOOK_DEPTH:
        raise ConfigError(f"--book-depth {book_depth}: 1 to {MAX_BOOK_DEPTH}")
    files = _recognised(paths, exchange, names, timeframe, book_depth)
    names.check_used()
    tables = [file for file in files if not isinstance(file, RAW)]
    sources: list[MarketFile | PlayedFile | TableSet] = [
        file for file in files if isinstance(file, RAW)
    ]
    sources += [TableSet(tables)] if tables else []
    if dry_run or out is None:
        return 0
    made_of = ", ".join(file.path.name for file in files[:NAMED_AT_MOST])
    if len(files) > NAMED_AT_MOST:
        made_of += f" and {len(files) - NAMED_AT_MOST} more"
    with RecordingOutput(out, f"feedd import of {made_of}") as output:
        feeds = ImportedFeeds(output)
        total = sum(file.lines for file in files)
        with tqdm(
            total=total, unit=" lines", unit_scale=True, disable=not sys.stderr.isatty()
        ) as bar:  # fmt: skip
            take(sources, feeds, bar.update)
        folders = output.publish()
    _print_result(sources, feeds, folders)
    return 0


def _print_result(
    sources: Sequence[MarketFile | PlayedFile | TableSet],
    feeds: ImportedFeeds,
    folders: Sequence[Path],
) -> None:
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
    left_out = sum((source.left_out for source in sources), Counter())
    for what, count in left_out.items():
        print(f"not imported: {what} ({count:,})")
    for folder in folders:
        print(folder)


def _recognised(
    paths: Sequence[Path],
    exchange: str | None,
    names: SymbolNames,
    timeframe: str | None,
    book_depth: int,
) -> list[Recognised]:
    """Recognise, check and announce the files; answers beside raw messages are read with these."""
    inputs = input_files(paths)
    beside = {one for file in inputs if not file.member for one in companions(file.path)}
    found: list[Recognised] = []
    for path in inputs:
        if not path.member and path.path in beside:
            continue
        if sys.stderr.isatty():
            print(f"checking {path}", file=sys.stderr)
        try:
            file = recognised(path, exchange, names, timeframe=timeframe, book_depth=book_depth)
        except NoEventsError as error:
            if len(inputs) == 1:
                raise
            print(f"not imported: {error}")
            continue
        print(file.announcement)
        found.append(file)
    if not found:
        raise ConfigError("no file has events")
    return found


def take(
    files: Sequence[MarketFile | PlayedFile | TableSet],
    feeds: ImportedFeeds,
    progress: Callable[[int], object],
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
