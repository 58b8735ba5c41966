"""Messages of this project alone, for a plain subscriber: as `subscribe(…, deployment=…)`."""

from __future__ import annotations

from collections import deque
from typing import Any

from feedd.topics import topic

MAX_HELD = 10_000  # until the first status of a session, at most a second
MAX_SESSIONS = 10_000

Message = tuple[str, dict[str, Any]]


def with_statuses(prefixes: list[str]) -> list[str]:
    """Return the prefixes with those of their feeds' statuses, which name the deployment."""
    return sorted({*prefixes, *(f"status.{prefix.partition('.')[2]}" for prefix in prefixes)})


class OwnMessages:
    """Passes on the messages of one deployment; `notices` are texts on others, once for each.

    Messages whose topics do not begin with one of `prefixes` only attribute sessions.
    """

    def __init__(self, deployment: str, prefixes: list[str]) -> None:
        self.notices: list[str] = []
        self._deployment = deployment
        self._prefixes = tuple(prefixes)
        self._ours: dict[tuple[str, str, int], bool] = {}  # by exchange, symbol and session
        self._held: deque[Message] = deque(maxlen=MAX_HELD)
        self._reported: set[tuple[str, Any]] = set()

    def take(self, name: str, payload: dict[str, Any]) -> list[Message]:
        """Return what may pass now, in the order of receipt."""
        key = _session_of(payload)
        if not name.startswith("status."):
            verdict = self._ours.get(key)
            if verdict is None:
                self._held.append((name, payload))
            return [(name, payload)] if verdict else []
        if len(self._ours) >= MAX_SESSIONS:
            self._ours.clear()
        ours = self._ours[key] = payload.get("deployment") == self._deployment
        if not ours:
            self._report(payload)
        passing = self._release(key) if ours else []
        if ours and name.startswith(self._prefixes):
            passing.append((name, payload))
        return passing

    def _release(self, key: tuple[str, str, int]) -> list[Message]:
        released = [one for one in self._held if _session_of(one[1]) == key]
        if released:
            rest = [one for one in self._held if _session_of(one[1]) != key]
            self._held = deque(rest, maxlen=MAX_HELD)
        return released

    def _report(self, status: dict[str, Any]) -> None:
        feed = topic("status", status["exchange"], status["symbol"]).partition(".")[2]
        deployment = status.get("deployment")
        if (feed, deployment) in self._reported or len(self._reported) >= MAX_SESSIONS:
            return
        self._reported.add((feed, deployment))
        self.notices.append(
            f"{feed} is of another project (deployment {deployment}, pid {status.get('pid')} "
            "there): its messages are left out"
        )


def _session_of(payload: dict[str, Any]) -> tuple[str, str, int]:
    return payload["exchange"], payload["symbol"], payload["session"]
