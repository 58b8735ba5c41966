"""`feedd top` on a running project, in a terminal and without one."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Iterator

import pytest
from conftest import PYTHON, REPOSITORY, Project, eventually
from pseudo_terminal import PseudoTerminal

from feedd.cli import top
from feedd.operation.top import app as top_app
from feedd.operation.top.following import Following

pytestmark = pytest.mark.process

BTC, ETH, SOL = (f"feed-binanceusdm-{base}-USDT-USDT" for base in ("BTC", "ETH", "SOL"))
PICTURE = REPOSITORY / "docs" / "top.svg"
WITHOUT_TEXTUAL = "import sys; sys.modules['textual'] = None; sys.argv[0] = 'feedd'\n"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Start a project: one for all, since a start takes longer than most of these tests."""
    project = Project(tmp_path_factory.mktemp("top"), symbols=["BTC/USDT", "ETH/USDT", "SOL/USDT"])
    try:
        assert project.feedd("start").returncode == 0
        yield project
    finally:
        project.close()


@pytest.fixture
def terminals(running: Project) -> Iterator[Terminals]:
    opened = Terminals(running)
    yield opened
    opened.close()


class Terminals:
    """Terminals in the project's folder, closed at the end."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._opened: list[PseudoTerminal] = []

    def open(
        self, *words: str, columns: int = 120, lines: int = 32, **environment: str
    ) -> PseudoTerminal:
        command = (PYTHON, "-m", "feedd", "top", *words)
        terminal = PseudoTerminal(
            *command, cwd=self._project.root, columns=columns, lines=lines, **environment
        )
        self._opened.append(terminal)
        return terminal

    def close(self) -> None:
        for terminal in self._opened:
            terminal.close()


def quit_of(terminal: PseudoTerminal, *keys: str) -> int:
    """Press keys, and return the exit code; the terminal is as it was before."""
    terminal.press(*keys)
    code = terminal.process.wait(timeout=30)
    assert terminal.restored
    assert b"\x1b[?1049l" in terminal.output.rpartition(b"\x1b[?1049h")[2]  # the other screen
    assert b"Traceback" not in terminal.output
    return code


def test_feeds_are_live_with_moving_numbers_and_q_restores_the_terminal(
    terminals: Terminals,
) -> None:
    terminal = terminals.open()
    terminal.wait_for("3 of 3 feeds live", "BTC/USDT:USDT", "watchdog", "invented prices")
    row = terminal.line_with("BTC/USDT:USDT")
    assert "live" in row
    eventually(lambda: re.search(r"\d\d,\d\d\d\.\d", terminal.line_with("BTC/USDT:USDT")))
    eventually(lambda: terminal.line_with("BTC/USDT:USDT") != row, what="no number moved")
    assert quit_of(terminal, "q") == 0


def test_rows_are_sorted_by_a_key_and_by_a_click_and_filtered(terminals: Terminals) -> None:
    terminal = terminals.open(columns=140)
    terminal.wait_for("3 of 3 feeds live", "SOL/USDT:USDT")
    terminal.press("right")
    terminal.wait_for("LAST▼")
    head = next(n for n, line in enumerate(terminal.lines) if "SYMBOL / PROCESS" in line)
    terminal.click(3, head)
    terminal.wait_for("SYMBOL / PROCES▲")
    order = [line.split()[0] for line in terminal.lines[head + 1 : head + 6]]
    assert order == sorted(order, key=str.lower)
    terminal.press("/", "e", "t", "h")
    terminal.wait_for("1 of 6 rows", "ETH/USDT:USDT")
    assert not terminal.line_with("BTC/USDT:USDT")
    terminal.press("escape")
    terminal.wait_without("Esc shows all")
    terminal.wait_for("BTC/USDT:USDT")
    assert quit_of(terminal, "ctrl+c") == 0


def test_detail_and_log_of_a_feed(terminals: Terminals, running: Project) -> None:
    terminal = terminals.open()
    terminal.wait_for("3 of 3 feeds live", "BTC/USDT:USDT")
    terminal.press("enter")
    shown = terminal.wait_for("CHANNEL", "CHECKED", "sequence", "RECENT EVENTS", BTC)
    assert str(running.pids()[BTC]) in shown
    terminal.press("l")
    terminal.wait_for(f"log of {BTC}   following", "state=live", "publishing")
    terminal.press("escape")
    terminal.wait_for("RECENT EVENTS")
    terminal.press("escape")
    terminal.wait_for("SYMBOL / PROCESS")
    assert quit_of(terminal, "q") == 0


def test_one_symbol_is_restarted_behind_a_question_and_the_others_keep_their_pids(
    terminals: Terminals, running: Project
) -> None:
    before = running.pids()
    terminal = terminals.open()
    terminal.wait_for("3 of 3 feeds live", "BTC/USDT:USDT")
    terminal.press("/", "s", "o", "l", "enter")
    terminal.wait_for("1 of 6 rows")
    terminal.press("r")
    terminal.wait_for(f"Restart {SOL} (pid {before[SOL]})?", "Every other process keeps running")
    terminal.press("n")
    terminal.wait_without("Restart")
    assert running.pids() == before
    terminal.press("r")
    terminal.wait_for("Restart")
    terminal.press("y")
    eventually(lambda: running.pids()[SOL] not in {0, before[SOL]}, 90, "it was not restarted")
    terminal.press("escape")
    terminal.wait_without("Esc shows all")  # Escape and a key at once are Alt and the key
    terminal.wait_for("3 of 3 feeds live")
    after = running.pids()
    assert {name for name in before if before[name] != after[name]} == {SOL}
    assert quit_of(terminal, "q") == 0


def test_a_killed_worker_is_shown_first_and_recovers(
    terminals: Terminals, running: Project
) -> None:
    terminal = terminals.open()
    terminal.wait_for("3 of 3 feeds live", "SOL/USDT:USDT")
    os.kill(running.pids()[ETH], signal.SIGKILL)
    shown = terminal.wait_for("2 of 3 feeds live", "1 unwell")
    first = next(line for line in shown.splitlines() if line.startswith(("ETH", "BTC", "SOL")))
    assert first.startswith("ETH/USDT:USDT")
    assert " live " not in first
    terminal.wait_for("3 of 3 feeds live")
    assert quit_of(terminal, "q") == 0


def test_a_small_terminal_a_resize_and_no_colours(terminals: Terminals) -> None:
    terminal = terminals.open(columns=80, lines=24, NO_COLOR="1")
    terminal.wait_for("3 of 3 feeds live", "BTC/USDT:USDT", "q quit")
    assert "BID" not in terminal.text
    terminal.resize(140, 40)
    terminal.wait_for("BID", "ASK", "CPU %")
    assert not any(
        len(set(colour.split(b";"))) > 1
        for colour in re.findall(rb"\x1b\[[\d;]*[34]8;2;(\d+;\d+;\d+)", terminal.output)
    )  # shades of grey
    assert quit_of(terminal, "q") == 0


def test_sigterm_restores_the_terminal(terminals: Terminals) -> None:
    terminal = terminals.open()
    terminal.wait_for("3 of 3 feeds live")
    terminal.process.terminate()
    quit_of(terminal)


def test_an_endpoint_shows_feeds_and_has_no_actions(terminals: Terminals, running: Project) -> None:
    terminal = terminals.open("--endpoint", running.endpoint)
    terminal.wait_for("3 of 3 feeds live", "BTC/USDT:USDT")
    terminal.press("r")
    time.sleep(0.5)
    assert "Restart" not in terminal.text
    assert quit_of(terminal, "q") == 0


@pytest.mark.parametrize(
    ("words", "environment"), [(["--plain"], {}), ([], {"TERM": "dumb"}), (["--wide"], {})]
)
def test_the_table_of_the_status_is_shown_on_request(
    terminals: Terminals, words: list[str], environment: dict[str, str]
) -> None:
    terminal = terminals.open(*words, columns=200, **environment)
    terminal.wait_for("feedd is healthy: 3 of 3 feeds live")
    assert b"\x1b[?1049h" not in terminal.output  # it does not take the screen
    terminal.press("ctrl+c")
    assert terminal.process.wait(timeout=30) == 130


def test_without_textual_the_table_names_what_adds_more(running: Project) -> None:
    program = WITHOUT_TEXTUAL + "from feedd.__main__ import main; sys.exit(main())"
    terminal = PseudoTerminal(PYTHON, "-c", program, "top", cwd=running.root, columns=100)
    try:
        terminal.wait_for("feedd is healthy", "pip install 'feedd[top]'")
        terminal.press("ctrl+c")
        terminal.process.wait(timeout=30)
    finally:
        terminal.close()


def test_the_picture_of_the_documentation(
    running: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With FEEDD_WRITE_SCREENSHOTS=1 it writes docs/top.svg."""
    monkeypatch.chdir(running.root)
    arguments = Namespace(endpoint=None, config=None, root=running.root, interval=0.5)
    following = Following(lambda: top._watched(arguments), lambda: 0, 0.5)
    app = top_app.TopApp(following, 0.5, top_app.Project(list, lambda *_: None))

    async def take() -> str:
        async with app.run_test(size=(110, 18)) as pilot:
            for _ in range(100):
                await pilot.pause(0.2)
                latest = following.latest
                samples = max(map(len, app._trends.prices.values()), default=0)
                if latest is not None and latest.report.health == 0 and samples > 20:
                    break
            return app.export_screenshot(title="feedd top")

    try:
        svg = without_fonts(asyncio.run(take()))
    finally:
        following.end()
    assert "BTC/USDT:USDT" in svg.replace("&#160;", " ")
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    assert sys.getsizeof(svg) < 200_000
    if os.environ.get("FEEDD_WRITE_SCREENSHOTS"):
        PICTURE.write_text(svg)


def without_fonts(svg: str) -> str:
    """Return a picture without its reference to fonts on a web server, and without its ids."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg)
    svg = re.sub(r"terminal-\d+", "top", svg)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"
