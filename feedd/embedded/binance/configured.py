"""Binance's markets of a configuration: generated, or played from recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from feedd.clock import Clock
from feedd.embedded.binance.coinm import Coinm
from feedd.embedded.binance.recorded import RecordedMarket
from feedd.embedded.binance.served import coinm, spot, usdm
from feedd.embedded.binance.spot import Spot
from feedd.embedded.binance.usdm import Usdm
from feedd.embedded.generated import GeneratedCoinm, GeneratedMarket, GeneratedSpot
from feedd.embedded.tape import Tape
from feedd.errors import ConfigError
from feedd.venues.binance import raw_recording
from feedd.venues.market_ids import id_of
from feedd.venues.market_type import market_type
from feedd.venues.registry import RECORDED, market_type_on, unified_symbol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from feedd.config.settings import EmbeddedExchange, Feed
    from feedd.embedded.binance.generated_market import BinanceMarket
    from feedd.embedded.market import Market
    from feedd.embedded.served_market import ServedMarket
    from feedd.venues.market_type import MarketType

Tapes = dict[str, tuple[Tape, str]]  # by id: a tape, and the id under which it has the symbol


class _Kind(NamedTuple):
    of: MarketType
    exchange: str  # whose messages they are
    serve: Callable[[Market], ServedMarket]
    form: type[Usdm | Spot]
    generated: Callable[..., BinanceMarket]


KINDS = (
    _Kind("linear", "binanceusdm", usdm, Usdm, GeneratedMarket),
    _Kind("inverse", "binancecoinm", coinm, Coinm, GeneratedCoinm),
    _Kind("spot", "binance", spot, Spot, GeneratedSpot),
)
OF: dict[str, MarketType] = {kind.exchange: kind.of for kind in KINDS}


def binance_markets(settings: EmbeddedExchange, feeds: Iterable[Feed]) -> tuple[ServedMarket, ...]:
    """Build the markets. A recording given as a path is played alone, and none is generated.

    Raises ConfigError for a recording that can't be played, or that is not of a feed's market.
    """
    asked = [feed for feed in feeds if feed.exchange in RECORDED]
    given = settings.recording
    if given is None:
        tapes: dict[MarketType, Tapes] = {}
    elif isinstance(given, str):
        tapes = _held(Tape(Path(given), raw_recording))
        _check(given, tapes, asked)
    else:
        tapes = _named(given, asked)
    return tuple(kind.serve(_market(kind, tapes.get(kind.of), settings)) for kind in KINDS)


def _market(kind: _Kind, tapes: Tapes | None, settings: EmbeddedExchange) -> Market:
    if tapes is None:
        return kind.generated(Clock(), settings.seed, settings.rate, bursts=settings.bursts)
    return RecordedMarket(tapes, Clock(), settings.speed, settings.rebase, kind.form)


def _held(tape: Tape) -> dict[MarketType, Tapes]:
    """Return what a file holds, by market; a symbol that shows no market is of USD-M."""
    found: dict[MarketType, Tapes] = {kind.of: {} for kind in KINDS}
    for id_ in tape.holdings:
        found[_shown(tape, id_) or "linear"][id_] = (tape, id_)
    return found


def _check(path: str, tapes: dict[MarketType, Tapes], feeds: list[Feed]) -> None:
    for feed in feeds:
        of = market_type_on(feed.exchange, feed.symbol)
        if id_of(feed.exchange, feed.symbol) not in tapes[of]:
            names = {kind.of: kind.exchange for kind in KINDS}
            held = [f"{id_} of {names[of]}" for of, ids in tapes.items() for id_ in ids]
            raise ConfigError(
                f"{path}: does not hold {feed.symbol} of {feed.exchange}; it holds "
                f"{', '.join(sorted(held))}. To play it as {feed.symbol}, name it under "
                f"embedded_exchange.recording: {{{feed.symbol}: {path}}}"
            )


def _named(paths: dict[str, str], feeds: list[Feed]) -> dict[MarketType, Tapes]:
    found: dict[MarketType, Tapes] = {}
    scanned: dict[str, Tape] = {}
    for symbol, path in paths.items():
        tape = scanned.get(path) or Tape(Path(path), raw_recording)
        scanned[path] = tape
        meant = {
            market_type_on(feed.exchange, feed.symbol): feed.symbol
            for feed in feeds
            if unified_symbol(feed.exchange, symbol) == feed.symbol
        } or {market_type(symbol): symbol}
        for of, unified in meant.items():
            exchange = next(kind.exchange for kind in KINDS if kind.of == of)
            id_ = id_of(exchange, unified)
            held = _as(tape, id_, unified)
            shown = _shown(tape, held)
            if shown is not None and shown != of:
                its = next(kind.exchange for kind in KINDS if kind.of == shown)
                raise ConfigError(
                    f"{path}: {held} is of {its}, and can't be played as {unified} of {exchange}"
                )
            found.setdefault(of, {})[id_] = (tape, held)
    return found


def _as(tape: Tape, id_: str, symbol: str) -> str:
    """Return the id under which a tape has what is played as a symbol."""
    if id_ in tape.holdings:
        return id_
    if len(tape.holdings) == 1:
        return next(iter(tape.holdings))
    raise ConfigError(
        f"{tape.path}: holds {', '.join(sorted(tape.holdings))}; "
        f"which of them should play as {symbol} is not clear"
    )


def _shown(tape: Tape, id_: str) -> MarketType | None:
    """Return the market that a symbol's messages must be of, or None where they don't show it."""
    exchanges = tape.holdings[id_].exchanges
    if len(exchanges) > 1:
        raise ConfigError(
            f"{tape.path}: has messages of {id_} of {' and '.join(sorted(exchanges))}; split it"
        )
    return next((OF[exchange] for exchange in exchanges), None)
