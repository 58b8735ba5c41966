"""The report: tables and plots of the newest results, for people to read.

    python -m bench.report

rewrites bench/results/performance.md and its plots from the JSON results.
"""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from bench import gateway_report, plot, results, tables, words
from bench.errors import BenchError
from bench.machine import BUSY
from bench.recording import ROOT
from bench.results import FOLDER, newest, summed

if TYPE_CHECKING:
    from pathlib import Path

    from bench.results import Raw

REPORT, CPU, SCALE = "performance.md", "performance-cpu.svg", "performance-scale.svg"
DOCS = ROOT / "docs"


def write(main: Raw, scale: Raw | None) -> Path:
    """Write the report into the results' folder; return its path."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / CPU).write_text(_cpu_plot(main))
    if scale is not None:
        (FOLDER / SCALE).write_text(_scale_plot(scale))
    path = FOLDER / REPORT
    path.write_text("\n\n".join(_parts(main, scale)) + "\n")
    return path


def publish() -> None:
    """Copy the report and its plots into docs/, where the README points to."""
    for name in (REPORT, CPU, SCALE):
        if (FOLDER / name).exists():
            shutil.copy(FOLDER / name, DOCS / name)


def _parts(main: Raw, scale: Raw | None) -> list[str]:
    blast = main["blast"][0][0]["sent"] if main["blast"] and main["blast"][0] else 0
    paced = max((one.sent for one in summed(main["pace"]).values()), default=0)
    parts = [
        "# Performance",
        words.METHOD,
        machine_text(main),
        "## Targets",
        tables.of_targets(main, scale),
        f"![CPU per message]({CPU})",
        "## Maximum speed",
        words.BLAST.format(blast),
        tables.of_blast(main),
        "## At the recording's pace",
        words.PACE.format(paced, main["settings"]["pace_s"]),
        tables.of_pace(main),
        "## Where the time goes",
        words.WHERE,
        *filter(None, (tables.of_hops(main), tables.of_where(main))),
        "## The proxy",
        words.PROXY,
        tables.of_proxy(main),
        "## Memory and start-up",
        words.LIVES,
        tables.of_lives(main),
        "## Design choices",
        words.UVLOOP,
        words.MESSAGEPACK,
        tables.of_encodings(main),
        words.SYMBOLS,
        tables.of_symbols(main),
    ]
    return [*parts, *_of_scale(scale), *_of_gateway()]


def _of_gateway() -> list[str]:
    """Return the newest results of the gateway, or those that docs/ has."""
    raw = newest("gateway")
    if raw is not None:
        return [gateway_report.section(raw, machine_text(raw)).rstrip()]
    published = gateway_report.section_of((DOCS / REPORT).read_text())
    return [] if published is None else [published.rstrip()]


def publish_gateway(raw: Raw) -> Path:
    """Write the gateway's results into docs/, in place of the earlier ones."""
    path = DOCS / REPORT
    section = gateway_report.section(raw, machine_text(raw))
    path.write_text(gateway_report.with_section(path.read_text(), section))
    return path


def _of_scale(scale: Raw | None) -> list[str]:
    if scale is None:
        return ["## Many symbols", words.NO_SCALE]
    sources = dict.fromkeys(one["source"] for one in scale["scale"])
    return [
        "## Many symbols",
        words.MANY + machine_text(scale),
        tables.of_scale(scale),
        f"![many symbols]({SCALE})",
        words.PROJECTION,
        *(text for source in sources if (text := tables.of_projection(scale, source))),
    ]


def machine_text(raw: Raw) -> str:
    """Return what a run was measured on, and when."""
    one = raw["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in one["versions"].items())
    busy = ", **busy with other work**" if one["load_before"] > BUSY else ""
    peers = ", ".join(f"{name} {version}" for name, version in one["peers"].items())
    beside = f" Peers: {peers}." if peers else ""
    return (
        f"Machine: {one['cores']} cores ({one['processor']}), {one['memory_gb']} GB, "
        f"{one['system']}, {one['python']}, libzmq {one['libzmq']}; load before the run "
        f"{one['load_before']}{busy}. feedd {one['feedd']}: {versions}.{beside} "
        f"Run of {raw['began']}" + (", **quick**: too short to quote." if raw["quick"] else ".")
    )


def _cpu_plot(main: Raw) -> str:
    def chart(rounds: list[list[Raw]]) -> list[plot.Bar]:
        found = []
        for name, one in summed(rounds).items():
            colour = plot.OURS if name.startswith("feedd") else plot.OTHERS
            colour = plot.LIMITS if tables.named(name).startswith("limit") else colour
            label = tables.named(name).replace("`", "")
            lost = "" if one.delivered >= 0.999 else f"({tables.fraction(one.delivered)} delivered)"
            found.append(plot.Bar(label, one.mean_cpu_us, colour, lost))
        return sorted(found, key=lambda row: row.value)

    return plot.bars([
        ("CPU µs per message, maximum speed (mean)", chart(main["blast"])),
        ("CPU µs per message, the recording's pace (mean)", chart(main["pace"])),
    ])  # fmt: skip


def _scale_plot(scale: Raw) -> str:
    sources = dict.fromkeys(one["source"] for one in scale["scale"])

    def chart(key: str, by: float = 1.0) -> list[tuple[str, list[tuple[float, float]]]]:
        return [
            (source, [(r["symbols"], r[key] * by) for r in scale["scale"] if r["source"] == source])
            for source in sources
        ]

    return plot.lines([
        ("CPU of all workers, cores, by symbols", chart("cpu_cores")),
        ("memory of all workers (PSS), GB", chart("all_pss_mb", 1e-3)),
        ("all healthy after, s", chart("start_s")),
        ("p99 through the proxy, ms", chart("p99_us", 1e-3)),
    ])  # fmt: skip


if __name__ == "__main__":
    try:
        newest_main = newest("main")
        if newest_main is None:
            raise BenchError(f"there is no result in {results.FOLDER}; make bench makes one")
        print(write(newest_main, newest("scale")))
    except BenchError as error:
        sys.exit(f"bench: {error}")
