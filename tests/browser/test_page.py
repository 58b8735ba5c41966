"""The page in Chromium, on a project that runs: prices, failures, keys, themes, accessibility.

All tests share one project and one browser; each leaves BTC and ETH live.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from browser.chromium import PHONE, Opened, accessibility_faults, chromium, take_picture
from browser.running_project import BTC, ETH, HOSTILE, SOL, Watched, feed_of, running
from conftest import REPOSITORY, skip_outside_ci
from npm_packages import check_npm_lock, install_npm_packages
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = pytest.mark.process

PICTURES = {"overview": (1200, 760), "symbol": (1200, 1500)}
WITHIN_MS = 30_000  # on a busy machine
SILENT_WITHIN_MS = 90_000  # of a new feed, 30 s without a message
AXE = Path(__file__).parent / "axe"
VIEWS = {"overview": "#/", "symbol": "#/feed/binanceusdm.BTC%2FUSDT%3AUSDT."}
OpenPage = Callable[..., Opened]

expect.set_options(timeout=WITHIN_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def watched(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Return the project; without a browser none is started."""
    del browser
    if not (REPOSITORY / "feedd/gateway/page/vendor/THIRD-PARTY.txt").exists():
        skip_outside_ci("the page's chart library is missing: make chart-library")
    with running(tmp_path_factory.mktemp("page")) as project:
        yield project


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    packages = install_npm_packages(AXE, tmp_path_factory.mktemp("axe"))
    return (packages / "axe-core" / "axe.min.js").read_text()


@pytest.fixture
def opened(browser: Browser, watched: Watched) -> Iterator[OpenPage]:
    """Return a function that opens the page in a new profile; each is checked for errors."""
    with ExitStack() as pages:

        def open_page(view: str = "overview", *, may_fail: bool = False, **options: Any) -> Opened:
            one = Opened(browser, watched.address, **options)
            pages.callback(one.close)
            one.open(VIEWS[view])
            if not may_fail:
                pages.callback(one.check)
            return one

        yield open_page


def row(page: Page, symbol: str) -> Locator:
    return page.locator(f'#feeds tr[data-feed="{feed_of(symbol)}"]')


def cell(page: Page, symbol: str, name: str) -> Locator:
    return row(page, symbol).locator(f'[data-cell="{name}"]')


def wait_until_live(page: Page, *symbols: str) -> None:
    expect(page.locator("body")).to_have_attribute("data-connection", "live")
    for symbol in symbols:
        expect(row(page, symbol)).to_have_attribute("data-state", "live")


def focused_feed(page: Page) -> str | None:
    """Return the feed of the row with the focus."""
    found: str | None = page.evaluate("document.activeElement.closest('tr')?.dataset.feed ?? null")
    return found


def colour(place: Locator, of: str = "color") -> list[float]:
    """Return red, green and blue, 0 to 255, of an element's text or background."""
    text: str = place.evaluate(f"(element) => getComputedStyle(element).{of}")
    return [float(one) for one in re.findall(r"[\d.]+", text)[:3]]


def number(place: Locator) -> float:
    return float(place.inner_text().replace(",", ""))


def test_prices_of_every_symbol_move_and_the_clocks_run(opened: OpenPage) -> None:
    page = opened().page
    wait_until_live(page, BTC, ETH)
    expect(page.locator("#feeds tbody tr")).to_have_count(3)
    for symbol in (BTC, ETH):
        for name in ("last", "bid", "ask"):
            before = cell(page, symbol, name).inner_text()
            assert re.search(r"\d", before)
            expect(cell(page, symbol, name)).not_to_have_text(before)
        for name in ("spread", "rate", "age", "latency"):
            expect(cell(page, symbol, name)).to_have_text(re.compile(r"\d"))
    clock = page.locator("#utc-time")
    expect(clock).not_to_have_text(clock.inner_text())
    hours = [int(page.locator(f"#{name}-time").inner_text()[:2]) for name in ("local", "utc")]
    assert (hours[0] - hours[1]) % 24 in {0, 1, 2, 3}  # Zurich: 1 or 2, and an hour may just begin
    expect(page.locator("#market-banner")).to_contain_text("invented prices")
    expect(page.locator("#side")).to_contain_text("recorder")


def test_a_killed_worker_turns_red_at_the_top_and_recovers(
    opened: OpenPage, watched: Watched
) -> None:
    page = opened().page
    wait_until_live(page, BTC, ETH)
    killed = row(page, ETH)
    # supervisord restarts it at once, and waits longer before each further try.
    watched.kill_until(ETH, lambda: killed.get_attribute("data-state") == "down")
    expect(killed).to_have_attribute("data-level", "down")
    expect(page.locator("#feeds tbody tr").first).to_have_attribute("data-feed", feed_of(ETH))
    red, green, _ = colour(killed.locator(".state"))
    assert red > green + 60
    expect(cell(page, ETH, "last")).to_have_class(re.compile("not-current"))
    expect(page.locator('#alarm-banner [data-alarm="down"]')).to_contain_text("ETH/USDT")
    assert "1 down" in page.title()
    wait_until_live(page, BTC, ETH)
    expect(cell(page, ETH, "last")).not_to_have_class(re.compile("not-current"))
    expect(killed).to_have_attribute("data-flag", re.compile("restarted|gap"))
    page.goto(f"{watched.address}/#/feed/{quote(feed_of(ETH), safe='')}")
    expect(page.locator('#symbol-timeline-rows [data-kind="restart"]').first).to_be_visible()


def test_a_gap_is_flagged_in_the_table_and_marked_on_the_timeline(
    opened: OpenPage, watched: Watched
) -> None:
    table, view = opened().page, opened("symbol").page
    wait_until_live(table, BTC)
    expect(view.locator("#symbol-state-text")).to_have_text("live")
    watched.fault("drop", streams=["btcusdt@depth"])
    expect(row(table, BTC)).to_have_attribute("data-flag", "gap")
    expect(cell(table, BTC, "note")).to_contain_text("an update of the book is missing")
    expect(cell(table, BTC, "gaps")).not_to_have_text("0")
    entry = view.locator('#symbol-timeline-rows [data-kind="upstream_gap"]').first
    expect(entry).to_contain_text("an update of the book is missing")
    expect(view.locator('#symbol-strip [data-kind="gap"]').first).to_be_visible()


def test_the_symbol_view_shows_candles_ladder_tape_latency_and_timeline(opened: OpenPage) -> None:
    page = opened("symbol").page
    expect(page.locator("#symbol-name")).to_have_text(BTC)
    expect(page.locator("#symbol-state-text")).to_have_text("live")
    expect(page.locator("#symbol-chart canvas").first).to_be_visible()
    expect(page.locator("#symbol-chart-legend")).to_have_text(re.compile(r"\d"))
    expect(page.locator("#symbol-attribution a")).to_have_attribute(
        "href", re.compile("tradingview")
    )
    ladder = page.locator("#symbol-ladder")
    for side in ("ask", "bid"):
        for level in (1, 2, 15):
            price = ladder.locator(f'tr[data-side="{side}"][data-level="{level}"] .sym-price')
            expect(price).to_have_text(re.compile(r"\d"))
    best = {
        side: number(ladder.locator(f'tr[data-side="{side}"][data-level="1"] .sym-price'))
        for side in ("ask", "bid")
    }
    assert 0 < best["ask"] - best["bid"] < 0.01 * best["bid"]
    newest = page.locator("#symbol-tape-rows tr").first
    expect(newest).not_to_have_text(newest.inner_text())
    expect(page.locator('[data-panel="health"]')).to_contain_text(re.compile("p99"))
    expect(page.locator('[data-panel="health"] canvas').first).to_be_visible()
    expect(page.locator('#symbol-timeline-rows [data-state="live"]').first).to_be_visible()
    last = page.locator("#symbol-last")
    expect(last).not_to_have_text(last.inner_text())


def test_the_keyboard_alone_filters_sorts_opens_a_symbol_and_goes_back(opened: OpenPage) -> None:
    page = opened().page
    wait_until_live(page, BTC, ETH)
    keys = page.keyboard
    keys.press("/")
    keys.type("eth")
    expect(page.locator("#feeds tbody tr:visible")).to_have_count(1)
    keys.press("Escape")
    keys.press("Escape")
    expect(page.locator("#feeds tbody tr:visible")).to_have_count(3)
    head = page.locator("#feeds th", has_text="Rate").or_(
        page.locator("#feeds th", has_text="Msg/s")
    )
    for _ in range(40):
        if page.evaluate("document.activeElement.closest('th')?.textContent ?? ''") in {
            "Rate", "Msg/s",
        }:  # fmt: skip
            break
        keys.press("Tab")
    keys.press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    keys.press("Enter")
    expect(head).to_have_attribute("aria-sort", "ascending")
    keys.press("Home")
    first = page.locator("#feeds tbody tr:visible").first.get_attribute("data-feed")
    assert focused_feed(page) == first
    keys.press("j")
    feed = focused_feed(page)
    assert feed not in {None, first}
    keys.press("Enter")
    expect(page.locator("#symbol-view")).to_have_attribute("data-feed", feed or "")
    expect(page.locator("#symbol-next")).to_be_visible()
    keys.press("]")
    expect(page.locator("#symbol-view")).not_to_have_attribute("data-feed", feed or "")
    keys.press("Escape")
    expect(page.locator("#overview-view")).to_be_visible()
    expect(page.locator("#symbol-view")).to_be_hidden()
    keys.press("?")
    expect(page.locator("#help")).to_be_visible()
    keys.press("Escape")
    expect(page.locator("#help")).to_be_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_both_views_are_accessible_in_both_themes(
    opened: OpenPage, axe: str, theme: str, tmp_path: Path
) -> None:
    for view in VIEWS:
        page = opened(view, color_scheme=theme, size=PICTURES[view]).page
        if view == "overview":
            wait_until_live(page, BTC, ETH)
        else:
            expect(page.locator("#symbol-state-text")).to_have_text("live")
            expect(page.locator("#symbol-tape-rows tr").nth(5)).to_be_visible()
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        light = sum(colour(page.locator("body"), "backgroundColor")) / 3
        assert light > 200 if theme == "light" else light < 60
        assert accessibility_faults(page, axe) == []
        if view == "overview" or theme == "dark":
            name = f"page-{theme}" if view == "overview" else "page-symbol"
            take_picture(page, f"{name}.png", tmp_path)


def test_the_theme_that_is_chosen_is_kept(opened: OpenPage) -> None:
    page = opened(color_scheme="light").page
    wait_until_live(page)
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "light")
    for _ in range(3):  # light, dark, as the system
        page.locator("#theme-toggle").click()
        if root.get_attribute("data-theme") == "dark":
            break
    page.reload()
    expect(root).to_have_attribute("data-theme", "dark")


def test_a_phone_needs_no_horizontal_scrolling(opened: OpenPage, axe: str, tmp_path: Path) -> None:
    for view in VIEWS:
        page = opened(view, size=PHONE, has_touch=True, is_mobile=True).page
        if view == "overview":
            wait_until_live(page, BTC, ETH)
            expect(cell(page, BTC, "last")).to_be_in_viewport()
            take_picture(page, "page-phone.png", tmp_path)
        else:
            expect(page.locator("#symbol-state-text")).to_have_text("live")
        widths = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert widths == [PHONE[0], PHONE[0]], view
        assert accessibility_faults(page, axe) == []


def test_hostile_text_of_an_exchange_and_of_an_address_is_shown_as_text(
    opened: OpenPage, watched: Watched
) -> None:
    page = opened().page
    wait_until_live(page, BTC, ETH)
    watched.fault("refuse", symbol=BTC, text=HOSTILE, count=4)
    watched.fault("reset", symbol=BTC)
    expect(cell(page, BTC, "note")).to_contain_text(HOSTILE)
    check_harmless(page)
    unknown = opened(may_fail=True)
    unknown.open(f"#/feed/{quote(f'binanceusdm.{HOSTILE}.', safe='')}")
    expect(unknown.page.locator("#symbol-name")).to_have_text(HOSTILE)
    check_harmless(unknown.page)
    assert all("404" in error for error in unknown.errors), unknown.errors
    wait_until_live(page, BTC, ETH)


def check_harmless(page: Page) -> None:
    assert page.locator("img").count() == 0
    assert "owned" not in page.title()


def test_a_page_without_its_gateway_shows_no_number_as_current(
    opened: OpenPage, watched: Watched
) -> None:
    table, view = opened(may_fail=True).page, opened("symbol", may_fail=True).page
    wait_until_live(table, BTC, ETH)
    expect(view.locator("#symbol-state-text")).to_have_text("live")
    assert watched.project.supervisorctl("stop", "gateway").returncode == 0
    try:
        expect(table.locator("body")).to_have_attribute("data-connection", "disconnected")
        banner = table.locator("#connection-banner")
        expect(banner).to_contain_text(re.compile(r"Disconnected.* as of \d\d:\d\d:\d\d"))
        for name in ("last", "bid", "ask", "spread"):
            expect(cell(table, BTC, name)).to_have_class(re.compile("not-current"))
        expect(row(table, BTC)).not_to_have_attribute("data-state", "live")
        expect(table).to_have_title(re.compile("disconnected"))
        expect(view.locator("#symbol-view article")).to_have_attribute("data-current", "false")
        for panel in ("book", "trades", "chart"):
            expect(view.locator(f'[data-mark="{panel}"]')).to_contain_text("disconnected")
    finally:
        assert watched.project.supervisorctl("start", "gateway").returncode == 0
    wait_until_live(table, BTC, ETH)
    expect(table.locator("#connection-banner")).to_be_hidden()
    expect(cell(table, BTC, "last")).not_to_have_class(re.compile("not-current"))
    before = cell(table, BTC, "last").inner_text()
    expect(cell(table, BTC, "last")).not_to_have_text(before)
    expect(view.locator("#symbol-view article")).to_have_attribute("data-current", "true")


def test_a_stale_symbol_is_named_and_comes_first(opened: OpenPage, watched: Watched) -> None:
    page = opened().page
    wait_until_live(page, SOL)
    watched.fault("mute", symbol=SOL, for_s=SILENT_WITHIN_MS / 1000)
    silent = row(page, SOL)
    expect(silent).to_have_attribute("data-state", "stale", timeout=SILENT_WITHIN_MS)
    wait_until_live(page, BTC, ETH)
    expect(page.locator("#feeds tbody tr").first).to_have_attribute("data-feed", feed_of(SOL))
    expect(cell(page, SOL, "note")).to_contain_text("silent for more than")
    expect(cell(page, SOL, "last")).to_have_class(re.compile("not-current"))
    alarm = page.locator('#alarm-banner [data-alarm="stale"]')
    expect(alarm).to_contain_text("1 stale")
    expect(alarm).to_contain_text(SOL)
    assert "1 stale" in page.title()
    silent.locator("a").click()
    expect(page.locator("#symbol-state-text")).to_have_text("stale")
    expect(page.locator("#symbol-view article")).to_have_attribute("data-current", "false")


def test_the_accessibility_checker_is_pinned_by_version_and_hash() -> None:
    check_npm_lock(AXE)
