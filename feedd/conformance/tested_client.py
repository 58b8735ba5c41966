"""The client under test: a process that reads commands and prints what it would return."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING

from feedd.conformance.judge import OutputLine
from feedd.errors import ConfigError
from feedd.runtime.end_signals import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_LINES = 100_000  # not yet read; beyond that, the client blocks on its pipe
END_S = 5.0

DONE = ("DONE",)


class ClientProcess:
    """Runs the command in its own process session; replaces `{endpoint}` and `{history}` in it.

    Its environment has the same values as FEEDD_ENDPOINT and FEEDD_HISTORY.
    """

    def __init__(self, command: Sequence[str], endpoint: str, history: str) -> None:
        """Start the process; raise ConfigError if it can't be started."""
        words = [
            word.replace("{endpoint}", endpoint).replace("{history}", history) for word in command
        ]
        environment = {**os.environ, "FEEDD_ENDPOINT": endpoint, "FEEDD_HISTORY": history}
        try:
            self._process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1, env=environment,
                encoding="utf-8", errors="replace", start_new_session=True,
                preexec_fn=die_with_parent,
            )  # fmt: skip
        except OSError as error:
            raise ConfigError(f"{words[0]} can't be started: {error.strerror}") from None
        self._lines: queue.Queue[OutputLine] = queue.Queue(MOST_LINES)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def ended(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    def send(self, *words: str) -> None:
        """Send a line; a client that has closed its input is found by its missing output."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(" ".join(words) + "\n")
                self._process.stdin.flush()

    def lines(self) -> list[OutputLine]:
        """Return its output since the last call."""
        found = []
        while True:
            try:
                found.append(self._lines.get_nowait())
            except queue.Empty:
                return found

    def close(self) -> None:
        """Close its input, wait for END_S, then kill its process group."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._kill()
            self._process.wait()
        else:
            self._kill()  # processes that it left behind

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):  # its group has no process left
            os.killpg(self._process.pid, signal.SIGKILL)

    def _read(self) -> None:
        if self._process.stdout is None:
            return
        with self._process.stdout as stdout:
            for text in stdout:
                words = tuple(text.split())
                if words and not words[0].startswith("#"):
                    self._lines.put(OutputLine(time.monotonic(), words))
