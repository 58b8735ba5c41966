"""`feedd import`: convert an exchange's raw messages, or tickers, to a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.cli.arguments import path
from feedd.cli.command import Command, never
from feedd.recordings.importing.run import run_import
from feedd.venues.registry import DEFAULT_EXCHANGE

if TYPE_CHECKING:
    import argparse


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", metavar="FILE", type=path,
        help="an exchange's raw messages, or tickers as CSV or JSON lines; also .gz "
        "(docs/tables.md)",
    )  # fmt: skip
    parser.add_argument(
        "--out", required=True, metavar="DIR", type=path, help="the folder of the new recording"
    )
    parser.add_argument(
        "--dry-run", action="store_true",
        help="recognise and check the files, print what they are, and write nothing",
    )  # fmt: skip
    parser.add_argument(
        "--exchange",
        help=f"ccxt's name; default: the file's, or {DEFAULT_EXCHANGE} for raw messages",
    )
    parser.add_argument(
        "--symbol", action="append", default=[], metavar="[ID=]SYMBOL",
        help="for a file that does not name it, e.g. BTC/USDT:USDT; for an ambiguous id, "
        "e.g. BTCUSDT_260327=…",
    )  # fmt: skip
    parser.add_argument(
        "--timeframe", help="the candles to import, for a file with several, e.g. 1m"
    )
    parser.add_argument(
        "--book-depth", type=int, default=20, metavar="N", help="levels of a book (20)"
    )


def _run(arguments: argparse.Namespace) -> int:
    return run_import(
        arguments.files,
        arguments.out,
        exchange=arguments.exchange,
        symbols=arguments.symbol,
        timeframe=arguments.timeframe,
        book_depth=arguments.book_depth,
        dry_run=arguments.dry_run,
    )


COMMAND = Command(_run, _add_arguments, never)
