"""The application of `feedd top` without a terminal and without processes."""

from __future__ import annotations

import asyncio
import html
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import RichLog, Static
from top_samples import EXCHANGE, feed, process

from feedd.errors import FeeddError
from feedd.health.report import ProcessHealth, Report
from feedd.operation.process_control import Action
from feedd.operation.top.app import Project, TopApp
from feedd.operation.top.following import Snapshot
from feedd.operation.top.prices import Price, PriceBoard
from feedd.operation.top.table import TopTable

SVG_TEXT = re.compile(r'<text class="terminal\S*" x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>')
CHARACTER = 12.2  # the width of one, in the picture
MARKUP = "quote: [red]silent[/] [@click=app.quit]x[/] \x1b[31m"
BTC, ETH = feed("BTC/USDT"), feed("ETH/USDT", "stale", MARKUP)
SOL, PROXY = feed("SOL/USDT"), process("proxy")
Steps = Callable[["Driven"], Awaitable[None]]


class MadeUp:
    """Following of a report that the test sets."""

    def __init__(self, *processes: ProcessHealth) -> None:
        self.symbols: dict[str, str] = {}
        self.error: str | None = None
        self.board = PriceBoard()
        for base, last in (("BTC", 61_796.8), ("ETH", 2_649.5), ("SOL", 152.5)):
            self.board.prices[f"{EXCHANGE}.{base}/USDT."] = Price(
                last, last - 0.5, last + 0.5, time.monotonic()
            )
        self.report(*processes)

    def report(self, *processes: ProcessHealth) -> None:
        self.latest = Snapshot(Report(processes), time.monotonic())

    def start(self) -> None:
        """Nothing runs."""


class Driven:
    """An application, its pilot, and what is on its screen."""

    def __init__(self, app: TopApp, following: MadeUp, pilot: Pilot[None]) -> None:
        self.app, self.following, self.pilot = app, following, pilot
        self.controlled: list[tuple[str, str]] = []

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause(0.15)

    @property
    def text(self) -> str:
        """The screen, as its picture has it."""
        lines: dict[float, str] = {}
        for found in SVG_TEXT.finditer(self.app.export_screenshot()):
            column, y = round(float(found[1]) / CHARACTER), float(found[2])
            lines[y] = lines.get(y, "").ljust(column) + html.unescape(found[3])
        return "\n".join(lines[y] for y in sorted(lines)).replace("\xa0", " ")

    @property
    def labels(self) -> list[str]:
        table = self.app.screen_stack[0].query_one(TopTable)
        return [
            table.get_row(row.key)[0].plain.strip().removeprefix("feed-") for row in
            table.ordered_rows
        ]  # fmt: skip


def drive(
    steps: Steps,
    *processes: ProcessHealth,
    size: tuple[int, int] = (120, 30),
    logs: Path | None = None,
    endpoint: bool = False,
    fails: str | None = None,
) -> None:
    """Run steps on the application."""

    async def run() -> None:
        following = MadeUp(*(processes or (BTC, ETH, SOL, PROXY)))
        controlled: list[tuple[str, str]] = []

        def control(action: Action, name: str, print_line: Callable[[str], object]) -> None:
            controlled.append((action, name))
            if fails is not None:
                raise FeeddError(fails)
            print_line(f"{action} of {name} was done")

        project = None if endpoint else Project(lambda: [logs or Path("logs")], control)
        app = TopApp(following, 0.1, project)  # type: ignore[arg-type]
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause(0.15)
            driven = Driven(app, following, pilot)
            driven.controlled = controlled
            await steps(driven)

    asyncio.run(run())


def test_unwell_feeds_are_first_and_a_column_is_chosen_by_key_and_by_click() -> None:
    async def steps(top: Driven) -> None:
        assert top.labels == ["ETH/USDT", "BTC/USDT", "SOL/USDT", "proxy"]
        await top.press("right")
        assert "LAST" in top.text
        assert top.labels[:3] == ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
        await top.press("v")
        assert top.labels[:3] == ["SOL/USDT", "ETH/USDT", "BTC/USDT"]
        await top.press("u")
        assert top.labels[0] == "ETH/USDT"
        await top.pilot.click(TopTable, offset=(2, 0))
        await top.pilot.pause(0.15)
        assert top.labels == ["BTC/USDT", "ETH/USDT", "proxy", "SOL/USDT"]

    drive(steps)


def test_the_cursor_stays_on_its_process_when_the_order_changes() -> None:
    async def steps(top: Driven) -> None:
        await top.press("down")
        assert "feed-binanceusdm-BTC-USDT live" in top.text
        top.following.report(feed("BTC/USDT", "stale", "late"), ETH, feed("SOL/USDT", "down"))
        await top.pilot.pause(0.3)
        assert "feed-binanceusdm-BTC-USDT stale: late" in top.text

    drive(steps)


def test_a_filter_applies_while_it_is_typed_and_escape_ends_it() -> None:
    async def steps(top: Driven) -> None:
        await top.press("slash", "s", "o", "l")
        assert top.labels == ["SOL/USDT"]
        await top.press("enter")
        assert "1 of 4 rows" in top.text
        await top.press("escape")
        assert len(top.labels) == 4

    drive(steps)


def test_foreign_text_is_shown_as_it_is_without_markup_and_control_characters() -> None:
    async def steps(top: Driven) -> None:
        for key in (None, "enter"):
            if key:
                await top.press(key)
            shown = top.text
            assert "[red]silent[/] [@click=app.quit]x[/]" in shown
            assert "\\x1b[31m" in shown

    drive(steps, ETH, PROXY)


def test_a_price_that_is_not_current_is_in_parentheses() -> None:
    async def steps(top: Driven) -> None:
        shown = top.text
        assert "(2,649.50)" in shown
        assert " 61,796.80" in shown
        assert "(61,796.80)" not in shown

    drive(steps)


@pytest.mark.parametrize("size", [(80, 24), (60, 16), (40, 10), (200, 50)])
def test_it_fits_into_any_terminal_and_follows_a_resize(size: tuple[int, int]) -> None:
    async def steps(top: Driven) -> None:
        await top.pilot.resize_terminal(*size)
        await top.pilot.pause(0.2)
        assert "ETH/USDT" in top.text
        assert "stale" in top.text
        await top.press("enter")
        assert "CHANNEL" in top.text or size[1] < 16
        await top.press("escape")
        await top.pilot.resize_terminal(120, 30)
        await top.pilot.pause(0.2)
        assert "BID" in top.text

    drive(steps)


def test_an_action_names_what_follows_and_needs_a_yes() -> None:
    async def steps(top: Driven) -> None:
        await top.press("r")
        shown = top.text
        assert "Restart feed-binanceusdm-ETH-USDT (pid 100)?" in shown
        assert "Every other process keeps running." in shown.replace("\n", " ").replace("  ", " ")
        await top.press("n")
        await top.press("r", "enter")  # the focus is on No
        await top.press("s", "escape")
        assert top.controlled == []
        await top.press("r", "y")
        await top.pilot.pause(0.3)
        assert top.controlled == [("restart", "feed-binanceusdm-ETH-USDT")]
        assert "was done" in top.text

    drive(steps)


def test_an_action_that_fails_shows_its_error() -> None:
    async def steps(top: Driven) -> None:
        await top.press("s", "y")
        await top.pilot.pause(0.3)
        assert "supervisord: [red]NO[/]" in top.text

    drive(steps, fails="supervisord: [red]NO[/]")


def test_an_endpoint_has_neither_actions_nor_logs() -> None:
    async def steps(top: Driven) -> None:
        for key in ("r", "s", "S", "l"):
            await top.press(key)
            assert len(top.app.screen_stack) == 1
        await top.press("enter")
        assert len(top.app.screen_stack) == 2

    drive(steps, endpoint=True)


def test_a_log_is_followed_until_a_reader_scrolls_up(tmp_path: Path) -> None:
    log = tmp_path / "proxy.log"
    line = '{{"timestamp":"2026-01-01T00:00:00Z","level":"{}","event":"{}"}}\n'
    log.write_text("".join(line.format("info", f"line {n}") for n in range(100)))

    async def steps(top: Driven) -> None:
        await top.press("l")
        await top.pilot.pause(0.8)
        assert "line 99" in top.text
        assert "following" in top.text
        with log.open("a") as file:
            file.write(line.format("error", "[b]broken[/b]"))
        await top.pilot.pause(0.8)
        assert "[b]broken[/b]" in top.text
        await top.press("g")
        await top.pilot.pause(0.4)
        assert "not following" in top.app.screen.query_one("#log-title", Static).render().plain
        with log.open("a") as file:
            file.write(line.format("info", "one more"))
        await top.pilot.pause(0.8)
        assert "one more" not in top.text
        await top.press("f")
        await top.pilot.pause(0.4)
        assert "one more" in top.text
        await top.press("escape")
        assert not top.app.screen.query(RichLog)

    drive(steps, PROXY, logs=tmp_path)


def test_a_log_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    async def steps(top: Driven) -> None:
        await top.press("l")
        await top.pilot.pause(0.8)
        assert "no log of proxy" in top.text

    drive(steps, PROXY, logs=tmp_path)


def test_feeds_that_come_and_go_change_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")  # empty: colours stay

    async def steps(top: Driven) -> None:
        assert not top.app.no_color
        top.following.report(BTC, feed("XRP/USDT"))
        await top.pilot.pause(0.3)
        assert top.labels == ["BTC/USDT", "XRP/USDT"]
        top.following.latest = Snapshot(Report(()), time.monotonic())
        await top.pilot.pause(0.3)
        assert top.labels == []
        assert "feedd is down: supervisord is not running here" in top.text
        await top.press("r", "enter", "l")  # nothing is selected
        assert len(top.app.screen_stack) == 1

    drive(steps)


def test_no_colour_leaves_states_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def steps(top: Driven) -> None:
        assert top.app.no_color
        assert "stale" in top.text
        assert "(2,649.50)" in top.text

    drive(steps)


def test_the_help_lists_the_keys() -> None:
    async def steps(top: Driven) -> None:
        await top.press("question_mark")
        for word in ("restart the selected process", "follow its log", "unwell ones first"):
            assert word in top.text
        await top.press("escape")
        assert len(top.app.screen_stack) == 1

    drive(steps, size=(120, 50))
