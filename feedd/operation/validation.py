"""Checks of channels, symbols and exchanges before anything is started or written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.config.credentials import (
    credential_names,
    credentials,
    unread_variables,
    with_blanks_around,
)
from feedd.config.edit import add_symbol
from feedd.config.load import parse_config, place_of, read_config_text
from feedd.config.settings import SymbolEntry
from feedd.config.webhook import webhook_url
from feedd.errors import ConfigError, FinalError
from feedd.operation.asking import Answers, ask_exchanges
from feedd.operation.check_notices import check_notices
from feedd.operation.endpoint_host import check_endpoint, check_own_addresses
from feedd.operation.folders import check_folders
from feedd.recordings.replay.availability import check_available
from feedd.sources.error_texts import check_timeframe
from feedd.sources.exchange_names import check_exchange_name
from feedd.venues.native import native_market
from feedd.venues.registry import NATIVE, unified_symbol, venue, venue_module

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from feedd.config.settings import Config, Feed


def check_before_start(settings: Config, path: Path, environment: Mapping[str, str]) -> list[str]:
    """Check what needs no exchange: folders, recordings, channels and keys.

    Returns lines to print, also on channels in which a lost message would not show.

    Raises FinalError with the file, the line and the key. Imports ccxt for feeds through it, which
    takes a while.
    """
    check_folders(settings, path)
    check_webhook(settings, path, environment)
    check_own_addresses(settings, path)
    check_endpoint(settings, path, environment)
    feeds = settings.feeds()
    check_available(settings, feeds)
    for index, feed in enumerate(feeds):
        try:
            check_feed(settings, feed)
        except FinalError as error:
            raise located(error, path, index) from None
    return check_keys(feeds, environment) + check_notices(settings, feeds, environment)


def check_webhook(settings: Config, path: Path, environment: Mapping[str, str]) -> None:
    """Raise ConfigError for a webhook without a usable URL."""
    gateway = settings.gateway_settings
    if gateway is None or gateway.webhook is None:
        return
    try:
        webhook_url(gateway.webhook, environment)
    except ConfigError as error:
        what = str(error).removeprefix("gateway.webhook: ")
        raise ConfigError(f"{place_of(path, 'gateway', 'webhook')}: {what}") from None


def located(error: FinalError, path: Path, index: int) -> FinalError:
    """Return the error about a symbol of a file with its file and line."""
    return type(error)(f"{place_of(path, 'symbols', index)}: {error}")


def check_feed(settings: Config, feed: Feed) -> None:
    """Raise ConfigError for a channel or timeframe that a live feed's exchange lacks."""
    if feed.source == "replay":
        return
    needed = feed.channels  # a missing origin of the tickers' bid and ask is replaced
    if feed.exchange in NATIVE and feed.source != "native":
        market = venue_module(feed.exchange, "native").market(feed.exchange, feed.symbol)
        # ccxt names the same timeframes for all types of markets of an exchange.
        if market is not None and "candle" in needed:
            check_timeframe(feed.exchange, market.timeframes, settings.timeframe)
    if feed.source == "native":
        market = native_market(feed.exchange, feed.symbol)
        market.check(feed.exchange, feed.symbol, needed)
        if "candle" in needed:
            check_timeframe(feed.exchange, market.timeframes, settings.timeframe)
        return
    from feedd.sources.ccxt import plan, served_methods  # noqa: PLC0415  ccxt takes a while

    has = served_methods.served_methods(feed.exchange, feed.symbol)
    described = venue(feed.exchange, feed.symbol)
    plan.check_channels(feed.exchange, has, feed.symbol, needed, described)


def check_keys(feeds: Iterable[Feed], environment: Mapping[str, str]) -> list[str]:
    """Check the API keys of live feeds; return a line for each variable that is not read as set.

    Raises CredentialsError for half a key, and for a value that can't be one.
    """
    exchanges = dict.fromkeys(feed.exchange for feed in feeds if feed.source != "replay")
    variables: dict[str, None] = {}
    for exchange in exchanges:
        credentials(exchange, environment)
        variables.update(dict.fromkeys(with_blanks_around(exchange, environment)))
    lines = [f"{name} has spaces around its value; they are left out" for name in variables]
    for exchange in exchanges:
        if credentials(exchange, environment) is None:
            lines += [
                f"{name} is not read: the key of {exchange} is in "
                f"{' and '.join(credential_names(exchange))}"
                for name in unread_variables(exchange, environment)
            ]
    return list(dict.fromkeys(lines))


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


def check_addition(path: Path, entry: SymbolEntry, environment: Mapping[str, str]) -> list[str]:
    """Raise FinalError where a symbol can't be added to a file, or its exchange refuses it.

    Returns lines to print: what could not be checked, and why; its channels in which a lost message
    would not show.
    """
    settings = parse_config(add_symbol(read_config_text(path), path, entry), path)
    feed = settings.feeds()[-1]
    check_available(settings, [feed])
    check_feed(settings, feed)
    check_endpoint(settings, path, environment)
    lines = check_keys([feed], environment) + check_notices(settings, [feed], environment)
    answers = ask_exchanges(settings, [feed], environment)
    for error in answers.refused.values():
        raise type(error)(f"{feed.symbol} was not added, and {path} is unchanged: {error}")
    return lines + unchecked_lines(answers)


def unchecked_lines(answers: Answers) -> list[str]:
    """Return a line for each exchange that could not be asked, with its symbols and the reason."""
    symbols: dict[tuple[str, str], list[str]] = {}
    for feed, reason in answers.unchecked.items():
        symbols.setdefault((feed.exchange, reason), []).append(feed.symbol)
    return [
        f"not checked: whether {exchange} lists {', '.join(names)} ({reason})"
        for (exchange, reason), names in symbols.items()
    ]
