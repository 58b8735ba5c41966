"""Health as a table and as JSON."""

import re
from dataclasses import replace

import pytest

from feedd.health.report import Health, ProcessHealth, Report, Usage
from feedd.operation.table import health_table, summary_line
from feedd.runtime.terminal import display_width

ESCAPE = re.compile(r"\x1b\[\d+m")


def channel(state: str = "live", reason: str | None = None) -> dict[str, object]:
    return {
        "state": state, "reason": reason, "age_ms": 1234, "stale_after_s": 10.0, "published": True,
        "messages_per_s": 12.34, "latency_us": {"p50": 80.0, "p99": 950.0, "max": 1000.0},
        "reconnects": 5, "reconnects_1h": 2, "waits": False, "gaps": 1,
        "connected_percent_1h": 99.5, "checked": "whole",
    }  # fmt: skip


def feed(symbol: str, state: str = "live", process: str = "RUNNING") -> ProcessHealth:
    return ProcessHealth(
        f"feed-binanceusdm-{symbol}", process, 77, 3700, 5555, "binanceusdm", state,
        None, Usage(3.2, 60.0), {"quote": channel(state), "trade": channel(state)}, {"gaps": 2},
        restarts=3, restarts_last_hour=1,
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
        "1", "3", "quote", "whole", "live", "1.2", "s", "12.3", "80", "950", "2", "1", "99.5",
    ]  # fmt: skip
    assert lines[3].split()[:3] == ["feed-binanceusdm-BTC", "trade", "whole"]
    assert lines[4].startswith("feedd is healthy: 1 of 1 feeds live, 2 of 2 processes running")


def test_a_book_that_agreed_with_a_rest_snapshot_is_marked() -> None:
    compared = feed("BTC-USDT-USDT")
    compared.channels["quote"] |= {"checked": "none", "compared_ms": 1000}
    assert compact(compared)[4].split()[:3] == ["quote", "(none,", "REST)"]


def test_a_worker_of_an_earlier_version_does_not_state_how_its_channels_are_checked() -> None:
    earlier = feed("BTC-USDT-USDT")
    for channel in earlier.channels.values():
        del channel["checked"]
    assert compact(earlier)[4].split()[:2] == ["quote", "live"]
    assert health_table(report(earlier)).splitlines()[2].split()[9:12] == ["quote", "-", "live"]


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
        "feeds": 2, "live": 1, "ended": 0, "processes": 3, "running": 3,
        "messages_per_s": 49.4, "gaps": 4, "memory_mb": 140.0, "cpu_percent": 6.9,
    }  # fmt: skip
    assert told["processes"][1]["channels"]["quote"]["reconnects_1h"] == 2


def compact(*feeds: ProcessHealth, columns: int = 80, lines: int | None = None) -> list[str]:
    return health_table(report(*feeds), columns, lines).splitlines()


def test_the_table_of_a_terminal_has_a_row_per_process_and_one_per_channel() -> None:
    lines = compact(feed("BTC-USDT-USDT"))
    assert [line.split() for line in lines[:6]] == [
        ["PROCESS", "STATE", "UPTIME", "RESTARTS", "CPU", "%", "MB"],
        ["CHANNEL", "(CHECKED", "BY)", "AGE", "GAPS", "MSG/S", "P99", "µs"],
        ["proxy", "RUNNING", "1:01:40", "-", "0.5", "20"],
        ["feed-binanceusdm-BTC-USDT-USDT", "live", "1:01:40", "1/3", "3.2", "60"],
        ["quote", "(whole)", "live", "1.2", "s", "1", "12.3", "950"],
        ["trade", "(whole)", "live", "1.2", "s", "1", "12.3", "950"],
    ]
    assert lines[6] == "RESTARTS: in the last hour / since supervisord started"
    assert lines[7].startswith("feedd is healthy")


def test_prices_that_are_not_an_exchanges_are_the_first_line() -> None:
    invented = replace(report(feed("BTC")), market="invented prices: by the embedded exchange")
    for columns in (None, 80, 30):
        assert health_table(invented, columns).startswith("invented prices: by the")
    assert invented.as_dict()["market"] == "invented prices: by the embedded exchange"


LONG = "an-exchange-with-a-name-" * 5
WIDE = ProcessHealth(
    f"feed-{LONG}", "BACKOFF", 4_194_304, 10**9, 5555, "x", "reconnecting",
    f"no {'word ' * 60}{'w' * 200} 币安人生USDT \x1b[2J\n" * 3, Usage(1600.0, 10**7),
    {
        name: {
            **channel("reconnecting", f"{name} 币安人生 {'because ' * 40}\x1b[31m"),
            "age_ms": 10**13, "messages_per_s": 123_456_789.12, "gaps": 10**9,
            "latency_us": {"p50": 1e12, "p99": 1e12, "max": 1e12},
        }
        for name in ("ticker", "quote", "trade", "book", "candle", "mark", "liquidation")
    },
    {"gaps": 10**10}, restarts=10**6, restarts_last_hour=10**5,
)  # fmt: skip
DOWN = replace(WIDE, state="down", channels={})


@pytest.mark.parametrize("columns", [20, 30, 40, 60, 79, 80, 81, 120, 300])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    for line in compact(feed("BTC-USDT-USDT"), WIDE, DOWN, columns=columns):
        assert display_width(line) <= columns
        assert line.isprintable()


def test_80_columns_have_all_columns_of_a_usual_symbol_and_the_reason_below_it() -> None:
    down = ProcessHealth(
        "feed-binanceusdm-BTC-USDT-USDT", "EXITED", None, 0, 5555, "binanceusdm", "down",
        "port 5555 is in use by pid 7", restarts=0, restarts_last_hour=0,
    )  # fmt: skip
    lines = compact(down)
    assert lines[3].split() == [down.name, "EXITED", "-", "0/0", "-", "-"]
    assert lines[4] == "    port 5555 is in use by pid 7"


def test_a_name_too_long_for_its_column_is_whole_on_a_line_of_its_own() -> None:
    name = "feed-binanceusdm-1000000MOG-USDT-USDT-261225-150000-C"
    assert name in compact(replace(feed("BTC"), name=name))


def test_a_reason_that_channels_share_is_printed_once() -> None:
    away = replace(feed("BTC"), channels={n: channel("stale", "no frames") for n in ("a", "b")})
    assert compact(away).count("    no frames") == 1


def test_the_summary_stays_on_a_screen_with_too_few_lines() -> None:
    lines = compact(*[feed(str(number)) for number in range(50)], lines=20)
    assert len(lines) == 20
    assert "feedd is healthy" in "".join(lines[-3:])
    assert any(re.fullmatch(r"\.\.\. \d+ more lines", line) for line in lines)


def test_wide_has_every_column_on_one_line_each() -> None:
    lines = health_table(report(feed("BTC"), WIDE)).splitlines()
    assert len(lines) == 1 + 1 + 2 + 7 + 1
    for title in ("RESTARTS/H", "RESTARTS", "PID", "PORT", "UP %", "RECONNECTS/H", "WHY"):
        assert title in lines[0]
