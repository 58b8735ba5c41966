"""The client under test: a process that is told what to do and says what it would hand over."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING

from feedd.conformance.judge import Line
from feedd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_LINES = 100_000  # not yet read; a client that says more is held up by its pipe
END_S = 5.0

DONE = ("DONE",)


class Client:
    """Starts the command in a session of its own; `{endpoint}` and `{history}` in it are replaced.

    The same is in its environment, as FEEDD_ENDPOINT and FEEDD_HISTORY.
    """

    def __init__(self, command: Sequence[str], endpoint: str, history: str) -> None:
        """Start it; raise ConfigError where that can't be done."""
        words = [
            word.replace("{endpoint}", endpoint).replace("{history}", history) for word in command
        ]
        environment = {**os.environ, "FEEDD_ENDPOINT": endpoint, "FEEDD_HISTORY": history}
        try:
            self._process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1, env=environment,
                encoding="utf-8", errors="replace", start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise ConfigError(f"{words[0]} can't be started: {error.strerror}") from None
        self._lines: queue.Queue[Line] = queue.Queue(MOST_LINES)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def ended(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    def tell(self, *words: str) -> None:
        """Send a line; one that does not listen any more is found out by what it doesn't say."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(" ".join(words) + "\n")
                self._process.stdin.flush()

    def lines(self) -> list[Line]:
        """Return what it has said since the last call."""
        found = []
        while True:
            try:
                found.append(self._lines.get_nowait())
            except queue.Empty:
                return found

    def close(self) -> None:
        """Let it end, and end it where it doesn't, with all that it has started."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._kill()
            self._process.wait()
        else:
            self._kill()  # what it has left behind

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):  # nobody is left of its group
            os.killpg(self._process.pid, signal.SIGKILL)

    def _read(self) -> None:
        if self._process.stdout is None:
            return
        with self._process.stdout as stdout:
            for text in stdout:
                words = tuple(text.split())
                if words and not words[0].startswith("#"):
                    self._lines.put(Line(time.monotonic(), words))
