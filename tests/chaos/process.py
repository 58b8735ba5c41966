"""Processes of a case's own that write JSON lines: helpers, and `feedd tail --json`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conftest import PYTHON, REPOSITORY, clean_environment


class Lost(AssertionError):  # noqa: N818  names the result
    """A rule is broken that holds on any machine, however slow."""


def within(timeout_s: float, condition: Callable[[], Any], what: str) -> Any:
    """Return the first true value of a condition; raise Lost where there is none in time."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Lost(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(0.02)
    return value


class Process:
    """A process that writes JSON lines to a file."""

    def __init__(
        self, command: list[str], out: Path, cwd: Path, *, to_stdout: bool = False,
        **environment: str,
    ) -> None:  # fmt: skip
        self.out = out
        out.touch()
        self._read = 0
        self._lines: list[dict[str, Any]] = []
        self.errors = out.with_suffix(".stderr")
        with self.errors.open("w") as errors, out.open("ab") as stdout:
            self._child = subprocess.Popen(
                command, cwd=cwd, stdout=stdout if to_stdout else None, stderr=errors,
                stdin=subprocess.DEVNULL, env={**clean_environment(), **environment},
            )  # fmt: skip
        self.pid = self._child.pid

    @classmethod
    def of_ours(cls, module: str, out: Path, *words: str, **environment: str) -> Process:
        """Start a module of this folder, whose first word is the file that it writes."""
        command = [PYTHON, "-m", f"chaos.{module}", str(out), *words]
        return cls(command, out, REPOSITORY / "tests", **environment)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """All that it has written so far."""
        with self.out.open("rb") as file:
            file.seek(self._read)
            whole, newline, _ = file.read().rpartition(b"\n")
        if newline:
            self._read += len(whole) + 1
            self._lines += [self._line(json.loads(line)) for line in whole.splitlines()]
        return self._lines

    def wait_for(self, timeout_s: float, what: str, **like: Any) -> dict[str, Any]:
        """Wait for a line with these values, e.g. `kind="Gap"`."""
        seen = 0

        def found() -> dict[str, Any] | None:
            nonlocal seen
            lines = self.lines
            news, seen = lines[seen:], len(lines)
            return next(
                (one for one in news if all(one.get(k) == v for k, v in like.items())), None
            )

        found_line: dict[str, Any] = within(timeout_s, found, what)
        return found_line

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def stop(self, timeout_s: float = 45.0) -> int:
        """Let it end by itself; return its exit code."""
        if self._child.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        try:
            return self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
            raise Lost(f"{self._child.args} did not end") from None

    def wait(self, timeout_s: float) -> int:
        return self._child.wait(timeout_s)

    def _line(self, line: dict[str, Any]) -> dict[str, Any]:
        return line


class Recording(Process):
    """`feedd tail --json` in a project's folder, and what a case has to know of its lines.

    `at` is when a line was received, on the monotonic clock that all processes share; `kind` is
    `tick`, `status`, the name of a notice, `begin` or `end`. The file is as the auditor wants it.
    """

    def __init__(
        self, out: Path, folder: Path, topics: tuple[str, ...], **environment: str
    ) -> None:
        self._offset_ns = time.monotonic_ns() - time.time_ns()
        self._states: dict[str, list[tuple[float, str]]] = {}  # by feed
        self._ticked: dict[str, float] = {}  # by topic, when the last one came
        command = [PYTHON, "-m", "feedd", "tail", "--json", *topics]
        super().__init__(command, out, folder, to_stdout=True, **environment)

    @property
    def notices(self) -> list[dict[str, Any]]:
        """The notices, without the messages."""
        return [line for line in self.lines if "notice" in line]

    def state(self, feed: str) -> tuple[float, str]:
        """Return since when a feed has been in which state; (0, "") before the first."""
        assert self.lines
        return self._states.get(feed, [(0.0, "")])[-1]

    def not_live(self, feed: str, after_s: float) -> float | None:
        """Return when a feed first reported, after a time, that it is not live."""
        assert self.lines
        late = [at for at, state in self._states.get(feed, []) if at > after_s and state != "live"]
        return min(late, default=None)

    def ticked(self, topic: str) -> float:
        """Return when the last tick of a topic came; 0 before the first."""
        assert self.lines
        return self._ticked.get(topic, 0.0)

    def _line(self, line: dict[str, Any]) -> dict[str, Any]:
        at = (line["ns"] + self._offset_ns) / 1e9
        if "notice" in line:
            if line["notice"] == "StateChange":
                self._states.setdefault(line["feed"], []).append((at, line["state"]))
            return {**line, "at": at, "kind": line["notice"]}
        payload = line.get("payload")
        if payload is None:
            return {"at": at, "kind": "end" if "end" in line else "begin"}
        topic = line["topic"]
        kept = {
            "at": at, "kind": "tick", "topic": topic, "session": payload["session"],
            "seq": payload["seq"], "origin": payload["client.origin"],
        }  # fmt: skip
        if topic.startswith("status."):
            kept.update(kind="status", feed=topic.partition(".")[2], status=payload)
        else:
            self._ticked[topic] = at
        return kept
