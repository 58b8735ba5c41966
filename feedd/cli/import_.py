"""`feedd import`: convert an exchange's raw messages, or tables, to a recording."""

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
        help="raw messages of an exchange, tables of an archive or a vendor, or tables of trades, "
        "quotes, candles, books or tickers (CSV, JSON, Parquet); also .zip, .gz, .zst and folders "
        "(docs/importing.md)",
    )  # fmt: skip
    parser.add_argument(
        "--out", metavar="DIR", type=path,
        help="the folder of the new recording; required without --dry-run",
    )  # fmt: skip
    parser.add_argument(
        "--dry-run", action="store_true",
        help="recognise and check the files, print what they are, and write nothing",
    )  # fmt: skip
    parser.add_argument(
        "--exchange",
        help="ccxt's name, where the file does not say it; default for raw messages: "
        f"{DEFAULT_EXCHANGE}",
    )
    parser.add_argument(
        "--symbol", action="append", default=[], metavar="[ID=]SYMBOL",
        help="for a file that does not name it, e.g. BTC/USDT:USDT; for an ambiguous id, "
        "e.g. BTCTUSD=BTC/TUSD",
    )  # fmt: skip
    parser.add_argument(
        "--timeframe", help="of the candles, where the file does not say it or has several: 1m"
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
