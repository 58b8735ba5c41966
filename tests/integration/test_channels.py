"""Every channel of the embedded exchanges, from the embedded exchange to a plain subscriber."""

import json
import re
from collections import defaultdict
from collections.abc import Callable

import pytest
from conftest import Project
from integration.published_truth import CHECKS, FEEDS, Row, truth_until_now

pytestmark = pytest.mark.process

Make = Callable[..., Project]
AT_LEAST = {"ticker": 5, "quote": 100, "trade": 50, "book": 20, "candle": 2, "mark": 2,
            "liquidation": 1}  # fmt: skip


def test_every_channel_arrives_with_the_values_that_the_exchange_sent(make_project: Make) -> None:
    project = make_project(
        symbols=[
            {"symbol": symbol, "exchange": exchange, "channels": channels}
            for exchange, (symbol, channels) in FEEDS.items()
        ],
        embedded_exchange={"rate": 300, "truth_log": "truth.jsonl"},
    )
    everything = project.subscribe()
    started = project.feedd("start")
    assert started.returncode == 0, started.stdout + started.stderr
    notice = re.compile(r"^bybit .*trade.*: unchecked \(bybit offers nothing", re.MULTILINE)
    assert notice.search(started.stdout)
    seen: dict[tuple[str, str], list[Row]] = defaultdict(list)

    def enough(topic: str, payload: Row) -> bool:
        seen[payload["exchange"], topic.partition(".")[0]].append(payload)
        return all(
            len(seen[exchange, channel]) >= AT_LEAST[channel]
            for exchange, (_, channels) in FEEDS.items()
            for channel in channels
        )

    everything.until(enough, timeout_s=120)
    truth = truth_until_now(project)
    for (exchange, channel), payloads in seen.items():
        if channel == "status":
            assert not [one for one in payloads if one.get("gap") or one["rejected"]]
            continue
        for one in payloads:
            CHECKS[channel](truth, exchange, one)
    assert {exchange for exchange, _ in seen} == set(FEEDS)


@pytest.mark.parametrize(
    ("symbol", "channel", "said"),
    [
        ({"symbol": "BTC/USDT:USDT", "exchange": "bybit"}, "mark", "bybit has no mark of BTC"),
        (
            {"symbol": "BTC/USDT", "exchange": "binance"},
            "liquidation",
            "no liquidation of BTC/USDT",
        ),
    ],
)
def test_a_channel_that_an_exchange_lacks_is_refused_with_those_it_has(
    make_project: Make, symbol: dict[str, str], channel: str, said: str
) -> None:
    project = make_project(symbols=[{**symbol, "channels": ["ticker", channel]}])
    for command in (("config", "check"), ("start",)):
        refused = project.feedd(*command)
        assert refused.returncode == 78
        assert said in refused.stderr
        assert "it has ticker, quote, trade, book, candle" in refused.stderr
    assert not project.left_behind()


def test_a_tickers_bid_and_ask_may_come_from_the_book(make_project: Make) -> None:
    project = make_project(channels=["ticker"], bid_ask="book")
    subscriber = project.subscribe("ticker.")
    assert project.feedd("start").returncode == 0
    (*_, (_, ticker)) = subscriber.until(lambda _, one: one["bid"] is not None)
    assert ticker["bid_ask"] == "book"
    assert ticker["spread"] == pytest.approx(ticker["ask"] - ticker["bid"])


@pytest.mark.parametrize("source", ["ccxt", "native"])
def test_a_ticker_may_keep_the_exchanges_own_bid_and_ask(make_project: Make, source: str) -> None:
    project = make_project(
        channels=["ticker"], bid_ask="ticker", source=source,
        symbols=[{"symbol": "BTC/USDT", "exchange": "binance"}],
    )  # fmt: skip
    subscriber = project.subscribe("")
    assert project.feedd("start").returncode == 0
    (*_, (_, ticker)) = subscriber.until(lambda topic, _: topic.startswith("ticker."))
    assert ticker["bid_ask"] == "ticker"
    assert ticker["bid"] < ticker["ask"]
    (*_, (_, status)) = subscriber.until(lambda topic, _: topic.startswith("status."))
    assert list(status["channels"]) == ["ticker"]
    stated = next(
        line
        for line in map(json.loads, project.log("feed-binance-BTC-USDT").splitlines())
        if line["event"] == "how a lost message shows"
    )
    assert stated["ticker"] == "whole"
