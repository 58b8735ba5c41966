"""Checks of channels, symbols and exchanges before anything is started or written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.config.credentials import credentials, with_blanks_around
from feedd.config.edit import add_symbol
from feedd.config.load import parse_config, read_config_text
from feedd.config.settings import SymbolEntry
from feedd.recordings.replay.availability import check_available
from feedd.sources.exchange_names import check_exchange_name
from feedd.venues.native import native_market
from feedd.venues.registry import unified_symbol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from feedd.config.settings import Config, Feed


def check_feeds(settings: Config, feeds: Iterable[Feed]) -> None:
    """Raise ConfigError for a channel that an exchange lacks or a symbol that a recording lacks.

    Imports ccxt for feeds through it, which takes a while.
    """
    feeds = list(feeds)
    check_available(settings, feeds)
    live = [feed for feed in feeds if feed.source != "replay"]
    if not live:
        return
    for feed in live:
        needed = feed.channels
        if "ticker" in needed and settings.bid_ask in {"quote", "book"}:
            needed = (*needed, settings.bid_ask)
        if feed.source == "native":
            native_market(feed.exchange, feed.symbol).check(feed.exchange, feed.symbol, needed)
            continue
        from feedd.sources.ccxt import exchange_class  # noqa: PLC0415  ccxt takes a while

        has = exchange_class.has(feed.exchange)
        exchange_class.check_channels(feed.exchange, has, feed.symbol, needed)


def check_keys(feeds: Iterable[Feed], environment: Mapping[str, str]) -> list[str]:
    """Check the API keys of live feeds; return a line for each variable with blanks around it.

    Raises CredentialsError for half a key, and for a value that can't be one.
    """
    exchanges = dict.fromkeys(feed.exchange for feed in feeds if feed.source != "replay")
    variables: dict[str, None] = {}
    for exchange in exchanges:
        credentials(exchange, environment)
        variables.update(dict.fromkeys(with_blanks_around(exchange, environment)))
    return [f"{name} has blanks around its value; they are left out" for name in variables]


def entry_of(
    settings: Config, symbol: str, exchange: str | None, port: int | None, channels: Iterable[Any]
) -> SymbolEntry:
    """Return the entry of a new symbol, without the settings that the configuration gives it.

    Its channels are checked by `check_addition`.
    """
    exchange = exchange or settings.exchange
    if settings.source != "replay":
        check_exchange_name(exchange)
    return SymbolEntry(
        symbol=unified_symbol(exchange, symbol),
        exchange=None if exchange == settings.exchange else exchange,
        port=port,
        channels=tuple(channels) or None,
    )


def check_addition(path: Path, entry: SymbolEntry) -> None:
    """Raise ConfigError where a symbol cannot be added to a configuration file."""
    settings = parse_config(add_symbol(read_config_text(path), path, entry), path)
    check_feeds(settings, settings.feeds()[-1:])
