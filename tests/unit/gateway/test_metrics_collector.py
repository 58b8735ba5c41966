"""Metrics, from made readings."""

from typing import Any

import msgspec
import pytest
from made_readings import (
    COUNTS,
    NOW_S,
    SESSION,
    channel_status,
    feed,
    process,
    reading,
    readings,
    status,
)
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from feedd.config.settings import Feed
from feedd.gateway.metrics import definitions
from feedd.gateway.metrics.collector import ReadingsCollector
from feedd.gateway.metrics.exposition import OPENMETRICS, TEXT, content_type, exposition
from feedd.gateway.metrics.feed_totals import NOTHING
from feedd.gateway.metrics.readings import MAX_FEEDS, GatewayReading, Readings
from feedd.gateway.notifications.outbox import OutboxCounts
from feedd.gateway.sources import ProxySource, RecorderSource, Sources
from feedd.health.report import Report
from feedd.model import Latency
from feedd.sources.limits.budget_use import BudgetUse
from feedd.transport.history_service import HistoryCounts

BTC, ETH = feed(), feed("ETH/USDT", "binance")
PROMETHEUS_ACCEPTS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


def written(of: Readings, form: str = TEXT) -> str:
    return b"".join(exposition(ReadingsCollector(of).collect(), form)).decode()


def values(of: Readings) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return all samples of the text, by name and labels."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in text_string_to_metric_families(written(of)):
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, key
            found[key] = sample.value
    return found


def value(of: Readings, name: str, **labels: str) -> float | None:
    return values(of).get((name, frozenset(labels.items())))


def btc(of: Readings, name: str, **labels: str) -> float | None:
    return value(of, name, exchange=BTC.exchange, symbol=BTC.symbol, **labels)


def state(of: Readings) -> str:
    """Return the one state of BTC."""
    states = {*definitions.FEED_STATES, *definitions.REPLAY_STATES}
    at = [one for one in states if btc(of, "feedd_feed_state", state=one) == 1]
    assert len(at) == 1
    return at[0]


def only(**changes: Any) -> Readings:
    return readings([BTC], {f"{BTC.exchange}.{BTC.symbol}.": reading(BTC, **changes)})


SOURCES = Sources(
    [
        ProxySource(
            name="proxy", at_ms=0, since_ms=0, lossless=False, messages=500, bytes=90_000,
            messages_per_s=5.0, bytes_per_s=900.0, subscribers=2, cut=1, refused=0,
            history=HistoryCounts(4, 1000, 0, 0),
        )
    ],
    RecorderSource(
        at_ms=0, since_ms=0, dir="recordings", messages=10, messages_per_s=1.0, bytes=99, lost=4,
        failing="no space left", lag_s=0.5, disk_free_bytes=10**9, disk_total_bytes=10**10,
    ),
    [
        BudgetUse("binanceusdm", "weight", None, "weight", 900.0, 1000.0, 60.0, 12.0, "429", False),
        BudgetUse("binanceusdm", "connects", None, None, None, None, None, 0.0, None, True),
    ],
)  # fmt: skip
HOSTILE = feed('A"B\\C\nD/ü😀{}="', "binance")
SETS = {
    "two feeds": readings([BTC, ETH]),
    "nothing known": Readings(
        now_s=1.0, feeds=[], statuses={}, gateway=GatewayReading(started_ms=1)
    ),
    "hostile names": readings([HOSTILE]),
    "sources": readings([BTC], sources=SOURCES),
    "notifications": readings(
        [BTC],
        gateway=GatewayReading(
            started_ms=SESSION, notifications=OutboxCounts(3, 2, 17, 1), notifications_waiting=4
        ),
    ),
    "gaps, losses and scrapes": readings(
        [BTC],
        {f"{BTC.exchange}.{BTC.symbol}.": reading(BTC, gaps={("trade", "reconnect"): 2_000_000})},
        gateway=GatewayReading(
            started_ms=SESSION, behind_ms=-3, topics=12_345_678, lost={"behind": 5},
            scrapes={"sent": 1}, scrape_s=0.0123,
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("accept", ["", PROMETHEUS_ACCEPTS])
def test_the_exposition_is_byte_for_byte_that_of_prometheus_client(name: str, accept: str) -> None:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ReadingsCollector(SETS[name]))
    encoder, _ = choose_encoder(accept)
    assert written(SETS[name], content_type(accept)).encode() == encoder(registry)


@pytest.mark.parametrize("name", SETS)
def test_the_openmetrics_parser_accepts_every_family(name: str) -> None:
    text = written(SETS[name], OPENMETRICS)
    families = {one.name: one for one in openmetrics_parser.text_string_to_metric_families(text)}
    assert families["feedd_build_info"].samples[0].value == 1


def test_prometheus_gets_openmetrics_and_a_browser_gets_text() -> None:
    assert content_type(PROMETHEUS_ACCEPTS) == OPENMETRICS
    assert content_type("text/html,application/xhtml+xml,*/*;q=0.8") == TEXT
    assert content_type("") == TEXT
    assert written(SETS["two feeds"], OPENMETRICS).endswith("\n# EOF\n")


def test_hostile_names_are_escaped_and_come_back_whole() -> None:
    labels = {"exchange": HOSTILE.exchange, "symbol": HOSTILE.symbol}
    assert value(SETS["hostile names"], "feedd_rejected_messages_total", **labels) == 1


def test_every_family_is_defined_and_has_the_defined_labels() -> None:
    defined = {one.name: one for one in definitions.ALL}
    assert len(defined) == len(definitions.ALL)
    for of in SETS.values():
        for family in ReadingsCollector(of).collect():
            definition = defined[family.name]
            for sample in family.samples:
                labels = set(sample.labels) - {"le"}
                missing = set(definition.labels) - labels
                assert labels <= set(definition.labels), family.name
                assert missing <= {"exchange", "symbol"} & set(definitions.PROCESS), family.name


def test_the_webhook_has_metrics_where_there_is_one() -> None:
    of = SETS["notifications"]
    assert value(of, "feedd_gateway_notifications_total", result="delivered") == 17
    assert value(of, "feedd_gateway_notifications_total", result="undelivered") == 1
    assert value(of, "feedd_gateway_webhook_failures_total") == 2
    assert value(of, "feedd_gateway_waiting_notifications") == 4
    without = written(SETS["two feeds"], OPENMETRICS)
    assert "feedd_gateway_webhook_failures_total" not in without


def test_names_follow_the_rules_of_prometheus() -> None:
    for one in definitions.ALL:
        assert one.name.startswith("feedd_")
        assert not one.name.endswith(("_total", "_count", "_sum", "_bucket"))
        if one.unit:
            assert one.name.endswith(f"_{one.unit}")
        else:
            assert not one.name.endswith(("_seconds", "_bytes", "_ratio"))
        assert one.help.endswith(".")


def test_counters_are_those_of_the_status() -> None:
    of = only(gaps={("trade", "reconnect"): 2, ("trade", "unknown"): 1})
    assert btc(of, "feedd_messages_total", channel="trade") == 1000
    assert btc(of, "feedd_messages_total", channel="status") == 1000
    assert btc(of, "feedd_reconnects_total", channel="quote") == 2
    assert btc(of, "feedd_gaps_total", channel="trade", reason="reconnect") == 2
    assert btc(of, "feedd_gaps_total", channel="trade", reason="unknown") == 1
    assert btc(of, "feedd_channel_gaps_total", channel="trade") == 3
    assert btc(of, "feedd_channel_gaps_total", channel="quote") == 0
    assert btc(of, "feedd_rejected_messages_total") == 1
    assert btc(of, "feedd_connected_ratio", channel="quote") == 0.9995
    assert btc(of, "feedd_stale_after_seconds", channel="quote") == 30


def test_a_histogram_is_cumulative_in_seconds() -> None:
    of = only(sums_us={"trade": 1_234_567, "": 2_000_000})
    bucket = "feedd_latency_seconds_bucket"
    assert btc(of, bucket, channel="trade", le="5e-05") == 10
    assert btc(of, bucket, channel="trade", le="0.0001") == 30
    assert btc(of, bucket, channel="trade", le="1.0") == 66
    assert btc(of, bucket, channel="trade", le="+Inf") == sum(COUNTS.counts)
    assert btc(of, "feedd_latency_seconds_count", channel="trade") == sum(COUNTS.counts)
    assert btc(of, "feedd_latency_seconds_sum", channel="trade") == 1.234567
    assert btc(of, "feedd_exchange_latency_seconds_sum") == 2


def test_counters_of_earlier_sessions_are_added() -> None:
    of = only(before=NOTHING.plus(status(BTC)), sums_us={"trade": 5})
    assert btc(of, "feedd_messages_total", channel="trade") == 2000
    assert btc(of, "feedd_reconnects_total", channel="trade") == 4
    assert btc(of, "feedd_latency_seconds_count", channel="trade") == 2 * sum(COUNTS.counts)


def test_the_age_of_the_last_event_grows_while_no_status_arrives() -> None:
    assert btc(only(), "feedd_last_event_age_seconds", channel="trade") == 1.0
    old = only(arrived_s=NOW_S - 100)
    assert btc(old, "feedd_last_event_age_seconds", channel="trade") == 100.5
    assert btc(old, "feedd_last_status_age_seconds") == 100


def test_an_event_after_the_status_is_the_last_event() -> None:
    of = only(events_s={"trade": NOW_S - 0.25, "quote": NOW_S - 0.75})
    assert btc(of, "feedd_last_event_age_seconds", channel="trade") == 0.25
    assert btc(of, "feedd_last_event_age_seconds", channel="quote") == 1.0


def test_a_feed_with_an_old_status_keeps_its_counters_and_has_no_gauge_of_now() -> None:
    of = only(arrived_s=NOW_S - 60)
    assert state(of) == "silent"
    assert btc(of, "feedd_messages_total", channel="trade") == 1000
    assert btc(of, "feedd_channel_live", channel="trade") == 0
    for name in ("connected_ratio", "stale_after_seconds"):
        assert btc(of, f"feedd_{name}", channel="trade") is None
    assert value(of, "feedd_clock_behind_seconds", exchange=BTC.exchange) is None
    assert btc(of, "feedd_feed_traded") is None


def test_a_dead_worker_is_down_although_its_last_status_is_fresh() -> None:
    row = process(BTC, process="BACKOFF", state="down")
    of = readings([BTC], report=Report((row,)))
    assert state(of) == "down"
    assert btc(of, "feedd_channel_live", channel="trade") == 0
    assert btc(of, "feedd_connected_ratio", channel="trade") is None
    assert btc(of, "feedd_process_up", process=BTC.name) == 0
    assert value(of, "feedd_process_state", process=BTC.name, state="backoff") == 1


def test_a_status_newer_than_the_report_has_the_state() -> None:
    assert state(only(status=status(BTC, state="reconnecting"))) == "reconnecting"


@pytest.mark.parametrize("found", ["silent", "blocked", "down"])
def test_a_state_that_the_report_alone_knows_counts(found: str) -> None:
    assert state(readings([BTC], report=Report((process(BTC, state=found),)))) == found


@pytest.mark.parametrize("found", ["replay", "ended", "down"])
def test_a_replay_has_states_of_its_own(found: str) -> None:
    played = Feed(**{**msgspec.structs.asdict(BTC), "source": "replay"})
    assert state(readings([played], report=Report((process(played, state=found),)))) == found


def test_a_state_that_is_not_known_is_unknown() -> None:
    assert state(readings([BTC], report=Report((process(BTC, state="dancing"),)))) == "unknown"
    assert state(readings([BTC], {}, report=None)) == "unknown"


def test_without_a_fresh_report_the_status_has_the_state_and_no_process_is_said_to_run() -> None:
    of = readings([BTC], report_s=NOW_S - 30)
    assert state(of) == "live"
    assert btc(of, "feedd_process_up", process=BTC.name) is None
    assert btc(of, "feedd_restarts_total", process=BTC.name) == 1
    assert value(of, "feedd_health", state="unknown") == 1
    assert value(of, "feedd_health_age_seconds") == 30
    assert value(of, "feedd_supervisor_up") == 0


def test_a_feed_that_is_gone_from_the_configuration_has_no_series() -> None:
    both = readings([BTC, ETH])
    without = Readings(
        now_s=NOW_S, feeds=[BTC], statuses=both.statuses, gateway=both.gateway,
        report=Report((process(BTC),)), report_s=NOW_S,
    )  # fmt: skip
    assert "ETH" in written(both)
    assert "ETH" not in written(without)


def test_processes_have_their_memory_cpu_and_restarts() -> None:
    of = readings([BTC])
    assert value(of, "feedd_process_resident_memory_bytes", process="proxy") == 60_000_000
    assert value(of, "feedd_process_cpu_seconds_total", process="proxy") == 2.5
    assert btc(of, "feedd_restarts_total", process=BTC.name) == 1
    assert value(of, "feedd_health", state="healthy") == 1


def test_the_clock_is_behind_by_the_most_that_a_feed_of_the_exchange_shows() -> None:
    late = status(BTC, exchange_latency_us=Latency(-250_000.0, 1.0, 1.0))
    assert value(only(status=late), "feedd_clock_behind_seconds", exchange=BTC.exchange) == 0.25
    assert value(only(), "feedd_clock_behind_seconds", exchange=BTC.exchange) == 0


def test_proxies_recorder_and_limits_are_those_of_the_sources() -> None:
    of = readings([BTC], sources=SOURCES)
    assert value(of, "feedd_proxy_messages_total", proxy="proxy") == 500
    assert value(of, "feedd_proxy_bytes_total", proxy="proxy") == 90_000
    assert value(of, "feedd_proxy_subscribers", proxy="proxy") == 2
    assert value(of, "feedd_recorder_lost_records_total") == 4
    assert value(of, "feedd_recorder_failing") == 1
    assert value(of, "feedd_recorder_lag_seconds") == 0.5
    assert value(of, "feedd_recorder_disk_free_bytes") == 10**9
    limit = {"exchange": "binanceusdm", "kind": "weight", "address": ""}
    assert value(of, "feedd_budget_used", **limit) == 900
    assert value(of, "feedd_budget_limit", **limit) == 1000
    assert value(of, "feedd_budget_paused_seconds", **limit) == 12
    unlimited = {**limit, "kind": "connects"}
    assert value(of, "feedd_budget_used", **unlimited) is None
    assert value(of, "feedd_budget_damaged", **unlimited) == 1


def test_sources_read_with_an_old_report_are_not_current() -> None:
    of = readings([BTC], sources=SOURCES, report_s=NOW_S - 30)
    assert value(of, "feedd_recorder_lag_seconds") is None
    assert value(of, "feedd_proxy_messages_total", proxy="proxy") is None


def test_channels_of_no_version_have_no_series() -> None:
    strange = status(BTC, channels={f"c{n}": channel_status() for n in range(1000)})
    assert "c999" not in written(only(status=strange))


def test_feeds_beyond_the_limit_and_names_that_are_too_long_are_counted_and_left_out() -> None:
    feeds = [feed(f"S{n}/USDT") for n in range(MAX_FEEDS + 5)] + [feed("X" * 5000)]
    of = readings(feeds, {})
    assert value(of, "feedd_gateway_omitted_feeds") == 6
    text = written(of)
    assert f"S{MAX_FEEDS}/USDT" not in text
    assert "XXX" not in text


def test_200_symbols_of_3_channels_take_less_than_2_mb() -> None:
    feeds = [feed(f"NAME{n:03}/USDT:USDT") for n in range(200)]
    of = readings(feeds)
    size = sum(map(len, exposition(ReadingsCollector(of).collect(), OPENMETRICS)))
    assert size < 2_000_000
