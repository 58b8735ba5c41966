"""Restart, stop or start one process of a project; every other process keeps running."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from feedd.operation.restart import change_processes
from feedd.supervision.daemon import Daemon
from feedd.supervision.render import EXCHANGE, GATEWAY, PROXIES, RECORDER, WATCHDOG

if TYPE_CHECKING:
    from pathlib import Path

    from feedd.operation.progress import PrintLine

Action = Literal["restart", "stop", "start"]
_WITHOUT = {
    WATCHDOG: "without it no process that hangs is restarted",
    RECORDER: "without it nothing is recorded",
    GATEWAY: "without it there is no page, no API and no metrics",
    EXCHANGE: "without it the feeds receive nothing",
    **dict.fromkeys(PROXIES, "without it subscribers receive nothing from it, and its history is "
                             "lost"),
}  # fmt: skip


def control(action: Action, name: str, root: Path, print_line: PrintLine) -> None:
    """Restart, stop or start a process, and print that it was done; its state shows the rest.

    Raises ConfigError for a process that is not started yet, DaemonError where supervisord refuses.
    """
    change_processes(Daemon(root), [name], stop=action != "start", start=action != "stop")
    print_line(f"{done(action)} {name}")


def done(action: Action) -> str:
    """Return the verb in the past."""
    return {"restart": "restarted", "stop": "stopped", "start": "started"}[action]


def consequence(action: Action, name: str, *, is_feed: bool) -> str:
    """Return what an action does to the process and to its subscribers."""
    if is_feed:
        return {
            "restart": "Its session ends and a new one begins. Subscribers get a NewSession; what "
            "the exchange sends in between is not published. Every other process keeps running.",
            "stop": "It publishes nothing until it is started again. Subscribers get Stopped. "
            "Every other process keeps running.",
            "start": "It begins a new session. Every other process keeps running.",
        }[action]
    without = _WITHOUT.get(name, "what depends on it does not work meanwhile")
    return {
        "restart": f"It stops and starts again; {without} meanwhile.",
        "stop": f"It stays stopped until it is started again; {without}.",
        "start": "It starts again. Every other process keeps running.",
    }[action]
