"""A symbol's trades when the exchange's ids restart: published after a reported gap."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from feedd.model import Trade
from feedd.sources import trade_keeper
from feedd.sources.trade_keeper import TradeKeeper
from feedd.sources.trade_sequence import KNOWN_AGAIN, STRAYS_AT_MOST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.model import EventId, Tick
    from feedd.sources.trade_sequence import MissingTrades

ABSURD = 10**17


def trade(trade_id: int, timestamp: int) -> Trade:
    return Trade("S", timestamp, 1.0, 1.0, "buy", "x", 5, id=trade_id)


class World:
    """A keeper whose exchange has no older trades, and its callbacks in order."""

    def __init__(self) -> None:
        self.told: list[EventId] = []
        self.holes: list[tuple[EventId, EventId, str]] = []
        self.keeper = TradeKeeper(self._fetch)
        self.now = 0

    async def _fetch(self, _hole: MissingTrades) -> list[tuple[int, Trade | None]]:
        return []

    def take(self, ids: Iterable[int]) -> None:
        for trade_id in ids:
            self.now += 1
            self.keeper.take(trade_id, trade(trade_id, self.now), self)

    def again(self, ids: Iterable[int]) -> None:
        for trade_id in ids:
            self.keeper.take(trade_id, trade(trade_id, trade_id), self)

    # Callbacks of a sink; the keeper invokes only `event` and `missing`.

    def event(self, tick: Tick) -> None:
        self.told.append(tick.id)

    def missing(self, channel: str, from_id: EventId, to_id: EventId, reason: str) -> None:
        assert channel == "trade"
        self.holes.append((from_id, to_id, reason))

    def subscribed(self, channel: str) -> None: ...

    def lost(self, channel: str, reason: str, *, waits: bool = False) -> None: ...

    def resync(self, channel: str, reason: str, *, waits: bool = False) -> None: ...

    def alive(self, channel: str) -> None: ...

    def rejected(self, channels: Iterable[str], reason: str) -> None: ...


def test_ids_restarted_after_a_reconnect_follow_a_gap() -> None:
    world = World()
    world.take(range(100, 200))
    world.keeper.lost("reset by peer")
    world.take([150, 151, 152])  # recently published ids, of other trades
    assert world.told == [*range(100, 200), 150, 151, 152]
    assert world.holes == [(199, 150, "reconnect after: reset by peer; the ids restarted")]


def test_ids_restarted_on_the_same_connection_are_accepted_after_a_few_without_loss() -> None:
    world = World()
    world.take(range(100, 200))
    world.take(range(1, STRAYS_AT_MOST))
    assert (world.told[-1], world.holes) == (199, [])
    world.take(range(STRAYS_AT_MOST, 20))
    assert world.told == [*range(100, 200), *range(1, 20)]
    assert world.holes == [(199, 1, "the ids restarted")]


@pytest.mark.parametrize("reconnected", [False, True])
def test_a_burst_of_already_published_trades_changes_nothing(reconnected: bool) -> None:
    world = World()
    world.again(range(1, 2 * KNOWN_AGAIN))
    if reconnected:
        world.keeper.lost("reset by peer")
    world.again(range(KNOWN_AGAIN, 2 * KNOWN_AGAIN + 2))
    assert world.told == [*range(1, 2 * KNOWN_AGAIN + 2)]
    assert world.holes == []


def test_occasional_late_trades_do_not_restart_the_ids() -> None:
    world = World()
    world.take([100])
    for trade_id in range(101, 101 + 3 * STRAYS_AT_MOST):
        world.take([trade_id - 100, trade_id])
    assert world.told == [*range(100, 101 + 3 * STRAYS_AT_MOST)]
    assert world.holes == []


@pytest.mark.parametrize("reconnected", [False, True])
def test_one_absurd_id_is_a_gap_and_does_not_mute_the_rest(
    monkeypatch: pytest.MonkeyPatch, reconnected: bool
) -> None:
    monkeypatch.setattr(trade_keeper, "FILL_WITHIN_S", 0.05)

    async def main() -> World:
        world = World()
        world.take([1000, ABSURD])
        async with asyncio.timeout(20.0):
            while len(world.told) < 2:
                await asyncio.sleep(0.01)
        if reconnected:
            world.keeper.lost("reset by peer")
        world.take(range(1001, 1200))
        return world

    world = asyncio.run(main())
    assert world.told == [1000, ABSURD, *range(1001, 1200)]
    assert [hole[:2] for hole in world.holes] == [(1000, ABSURD), (ABSURD, 1001)]


def test_held_back_trades_are_published_before_restarted_ids() -> None:
    async def main() -> World:
        world = World()
        world.take([100, 105])
        world.keeper.lost("reset by peer")
        world.take([1, 2])
        return world

    world = asyncio.run(main())
    assert world.told == [100, 105, 1, 2]
    assert [hole[:2] for hole in world.holes] == [(100, 105), (105, 1)]


def test_another_trade_with_the_id_of_a_published_one_is_a_gap() -> None:
    world = World()
    world.take([10, 11, 12, 11, 13])
    assert world.told == [10, 11, 12, 13]
    assert world.holes == [(10, 12, trade_keeper.DROPPED)]
