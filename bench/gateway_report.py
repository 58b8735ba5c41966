"""The gateway's part of the report: its targets and tables, in Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bench.figures import percentile, ratio, short, spread
from bench.tables import table, targets_table
from bench.targets import Target

if TYPE_CHECKING:
    from bench.results import Raw

HEADING = "## Gateway"
_SECTION = re.compile(rf"^{HEADING}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
METHOD = (
    "`make bench GATEWAY=1`: {symbols} native workers on the embedded exchange publish {rate:,.0f} "
    "quotes and trades per second, and each a status per second, under supervisord, with proxy, "
    "gateway, Chromium and all clients on the same machine. CPU is user and system time, of one "
    "core. Chromium is headless and draws without a graphics card; its CPU is that of all its "
    "processes, and frames are counted in a time of their own, since counting makes it draw each. "
    "The heap is what the page's objects take after a collection, over {memory_s:.0f} s. "
)
SLOW = (
    "**Slow clients**: {stalled} WebSocket that requests everything and reads nothing, and "
    "{scrapers} scrapers that read the metrics at 4 KB per 0.1 s, in turns with none ({turns} of "
    "each, order alternating). Latency is from the exchange's write to a subscriber behind the "
    "proxy, of every quote; the ratio is the median of the pairs' ratios."
)


def targets(raw: Raw) -> list[Target]:
    """Return the gateway's targets, with what was measured."""
    page, scrapes, turns = raw["page"], raw["scrapes"], raw["turns"]
    shown = page["while_shown"] if page else raw["alone"]
    beside = "with the page open" if page else "without clients"
    heap = page["heap_mb"] if page else []
    p99 = turns["p99_us"]

    def of_page(key: str) -> float | None:
        return None if page is None else page[key]

    def of_scrapes(key: str) -> float | None:
        return None if scrapes is None else percentile(scrapes[key], 0.5)

    cpu = of_page("cpu_cores")
    return [
        Target(f"gateway's CPU, {beside}", 25, "% of a core", 100 * shown["cpu_cores"]),
        Target(f"gateway's memory (PSS), {beside}", 120, "MB", shown["pss_mb"]),
        Target("a scrape of the metrics", 100, "ms", of_scrapes("ms")),
        Target("size of a scrape", 2, "MB", scrapes["bytes"] / 1e6 if scrapes else None),
        Target("page: frames", 55, "per s", of_page("frames_per_s"), at_least=True),
        Target("page: CPU of Chromium", 50, "% of a core", None if cpu is None else 100 * cpu),
        Target("page: first paint", 1000, "ms", of_page("first_paint_ms")),
        Target("page: heap, end : beginning", 1.1, "×", _growth(heap) if heap else None),
        Target("feeds' p99 beside slow clients : without", 1.05, "×",
               ratio(p99["with"], p99["without"])),
    ]  # fmt: skip


def _growth(heap: list[float]) -> float:
    """Return the last third's median by that of the second; the first is the page's warm-up."""
    third = max(1, len(heap) // 3)
    return spread(heap[-third:]).median / spread(heap[-2 * third : -third] or heap).median


def section(raw: Raw, machine: str) -> str:
    """Return the section of the report."""
    page, turns = raw["page"], raw["turns"]
    method = METHOD.format(
        symbols=raw["symbols"], rate=raw["messages_per_s"],
        memory_s=page["memory_s"] if page else 0,
    )  # fmt: skip
    slow = SLOW.format(
        stalled=turns["stalled"], scrapers=turns["scrapers"], turns=len(turns["p99_us"]["with"])
    )
    parts = [HEADING, method + machine, targets_table(targets(raw)), _processes(raw), slow,
             _turns(raw)]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _processes(raw: Raw) -> str:
    page, scrapes = raw["page"], raw["scrapes"]
    rows = [_gateway("gateway, no client", raw["alone"])]
    if page:
        rows.append(_gateway("gateway, one page", page["while_shown"]))
    beside = raw["turns"]["gateway"]
    if beside:
        rows.append([
            "gateway, slow clients", str(spread([100 * one["cpu_cores"] for one in beside])),
            str(spread([one["pss_mb"] for one in beside])),
        ])  # fmt: skip
    text = table(["", "CPU, % of a core", "PSS, MB"], rows)
    if scrapes:
        text += (
            f"\n\nA scrape: median {percentile(scrapes['ms'], 0.5):.0f} ms, at most "
            f"{max(scrapes['ms']):.0f} ms, {scrapes['bytes'] / 1e6:.2f} MB."
        )
    if page:
        text += (
            f" Page: rows shown after {page['rows_shown_s']:.2f} s, longest frame "
            f"{page['longest_frame_ms']:.0f} ms, heap {page['heap_mb'][0]:.1f} MB at first and "
            f"{page['heap_mb'][-1]:.1f} MB at the end."
        )
    return text


def _gateway(name: str, one: Raw) -> list[str]:
    return [name, short(100 * one["cpu_cores"]), short(one["pss_mb"])]


def _turns(raw: Raw) -> str:
    turns = raw["turns"]
    rows = [
        [f"{kind} slow clients", f"{turns['quotes'][kind]:,}", short(turns["pooled_p50_us"][kind]),
         short(turns["pooled_p99_us"][kind]), str(spread(turns["p99_us"][kind]))]
        for kind in ("without", "with")
    ]  # fmt: skip
    return table(["feeds", "quotes", "p50 µs", "p99 µs", "p99 µs, by turn"], rows)


def section_of(document: str) -> str | None:
    """Return the section of a report; None if it has none."""
    found = _SECTION.search(document)
    return None if found is None else found[0].rstrip() + "\n"


def with_section(document: str, text: str) -> str:
    """Return a report with this section in place of its own, or at its end."""
    if _SECTION.search(document):
        return _SECTION.sub(lambda _: text + "\n", document).rstrip() + "\n"
    return f"{document.rstrip()}\n\n{text}"
