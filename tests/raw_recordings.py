"""Raw recordings of an exchange, and what each of them holds.

The small ones were made with the embedded exchange by recordings/make.py. The real ones are outside
the project: a test that needs one is skipped where it is missing, and fails in CI.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SMALL = Path(__file__).parent / "recordings"
HOLDS_BTCUSDT = {"small": "embedded_btcusdt.gz", "real": "binanceusdm_btcusdt_20240808.gz"}
HOLDS_FOUR_SYMBOLS = {
    "small": "embedded_four_symbols.ws.1.0.txt",
    "real": "binanceusdm_2021.BINANCE_FUTURES.ws.1.0.txt",
}


@dataclass(frozen=True)
class OneSymbol:
    """Counts and first values of a recording of BTCUSDT."""

    quotes: int
    trades: int
    depth_updates: int
    first_trade_id: int
    first_bid: str
    checked_books: int  # that follow from the one snapshot
    quoted_books: int  # whose update id a quote has too
    snapshot_runs_out: bool  # the market leaves the levels of the one snapshot


@dataclass(frozen=True)
class FourSymbols:
    """Counts of a recording of four symbols, and the update id of each one's depth answer."""

    answers: dict[str, int]
    checked_books: int
    quoted_books: int
    candles: int


ONE_SYMBOL = {
    HOLDS_BTCUSDT["small"]: OneSymbol(
        3_240, 1_864, 871, 5176096545, "61796.50", 868, 868, snapshot_runs_out=False
    ),
    HOLDS_BTCUSDT["real"]: OneSymbol(
        66_089, 21_313, 6_551, 5266583935, "61800.20", 4_114, 386, snapshot_runs_out=True
    ),
}
FOUR_SYMBOLS = {
    HOLDS_FOUR_SYMBOLS["small"]: FourSymbols(
        {
            "BTCUSDT": 5000691768044, "ETHUSDT": 5000819402906, "SOLUSDT": 5000587073023,
            "DOGEUSDT": 5000183071632,
        },
        109, 109, 36,
    ),
    HOLDS_FOUR_SYMBOLS["real"]: FourSymbols(
        {
            "SUSHIUSDT": 600859605926, "AKROUSDT": 600859605486, "KEEPUSDT": 600859619434,
            "CTKUSDT": 600859618836,
        },
        752, 50, 67,
    ),
}  # fmt: skip


def one_symbol(path: Path) -> OneSymbol:
    """Return what a recording of BTCUSDT holds."""
    return ONE_SYMBOL[path.name]


def four_symbols(path: Path) -> FourSymbols:
    """Return what a recording of four symbols holds."""
    return FOUR_SYMBOLS[path.name]


def answers_beside(path: Path) -> Path:
    """Return the file of the depth answers that belong to a file of frames."""
    return path.with_name(path.name.replace(".ws.1.0.", ".http.0.0."))
