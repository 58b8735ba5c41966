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
from feedd.topics import market_id

if TYPE_CHECKING:
    from feedd.config.settings import EmbeddedExchange
    from feedd.embedded.market import Market
    from feedd.embedded.served_market import ServedMarket


def configured_markets(settings: EmbeddedExchange) -> tuple[ServedMarket, ...]:
    """Build the markets of a configuration.

    Raises ConfigError for a recording that can't be played.
    """
    seed, rate, bursts = settings.seed, settings.rate, settings.bursts
    return (
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
