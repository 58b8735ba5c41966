"""Audit of each topic: losses, flags, order and content."""

from __future__ import annotations

from typing import Any

import pytest
from unit.audit.handmade_logs import (
    BYBIT_FEED,
    FEED,
    QUOTE,
    STATUS,
    TRADE,
    audited,
    client_gap,
    counts,
    mark,
    notice,
    quote_seen,
    quote_sent,
    seen,
    sent,
    status_seen,
    trade_seen,
    trade_sent,
)  # fmt: skip

from feedd.audit import report

TRUTH = [trade_sent(id_, id_ / 10) for id_ in range(1, 11)]
ALL = [trade_seen(id_, id_, id_ / 10) for id_ in range(1, 11)]


def without(*seqs: int) -> list[Any]:
    return [line for line in ALL if line["payload"]["seq"] not in seqs]


def renumbered(*ids: int) -> list[Any]:
    """Return the ticks of all other ids, numbered without a hole."""
    left = [id_ for id_ in range(1, 11) if id_ not in ids]
    return [trade_seen(id_, seq, id_ / 10) for seq, id_ in enumerate(left, 1)]


def test_a_complete_recording_has_no_breach() -> None:
    found = audited(TRUTH, ALL)
    assert counts(found) == {}
    assert (found[TRADE].counts.truth, found[TRADE].counts.seen) == (10, 10)
    assert "no breach" in report.table(list(found.values()))


def test_a_client_must_report_a_gap_with_its_exact_range() -> None:
    assert counts(audited(TRUTH, without(5, 6))) == {"missing": 2}
    told = [*without(*range(5, 11)), client_gap(TRADE, 5, 6, 0.6), *ALL[6:]]
    assert counts(audited(TRUTH, told)) == {"flagged": 2}
    short = [*without(*range(5, 11)), client_gap(TRADE, 5, 5, 0.6), *ALL[6:]]
    assert counts(audited(TRUTH, short)) == {"flagged": 1, "missing": 1}
    late = [*without(5, 6), client_gap(TRADE, 5, 6, 1.1)]
    assert counts(audited(TRUTH, late)) == {"missing": 2}


def test_a_client_may_report_a_gap_early() -> None:
    told = [
        *ALL[:4],
        client_gap(TRADE, 5, 6, 0.6),
        client_gap(TRADE, 8, 9, 0.6),
        ALL[6],
        ALL[9],
    ]
    assert counts(audited(TRUTH, told)) == {"flagged": 4}


def test_a_plain_subscribers_gaps_are_flagged_by_seq() -> None:
    assert counts(audited(TRUTH, without(5, 6), by_client=False)) == {"flagged": 2}
    assert counts(audited(TRUTH, renumbered(5, 6), by_client=False)) == {"missing": 2}


def test_a_hole_in_the_numbers_flags_no_more_than_its_size() -> None:
    ticks = [trade_seen(1, 1, 0.1), trade_seen(6, 3, 0.6)]
    assert counts(audited(TRUTH, ticks, by_client=False)) == {"flagged": 1, "missing": 3}


@pytest.mark.parametrize("by_client", [True, False])
def test_an_upstream_gap_flags_the_events_between_its_ids(by_client: bool) -> None:
    def recorded(to_id: int) -> list[Any]:
        gap = {"channel": "trade", "from_id": 4, "to_id": to_id, "reason": "reconnect"}
        told = [notice("UpstreamGap", 0.65, feed=FEED, **gap)] if by_client else []
        ticks = renumbered(5, 6)
        return [*ticks[:4], *told, status_seen(1, 0.65, gap=gap), *ticks[4:]]

    assert counts(audited(TRUTH, recorded(7), by_client=by_client)) == {"flagged": 2}
    assert counts(audited(TRUTH, recorded(6), by_client=by_client)) == {"flagged": 1, "missing": 1}


def test_a_gap_that_the_client_did_not_report_flags_nothing() -> None:
    gap = {"channel": "trade", "from_id": 4, "to_id": 7, "reason": "reconnect"}
    ticks = renumbered(5, 6)
    recorded = [*ticks[:4], status_seen(1, 0.65, gap=gap), *ticks[4:]]
    assert counts(audited(TRUTH, recorded)) == {"missing": 2}


def test_a_gap_without_ids_flags_the_events_published_around_it() -> None:
    stream = [sent("btcusdt@markPrice@1s", _mark(n), n) for n in range(1, 8)]
    topic = f"mark.{FEED}"
    ticks = [_mark_seen(topic, n, seq) for seq, n in enumerate([1, 2, 5, 6, 7], 1)]
    gap = {"channel": "mark", "from_id": None, "to_id": None, "reason": "reconnect"}
    told = [*ticks[:2], status_seen(1, 4.5, gap=gap), *ticks[2:]]
    assert counts(audited(stream, told, by_client=False), topic) == {"flagged": 2}
    late = [*ticks, notice("UpstreamGap", 8, feed=FEED, **gap), status_seen(1, 4.5, gap=gap)]
    assert counts(audited(stream, late), topic) == {"flagged": 2}, "by when it was published"
    early = [ticks[0], status_seen(1, 1.5, gap=gap), *ticks[1:]]
    assert counts(audited(stream, early, by_client=False), topic) == {"missing": 2}


def _mark(n: int) -> dict[str, Any]:
    return {"e": "markPriceUpdate", "E": n, "s": "BTCUSDT", "p": "1.5", "i": "1.25", "r": "",
            "T": 0}  # fmt: skip


def _mark_seen(topic: str, n: int, seq: int) -> dict[str, Any]:
    return seen(
        topic, seq, n, timestamp=n, mark_price=1.5, index_price=1.25, funding_rate=None,
        next_funding=None,
    )  # fmt: skip


def test_a_reported_new_session_flags_the_events_before_it() -> None:
    ticks = [trade_seen(1, 1, 0.1), trade_seen(2, 2, 0.2), trade_seen(9, 1, 0.9, session=2),
             trade_seen(10, 2, 1.0, session=2)]  # fmt: skip
    assert counts(audited(TRUTH, ticks, by_client=False)) == {"flagged": 6}
    told = [*ticks[:2], notice("NewSession", 0.9, feed=FEED, old=1, new=2), *ticks[2:]]
    assert counts(audited(TRUTH, told)) == {"flagged": 6}
    assert counts(audited(TRUTH, ticks))["missing"] == 1


def test_an_event_of_an_older_session_is_a_breach() -> None:
    ticks = [trade_seen(1, 1, 0.1, session=2), trade_seen(2, 2, 0.2, session=1)]
    assert counts(audited(TRUTH, ticks, by_client=False)) == {"out_of_order": 1}


def test_a_duplicate_or_unordered_message_is_a_breach() -> None:
    assert counts(audited(TRUTH, [*ALL[:5], ALL[4], *ALL[5:]])) == {"twice": 1}
    renumbered_twice = [*ALL[:5], trade_seen(5, 6, 0.55)]
    assert counts(audited(TRUTH, renumbered_twice)) == {"twice": 1}
    swapped = [*ALL[:4], ALL[5], ALL[4], *ALL[6:]]
    assert counts(audited(TRUTH, swapped, by_client=False))["out_of_order"] == 1


def test_an_unknown_id_and_a_wrong_price_are_breaches() -> None:
    assert counts(audited(TRUTH, [*ALL, trade_seen(99, 11, 1.1)])) == {"unknown": 1}
    wrong = [*ALL[:4], trade_seen(5, 5, 0.5, price=100.11), *ALL[5:]]
    found = audited(TRUTH, wrong)
    assert counts(found) == {"wrong": 1}
    assert "100.11" in report.table(list(found.values()))


def test_an_event_sent_to_any_number_of_connections_is_one_event() -> None:
    truth = [
        *TRUTH[:4], trade_sent(5, 0.5, connection=None), trade_sent(4, 0.5, connection=2),
        *TRUTH[5:],
    ]  # fmt: skip
    assert counts(audited(truth, ALL)) == {}
    assert counts(audited(truth, renumbered(5), by_client=False)) == {"missing": 1}


def test_a_trade_at_price_0_is_ignored() -> None:
    truth = [*TRUTH[:4], trade_sent(5, 0.5, price="0"), *TRUTH[5:]]
    assert counts(audited(truth, renumbered(5))) == {}


def test_spot_and_futures_with_equal_names_are_kept_apart() -> None:
    spot = {"e": "trade", "t": 5, "T": 1, "p": "7", "q": "1", "m": True, "M": True}
    truth = [*TRUTH, sent("btcusdt@trade", spot, 0.5, 5, connection=2)]
    assert counts(audited(truth, ALL)) == {}
    topic = "trade.binance.BTC/USDT."
    tick = seen(topic, 1, 0.5, id=5, price=7.0, size=1.0, side="sell")
    assert counts(audited(truth, [tick]), topic) == {}
    tick["payload"]["price"] = 100.1
    assert counts(audited(truth, [tick]), topic) == {"wrong": 1}


# --- tails ------------------------------------------------------------------------------------


def test_a_lost_tail_shown_by_a_heartbeat_must_be_reported() -> None:
    beats = [status_seen(n, n, next_seq={TRADE: 11}) for n in range(1, 20)]
    assert counts(audited(TRUTH, [*ALL[:8], *beats])) == {"missing": 2}
    assert counts(audited(TRUTH, [*ALL[:8], client_gap(TRADE, 9, 10, 1.5), *beats])) == {}
    assert counts(audited(TRUTH, [*ALL[:8], *beats], by_client=False)) == {}
    assert counts(audited(TRUTH, [*ALL[:8], *beats[:3]])) == {}, "it may still be repaired"


def test_a_lost_tail_is_missing_when_a_new_session_begins() -> None:
    recorded = [*ALL[:5], status_seen(1, 0.6, next_seq={TRADE: 8}),
                notice("NewSession", 0.9, feed=FEED, old=1, new=2),
                trade_seen(10, 1, 1.0, session=2)]  # fmt: skip
    assert counts(audited(TRUTH, recorded))["missing"] == 2
    recorded.insert(6, client_gap(TRADE, 6, 7, 0.8))
    assert counts(audited(TRUTH, recorded)) == {"flagged": 4}


def test_events_a_live_feed_never_published_are_missing() -> None:
    beats = [status_seen(n + 1, n, stale_after_s=30.0) for n in range(100)]
    assert counts(audited(TRUTH, [*renumbered(9, 10), *beats], by_client=False)) == {"missing": 2}
    assert counts(audited(TRUTH, [*renumbered(9, 10), *beats[:50]], by_client=False)) == {}
    beats = [status_seen(n + 1, n, "stale", stale_after_s=30.0) for n in range(100)]
    assert counts(audited(TRUTH, [*renumbered(9, 10), *beats], by_client=False)) == {}


def test_a_topic_without_a_message_on_a_live_feed_is_missing() -> None:
    truth = [trade_sent(n, 20 + n / 10) for n in range(1, 11)]
    beats = [
        status_seen(n, n, stale_after_s=10.0, next_seq={TRADE: 1, QUOTE: 1}) for n in range(1, 100)
    ]
    assert counts(audited(truth, beats, by_client=False)) == {"missing": 10}


def test_a_snapshot_of_an_older_session_begins_without_a_new_session() -> None:
    snapshot = trade_seen(1, 1, 0.1)
    snapshot["payload"]["client.origin"] = "snapshot"
    assert counts(audited(TRUTH, [snapshot, trade_seen(9, 4, 0.9, session=2)])) == {"flagged": 7}


def test_a_stream_starts_with_its_topics_last_message_despite_an_older_status() -> None:
    status = status_seen(1, 0.1, next_seq={TRADE: 2})
    later = [status_seen(n, n, next_seq={TRADE: 11}) for n in range(2, 20)]
    assert counts(audited(TRUTH, [status, *ALL[4:], *later])) == {"missing": 3}
    status["payload"]["client.origin"] = "snapshot"
    assert counts(audited(TRUTH, [status, *ALL[4:], *later])) == {}
    assert counts(audited(TRUTH, [status, *ALL[4:8], *later])) == {"missing": 2}


def test_a_lost_status_accounts_for_the_gaps_in_its_counters() -> None:
    ticks = renumbered(3, 5, 6)  # two holes

    def around(gaps: dict[str, int], gap: Any = None) -> list[Any]:
        before = status_seen(1, 0.15, gaps={"trade": 4, "quote": 4})
        after = status_seen(3, 0.68, gaps=gaps, gap=gap)
        return [ticks[0], before, *ticks[1:3], after, *ticks[3:]]

    def found(*about: Any) -> dict[str, int]:
        return counts(audited(TRUTH, around(*about), by_client=False))

    assert found({"trade": 6, "quote": 4}) == {"flagged": 3}
    assert found({"trade": 5, "quote": 4}) == {"flagged": 1, "missing": 2}
    assert found({"trade": 4, "quote": 4}) == {"missing": 3}
    assert found({"trade": 4, "quote": 6}) == {"missing": 3}, "another channel's"
    gap = {"channel": "trade", "from_id": 10, "to_id": 11, "reason": "of its own"}
    assert found({"trade": 5, "quote": 4}, gap) == {"missing": 3}, "the status told that itself"
    statuses = audited(TRUTH, around({"trade": 6, "quote": 4}), by_client=False)
    assert counts(statuses, STATUS) == {"flagged": 1}


def test_events_that_a_lost_status_cannot_explain_are_missing() -> None:
    ticks = renumbered(5, 6)
    late = [*ticks, status_seen(1, 0.9), status_seen(3, 1.1, gaps={"trade": 1})]
    assert counts(audited(TRUTH, late, by_client=False)) == {"missing": 2}
    restarted = [*ticks, status_seen(9, 0.2, gaps={"trade": 5}),
                 status_seen(2, 0.68, session=2, gaps={"trade": 1})]  # fmt: skip
    assert counts(audited(TRUTH, restarted, by_client=False)) == {"flagged": 2}
    restarted[-1] = status_seen(2, 0.68, session=2, gaps={"trade": 0})
    assert counts(audited(TRUTH, restarted, by_client=False)) == {"missing": 2}


def test_a_live_new_session_must_publish_all_later_events() -> None:
    truth = [trade_sent(id_, id_) for id_ in range(1, 41)]
    told = notice("NewSession", 9, feed=FEED, old=1, new=2)

    def recorded(*statuses: Any) -> list[Any]:
        late = [trade_seen(id_, id_ - 30, id_, session=2) for id_ in range(31, 41)]
        return [*(trade_seen(id_, id_, id_) for id_ in range(1, 6)), told, *statuses, *late]

    beats = [status_seen(n, n + 9.5, session=2) for n in range(1, 21)]  # the first at 10.5
    starting = [status_seen(n, n + 9.5, "starting", session=2) for n in range(1, 21)]
    for by_client in (True, False):
        found = audited(truth, recorded(*beats), by_client=by_client)
        assert counts(found) == {"flagged": 10, "missing": 15}, "from 15.5 on, to 30"
        found = audited(truth, recorded(*starting), by_client=by_client)
        assert counts(found) == {"flagged": 25}
        found = audited(truth, recorded(*starting[:9], *beats[9:]), by_client=by_client)
        assert counts(found) == {"flagged": 19, "missing": 6}, "from 24.5 on"
    away = [*beats[:9], status_seen(10, 19.5, "reconnecting", session=2), *beats[10:]]
    assert counts(audited(truth, recorded(*away))) == {"flagged": 20, "missing": 5}, "from 25.5 on"
    lost = audited(truth, recorded(*beats[:9], *beats[10:]), by_client=False)
    assert counts(lost) == {"flagged": 20, "missing": 5}, "the lost one may have said another state"
    for status in beats:
        status["payload"]["client.origin"] = "snapshot"
    assert counts(audited(truth, recorded(*beats))) == {"flagged": 25}, "nobody listened yet"


# --- other channels ---------------------------------------------------------------------------


def test_quote_ids_skip_numbers() -> None:
    truth = [quote_sent(id_, id_ / 100) for id_ in (10, 17, 19, 30)]
    ticks = [quote_seen(id_, seq, id_ / 100) for seq, id_ in enumerate((10, 17, 19, 30), 1)]
    assert counts(audited(truth, ticks), QUOTE) == {}
    assert counts(audited(truth, [ticks[0], quote_seen(19, 2, 0.19)]), QUOTE) == {"missing": 1}
    assert counts(audited(truth, [*ticks, quote_seen(18, 5, 0.31)]), QUOTE) == {"unknown": 1}


def test_a_state_may_be_published_again_by_a_new_session_only() -> None:
    truth = [quote_sent(10, 0.1), quote_sent(11, 0.2)]
    again = [quote_seen(10, 1, 0.1), quote_seen(10, 1, 0.15, 2), quote_seen(11, 2, 0.2, 2)]
    assert counts(audited(truth, again, by_client=False), QUOTE) == {}
    same = [quote_seen(10, 1, 0.1), quote_seen(10, 2, 0.15)]
    assert counts(audited(truth, same, by_client=False), QUOTE) == {"twice": 1}


def test_each_trade_of_a_bybit_message_is_required() -> None:
    topic = f"trade.{BYBIT_FEED}"
    rows = [{"i": f"id-{n}", "p": "1.5", "v": "2", "S": "Buy"} for n in range(4)]
    truth = [
        sent("publicTrade.BTCUSDT", {"topic": "publicTrade.BTCUSDT", "data": rows[:3]}, 0.1),
        sent("publicTrade.BTCUSDT", {"topic": "publicTrade.BTCUSDT", "data": rows[3:]}, 0.2),
    ]
    ticks = [
        seen(topic, n + 1, 0.1, id=f"id-{n}", price=1.5, size=2.0, side="buy") for n in range(4)
    ]
    assert counts(audited(truth, ticks), topic) == {}
    ticks[2]["payload"] |= {"id": "id-3"}
    assert counts(audited(truth, ticks[:3]), topic) == {"missing": 1}


def test_equal_liquidations_in_a_message_are_two_and_not_three() -> None:
    topic = f"liquidation.{BYBIT_FEED}"
    row = {"T": 5, "S": "Buy", "p": "1.5", "v": "2"}
    name = "allLiquidation.BTCUSDT"
    truth = [sent(name, {"topic": name, "data": [row, row]}, 0.1)]
    one = {"timestamp": 5, "side": "sell", "price": 1.5, "size": 2.0}
    ticks = [seen(topic, n, 0.1, **one) for n in (1, 2, 3)]
    assert counts(audited(truth, ticks[:2]), topic) == {}
    assert counts(audited(truth, ticks), topic) == {"twice": 1}


def test_tickers_carry_each_summary_at_least_once() -> None:
    topic = f"ticker.{FEED}"
    truth = [
        sent("btcusdt@ticker", {"e": "24hrTicker", "E": n, "c": f"{n}", "v": "9", "h": "8",
                                "l": "1", "P": "0.5", "C": n}, n)
        for n in (1, 2, 3)
    ]  # fmt: skip

    def ticker(n: int, seq: int) -> Any:
        return seen(topic, seq, n, timestamp=n, last=float(n), volume=9.0, high=8.0, low=1.0,
                    change_percent=0.5)  # fmt: skip

    assert counts(audited(truth, [ticker(n, s) for s, n in enumerate((1, 1, 2, 3, 3), 1)]),
                  topic) == {}  # fmt: skip
    assert counts(audited(truth, [ticker(1, 1), ticker(3, 2)]), topic) == {"missing": 1}
    assert counts(audited(truth, [ticker(1, 1), ticker(2, 2), ticker(1, 3)]), topic) == {
        "out_of_order": 1
    }


def test_candles_are_matched_by_time_and_compared_by_content() -> None:
    topic = f"candle.{FEED}"

    def k(n: int) -> Any:
        return {
            "e": "kline",
            "E": n,
            "ps": "BTCUSDT",
            "k": {
                "t": 60,
                "i": "1m",
                "o": "1",
                "c": f"{n}",
                "h": "9",
                "l": "1",
                "v": "5",
                "x": n == 3,
            },
        }

    truth = [sent("btcusdt@kline_1m", k(n), n) for n in (1, 2, 3)]

    def candle(n: int, seq: int, close: float) -> Any:
        return seen(topic, seq, n, timestamp=n, open_time=60, closed=n == 3, open=1.0, high=9.0,
                    low=1.0, close=close, volume=5.0)  # fmt: skip

    assert counts(audited(truth, [candle(n, n, float(n)) for n in (1, 2, 3)]), topic) == {}
    assert counts(audited(truth, [candle(1, 1, 1.0), candle(2, 2, 7.0)]), topic) == {"wrong": 1}
    assert counts(audited(truth, [candle(1, 1, 1.0), candle(3, 2, 3.0)]), topic) == {"missing": 1}


# --- counts that restart ----------------------------------------------------------------------


def test_a_restarted_exchange_reuses_ids_for_other_events() -> None:
    truth = [mark("opened", 0), *TRUTH[:3], mark("opened", 5),
             *(trade_sent(n, 5 + n / 10, price="7") for n in (1, 2, 3))]  # fmt: skip
    again = [trade_seen(n, 3 + n, 5 + n / 10, price=7.0) for n in (1, 2, 3)]
    assert counts(audited(truth, [*ALL[:3], *again])) == {}
    assert counts(audited(truth, [*ALL[:3], *again[:2], again[1]])) == {"twice": 1}
    gap = {"channel": "trade", "from_id": 2, "to_id": 3, "reason": "reconnect"}
    told = [*ALL[:2], status_seen(1, 5.2, gap=gap), trade_seen(3, 3, 5.3, price=7.0)]
    assert counts(audited(truth, told, by_client=False))["missing"] > 0
    gap |= {"from_id": 3, "to_id": 2}
    told = [*ALL[:3], status_seen(1, 5.15, gap=gap), trade_seen(2, 4, 5.2, price=7.0)]
    assert counts(audited(truth, told, by_client=False)) == {"flagged": 1}


def test_bybits_book_ids_restart_at_1_with_its_service() -> None:
    topic, name = f"quote.{BYBIT_FEED}", "orderbook.1.BTCUSDT"
    rows = [(100, "1"), (101, "2"), (1, "3"), (2, "4")]
    truth = [
        sent(name, {"topic": name, "type": "snapshot", "data": {
            "b": [[price, "1"]], "a": [], "u": u}}, n, u)
        for n, (u, price) in enumerate(rows)
    ]  # fmt: skip
    ticks = [
        seen(topic, n + 1, n, id=u, bid=float(price), bid_size=1.0, ask=None, ask_size=None)
        for n, (u, price) in enumerate(rows)
    ]
    assert counts(audited(truth, ticks), topic) == {}
    assert counts(audited(truth, [ticks[0], ticks[1], ticks[3]], by_client=False), topic) == {
        "flagged": 1
    }
