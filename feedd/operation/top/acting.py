"""One action at a time on a process, in a thread; its outcomes are for the screen."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from feedd.errors import FeeddError
from feedd.runtime import secrets
from feedd.runtime.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.operation.process_control import Action

DOING: dict[Action, str] = {"restart": "restarting", "stop": "stopping", "start": "starting"}
MOST_OUTCOMES = 100
DONE_WITHIN_S = 40.0  # a command lock and a process that hangs take as long


class Acting:
    """`control(action, name, print_line)` does it; `doing` is what runs."""

    def __init__(self, control: Callable[[Action, str, Callable[[str], object]], None]) -> None:
        self.doing: str | None = None
        self._control = control
        self._outcomes: deque[tuple[str, bool]] = deque(maxlen=MOST_OUTCOMES)
        self._applied = threading.Event()
        self._applied.set()

    def begin(self, action: Action, name: str) -> bool:
        """Begin an action; return False while another one runs."""
        if self.doing is not None:
            return False
        self.doing = f"{DOING[action]} {name} …"
        self._applied.clear()
        threading.Thread(target=self._run, args=(action, name), name="act", daemon=True).start()
        return True

    def outcomes(self) -> list[tuple[str, bool]]:
        """Return the lines since the last call, and whether each is an error."""
        return [self._outcomes.popleft() for _ in range(len(self._outcomes))]

    @property
    def unfinished(self) -> str | None:
        """Return what has begun and is not done, e.g. stopped and not started yet; or None."""
        return None if self._applied.is_set() else self.doing

    def wait(self) -> None:
        """Wait until what has begun is done: a feed must not stay stopped halfway."""
        self._applied.wait(DONE_WITHIN_S)

    def _run(self, action: Action, name: str) -> None:
        try:
            self._control(action, name, self._print_line)
        except FeeddError as error:
            self._outcomes.append((printable(secrets.redact(str(error))), True))
        finally:
            self.doing = None
            self._applied.set()

    def _print_line(self, text: str) -> None:
        self._outcomes.append((printable(text.strip()), False))
