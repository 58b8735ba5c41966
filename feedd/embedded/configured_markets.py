"""The markets that a configuration has the embedded exchange serve."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from feedd.clock import Clock
from feedd.embedded.binance.recorded import RecordedMarket, load_tapes
from feedd.embedded.binance.served import coinm, spot, usdm
from feedd.embedded.bybit.served import linear
from feedd.embedded.generated import (
    GeneratedCoinm,
    GeneratedLinear,
    GeneratedMarket,
    GeneratedSpot,
)
from feedd.embedded.played.configured import played_markets
from feedd.topics import market_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.config.settings import EmbeddedExchange, Feed
    from feedd.embedded.market import Market
    from feedd.embedded.served_market import ServedMarket


def configured_markets(
    settings: EmbeddedExchange, feeds: Iterable[Feed] = ()
) -> tuple[ServedMarket, ...]:
    """Build the markets of a configuration with these feeds.

    Raises ConfigError for a recording that can't be played, or that lacks a feed.
    """
    played, settings = played_markets(settings, feeds)
    seed, rate, bursts = settings.seed, settings.rate, settings.bursts
    return (
        *played,
        usdm(_usdm_market(settings)),
        coinm(GeneratedCoinm(Clock(), seed, rate, bursts=bursts)),
        spot(GeneratedSpot(Clock(), seed, rate, bursts=bursts)),
        linear(GeneratedLinear(Clock(), seed, rate, bursts=bursts)),
    )


def _usdm_market(settings: EmbeddedExchange) -> Market:
    recording = settings.recording
    if recording is None:
        return GeneratedMarket(Clock(), settings.seed, settings.rate, bursts=settings.bursts)
    if isinstance(recording, str):
        tapes = load_tapes(Path(recording), {})
    else:
        paths = {symbol: Path(path) for symbol, path in recording.items()}
        tapes = load_tapes(paths, {symbol: market_id(symbol) for symbol in paths})
    return RecordedMarket(tapes, Clock(), settings.speed, settings.rebase)
