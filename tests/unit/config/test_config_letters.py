"""Symbols of other letters than ASCII's, as exchanges list them."""

from pathlib import Path

import pytest

from feedd.config.load import parse_config
from feedd.errors import ConfigError


def test_symbols_of_any_script_are_configured_under_names_of_their_own() -> None:
    text = "symbols: [币安人生/USDT, 哈基米/USDT, BTC/USDT]"
    feeds = parse_config(text, Path("feedd.yaml")).feeds()
    assert [feed.symbol for feed in feeds][:2] == ["币安人生/USDT:USDT", "哈基米/USDT:USDT"]
    assert len({feed.name for feed in feeds}) == 3


@pytest.mark.parametrize(
    "symbol", ["BTC/USDT\\u200b", "\\ufeffBTC/USDT", "BTC\\u3000/USDT", "BTC/USDT\\n", "BTC /USDT"]
)
def test_a_symbol_with_an_invisible_character_is_refused(symbol: str) -> None:
    with pytest.raises(ConfigError, match="is not a symbol like BTC/USDT:USDT"):
        parse_config(f'symbols: ["{symbol}"]', Path("feedd.yaml"))
