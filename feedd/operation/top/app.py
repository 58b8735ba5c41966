"""The application of `feedd top`: the table, its keys, and the actions behind a confirmation."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Footer, Input, Static

from feedd.operation.process_control import Action, consequence
from feedd.operation.top.acting import Acting
from feedd.operation.top.columns import Cell
from feedd.operation.top.dialogs import Confirm, Help
from feedd.operation.top.lines import Seen, header, selected_line
from feedd.operation.top.logs import LogTail
from feedd.operation.top.order import Order
from feedd.operation.top.rows import filtered, make_rows
from feedd.operation.top.screens import Detail, LogScreen, text_of_lines
from feedd.operation.top.table import TopTable
from feedd.operation.top.trends import Trends
from feedd.runtime.terminal import cut, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from textual.app import ComposeResult

    from feedd.gateway.journal import Entry
    from feedd.operation.top.following import Following
    from feedd.operation.top.rows import TopRow

LOOK_EVERY_S = 0.1  # for a new report, and for the outcome of an action
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
DARK, LIGHT = "textual-dark", "textual-light"


@dataclass(frozen=True, slots=True)
class Project:
    """What only the project's own machine has: logs, and supervisord."""

    log_folders: Callable[[], list[Path]]
    control: Callable[[Action, str, Callable[[str], object]], None]


class TopApp(App[None]):
    """`project` is None for an endpoint: then there are no logs and no actions."""

    TITLE = "feedd top"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #header, #selected, #log-title { height: auto; padding: 0 1; }
    #header { background: $panel; }
    #selected { background: $panel; }
    TopTable { height: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden; }
    #filter { display: none; height: 1; border: none; padding: 0 1; }
    #filter.shown { display: block; }
    #detail { padding: 1 1; }
    RichLog { height: 1fr; scrollbar-size-vertical: 1; }
    Confirm, Help { align: center middle; }
    .dialog {
        width: 72; max-width: 95%; height: auto; max-height: 95%; padding: 1 2;
        background: $surface; border: round $primary;
    }
    .dialog Static { margin-bottom: 1; }
    .dialog Horizontal { height: auto; align: center middle; }
    .dialog Button { margin: 0 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "logs", "log"),
        Binding("slash", "filter", "filter"),
        Binding("less_than_sign", "sort_by(-1)", show=False),
        Binding("greater_than_sign", "sort_by(1)", "sort", key_display="< >"),
        Binding("v", "reverse", show=False),
        Binding("u", "unwell_first", show=False),
        Binding("r", "act('restart')", "restart"),
        Binding("s", "act('stop')", "stop"),
        Binding("S", "act('start')", "start"),
        Binding("t", "theme", show=False),
        Binding("question_mark", "help", "help"),
        Binding("escape", "no_filter", show=False),
        Binding("q", "quit", "quit"),
        Binding("ctrl+c", "quit", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False, priority=True),
    ]

    def __init__(self, following: Following, interval_s: float, project: Project | None) -> None:
        if os.environ.get("NO_COLOR") == "":  # https://no-color.org: when it is not empty
            del os.environ["NO_COLOR"]
        super().__init__()
        self.acting = Acting(project.control) if project is not None else None
        # Kept: they are updated below other screens, too.
        self._header = Static(id="header")
        self._table = TopTable()
        self._selected = Static(id="selected")
        self._field = Input(placeholder="filter: words; !word leaves out", id="filter")
        self._following = following
        self._interval_s = interval_s
        self._project = project
        self._trends = Trends()
        self._order = Order()
        self._filter = ""
        self._rows: list[TopRow] = []
        self._shown_at_s = float("-inf")
        self._shown_of = float("-inf")  # when the shown report was made

    def compose(self) -> ComposeResult:
        """Make the widgets."""
        yield self._header
        yield self._table
        yield self._selected
        yield self._field
        yield Footer()

    def on_mount(self) -> None:
        """Begin to follow."""
        loop = asyncio.get_running_loop()
        for number in ENDING_SIGNALS:
            loop.add_signal_handler(number, self.exit)
        self._table.focus()
        self._following.start()
        self._look()
        self.set_interval(LOOK_EVERY_S, self._look)

    # --- What is shown --------------------------------------------------------------------------

    def _look(self) -> None:
        """Show a report that is new, the same one once an interval, and outcomes of actions."""
        if not self._table.is_attached:  # the last look, while the program ends
            return
        now_s = time.monotonic()
        latest = self._following.latest
        for text, failed in self.acting.outcomes() if self.acting is not None else ():
            self.notify(
                text, severity="error" if failed else "information", markup=False,
                timeout=10 if failed else 5,
            )  # fmt: skip
        is_new = latest is not None and latest.at_s != self._shown_of
        if is_new or now_s - self._shown_at_s >= self._interval_s:
            self._shown_at_s = now_s
            if latest is not None:
                self._shown_of = latest.at_s
                self._make_rows(now_s)
            self._show()

    def _make_rows(self, now_s: float) -> None:
        latest = self._following.latest
        if latest is None:
            return
        made = make_rows(
            latest.report, self._following.symbols, self._following.board.prices, now_s,
            latest.at_s,
        )  # fmt: skip
        rows = []
        for row in made:
            if row.process.is_feed:
                bid, ask = row.price.bid, row.price.ask
                middle = None if bid is None or ask is None else (bid + ask) / 2
                last = row.price.last if row.price.last is not None else middle
                self._trends.add(
                    row.name,
                    last if row.current else None,
                    row.messages_per_s if row.current else None,
                )
                prices, rates = self._trends.prices[row.name], self._trends.rates[row.name]
                row = replace(row, prices=tuple(prices), rates=tuple(rates))  # noqa: PLW2901
            rows.append(row)
        self._trends.keep({row.name for row in rows})
        self._rows = rows

    def _show(self) -> None:
        latest = self._following.latest
        seen = Seen(
            latest.report if latest is not None else None,
            time.monotonic() - latest.at_s if latest is not None else 0.0,
            self._following.error,
            self._following.board.stream,
            self.acting.doing if self.acting is not None else None,
        )
        columns = max(self.size.width - 2, 20)
        lines = header(seen, self._rows, columns, self.TITLE)
        if self._filter:
            shown = len(filtered(self._rows, self._filter))
            text = f"filter: {self._filter}   {shown} of {len(self._rows)} rows; Esc shows all"
            lines.append((Cell(cut(printable(text), columns), "bold"),))
        self._header.update(text_of_lines(lines))
        self._table.show(self._order.rows(filtered(self._rows, self._filter)), self._order)
        self._show_selected()
        if isinstance(self.screen, Detail):
            self.screen.show(self._rows, self._entries)

    def _show_selected(self) -> None:
        line = selected_line(self._table.selected, max(self.size.width - 2, 20))
        self._selected.update(text_of_lines([line]))

    def _entries(self, feed: str, limit: int) -> Iterable[Entry]:
        # The thread that adds may do so meanwhile: the next time shows it.
        with contextlib.suppress(RuntimeError):
            return list(self._following.board.journal.newest(limit, feed=feed))
        return []

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key does something on this screen, and is named at its bottom."""
        if action in {"filter", "sort_by", "reverse", "unwell_first", "no_filter", "detail"}:
            return len(self.screen_stack) == 1
        if action in {"logs", "act"} and self._project is None:
            return None  # shown as not available
        return super().check_action(action, parameters)

    # --- Keys -----------------------------------------------------------------------------------

    def on_data_table_row_highlighted(self, _event: DataTable.RowHighlighted) -> None:
        """Show the reason of the row at the cursor."""
        self._show_selected()

    def on_data_table_row_selected(self, _event: DataTable.RowSelected) -> None:
        """Show a row's detail, on Enter and on a click."""
        self.action_detail()

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        """Sort by the column whose title was clicked."""
        if event.column_key.value is not None:
            self._sort(self._order.chosen(event.column_key.value))

    def action_sort_by(self, step: int) -> None:
        """Sort by the column beside."""
        self._sort(self._order.beside(step, self._table.shown_columns))

    def action_reverse(self) -> None:
        """Reverse the order."""
        self._sort(self._order.reversed())

    def action_unwell_first(self) -> None:
        """Sort as at the start."""
        self._sort(Order())

    def _sort(self, order: Order) -> None:
        self._order = order
        self._show()

    def action_filter(self) -> None:
        """Ask for the filter."""
        self._field.add_class("shown")
        self._field.focus()

    def action_no_filter(self) -> None:
        """Show all rows."""
        self._field.value = ""
        self._close_filter()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while it is typed."""
        self._filter = event.value.strip()
        self._show()

    def on_input_submitted(self) -> None:
        """Keep the filter."""
        self._close_filter()

    def _close_filter(self) -> None:
        self._field.remove_class("shown")
        self._table.focus()

    def action_theme(self) -> None:
        """Change between dark and light."""
        self.theme = LIGHT if self.theme == DARK else DARK

    def action_help(self) -> None:
        """Show the keys."""
        if not isinstance(self.screen, Help):
            self.push_screen(Help())

    def action_detail(self) -> None:
        """Show the selected row in detail."""
        row = self._table.selected
        if row is not None and len(self.screen_stack) == 1:
            screen = Detail(row.name)
            self.push_screen(screen)
            screen.show(self._rows, self._entries)

    def _process(self) -> str | None:
        """Return the process of the screen, or of the selected row."""
        if isinstance(self.screen, Detail | LogScreen):
            return self.screen.process
        row = self._table.selected
        return None if row is None else row.name

    def action_logs(self) -> None:
        """Follow the log of the process."""
        name = self._process()
        if self._project is not None and name is not None:
            self.push_screen(LogScreen(name, LogTail(self._project.log_folders(), name)))

    def action_act(self, action: Action) -> None:
        """Ask whether to restart, stop or start the process, and do it."""
        name = self._process()
        row = next((row for row in self._rows if row.name == name), None)
        acting = self.acting
        if row is None or acting is None:
            return
        pid = "" if row.process.pid is None else f" (pid {row.process.pid})"
        question = f"{action.capitalize()} {row.name}{pid}?"
        follows = consequence(action, row.name, is_feed=row.process.is_feed)

        def answered(yes: bool | None) -> None:
            if yes and not acting.begin(action, row.name):
                self.notify(f"wait: {acting.doing}", severity="warning", markup=False)
            self._show()

        self.push_screen(Confirm(question, follows), answered)
