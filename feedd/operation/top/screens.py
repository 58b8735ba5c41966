"""Screens of `feedd top` on one process: its detail, and its log."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, RichLog, Static

from feedd.operation.top.lines import EVENTS, detail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from textual.app import ComposeResult

    from feedd.gateway.journal import Entry
    from feedd.operation.top.lines import Line
    from feedd.operation.top.logs import LogTail
    from feedd.operation.top.rows import TopRow

LOG_LINES = 5_000
LOG_EVERY_S = 0.25


def text_of_lines(lines: Iterable[Line]) -> Text:
    """Return lines as Rich's text, which interprets nothing in them."""
    text = Text(no_wrap=True, overflow="crop", end="")
    for index, line in enumerate(lines):
        if index:
            text.append("\n")
        for cell in line:
            text.append(cell.text, cell.style or None)
    return text


class Detail(Screen[None]):
    """A feed's channels, prices and events."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "back"),
        Binding("enter,backspace", "app.pop_screen", show=False),
        Binding("l", "app.logs", "log"),
        Binding("r", "app.act('restart')", "restart"),
        Binding("s", "app.act('stop')", "stop"),
        Binding("S", "app.act('start')", "start"),
        Binding("question_mark", "app.help", "help"),
        Binding("q", "app.quit", "quit"),
    ]

    def __init__(self, name: str) -> None:
        super().__init__()
        self.process = name
        self._text = Static(id="detail")
        self._row: TopRow | None = None
        self._entries: list[Entry] = []

    def compose(self) -> ComposeResult:
        """Make the widgets."""
        with VerticalScroll():
            yield self._text
        yield Footer()

    def on_resize(self) -> None:
        """Fit the lines into the new width."""
        self._draw()

    def show(self, rows: Sequence[TopRow], entries: Callable[[str, int], Iterable[Entry]]) -> None:
        """Show the newest rows; `entries` returns a feed's events."""
        self._row = next((row for row in rows if row.name == self.process), None)
        if self._row is not None:
            self._entries = list(entries(self._row.key, EVENTS)) if self._row.key else []
        self._draw()

    def _draw(self) -> None:
        columns = max(self.size.width - 3, 20)
        text = Text(f"{self.process} is no longer there", "yellow")
        if self._row is not None:
            text = text_of_lines(detail(self._row, self._entries, columns))
        self._text.update(text)


class LogScreen(Screen[None]):
    """A process's log. It follows while its last line is on the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "back"),
        Binding("l", "app.pop_screen", show=False),
        Binding("f,end,G", "follow", "follow", key_display="f"),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
        Binding("g,home", "top", show=False),
        Binding("question_mark", "app.help", "help"),
        Binding("q", "app.quit", "quit"),
    ]

    def __init__(self, name: str, tail: LogTail) -> None:
        super().__init__()
        self.process = name
        self._tail = tail
        self._head = Static(id="log-title")
        self._log = RichLog(max_lines=LOG_LINES, wrap=True, min_width=20)
        self._title = ""

    def compose(self) -> ComposeResult:
        """Make the widgets."""
        yield self._head
        yield self._log
        yield Footer()

    def on_mount(self) -> None:
        """Begin to read."""
        self._tail.start()
        self._log.focus()
        self.set_interval(LOG_EVERY_S, self._take)

    def on_unmount(self) -> None:
        """End reading."""
        self._tail.end()

    def _take(self) -> None:
        log = self._log
        for line in self._tail.take():
            log.write(Text.assemble(*line), scroll_end=log.is_vertical_scroll_end)
        how = "following" if log.is_vertical_scroll_end else "not following: f or End goes on"
        fault = self._tail.error
        title = f"log of {self.process}   {fault or how}"
        if title != self._title:
            self._title = title
            self._head.update(Text(title, "yellow" if fault else "bold"))

    def action_follow(self) -> None:
        """Go to the last line, and follow."""
        self._log.scroll_end(animate=False)

    def action_top(self) -> None:
        """Go to the first line."""
        self._log.scroll_home(animate=False)

    def action_scroll(self, lines: int) -> None:
        """Scroll by some lines."""
        self._log.scroll_relative(y=lines, animate=False)
