"""The health of the whole: what supervisord says of the processes, and what their data say."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from feedd.logs import LOG_SUFFIX
from feedd.render import EXCHANGE, PROXY
from feedd.topics import topic
from feedd.transport.subscriber import Subscriber

if TYPE_CHECKING:
    from feedd.config import Config, Feed
    from feedd.daemon import Daemon

LOG_TAIL_BYTES = 65536
HEARTBEATS_S = 1.5  # a feed says its state once a second


class Health(IntEnum):
    """The answer for a monitor; `feedd status` exits with it."""

    HEALTHY = 0
    DEGRADED = 1
    DOWN = 2


@dataclass(frozen=True, slots=True)
class ProcessHealth:
    """One process; `state` is the feed's own where it speaks, else supervisord's view."""

    name: str
    process: str  # supervisord's: RUNNING, STOPPED, …
    pid: int | None
    uptime_s: int
    port: int | None = None
    state: str | None = None
    reason: str | None = None
    status: dict[str, Any] | None = None

    @property
    def healthy(self) -> bool:
        """Whether it runs, and, where it is a feed, delivers."""
        return self.process == "RUNNING" and self.state in {None, "live"}


@dataclass(frozen=True, slots=True)
class Report:
    """All processes of a configuration."""

    processes: tuple[ProcessHealth, ...]

    @property
    def health(self) -> Health:
        """Down without a proxy, or where no feed delivers; degraded where one doesn't."""
        if not self.processes or all(p.state != "live" for p in self.processes):
            return Health.DOWN
        if any(p.name == PROXY and not p.healthy for p in self.processes):
            return Health.DOWN
        if all(p.healthy for p in self.processes):
            return Health.HEALTHY
        return Health.DEGRADED

    def as_dict(self) -> dict[str, Any]:
        """Return it for machines."""
        return {
            "health": self.health.name.lower(),
            "processes": [asdict(process) for process in self.processes],
        }


def look(
    config: Config, daemon: Daemon, ports: dict[str, int], timeout_s: float = HEARTBEATS_S
) -> Report:
    """Return the health of everything now; listens until every feed has spoken, or in vain."""
    if daemon.pid is None:
        return Report(())
    feeds = {topic("status", feed.exchange, feed.symbol): feed for feed in config.feeds()}
    heard: dict[str, dict[str, Any]] = {}
    with Subscriber(config.proxy.subscribers, feeds) as subscriber:
        deadline = time.monotonic() + timeout_s
        while len(heard) < len(feeds) and (left := deadline - time.monotonic()) > 0:
            message = subscriber.receive(left)
            if message is not None and message[0] in feeds:
                heard[feeds[message[0]].name] = message[1]
    return report(config, daemon.processes(), heard, ports)


def report(
    config: Config,
    infos: dict[str, dict[str, Any]],
    statuses: dict[str, dict[str, Any]],
    ports: dict[str, int],
) -> Report:
    """Put together what supervisord and the feeds say, by program name."""
    names = [PROXY] if config.embedded_exchange is None else [PROXY, EXCHANGE]
    rows = [_process(name, infos.get(name), Path(config.log_dir)) for name in names]
    rows += [
        _feed(feed, infos.get(feed.name), statuses.get(feed.name), ports.get(feed.name),
              Path(config.log_dir))
        for feed in config.feeds()
    ]  # fmt: skip
    return Report(tuple(rows))


def _process(name: str, info: dict[str, Any] | None, log_dir: Path) -> ProcessHealth:
    if info is None:
        return ProcessHealth(name, "MISSING", None, 0, reason="not started; run `make start`")
    running = info["statename"] == "RUNNING"
    return ProcessHealth(
        name=name,
        process=info["statename"],
        pid=info["pid"] or None,
        uptime_s=info["now"] - info["start"] if running else 0,
        reason=None
        if running
        else _last_error(log_dir, name, info["start"]) or info["spawnerr"] or None,
    )


def _feed(
    feed: Feed,
    info: dict[str, Any] | None,
    status: dict[str, Any] | None,
    port: int | None,
    log_dir: Path,
) -> ProcessHealth:
    process = _process(feed.name, info, log_dir)
    running = process.process == "RUNNING"
    if status is None or not running:
        state, reason = ("silent", "no status was heard") if running else ("down", process.reason)
    else:
        state, reason = status["state"], status["reason"]
    return ProcessHealth(
        process.name, process.process, process.pid, process.uptime_s, port, state, reason,
        status if running else None,
    )  # fmt: skip


def _last_error(log_dir: Path, name: str, since_s: int) -> str | None:
    """Return the last error in a process' log since it was started: why it ended."""
    try:
        with Path(log_dir, name + LOG_SUFFIX).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        try:
            entry = orjson.loads(line)
        except orjson.JSONDecodeError:  # the first line read may be the rest of one
            return None
        if datetime.fromisoformat(entry["timestamp"]).timestamp() < since_s - 1:
            return None
        if entry["level"] == "error":
            return str(entry["event"])
    return None
