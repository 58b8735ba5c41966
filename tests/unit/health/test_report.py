"""A report that is not healthy names the reason in one line."""

from __future__ import annotations

from dataclasses import replace

from feedd.health.report import Health, ProcessHealth, Report, grouped_reasons
from feedd.operation.table import summary_line


def feed(name: str, state: str = "live", reason: str | None = None) -> ProcessHealth:
    process = "EXITED" if state == "down" else "RUNNING"
    return ProcessHealth(
        name, process, 1, 9, exchange="binanceusdm", state=state, reason=reason,
        status={"gaps": 0},
    )  # fmt: skip


STOPPED_PROXY = ProcessHealth(
    "proxy", "STOPPED", None, 0, reason="it was stopped; feedd start starts it"
)
PROXY = ProcessHealth("proxy", "RUNNING", 1, 9)


def test_a_stopped_proxy_is_the_reason_although_all_feeds_are_live() -> None:
    report = Report((STOPPED_PROXY, feed("a"), feed("b")))
    assert report.health == Health.DOWN
    assert report.reason == (
        "subscribers receive nothing: proxy: STOPPED: it was stopped; feedd start starts it"
    )
    assert report.as_dict()["reason"] == report.reason
    assert f"feedd is down ({report.reason}): 2 of 2 feeds live" in summary_line(report)


def test_feeds_that_do_not_deliver_are_the_reason_with_all_else_that_is_not_well() -> None:
    report = Report((STOPPED_PROXY, feed("a", "down", "no key"), feed("b", "silent", "mute")))
    assert report.health == Health.DOWN
    assert report.reason == (
        "proxy: STOPPED: it was stopped; feedd start starts it; a: EXITED: no key; b: silent: mute"
    )


def test_degraded_has_its_reason_too_and_healthy_has_none() -> None:
    assert Report((PROXY, feed("a"))).reason is None
    assert Report((PROXY, feed("a"), feed("b", "stale", "quiet"))).reason == "b: stale: quiet"


def test_nothing_at_all_is_down_for_the_given_reason() -> None:
    assert Report((), why_empty="no status arrived").reason == "no status arrived"


def test_a_line_names_five_of_a_hundred_with_one_reason() -> None:
    line = grouped_reasons(feed(f"f{n}", "silent", "mute") for n in range(100))
    assert line == "f0, f1, f2, f3, f4 and 95 more: silent: mute"


def test_a_feed_whose_book_fails_and_whose_quotes_flow_is_degraded_and_no_exchange_is_down() -> (
    None
):
    channels = {"book": {"state": "resync", "age_ms": None, "waits": False},
                "quote": {"state": "live", "age_ms": 100, "waits": False}}  # fmt: skip
    failing = [
        replace(feed(name, "resync", "book: HTTP 400"), channels=channels) for name in ("a", "b")
    ]
    report = Report((PROXY, *failing))
    assert (report.health, report.notices) == (Health.DEGRADED, [])
    assert report.reason == "a, b: resync: book: HTTP 400"


def test_feeds_that_are_not_traded_do_not_make_an_exchange_down() -> None:
    settling = {"gaps": 0, "listing": "SETTLING"}
    dead = [replace(feed(name, "stale", "why"), status=settling) for name in ("a", "b")]
    report = Report((PROXY, *dead, feed("c", "stale"), feed("d"), feed("e")))
    assert (report.health, report.notices) == (Health.DEGRADED, [])
    both = Report((PROXY, *dead, feed("c", "stale"), feed("d", "stale"), feed("e")))
    assert both.notices == [
        "binanceusdm: 2 of 3 feeds receive nothing; the exchange or the network is down"
    ]
