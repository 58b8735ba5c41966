"""The notice of prices that are not an exchange's."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedd.config.load import parse_config
from feedd.health.market_notice import market_notice


@pytest.mark.parametrize(
    ("settings", "begins"),
    [
        ("embedded_exchange: {}", "invented prices"),
        ("embedded_exchange: {recording: a.gz}", "recorded prices"),
        ("embedded_exchange: {port: 9000}\nendpoint: http://localhost:9000", "invented prices"),
        ("embedded_exchange: {port: 9000}\nendpoint: http://10.0.0.1:9000", None),
        ("embedded_exchange: {}\nsource: replay\nreplay: {recordings: [r]}", None),
        ("channels: [quote]", None),
    ],
)
def test_only_the_embedded_exchanges_prices_have_a_notice(
    settings: str, begins: str | None
) -> None:
    notice = market_notice(parse_config(f"symbols: [BTC/USDT]\n{settings}\n", Path("c.yaml")))
    assert (notice is None) if begins is None else (notice or "").startswith(begins)
