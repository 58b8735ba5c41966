"""The recordings of a configuration that are played by their venues' `played.py`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from feedd.embedded.played.market import PlayedMarket
from feedd.embedded.played.recording import PlayedRecording, is_played
from feedd.embedded.played.served import played_market
from feedd.errors import ConfigError
from feedd.venues.registry import RECORDED, unified_symbol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.config.settings import EmbeddedExchange, Feed
    from feedd.embedded.served_market import ServedMarket


def played_markets(
    settings: EmbeddedExchange, feeds: Iterable[Feed]
) -> tuple[tuple[ServedMarket, ...], EmbeddedExchange]:
    """Return the markets of the recordings, and the settings without these.

    Raises ConfigError for a recording that lacks a symbol, or is not of the feed's exchange.
    """
    feeds = tuple(feeds)
    held, rest = _held(settings)
    for feed in feeds:
        if settings.plays(feed.exchange, feed.symbol):
            _check(feed, settings, held)
    _check_others(settings, rest, feeds)
    markets = tuple(
        played_market(PlayedMarket(symbols, settings.speed)) for symbols in held.values()
    )
    return markets, msgspec.structs.replace(settings, recording=rest)


def _held(
    settings: EmbeddedExchange,
) -> tuple[dict[str, dict[str, PlayedRecording]], str | dict[str, str] | None]:
    """Return recordings by exchange and symbol, and the recordings of the other format."""
    held: dict[str, dict[str, PlayedRecording]] = {}
    given = settings.recording
    if isinstance(given, str):
        if not is_played(Path(given)):
            return held, given
        recording = PlayedRecording(Path(given))
        return {recording.name: dict.fromkeys(recording.markets, recording)}, None
    rest: dict[str, str] = {}
    scanned: dict[str, PlayedRecording] = {}
    for symbol, path in (given or {}).items():
        if not is_played(Path(path)):
            rest[symbol] = path
            continue
        recording = scanned.get(path) or PlayedRecording(Path(path))
        scanned[path] = recording
        market = recording.market(unified_symbol(recording.name, symbol))
        held.setdefault(recording.name, {})[market.symbol] = recording
    return held, rest or None


def _check_others(
    settings: EmbeddedExchange, rest: str | dict[str, str] | None, feeds: tuple[Feed, ...]
) -> None:
    """Refuse a recording that is named for a feed of `RECORDED`, and is of another exchange.

    A market that is generated would be played in its place.
    """
    given = settings.recording
    if given is None or isinstance(rest, str):
        return
    if isinstance(given, str):
        taken = [(given, [feed for feed in feeds if feed.exchange in RECORDED])]
    else:
        taken = [
            (path, [one for one in feeds if unified_symbol(one.exchange, name) == one.symbol])
            for name, path in given.items()
            if rest is None or name not in rest
        ]
    for path, asking in taken:
        if asking and all(feed.exchange in RECORDED for feed in asking):
            name = PlayedRecording(Path(path)).name
            raise ConfigError(
                f"{path}: is a recording of {name}, and {asking[0].symbol} is configured on "
                f"{asking[0].exchange}"
            )


def _check(
    feed: Feed, settings: EmbeddedExchange, held: dict[str, dict[str, PlayedRecording]]
) -> None:
    if feed.symbol in held.get(feed.exchange, ()):
        return
    given = settings.recording
    path = given if isinstance(given, str) else (given or {}).get(feed.symbol, "")
    for exchange, symbols in held.items():
        if feed.symbol in symbols:
            raise ConfigError(
                f"{symbols[feed.symbol].path}: is a recording of {exchange}, and {feed.symbol} is "
                f"configured on {feed.exchange}"
            )
    if isinstance(given, str) and held:
        ((exchange, symbols),) = held.items()
        raise ConfigError(
            f"{path}: does not hold {feed.symbol} of {feed.exchange}; it holds "
            f"{', '.join(sorted(symbols))} of {exchange}"
        )
    raise ConfigError(f"{path}: is not a recording of {feed.exchange}")
