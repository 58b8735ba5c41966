"""What a subscriber saw of the demo's faults, as facts and as lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedd.client.events import Gap, NewSession, StateChange, Ticker, Trade, UpstreamGap
from feedd.config.load import parse_config
from feedd.errors import ConfigError
from feedd.operation.demo_faults import check_faults
from feedd.operation.demo_stage import Seen, gap_text

FEED = "binanceusdm.BTC/USDT:USDT."


def test_states_are_lines_once_and_their_reason_is_printable() -> None:
    seen = Seen()
    line = seen.take(StateChange(FEED, "reconnecting", "reset\x1b[31m"), 1.0)
    assert line == "BTC/USDT:USDT reconnecting: reset\\x1b[31m"
    assert seen.take(StateChange(FEED, "reconnecting", "another reason"), 2.0) is None
    assert seen.take(StateChange(FEED, "live", None), 3.0) == "BTC/USDT:USDT live"
    assert seen.ever == {FEED: {"reconnecting", "live"}}
    assert seen.states == {FEED: "live"}


def test_gaps_and_sessions_are_kept_with_their_range() -> None:
    seen = Seen()
    gap = UpstreamGap(FEED, "trade", 5, 9, "ids jump")
    assert seen.take(gap, 1.0) == "UpstreamGap of BTC/USDT:USDT: trade after 5 and before 9"
    assert seen.take(Gap(f"trade.{FEED}", 1, 3, 8, "lost"), 1.0) == (
        f"Gap in trade.{FEED} seq 3 to 8"
    )
    seen.take(NewSession(FEED, 1, 2), 1.0)
    assert (seen.missed, seen.restarted) == ([gap], {FEED})
    assert [one.to_seq for one in seen.lost] == [8]
    assert gap_text(UpstreamGap(FEED, "ticker", None, None, "x")) == "ticker, which has no numbers"


def test_trades_that_were_requested_again_are_counted() -> None:
    seen = Seen()
    for backfilled in (False, True, True):
        trade = Trade(symbol="BTC/USDT:USDT", timestamp=None, price=1.0, size=1.0, side=None,
                      exchange="binanceusdm", received_ns=1, backfilled=backfilled)  # fmt: skip
        assert seen.take(trade, 7.0) is None
    assert seen.filled == 2
    assert seen.ticks == {FEED: 7.0}


def test_the_last_ticker_of_each_feed_is_kept() -> None:
    seen = Seen()
    for last in (1.0, 2.0):
        ticker = Ticker(
            symbol="BTC/USDT:USDT", timestamp=None, datetime=None, bid=None, ask=None, last=last,
            volume=None, high=None, low=None, change_percent=None, spread=None, bid_ask="none",
            exchange="binanceusdm", received_ns=1,
        )  # fmt: skip
        seen.take(ticker, last)
    assert seen.last[FEED].last == 2.0


@pytest.mark.parametrize(
    "text",
    ["symbols: [BTC/USDT]\n",
     "symbols: [BTC/USDT]\nsource: replay\nreplay: {recordings: [a]}\nembedded_exchange: {}\n"],
)  # fmt: skip
def test_faults_need_an_embedded_exchange_with_live_feeds(text: str) -> None:
    config = parse_config(text, Path("x.yaml"))
    with pytest.raises(ConfigError, match="no embedded_exchange with live feeds"):
        check_faults(config)
