"""Header and detail of `feedd top` as lines."""

from __future__ import annotations

import pytest
from top_samples import EXCHANGE, channel, feed, process, rows

from feedd.gateway.journal import Entry
from feedd.health.report import Report
from feedd.operation.process_control import consequence
from feedd.operation.top.lines import Line, Seen, detail, header, selected_line
from feedd.operation.top.logs import log_line
from feedd.runtime.logs.lines import LogLine
from feedd.runtime.terminal import display_width

BTC = feed("BTC/USDT", gaps=3)
STALE = feed("ETH/USDT", "stale", "quote: [red]silent[/] for 9 s")
PROXY = process("proxy")


def texts(lines: list[Line]) -> list[str]:
    return ["".join(cell.text for cell in line) for line in lines]


def test_the_header_has_totals_the_notice_of_the_market_and_what_is_unwell() -> None:
    report = Report((BTC, STALE, PROXY), market="invented prices")
    shown = texts(header(Seen(report), rows(BTC, STALE, PROXY), 200, "feedd top"))
    assert shown[0].startswith("degraded   1 of 2 feeds live   1 unwell   40.0 msg/s   3 gaps")
    assert "worst p99 500 µs" in shown[0]
    assert "invented prices" in shown
    assert any("stale: quote: [red]silent[/] for 9 s" in line for line in shown)


@pytest.mark.parametrize("columns", [20, 40, 78, 120])
def test_no_line_is_wider_than_the_screen(columns: int) -> None:
    report = Report((BTC, STALE, PROXY), market="invented prices " * 9)
    seen = Seen(report, 9.0, "an error", "a fault", "restarting x")
    shown = header(seen, rows(BTC), columns, "")
    entry = Entry(1, 0, "upstream_gap", f"{EXCHANGE}.BTC/USDT.", "trade", from_id=1, to_id=9,
                  reason="x" * 200)  # fmt: skip
    shown += detail(rows(BTC)[0], [entry], columns)
    assert max(map(display_width, texts(shown))) <= columns


def test_a_report_that_is_old_states_its_age() -> None:
    shown = texts(header(Seen(Report((BTC,)), 9.4), rows(BTC), 100, ""))
    assert "as of 9 s ago: supervisord is slow" in shown


def test_nothing_running_is_stated_with_the_remedy() -> None:
    [line] = texts(header(Seen(Report(())), [], 120, ""))
    assert line == "feedd is down: supervisord is not running here; `feedd start` starts it"


def test_the_detail_has_each_channel_the_prices_and_the_events() -> None:
    one = feed("BTC/USDT", channels={"trade": channel(checked="sequence", gaps=2),
                                     "quote": channel("stale", reason="silent")})  # fmt: skip
    entries = [
        Entry(2, 0, "gap", "f", "trade", session=1, from_seq=5, to_seq=9, reason="the ring"),
        Entry(1, 0, "upstream_gap", "f", "trade", from_id=3, to_id=8, reason="reset"),
    ]
    shown = "\n".join(texts(detail(rows(one, BTC=61_796.8)[0], entries, 120)))
    assert "last 61,796.80   bid 61,796.30   ask 61,797.30" in shown
    assert "trade    sequence  live" in shown
    assert "  silent" in shown
    assert "gap in trade: 5 messages, seq 5 to 9, did not arrive here: the ring" in shown
    assert "gap in trade: missed from the exchange after 3 and before 8: reset" in shown


def test_an_old_price_is_not_current_in_the_detail() -> None:
    shown = "\n".join(texts(detail(rows(feed("BTC/USDT", "stale"), BTC=5.0)[0], [], 120)))
    assert "last (5.0000)" in shown
    assert "not current" in shown


def test_the_selected_line_names_the_program_and_the_reason() -> None:
    [row] = rows(STALE)
    assert texts([selected_line(row, 100)]) == [f"{row.name} stale: quote: [red]silent[/] for 9 s"]


def test_a_log_line_has_its_level_coloured_and_control_characters_escaped() -> None:
    line = LogLine(0.0, "error", "proxy", "bad\x1b[31m \u202ething", {"key": "v"})
    at, level, event = log_line(line, "proxy")
    assert at.style == "dim"
    assert (level.text.strip(), level.style) == ("error", "red")
    assert event.text == "bad\\x1b[31m \\u202ething key=v"


@pytest.mark.parametrize("name", ["proxy", "watchdog", "recorder", "gateway", "exchange", "x"])
def test_each_action_states_what_follows(name: str) -> None:
    for action in ("restart", "stop", "start"):
        assert consequence(action, name, is_feed=name == "x").endswith(".")
