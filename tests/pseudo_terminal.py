"""Terminal in which a test drives an interactive program: a pseudo-terminal, read by pyte."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pyte
import pytest
from conftest import clean_environment

KEYS = {"enter": "\r", "escape": "\x1b", "down": "\x1b[B", "up": "\x1b[A", "right": "\x1b[C",
        "left": "\x1b[D", "end": "\x1b[F", "ctrl+c": "\x03"}  # fmt: skip


def _take_terminal() -> None:
    """Make standard input the controlling terminal: Ctrl-C then sends SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class PseudoTerminal:
    """A program on a terminal of its own; its screen is read in a thread."""

    def __init__(
        self, *command: str, cwd: Path, columns: int = 120, lines: int = 32, **environment: str
    ) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self.output = b""  # all of it
        self._master, terminal = pty.openpty()
        self.before = termios.tcgetattr(terminal)
        self._terminal = terminal  # kept open: its settings are read after the program's end
        self._set_size(columns, lines)
        defaults = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "COLUMNS": "", "LINES": ""}
        given = {**clean_environment(), **defaults, **environment}
        self.process = subprocess.Popen(
            command, cwd=cwd, stdin=terminal, stdout=terminal, stderr=terminal,
            start_new_session=True, preexec_fn=_take_terminal,  # noqa: PLW1509  no lock is held
            env={key: value for key, value in given.items() if value},
        )  # fmt: skip
        self._ends = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _read(self) -> None:
        while not self._ends.is_set():
            if select.select([self._master], [], [], 0.1)[0]:
                try:
                    data = os.read(self._master, 65536)
                except OSError:
                    return
                with self._lock:
                    self.output += data
                    self._stream.feed(data)

    def resize(self, columns: int, lines: int) -> None:
        """Change the size, and send what a terminal's window sends then."""
        with self._lock:
            self._screen.resize(lines, columns)
        self._set_size(columns, lines)
        self.process.send_signal(signal.SIGWINCH)

    def press(self, *keys: str) -> None:
        """Type keys, by name or as they are."""
        for key in keys:
            os.write(self._master, KEYS.get(key, key).encode())
            time.sleep(0.05)

    def click(self, column: int, line: int) -> None:
        """Click with the left button; both count from 0."""
        for ending in "Mm":
            os.write(self._master, f"\x1b[<0;{column + 1};{line + 1}{ending}".encode())

    @property
    def lines(self) -> list[str]:
        """The lines of the screen."""
        with self._lock:
            return [line.rstrip() for line in self._screen.display]

    @property
    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.lines)

    def line_with(self, word: str) -> str:
        """Return the first line that has a word; empty without one."""
        return next((line for line in self.lines if word in line), "")

    def wait_for(self, *words: str, timeout_s: float = 90.0) -> str:
        """Return the screen as soon as it has all words; fail with it otherwise."""
        return self._wait(lambda text: all(word in text for word in words), words, timeout_s)

    def wait_without(self, *words: str, timeout_s: float = 90.0) -> str:
        """Return the screen as soon as it has none of the words; fail with it otherwise."""
        return self._wait(lambda text: not any(w in text for w in words), words, timeout_s)

    def _wait(
        self, condition: Callable[[str], bool], words: tuple[str, ...], timeout_s: float
    ) -> str:
        deadline = time.monotonic() + timeout_s
        while True:
            text = self.text
            if condition(text):
                return text
            if time.monotonic() > deadline or self.process.poll() is not None:
                pytest.fail(f"{words}: not within {timeout_s} s; the screen:\n{text}")
            time.sleep(0.05)

    @property
    def restored(self) -> bool:
        """Whether the terminal's settings are as they were before the program."""
        return termios.tcgetattr(self._terminal) == self.before

    def close(self) -> None:
        """End the program and the terminal."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._ends.set()
        self._reader.join(2)
        os.close(self._master)
        os.close(self._terminal)
