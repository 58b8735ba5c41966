"""The gateway's page in Chromium: frames, CPU, first paint and memory."""

from __future__ import annotations

import shutil
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import psutil

from bench.errors import BenchError
from bench.processes import cpu_ns

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import CDPSession, Page

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
VIEWPORT = {"width": 1440, "height": 900}
SHOWN_WITHIN_S = 30.0
SETTLE_S = 10.0
SAMPLE_EVERY_S = 15.0
FIRST_PAINT = """() => Object.fromEntries(
    performance.getEntriesByType("paint").map((entry) => [entry.name, entry.startTime]))"""
FRAMES = """(ms) => new Promise((resolve) => {
    const times = [];
    const frame = (now) => {
        times.push(now);
        if (now - times[0] < ms) requestAnimationFrame(frame);
        else resolve(times);
    };
    requestAnimationFrame(frame);
})"""


def program() -> str | None:
    """Return the path of Chromium, where it is installed."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def measure(
    url: str,
    folder: Path,
    symbols: int,
    *,
    cpu_s: float,
    memory_s: float,
    while_shown: Callable[[float], dict[str, Any]],
) -> dict[str, Any]:
    """Return what the page takes; `while_shown(seconds)` measures other processes meanwhile.

    CPU and frames have a time of their own each: counting frames makes the browser draw all of
    them. Memory is what is in use after a collection.
    """
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  this part alone needs it

    with sync_playwright() as playwright:
        profile = folder / "chromium"
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=program(), args=["--no-sandbox"], viewport=VIEWPORT,
            service_workers="block",
        )  # fmt: skip
        try:
            page = context.new_page()
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            began_s = time.monotonic()
            page.goto(url)
            _wait_for_rows(page, symbols, began_s)
            shown_s = time.monotonic() - began_s
            paints = page.evaluate(FIRST_PAINT)
            time.sleep(SETTLE_S)
            browser = _browser(profile)
            before_ns = _cpu_ns(browser)
            began_ns = time.monotonic_ns()
            others = while_shown(cpu_s)
            cores = (_cpu_ns(browser) - before_ns) / (time.monotonic_ns() - began_ns)
            times = page.evaluate(FRAMES, cpu_s * 1000)
            devtools = context.new_cdp_session(page)
            heap = _heap(devtools, memory_s)
        finally:
            context.close()
    between = [b - a for a, b in pairwise(times)]
    return {
        "first_paint_ms": paints.get("first-contentful-paint"),
        "rows_shown_s": shown_s,
        "frames_per_s": 1000 * len(between) / sum(between),
        "longest_frame_ms": max(between),
        "cpu_cores": cores,
        "heap_mb": heap,
        "memory_s": memory_s,
        "page_errors": errors[:5],
        "while_shown": others,
    }


def _wait_for_rows(page: Page, symbols: int, began_s: float) -> None:
    """Return when the page shows as many rows as there are symbols, or most of them."""
    while time.monotonic() - began_s < SHOWN_WITHIN_S:
        if page.evaluate("document.querySelectorAll('tbody tr, [role=row]').length") >= symbols / 2:
            return
        time.sleep(0.05)
    raise BenchError(f"the page did not show the symbols within {SHOWN_WITHIN_S:.0f} s")


def _browser(profile: Path) -> list[int]:
    """Return the pids of a browser, by the folder of its profile."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if f"--user-data-dir={profile}" in words and not any("--type=" in one for one in words):
            return [process.pid, *(child.pid for child in process.children(recursive=True))]
    raise BenchError("Chromium's processes were not found")


def _cpu_ns(pids: list[int]) -> int:
    total = 0
    for pid in pids:
        try:
            total += cpu_ns(pid)
        except ProcessLookupError:
            continue  # a helper process of the browser has ended
    return total


def _heap(devtools: CDPSession, seconds: float) -> list[float]:
    """Return the memory in use by the page's objects, in MB, after collections."""
    found = []
    until_s = time.monotonic() + seconds
    while True:
        devtools.send("HeapProfiler.collectGarbage")
        found.append(devtools.send("Runtime.getHeapUsage")["usedSize"] / 1e6)
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            return found
        time.sleep(min(SAMPLE_EVERY_S, left_s))
