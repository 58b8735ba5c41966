"""One feed in the foreground, without supervisord and without the proxy, until Ctrl-C.

scripts/run_feed_handler.sh runs it.
"""

from __future__ import annotations

import argparse
import os
import selectors
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from feedd.config import ports
from feedd.config.environment import read_environment
from feedd.errors import FeeddError, FinalError
from feedd.health.market_notice import market_notice
from feedd.operation.active_config import given_config
from feedd.runtime import secrets
from feedd.runtime.end_signals import exit_on_signals
from feedd.runtime.logs import lines as log_lines
from feedd.runtime.process import ATTACHED
from feedd.runtime.terminal import prepare_output
from feedd.supervision.project import project_root, worker_script

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from feedd.config.settings import Config, Feed

STOP_WITHIN_S = 5.0
CHUNK_BYTES = 65_536


def main(words: Sequence[str] | None = None) -> int:
    """Run the named feed, or the first; return its exit code."""
    parser = argparse.ArgumentParser(prog="scripts/run_feed_handler.sh", description=__doc__)
    parser.add_argument(
        "symbol", nargs="?", metavar="SYMBOL",
        help="one of the configuration's (FEEDD_CONFIG, else config/feedd.yaml); default: the "
        "first. ZMQ_FEED_HANDLER_URL replaces its port",
    )  # fmt: skip
    prepare_output()
    symbol = parser.parse_args(words).symbol
    exit_on_signals()
    try:
        return _run(symbol, project_root())
    except FeeddError as error:
        print(f"feedd: {secrets.redact(str(error))}", file=sys.stderr)
        return error.exit_code if isinstance(error, FinalError) else 1


def _run(symbol: str | None, root: Path) -> int:
    os.chdir(root)
    settings, path = given_config(None)
    feed = (settings.feeds() if symbol is None else settings.select(symbol))[0]
    port = ports.assign(settings, path)[feed.name]
    endpoint = read_environment().get("ZMQ_FEED_HANDLER_URL") or f"tcp://127.0.0.1:{port}"
    reader = ".venv/bin/python scripts/test_feed.py"
    if "ticker" not in feed.channels:
        reader = ".venv/bin/feedd tail --endpoint"
    print(f"{feed.symbol} on {feed.exchange}; to print it: {reader} {endpoint}", flush=True)
    if (notice := market_notice(settings)) is not None:
        print(f"({notice})", flush=True)
    with _workers(settings, feed, path, root) as workers:
        _print_logs(workers, {"exchange": "exchange", "feed": feed.name})
        return workers["feed"].wait()


@contextmanager
def _workers(
    settings: Config, feed: Feed, config: Path, root: Path
) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Start the embedded exchange, if there is one, and the feed; end both, the feed first."""
    commands = {"feed": ["--alone", feed.name]}
    if settings.embedded_exchange is not None:
        commands = {"exchange": [], **commands}
    environment = {**os.environ, ATTACHED: str(os.getpid())}
    started: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for worker, words in commands.items():
            command = [sys.executable, worker_script(root, worker), *words, "--config", str(config)]
            started[worker] = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        yield started
    finally:
        for process in reversed(started.values()):
            process.terminate()
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _print_logs(workers: dict[str, subprocess.Popen[bytes]], names: dict[str, str]) -> None:
    """Print the workers' logs for people until the feed ends."""
    logs = {worker: _Log(names[worker]) for worker in workers}
    with selectors.DefaultSelector() as selector:
        for name, process in workers.items():
            if process.stdout is not None:
                selector.register(process.stdout, selectors.EVENT_READ, name)
        while True:
            for key, _ in selector.select():
                chunk = os.read(key.fd, CHUNK_BYTES)
                logs[key.data].print(chunk)
                if not chunk:
                    selector.unregister(key.fileobj)
                    if key.data == "feed":
                        return


class _Log:
    """What a worker prints: JSON lines, and plain text.

    A final error is in both; its plain text waits for the end, and is printed if it is alone.
    """

    def __init__(self, name: str) -> None:
        self._process = name
        self._begins = f"{name}: "  # of a final error
        self._rest = b""  # of a line
        self._errors: set[str] = set()
        self._waiting: list[log_lines.LogLine] = []

    def print(self, chunk: bytes) -> None:
        """Print the lines that a chunk completes; an empty chunk is the end."""
        *lines, self._rest = (self._rest + (chunk or b"\n")).split(b"\n")
        for text in filter(None, lines):
            line = log_lines.of_json(text, self._process, time.time())
            if line.level in {"error", "critical"}:
                self._errors.add(line.event)
            if not line.level and line.event.startswith(self._begins):
                self._waiting.append(line)
            else:
                _print_line(line)
        if not chunk:
            for line in self._waiting:
                if line.event.removeprefix(self._begins) not in self._errors:
                    _print_line(line)


def _print_line(line: log_lines.LogLine) -> None:
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    print(secrets.redact(log_lines.readable(line, coloured=coloured)), flush=True)


if __name__ == "__main__":
    sys.exit(main())
