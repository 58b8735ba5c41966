"""Made-up recordings of what the real ones do not hold: trades of Deribit and Bitfinex."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

BEGUN_S = 1_700_000_000.0


def deribit_trades(folder: Path, frames: int = 120) -> Path:
    """Write trades of a perpetual: two in every third message, the later one first."""
    listed = {
        "instrument_name": "BTC-PERPETUAL", "kind": "future", "base_currency": "BTC",
        "quote_currency": "USD", "counter_currency": "USD", "settlement_currency": "BTC",
        "settlement_period": "perpetual", "is_active": True, "tick_size": 0.5,
        "min_trade_amount": 10, "contract_size": 10, "expiration_timestamp": 32503708800000,
        "creation_timestamp": 1534242287000, "taker_commission": 0.0005, "maker_commission": 0.0,
    }  # fmt: skip
    rows = [_row("http", data={"jsonrpc": "2.0", "result": [listed]},
                 url="https://www.deribit.com/api/v2/public/get_instruments")]  # fmt: skip
    number = 30_289_441
    for frame in range(frames):
        trades: list[dict[str, Any]] = []
        for _ in range(2 if frame % 3 == 2 else 1):
            number += 1
            trades.append({
                "trade_seq": number, "trade_id": f"{number * 3}", "tick_direction": 2,
                "timestamp": int(BEGUN_S * 1000) + 100 * frame, "price": 37_000.5 + frame % 7,
                "instrument_name": "BTC-PERPETUAL", "amount": 10.0 * (1 + frame % 5),
                "direction": "buy" if number % 2 else "sell", "index_price": 37_000,
            })  # fmt: skip
        params = {"channel": "trades.BTC-PERPETUAL.100ms", "data": trades}
        message = {"jsonrpc": "2.0", "method": "subscription", "params": params}
        rows.append(_row("recv", data=message, at=frame))
    return _written(folder, "DERIBIT", rows)


def bitfinex_trades(folder: Path, frames: int = 120) -> Path:
    """Write earlier trades, and trades that each come twice, as `te` and `tu`."""
    asked = {"channel": "trades", "symbol": "tBTCUSD", "pair": "BTCUSD"}
    earlier = [[100 - at, int(BEGUN_S * 1000) - at, 0.5, 37_000] for at in range(30)]
    rows = [
        _row("recv", data={"event": "subscribed", "chanId": 17470, **asked}),
        _row("recv", data=[17470, earlier, 1]),
    ]
    for frame in range(frames):
        amount = (0.25 + frame) * (1 if frame % 2 else -1)
        trade = [101 + 7 * frame, int(BEGUN_S * 1000) + 100 * frame, amount, 37_000.5 + frame % 9]
        rows += [
            _row("recv", data=[17470, kind, trade, 2 + 2 * frame + at], at=frame + at / 2)
            for at, kind in enumerate(("te", "tu"))
        ]
    return _written(folder, "BITFINEX", rows)


def _row(kind: str, *, data: Any, at: float = 0.0, url: str = "") -> dict[str, Any]:
    return {
        "t": kind, "conn": "w", "ts": BEGUN_S + at / 10, "url": url, "data": json.dumps(data)
    }  # fmt: skip


def _written(folder: Path, exchange: str, rows: list[dict[str, Any]]) -> Path:
    header = {"t": "header", "format": 2, "exchange": exchange}
    path = folder / f"{exchange.lower()}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in (header, *rows)))
    return path
