"""Channels are checked against the source that a feed uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from feedd.config.load import load_config
from feedd.errors import ConfigError
from feedd.operation.validation import check_feed, check_keys, check_webhook

if TYPE_CHECKING:
    from pathlib import Path

    from feedd.config.settings import Config


def settings(folder: Path, channels: str, symbol: str = "BTC/USDT") -> Config:
    path = folder / "feedd.yaml"
    path.write_text(
        f"exchange: binance\nsource: native\nchannels: [{channels}]\nsymbols: ['{symbol}']\n"
    )
    return load_config(path)


def test_a_native_feed_is_checked_against_its_own_market(tmp_path: Path) -> None:
    config = settings(tmp_path, "quote, mark")
    with pytest.raises(ConfigError) as error:
        check_feed(config, config.feeds()[0])
    assert str(error.value) == (
        "binance has no mark of BTC/USDT; it has ticker, quote, trade, book, candle"
    )


@pytest.mark.parametrize("source", ["ccxt", "native"])
def test_a_timeframe_of_another_type_of_market_is_refused(tmp_path: Path, source: str) -> None:
    path = tmp_path / "feedd.yaml"
    path.write_text(f"source: {source}\nchannels: [candle]\ntimeframe: 1s\nsymbols: [BTC/USDT]\n")
    config = load_config(path)
    with pytest.raises(ConfigError, match="binanceusdm has no candles of 1s; it has 1m, 3m"):
        check_feed(config, config.feeds()[0])


def test_a_key_in_variables_that_are_not_read_is_named(tmp_path: Path) -> None:
    config = settings(tmp_path, "quote")
    lines = check_keys(config.feeds(), {"BINANCE_KEY": "abc", "BINANCE_SECRET_KEY": "def"})
    assert lines == [
        f"{name} is not read: the key of binance is in BINANCE_API_KEY and BINANCE_SECRET"
        for name in ("BINANCE_KEY", "BINANCE_SECRET_KEY")
    ]
    assert check_keys(config.feeds(), {}) == []


def test_a_webhook_without_a_usable_url_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "feedd.yaml"
    path.write_text("symbols: [BTC/USDT]\ngateway:\n  webhook:\n    format: slack\n")
    config = load_config(path)
    with pytest.raises(ConfigError) as error:
        check_webhook(config, path, {})
    assert str(error.value) == (
        f"{path}:3: gateway.webhook: has no url; set it, or the variable FEEDD_WEBHOOK_URL, e.g. "
        "in .env"
    )
    with pytest.raises(ConfigError) as error:
        check_webhook(config, path, {"FEEDD_WEBHOOK_URL": "hooks/SECRET"})
    assert str(error.value).startswith(f"{path}:3: gateway.webhook: FEEDD_WEBHOOK_URL: must look")
    assert "SECRET" not in str(error.value)
    check_webhook(config, path, {"FEEDD_WEBHOOK_URL": "https://example.com/hook"})
