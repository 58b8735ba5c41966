"""The command `feedd import`: its arguments, without what it takes to run it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def add_import(commands: Any) -> None:
    """Add `import` to the commands."""
    command = commands.add_parser(
        "import", help="make a recording of an exchange's raw messages, or of tickers"
    )
    command.add_argument(
        "files", nargs="+", metavar="FILE", type=_path,
        help="raw messages of Binance, or tickers as CSV or JSON lines; .gz too (docs/tables.md)",
    )  # fmt: skip
    command.add_argument(
        "--out", required=True, metavar="DIR", type=_path, help="the recording's folder"
    )
    command.add_argument(
        "--exchange", help="ccxt's name; default: the file's, of raw messages binanceusdm"
    )
    command.add_argument(
        "--symbol", action="append", default=[], metavar="[ID=]SYMBOL",
        help="e.g. BTC/USDT:USDT where a file doesn't say, BTCUSDT_260327=… where it is not clear",
    )  # fmt: skip
    command.add_argument("--timeframe", help="of a file with several: which candles, e.g. 1m")
    command.add_argument(
        "--book-depth", type=int, default=20, metavar="N", help="levels of a book (20)"
    )
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    # No other command should wait for what this one imports.
    from feedd.recordings.importing.run import run_import  # noqa: PLC0415

    return run_import(arguments)


def _path(text: str) -> Path:
    return Path(text).resolve()  # before the command goes to the project's root
