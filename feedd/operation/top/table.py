"""Table of `feedd top`: Textual's DataTable, with the columns that fit into its width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from feedd.operation.top.columns import Placed, place, text_of, title_of
from feedd.operation.top.order import Order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from feedd.operation.top.rows import TopRow

SCROLLBAR = 1


class Named(Text):
    """A cell's text with the name of its row's process."""

    def __init__(self, text: str, style: str, process: str) -> None:
        super().__init__(text, style, no_wrap=True, end="")
        self.process = process


class TopTable(DataTable[Text]):
    """Rows in an order; the cursor stays on its process when the order changes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "detail"),
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        Binding("g,home", "scroll_top", show=False),
        Binding("G,end", "scroll_bottom", show=False),
        # The application's: it sorts by the column beside.
        Binding("left", "app.sort_by(-1)", show=False),
        Binding("right", "app.sort_by(1)", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(cursor_type="row", cell_padding=0, zebra_stripes=False)
        self._placed: list[Placed] = []
        self._order = Order()
        self._rows: list[TopRow] = []
        self._texts: dict[tuple[str, str], tuple[str, str]] = {}

    @property
    def shown_columns(self) -> set[str]:
        """Return the keys of the columns on the screen."""
        return {placed.column.key for placed in self._placed}

    @property
    def selected(self) -> TopRow | None:
        """Return the row at the cursor."""
        return self._rows[self.cursor_row] if 0 <= self.cursor_row < len(self._rows) else None

    def show(self, rows: Sequence[TopRow], order: Order) -> None:
        """Show rows, which are in that order."""
        selected = self.selected
        self._rows = list(rows)
        placed = place(self._rows, self.size.width - SCROLLBAR)
        names = [row.name for row in rows]
        if placed != self._placed or order != self._order:
            self._replace_columns(placed, order)
        self._replace_rows(names)
        for row in rows:
            self._update(row)
        if [key.value for key in self._row_keys()] != names:
            place_of = {name: index for index, name in enumerate(names)}
            self.sort("name", key=lambda cell: place_of[cell.process])
        if selected is not None and selected.name in names:
            at = names.index(selected.name)
            if at != self.cursor_row:
                self.move_cursor(row=at, animate=False)

    def on_resize(self, _event: events.Resize) -> None:
        """Fit the columns into the new width."""
        if self._rows:
            self.show(self._rows, self._order)

    def _row_keys(self) -> list[Any]:
        return [row.key for row in self.ordered_rows]

    def _replace_columns(self, placed: list[Placed], order: Order) -> None:
        self._placed, self._order = placed, order
        at, scrolled = self.cursor_row, self.scroll_y
        names = [key.value for key in self._row_keys()]
        self.clear(columns=True)
        self._texts.clear()
        for one in placed:
            title = title_of(one, order.key, reverse=order.reverse)
            label = Text(title, no_wrap=True, end="")
            self.add_column(label, width=one.width + 1, key=one.column.key)
        self._add_rows(names)
        self.move_cursor(row=at, animate=False)
        self.scroll_to(y=scrolled, animate=False)

    def _replace_rows(self, names: list[str]) -> None:
        present = {key.value for key in self._row_keys()}
        for gone in present - set(names):
            self.remove_row(str(gone))
            for placed in self._placed:
                self._texts.pop((str(gone), placed.column.key), None)
        self._add_rows([name for name in names if name not in present])

    def _add_rows(self, names: Sequence[Any]) -> None:
        for name in names:
            self.add_row(*(Named("", "", name) for _ in self._placed), key=name)

    def _update(self, row: TopRow) -> None:
        """Update the cells that differ from what is shown."""
        for placed in self._placed:
            key = placed.column.key
            cell = placed.column.cell(row, placed.width)
            shown = (text_of(cell, placed), cell.style)
            if self._texts.get((row.name, key)) != shown:
                self._texts[row.name, key] = shown
                self.update_cell(row.name, key, Named(*shown, row.name))
