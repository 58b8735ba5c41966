"""The gateway's part of the report of benchmarks."""

from __future__ import annotations

from typing import Any

import pytest

from bench import gateway_report


def results(**changes: Any) -> dict[str, Any]:
    """Return results that meet every target."""
    return {
        "symbols": 200, "messages_per_s": 2000.0,
        "alone": {"cpu_cores": 0.1, "pss_mb": 70.0},
        "scrapes": {"ms": [40.0, 50.0, 300.0], "bytes": 1_500_000},
        "page": {
            "first_paint_ms": 200.0, "rows_shown_s": 0.5, "frames_per_s": 59.9,
            "longest_frame_ms": 30.0, "cpu_cores": 0.3, "heap_mb": [5.0, 9.0, 9.1, 9.0, 9.2, 9.1],
            "memory_s": 600.0, "while_shown": {"cpu_cores": 0.2, "pss_mb": 90.0},
        },
        "turns": {
            "p99_us": {"without": [1000.0, 2000.0, 500.0], "with": [1010.0, 3000.0, 500.0]},
            "pooled_p99_us": {"without": 1100.0, "with": 1200.0},
            "pooled_p50_us": {"without": 400.0, "with": 400.0},
            "quotes": {"without": 10_000, "with": 10_000}, "stalled": 1, "scrapers": 100,
            "gateway": [{"cpu_cores": 0.2, "pss_mb": 90.0}],
        },
    } | changes  # fmt: skip


def verdicts(raw: dict[str, Any]) -> dict[str, str]:
    return {one.what: one.verdict for one in gateway_report.targets(raw)}


def test_the_targets_are_of_the_gateway_with_the_page_open() -> None:
    assert set(verdicts(results()).values()) == {"met"}
    page = results()["page"] | {"while_shown": {"cpu_cores": 0.26, "pss_mb": 121.0}}
    missed = [what for what, verdict in verdicts(results(page=page)).items() if verdict != "met"]
    assert missed == [
        "gateway's CPU, with the page open",
        "gateway's memory (PSS), with the page open",
    ]


def test_the_effect_of_slow_clients_is_the_median_of_the_pairs() -> None:
    raw = results()
    raw["turns"]["p99_us"]["with"] = [1060.0, 2120.0, 500.0]
    assert verdicts(raw)["feeds' p99 beside slow clients : without"] == "**not met**"


def test_a_heap_that_grows_after_its_warm_up_is_not_flat() -> None:
    page = results()["page"] | {"heap_mb": [5.0, 9.0, 9.0, 9.5, 10.5, 11.0]}
    assert verdicts(results(page=page))["page: heap, end : beginning"] == "**not met**"


def test_what_was_left_out_is_not_measured() -> None:
    found = verdicts(results(page=None, scrapes=None))
    assert found["page: frames"] == found["a scrape of the metrics"] == "not measured"
    assert found["gateway's CPU, without clients"] == "met"


@pytest.mark.parametrize("rest", ["", "\n## Many symbols\n\ntext\n"])
def test_a_section_takes_the_place_of_the_earlier_one(rest: str) -> None:
    first = gateway_report.section(results(), "Machine: one.")
    second = gateway_report.section(results(symbols=100), "Machine: two.")
    document = gateway_report.with_section("# Performance\n\nbefore\n", first) + rest
    replaced = gateway_report.with_section(document, second)
    assert gateway_report.section_of(replaced) == second
    assert replaced == document.replace(first, second)
