"""Dialogs of `feedd top`: the confirmation of an action, and the help."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Static

if TYPE_CHECKING:
    from textual.app import ComposeResult

HELP = (
    ("Rows", ""),
    ("up, down, j, k", "select a row; g, G: the first, the last"),
    ("Enter", "show the feed or process in detail"),
    ("l", "follow its log"),
    ("/", "filter: every word must occur; !word leaves out; Esc ends it"),
    ("Order", ""),
    ("left, right, <, >", "sort by the column beside; a click on a title, too"),
    ("v", "reverse the order"),
    ("u", "unwell ones first, as at the start"),
    ("Actions", "each asks first"),
    ("r", "restart the selected process"),
    ("s", "stop it"),
    ("S", "start it"),
    ("Other", ""),
    ("t", "dark or light"),
    ("Esc", "back"),
    ("q, Ctrl-C", "quit; all processes keep running"),
    ("", ""),
    ("(61,796.80)", "in parentheses: not current, AGE states how old"),
    ("RESTARTS", "in the last hour / since supervisord started"),
    ("P50, P99 µs", "from the receipt of a frame to its publication; the worst channel"),
)


class Confirm(ModalScreen[bool]):
    """Question with the name of the process and what follows; it is answered by y or n."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes"),
        Binding("n,q,escape", "answer(False)", "no"),
        Binding("left,right", "app.focus_next", show=False),
    ]

    def __init__(self, question: str, follows: str) -> None:
        super().__init__()
        self._question = question
        self._follows = follows

    def compose(self) -> ComposeResult:
        """Make the widgets; the focus is on the answer that changes nothing."""
        with Vertical(classes="dialog"):
            yield Static(Text(self._question, "bold"))
            yield Static(Text(self._follows))
            with Horizontal():
                yield Button("No (n)", id="no")
                yield Button("Yes (y)", id="yes", variant="error")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer by a button."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        """Answer by a key."""
        self.dismiss(answer)


class Help(ModalScreen[None]):
    """The keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,enter", "app.pop_screen", "back"),
        Binding("q", "app.quit", "quit"),
    ]

    def compose(self) -> ComposeResult:
        """Make the widgets."""
        with VerticalScroll(classes="dialog help"):
            yield Static(_help_text())


def _help_text() -> Text:
    text = Text()
    for key, meaning in HELP:
        title = key.isalpha() and key[0].isupper() and key not in {"Enter", "Esc", "RESTARTS"}
        if title:
            text.append(f"\n{key}", "bold")
            text.append(f"  {meaning}\n" if meaning else "\n", "dim")
        else:
            text.append(f"  {key:<18}", "cyan")
            text.append(f"{meaning}\n")
    return Text("Keys of feedd top\n", "bold") + text
