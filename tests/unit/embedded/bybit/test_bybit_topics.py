"""Bybit's topics follow the engine's history, independent of when a client joins."""

import itertools
import json
from typing import Any

import pytest

from feedd.embedded.bybit.events import tick_direction
from feedd.embedded.bybit.makers import maker
from feedd.embedded.engine import StreamMaker, SymbolHistory
from feedd.embedded.instruments import listed
from feedd.embedded.integer_book import IntegerBook
from feedd.embedded.market import MarketMessage
from feedd.embedded.matching import Matching, Step
from feedd.embedded.trade_history import TradeHistory, TradeRow
from feedd.venues.bybit.topics import parse

START_MS = 1_723_161_240_000  # a whole minute


class History:
    """A maker's view of a symbol, without a loop: the test makes the orders."""

    mark = SymbolHistory.mark
    best = SymbolHistory.best

    def __init__(self, symbol: str = "BTCUSDT") -> None:
        instrument, price = listed()[symbol]
        self.instrument = instrument
        self.seed = "1 bybit BTCUSDT"
        self.trades = TradeHistory(instrument)
        self._matching = Matching(instrument, price, self.seed)
        self.clock_ms = START_MS
        for _ in range(200):
            self.step()

    @property
    def book(self) -> IntegerBook:
        return self._matching.book

    @property
    def update_id(self) -> int:
        return self._matching.update_id

    def now_ms(self) -> int:
        return self.clock_ms

    def step(self) -> Step:
        step = self._matching.step(self.clock_ms)
        for trade in step.trades:
            self.trades.add(trade)
        return step

    def make(self, topic: str) -> StreamMaker:
        stream = parse(topic)
        assert stream is not None
        return maker(stream, self)  # type: ignore[arg-type]


def data(messages: Any) -> list[Any]:
    return [json.loads(message.data) for message in messages]


class Client:
    """A book maintained as Bybit documents."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[str, str]] = {}
        self.u = self.seq = 0

    def take(self, message: MarketMessage) -> None:
        body = json.loads(message.data)
        assert message.id == body["data"]["u"]
        if body["type"] == "snapshot":
            self.sides = {"b": {}, "a": {}}
        else:
            assert body["data"]["u"] == self.u + 1
        self.u = body["data"]["u"]
        assert body["data"]["seq"] >= self.seq
        self.seq = body["data"]["seq"]
        for side, levels in self.sides.items():
            for price, size in body["data"][side]:
                if float(size):
                    levels[price] = size
                else:
                    del levels[price]  # a level never sent can't be deleted

    def shows(self, history: History, limit: int) -> bool:
        i = history.instrument
        return all(
            self.sides[key] == {i.price(p): i.size(s) for p, s in history.book.levels(side, limit)}
            for key, side in (("b", "bid"), ("a", "ask"))
        )


@pytest.mark.parametrize("levels", [50, 200, 1000])
def test_snapshot_and_deltas_are_always_the_top_of_the_book(levels: int) -> None:
    history = History()
    topic = history.make(f"orderbook.{levels}.BTCUSDT")
    clients = [Client()]
    for message in topic.greet(history.now_ms()):
        clients[0].take(message)
    assert clients[0].shows(history, levels)
    deltas = 0
    for number in range(1000):
        for _ in range(number % 5):
            history.step()
        history.clock_ms += topic.period_ms
        if number % 300 == 150:  # somebody joins between two messages
            clients.append(Client())
            for message in topic.greet(history.now_ms()):
                clients[-1].take(message)
        for message in topic.on_time(history.now_ms()):
            deltas += 1
            for client in clients:
                client.take(message)
        assert all(client.shows(history, levels) for client in clients)
    assert deltas > 250
    assert clients[0].u <= history.update_id


def test_level_1_consists_of_snapshots_and_repeats_after_three_seconds() -> None:
    history = History()
    topic = history.make("orderbook.1.BTCUSDT")
    client = Client()
    (first,) = topic.greet(history.now_ms())
    client.take(first)
    history.clock_ms += 2999
    assert not list(topic.on_time(history.now_ms()))
    history.clock_ms += 1
    (again,) = topic.on_time(history.now_ms())
    assert again.id == first.id
    assert json.loads(again.data)["data"] == json.loads(first.data)["data"]
    said = 0
    for _ in range(500):
        history.step()
        history.clock_ms += 5
        for message in topic.on_time(history.now_ms()):
            assert json.loads(message.data)["type"] == "snapshot"
            assert message.id == client.u + 1
            client.take(message)
            said += 1
        assert client.shows(history, 1)
    assert said > 100


def test_ts_follows_the_type_except_on_level_1() -> None:
    history = History()
    for levels, order in ((1, ["topic", "ts", "type"]), (50, ["topic", "type", "ts"])):
        (message,) = history.make(f"orderbook.{levels}.BTCUSDT").greet(START_MS)
        body = json.loads(message.data)
        assert list(body) == [*order, "data", "cts"]


def test_a_ticker_is_a_snapshot_and_then_what_changed() -> None:
    history = History()
    topic = history.make("tickers.BTCUSDT")
    (snapshot,) = data(topic.greet(START_MS))
    known, cs = dict(snapshot["data"]), snapshot["cs"]
    assert (snapshot["type"], len(known)) == ("snapshot", 21)
    assert not list(topic.on_time(START_MS))
    deltas = 0
    for _ in range(300):
        history.step()
        for delta in data(topic.on_time(history.now_ms())):
            changed = {key for key in delta["data"] if key != "symbol"}
            assert changed
            assert all(delta["data"][key] != known[key] for key in changed)
            assert delta["cs"] >= cs
            cs = delta["cs"]
            known.update(delta["data"])
            deltas += 1
        (now,) = data(topic.greet(START_MS))
        assert now["data"] == known
    assert deltas > 100


def test_the_trades_of_an_order_are_one_message_with_ids_that_can_be_made_again() -> None:
    def told() -> list[Any]:
        history = History()
        topic = history.make("publicTrade.BTCUSDT")
        return data(m for _ in range(300) for m in topic.on_step(history.step(), START_MS))

    messages = told()
    assert messages == told()
    entries = [entry for message in messages for entry in message["data"]]
    assert len(entries) > len(messages) > 20
    assert len({entry["i"] for entry in entries}) == len(entries)
    assert all(len({e["seq"] for e in message["data"]}) == 1 for message in messages)
    for before, after in itertools.pairwise(entries):
        if float(after["p"]) != float(before["p"]):
            up = float(after["p"]) > float(before["p"])
            assert after["L"] == ("PlusTick" if up else "MinusTick")
        else:
            assert after["L"].startswith("Zero")


def test_a_direction_of_the_price_is_of_the_last_other_price() -> None:
    trades = TradeHistory(listed()["BTCUSDT"][0])
    for number, price in enumerate((10, 11, 11, 9)):
        trades.add(TradeRow(number, START_MS, price, 1, True))
    told = [tick_direction(trades, position) for position in (-4, -3, -2, -1)]
    assert told == ["ZeroPlusTick", "PlusTick", "ZeroPlusTick", "MinusTick"]


def test_a_candle_is_confirmed_once_when_it_ends() -> None:
    history = History()
    topic = history.make("kline.1.BTCUSDT")
    told = []
    for _ in range(180):
        for _ in range(20):
            history.step()
        history.clock_ms += 1000
        told += [body["data"][0] for body in data(topic.on_time(history.now_ms()))]
    confirmed = [candle["start"] for candle in told if candle["confirm"]]
    assert confirmed == [START_MS, START_MS + 60_000, START_MS + 120_000]
    for start in confirmed:
        of_it = [candle["confirm"] for candle in told if candle["start"] == start]
        assert of_it[-1] is True


def test_liquidations_name_the_side_of_the_position() -> None:
    history = History()
    topic = history.make("allLiquidation.BTCUSDT")
    rows = [(True, "Buy"), (False, "Sell")]
    for sold, _ in rows:
        trade = TradeRow(1, START_MS, 6_180_000, 100, sold)
        topic.on_step(Step(1, False, [], [trade], True), START_MS)
    (message,) = data(topic.on_time(START_MS))
    assert [entry["S"] for entry in message["data"]] == [side for _, side in rows]
    assert not list(topic.on_time(START_MS))
