"""The tables of the report, in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import figures, projection
from bench.figures import short
from bench.handlers import asyncio_handler, handlers, proxied
from bench.results import cpu_ratio, summed
from bench.targets import targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.results import Raw, Sum
    from bench.targets import Target

NAMES = {
    **{one.name: one.what for one in [*handlers(), *proxied(), asyncio_handler()]},
    "feedd-native": "feedd, `source: native`",
    "feedd-native-2": "feedd, `source: native`, `connections: 2`",
}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; all columns but the first are aligned to the right."""
    lines = [" | ".join(row) for row in (head, ["---", *["---:"] * (len(head) - 1)], *rows)]
    return "\n".join(f"| {line} |" for line in lines)


def of_targets(main: Raw, scale: Raw | None) -> str:
    """Return what was aimed for, and what came out."""
    return targets_table(targets(main, scale))


def targets_table(found: Sequence[Target]) -> str:
    """Return targets with their limits and what was measured."""
    rows = [
        [one.what, f"{'≥' if one.at_least else '≤'} {_value(one.limit, one.unit)}",
         "–" if one.value is None else _value(one.value, one.unit), one.verdict]
        for one in found
    ]  # fmt: skip
    return table(["target", "limit", "measured", ""], rows)


def of_blast(main: Raw) -> str:
    """Return what each handler does at full speed."""
    head = ["handler", "CPU µs/msg", "× C", "msg/s", "delivered"]
    rows = []
    for name, one in summed(main["blast"]).items():
        rate = "–" if one.per_s is None else short(one.per_s.median)
        times = cpu_ratio(main["blast"], name, "c")
        rows.append([named(name), str(one.cpu_us), _short(times), rate, fraction(one.delivered)])
    return table(head, rows)


def of_pace(main: Raw) -> str:
    """Return what each handler does at the recording's pace."""
    head = ["handler", "CPU µs/msg", "delivered", "p50 µs", "p99 µs", "p99.9 µs", "proxy's CPU"]
    rows = [
        [named(name), short(one.mean_cpu_us), fraction(one.delivered), *_latency(one),
         _short(one.proxy_cpu_us)]
        for name, one in summed(main["pace"]).items()
    ]  # fmt: skip
    return table(head, rows)


def of_hops(main: Raw) -> str:
    """Return what each step of the way to a subscriber adds; empty where one was not measured."""
    paced = summed(main["pace"])
    steps = [
        ("counted", "exchange's socket → a loop that wakes up and counts"),
        ("feedd-native", "… → feedd → TCP → a subscriber's two threads"),
        ("feedd-native-proxied", "… and through the proxy's three threads"),
    ]
    if any(name not in paced for name, _ in steps):
        return ""
    rows, before = [], 0.0
    for name, what in steps:
        p50 = paced[name].latency_us(0.5) or 0.0
        rows.append([what, short(p50), f"+{short(p50 - before)}" if before else ""])
        before = p50
    return table(["path of a quote", "p50 µs", "more"], rows)


def of_where(main: Raw) -> str:
    """Return where feedd's CPU goes; empty where there was no perf."""
    shares = {(one["load"], one["part"]): one["share"] for one in main.get("where", [])}
    loads = ("blast", "pace")
    totals = {part: sum(shares.get((load, part), 0) for load in loads) for _, part in shares}
    rows = [
        [part, *(f"{shares.get((load, part), 0):.1%}" for load in loads)]
        for part in sorted(totals, key=lambda part: -totals[part])
    ]
    return table(["share of CPU", "in the burst", "at the recording's pace"], rows) if rows else ""


def of_proxy(main: Raw) -> str:
    """Return how fast the proxy forwards."""
    rows = []
    for count in sorted({one["subscribers"] for one in main["proxy"]}):
        those = [one for one in main["proxy"] if one["subscribers"] == count]
        columns = ("in_per_s", "out_per_s", "cpu_us")
        values = [str(figures.spread([one[key] for one in those])) for key in columns]
        rows.append([str(count), *values, fraction(min(one["delivered"] for one in those))])
    return table(["subscribers", "msg/s in", "msg/s out", "CPU µs per msg in", "delivered"], rows)


def of_lives(main: Raw) -> str:
    """Return weights and starts."""
    rows = []
    for weight in main["memory"]:
        source = weight["source"]
        times = [
            str(figures.spread([one["seconds"] for one in main[part] if one["source"] == source]))
            for part in ("cold_starts", "kills")
        ]
        rows.append([f"`source: {source}`", short(weight["pss_mb"]), short(weight["ready_s"]),
                     *times])  # fmt: skip
    count = main["memory"][0]["workers"] if main["memory"] else 0
    head = ["", f"PSS of one of {count}, MB", f"{count} started at once, all ready, s",
            "cold start → first quote, s", "kill -9 → first quote, s"]  # fmt: skip
    return table(head, rows)


def of_encodings(main: Raw) -> str:
    """Return sizes and times of the encodings."""
    rows = [
        [name, str(int(one["bytes"])), short(one["encode_us"]), short(one["decode_us"])]
        for name, one in main["encodings"].items()
    ]
    return table(["a quote as", "bytes", "encode, µs", "decode, µs"], rows)


def of_symbols(main: Raw) -> str:
    """Return one process a symbol beside all in one."""
    rows = []
    for key in dict.fromkeys((one["source"], one["name"]) for one in main["symbols"]):
        those = [one for one in main["symbols"] if (one["source"], one["name"]) == key]
        columns = ("cpu_us", "p99_us", "p99_beside_slow_us")
        values = [str(figures.spread([one[column] for one in those])) for column in columns]
        silent = max(one["silent_after_crash"] for one in those)
        rows.append([f"{key[0]}, {key[1]}", *values, f"{silent} of 10"])
    head = ["10 symbols", "CPU µs/msg", "p99 µs", "p99 µs beside a slow symbol",
            "silenced by a crash"]  # fmt: skip
    return table(head, rows)


def of_scale(scale: Raw) -> str:
    """Return what many symbols take."""
    head = ["source", "symbols", "healthy after, s", "PSS of one, MB", "PSS of all, GB",
            "CPU of one, ms/s", "CPU µs/msg", "p50 µs", "p99 µs", "restart of one, s",
            "missing"]  # fmt: skip
    rows = [
        [one["source"], str(one["symbols"]), _start(one), short(one["pss_mb"]),
         short(one["all_pss_mb"] / 1000), short(one["cpu_cores"] * 1000 / one["symbols"]),
         short(one["cpu_us"]), short(one["p50_us"]), short(one["p99_us"]),
         short(one["restart_s"]), str(one["missing"])]
        for one in scale["scale"]
    ]  # fmt: skip
    return table(head, rows)


def _start(one: Raw) -> str:
    count = len(one["start_failed"])
    return short(one["start_s"]) + (f", {count} `start` failed before" if count else "")


def of_projection(scale: Raw, source: str) -> str:
    """Return what 1,000 symbols would need; empty if that cannot be projected."""
    rows = [
        [one.what, one.each, f"{short(one.total)} {one.unit}", f"{short(one.limit)} {one.unit}",
         f"{one.fits:,}" if one.fits < projection.SYMBOLS else "more than 1,000"]
        for one in sorted(projection.needs(scale, source), key=lambda one: one.fits)
    ]  # fmt: skip
    head = [f"{source}", "per symbol", "1,000 symbols", "available", "enough for"]
    return table(head, rows) if rows else ""


def named(name: str) -> str:
    """Return what a handler is, in words."""
    return NAMES.get(name, name)


def _latency(one: Sum) -> list[str]:
    return [_short(one.latency_us(part)) for part in (0.5, 0.99, 0.999)]


def _short(value: float | None) -> str:
    return "–" if value is None else short(value)


def fraction(value: float) -> str:
    """Write a fraction in percent, and 100 % only where nothing is missing."""
    if value >= 1:
        return "100 %" if value == 1 else f"{100 * value:.2f} % (!)"
    return f"{min(100 * value, 99.99):.2f} %"


def _value(value: float, unit: str) -> str:
    return f"{short(value)} {unit}".strip()
