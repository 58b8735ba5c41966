"""Results of the benchmarks' rounds: medians, ratios, targets, tables and plots."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench import against, figures, plot, projection, results, tables
from bench.arrivals import Arrival, latencies_us
from bench.errors import BenchError
from bench.recording import Quote, pieces, repeated
from bench.targets import Target


def measured(handler: str, cpu_us: float, **more: Any) -> dict[str, Any]:
    return {
        "handler": handler, "cpu_us": cpu_us, "sent": 100, "received": 100, "per_s": 1000.0,
        "proxy_cpu_us": None, "latencies_us": [], **more,
    }  # fmt: skip


def test_a_ratio_is_of_the_rounds_so_that_what_slows_a_whole_round_cancels_out() -> None:
    rounds = [
        [measured("a", 10), measured("b", 20)],
        [measured("a", 100), measured("b", 200)],  # the machine was busy
        [measured("a", 12), measured("b", 20)],
    ]
    assert results.cpu_ratio(rounds, "a", "b") == 0.5


def test_a_round_in_which_one_of_two_was_left_out_is_no_part_of_their_ratio() -> None:
    rounds = [[measured("a", 10)], [measured("b", 1), measured("a", 3)]]
    assert results.cpu_ratio(rounds, "a", "b") == 3
    assert results.cpu_ratio(rounds[:1], "a", "b") is None


def test_cpu_over_slices_of_different_sizes_is_weighted_by_their_messages() -> None:
    one = results.Sum("a", [measured("a", 10, sent=100), measured("a", 40, sent=300)])
    assert one.mean_cpu_us == 32.5
    assert one.delivered == 0.5


def test_percentiles_and_spreads() -> None:
    assert figures.percentile(list(range(1000)), 0.99) == 990
    assert figures.percentile([7.0], 0.999) == 7
    assert figures.spread([3.0, 1.0, 2.0]) == (2.0, 1.0, 3.0)
    with pytest.raises(ValueError, match="no values"):
        figures.percentile([], 0.5)


def test_latency_is_by_id_and_by_order_only_where_nothing_is_missing() -> None:
    sent_ns = {7: 1_000, 8: 2_000}
    swapped = [Arrival(5_000, 8, 0), Arrival(6_000, 7, 0)]
    assert latencies_us(swapped, sent_ns) == [3.0, 5.0]
    nameless = [Arrival(5_000, 0, 0), Arrival(6_000, 0, 0)]
    assert latencies_us(nameless, sent_ns) == [4.0, 4.0]
    assert latencies_us(nameless[:1], sent_ns) == []


def quotes(*at_us: int) -> list[Quote]:
    return [
        Quote(at * 1000, 100 + n * 3, f'{{"u":{100 + n * 3},"E":100}}')
        for n, at in enumerate(at_us)
    ]


def test_a_recording_that_is_sent_again_goes_on_with_its_ids() -> None:
    texts = repeated(quotes(0, 10, 20), 8)
    ids = [int(re.findall(r'"u":(\d+)', text)[0]) for text in texts]
    assert len(ids) == 8
    assert ids == sorted(set(ids))


def test_frames_received_together_are_sent_together_without_loss() -> None:
    recorded = quotes(0, 100, 1_000, 1_150, 1_300, 1_000_000, 2_000_000)
    cut = pieces(recorded, 0.0, 1.5)
    assert [(at_s, len(each)) for at_s, each in cut] == [(0.0, 2), (0.001, 3), (1.0, 1)]
    assert [quote.id for _, each in pieces(recorded, 1.5, 3) for quote in each] == [118]


def test_a_target_that_was_not_measured_is_neither_met_nor_missed() -> None:
    assert Target("", 2, "", 2.0).verdict == "met"
    assert Target("", 2, "", 2.01).verdict == "**not met**"
    assert Target("", 1, "", 0.9999, at_least=True).met is False
    assert Target("", 2, "", 1.0, failed="it broke").verdict == "**not met**: it broke"
    assert Target("", 2, "", None).verdict == "not measured"


def test_one_lost_message_in_a_million_is_not_shown_as_all_of_them() -> None:
    lossy = measured("c", 1, sent=1_000_000, received=999_999)
    assert "99.99 %" in tables.of_blast({"blast": [[lossy]]})
    assert "100 %" in tables.of_blast({"blast": [[measured("c", 1)]]})


def test_the_first_exhausted_resource_follows_from_the_measured_slope() -> None:
    rows = [
        {
            "source": "native", "symbols": count, "all_pss_mb": 20.0 * count, "proxy_pss_mb": 30.0,
            "cpu_cores": 0.001 * count, "others_cores": {"proxy": 0.001 * count, "exchange": 9.0},
            "descriptors": {"supervisord": 20 + 5 * count}, "start_s": 5 + 0.1 * count,
        }
        for count in (10, 100)
    ]  # fmt: skip
    machine = {"memory_gb": 10.0, "cores": 2}
    needs = {
        one.what: one for one in projection.needs({"scale": rows, "machine": machine}, "native")
    }
    assert needs["memory"].total == pytest.approx(20.03)
    assert needs["memory"].fits == pytest.approx(499, abs=1)
    assert needs["supervisord's descriptors (`minfds`)"].fits < 1000  # 5,020 of 4,096
    assert needs["CPU of the workers"].fits == pytest.approx(2000, abs=1)
    assert projection.needs({"scale": rows[:1], "machine": machine}, "native") == []


def test_bars_are_as_long_as_their_values_say() -> None:
    drawn = plot.bars([("a title", [plot.Bar("a & b", 30, "red"), plot.Bar("c", 10, "blue")])])
    root = ET.fromstring(drawn)
    widths = {
        one.get("fill"): float(one.get("width", "0")) for one in root if one.tag.endswith("rect")
    }
    assert widths["red"] == pytest.approx(3 * widths["blue"], abs=0.5)
    assert "a & b" in [one.text for one in root]


def test_lines_reach_no_higher_than_their_chart() -> None:
    drawn = plot.lines([("t", [("native", [(1, 0.5), (200, 44.0)]), ("ccxt", [(1, 3.0)])])])
    heights = [float(one.get("cy", "0")) for one in ET.fromstring(drawn).iter() if one.get("cy")]
    assert len(heights) == 3
    assert min(heights) >= 40
    assert max(heights) <= 190


def test_two_checkouts_are_compared_pair_by_pair_and_by_their_least(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers" / "feed.py").touch()
    compared = against.Figures()
    here, other = against.Checkout("here", tmp_path), against.Checkout("other", tmp_path)
    for of_here, of_other in ((2.0, 1.0), (3.0, 3.0), (8.0, 2.0)):
        compared.add("feedd-native", "CPU", here, of_here)
        compared.add("feedd-native", "CPU", other, of_other)
    row = compared.table().splitlines()[-1]
    assert row.startswith("| feedd-native: CPU | 2 (1")
    assert row.endswith("| 2.000 | 2.000 |")


def test_a_folder_without_an_environment_is_no_checkout(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="is no checkout that is set up; run `make test` there"):
        against.Checkout("other", tmp_path)
