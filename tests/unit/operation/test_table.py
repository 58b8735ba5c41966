"""Health as a table and as JSON."""

import re

from feedd.operation.health import Health, ProcessHealth, Report, Usage
from feedd.operation.table import health_table, summary_line

ESCAPE = re.compile(r"\x1b\[\d+m")


def channel(state: str = "live", reason: str | None = None) -> dict[str, object]:
    return {
        "state": state, "reason": reason, "age_ms": 1234, "stale_after_s": 10.0, "published": True,
        "messages_per_s": 12.34, "latency_us": {"p50": 80.0, "p99": 950.0, "max": 1000.0},
        "reconnects": 5, "reconnects_1h": 2, "waits": False, "gaps": 1,
        "connected_percent_1h": 99.5,
    }  # fmt: skip


def feed(symbol: str, state: str = "live", process: str = "RUNNING") -> ProcessHealth:
    return ProcessHealth(
        f"feed-binanceusdm-{symbol}", process, 77, 3700, 5555, "binanceusdm", state,
        None, Usage(3.2, 60.0), {"quote": channel(state), "trade": channel()}, {"gaps": 2},
    )  # fmt: skip


PROXY = ProcessHealth("proxy", "RUNNING", 70, 3700, usage=Usage(0.5, 20.0))


def report(*feeds: ProcessHealth) -> Report:
    return Report((PROXY, *feeds))


def test_the_table_has_a_row_for_each_channel_and_the_process_own_in_the_first() -> None:
    lines = health_table(report(feed("BTC"))).splitlines()
    assert len(lines) == 5
    first = lines[2].split()
    assert first == [
        "feed-binanceusdm-BTC", "RUNNING", "77", "1:01:40", "5555", "3.2", "60",
        "quote", "live", "1.2", "s", "12.3", "80", "950", "2", "1", "99.5",
    ]  # fmt: skip
    assert lines[3].split()[:3] == ["feed-binanceusdm-BTC", "trade", "live"]
    assert lines[4].startswith("feedd is healthy: 1 of 1 feeds live, 2 of 2 processes running")


def test_colours_change_nothing_but_the_colour() -> None:
    plain = health_table(report(feed("BTC"), feed("ETH", "stale")))
    coloured = health_table(report(feed("BTC"), feed("ETH", "stale")), colours=True)
    assert "\x1b" not in plain
    assert "\x1b[31mstale" in coloured
    assert ESCAPE.sub("", coloured).split() == plain.split()


def test_a_channel_that_is_not_published_shows_no_rate() -> None:
    hidden = feed("BTC")
    hidden.channels["quote"]["published"] = False
    assert " 1.2 s      -" in health_table(report(hidden)).splitlines()[2]


def test_health_is_that_of_the_feeds_and_the_proxy() -> None:
    live, stale = feed("BTC"), feed("ETH", "stale")
    assert report(live).health == Health.HEALTHY
    assert report(live, stale).health == Health.DEGRADED
    assert report(stale).health == Health.DOWN
    assert Report((ProcessHealth("proxy", "EXITED", None, 0), live)).health == Health.DOWN
    mute = ProcessHealth("proxy", "RUNNING", 70, 9, state="silent", reason="forwards nothing")
    assert Report((mute, live)).health == Health.DOWN
    assert Report(()).health == Health.DOWN
    assert summary_line(Report(())).startswith("feedd is down: supervisord is not running")


def test_an_exchange_that_most_feeds_receive_nothing_from_is_named_unless_limits_apply() -> None:
    feeds = [feed("BTC", "stale"), feed("ETH", "reconnecting"), feed("SOL")]
    assert report(*feeds).notices == [
        "binanceusdm: 2 of 3 feeds receive nothing; the exchange or the network is down"
    ]
    assert report(*feeds[1:]).notices == []
    assert report(feeds[0]).notices == []
    for waiting in feeds:
        waiting.channels["quote"]["waits"] = True
    assert report(*feeds).notices == []


def test_machines_get_the_same_with_a_summary() -> None:
    told = report(feed("BTC"), feed("ETH", "stale")).as_dict()
    assert told["health"] == "degraded"
    assert told["summary"] == {
        "feeds": 2, "live": 1, "processes": 3, "running": 3, "messages_per_s": 49.4, "gaps": 4,
        "memory_mb": 140.0, "cpu_percent": 6.9,
    }  # fmt: skip
    assert told["processes"][1]["channels"]["quote"]["reconnects_1h"] == 2
