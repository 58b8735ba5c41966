"""Latest status of every feed, through the proxies and from the feeds' own ports."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from feedd.topics import program_name
from feedd.transport.subscriber import Subscriber

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

POLL_AGAIN_S = 0.05
MAX_PUBLISHERS = 10_000


@dataclass(slots=True)
class ReceivedStatus:
    """Latest status of one feed, and when it came last; times are monotonic, in s."""

    status: dict[str, Any]
    own_s: float | None = None  # at its own port; None if never
    proxies_s: dict[str, float] = field(default_factory=dict)  # through each proxy, by its name

    @property
    def at_s(self) -> float:
        """When a status was received last, through any of them."""
        return max(self.own_s or 0.0, *self.proxies_s.values(), 0.0)


class StatusMonitor:
    """Subscribes to the fan-out endpoints and to the feeds' own ports; a context manager.

    Both are needed to distinguish a silent feed from a proxy that does not forward. The keys of
    `fan_outs` are names of proxies, those of `received` names of the feeds' programs.

    With a `deployment`, `received` has its statuses only, and `foreign` those of other deployments:
    their processes may have taken the same ports, or have connected to the same proxy.
    `publishers` has the time of the last status of each feed and deployment.
    """

    def __init__(
        self, fan_outs: Mapping[str, str], ports: Iterable[int], deployment: str | None = None
    ) -> None:
        self.received: dict[str, ReceivedStatus] = {}
        self.foreign: dict[str, ReceivedStatus] = {}
        self.publishers: dict[tuple[str, str | None], float] = {}
        self.deployment = deployment
        self._proxies = {
            name: Subscriber(endpoint, ["status."]) for name, endpoint in fan_outs.items()
        }
        self._own = Subscriber((), ["status."])
        self._ports: set[int] = set()
        self.add(ports)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, ports: Iterable[int]) -> None:
        """Subscribe to more ports."""
        for port in set(ports) - self._ports:
            self._own.connect(f"tcp://127.0.0.1:{port}")
            self._ports.add(port)

    def listen(self, timeout_s: float, enough: Callable[[], bool] = lambda: False) -> None:
        """Receive statuses until `enough` returns True or the timeout."""
        deadline = time.monotonic() + timeout_s
        first = next(iter(self._proxies))
        while True:
            self._drain()
            left_s = deadline - time.monotonic()
            if left_s <= 0 or enough():
                return
            message = self._proxies[first].receive(min(left_s, POLL_AGAIN_S))
            if message is not None:
                self._take(message, first)

    def close(self) -> None:
        """Close all sockets."""
        for proxy in self._proxies.values():
            proxy.close()
        self._own.close()

    def _drain(self) -> None:
        while (message := self._own.receive(0)) is not None:
            self._take(message, None)
        for name, proxy in self._proxies.items():
            while (message := proxy.receive(0)) is not None:
                self._take(message, name)

    def _take(self, message: tuple[str, dict[str, Any]], proxy: str | None) -> None:
        status = message[1]
        deployment = status.get("deployment")
        ours = self.deployment in {None, deployment}
        name = program_name(status["exchange"], status["symbol"])
        if (name, deployment) in self.publishers or len(self.publishers) < MAX_PUBLISHERS:
            self.publishers[name, deployment] = time.monotonic()
        received = (self.received if ours else self.foreign).setdefault(
            name, ReceivedStatus(status)
        )
        if status["session"] < received.status["session"]:
            return  # of an earlier process, which still runs
        if (status["session"], status["seq"]) >= (
            received.status["session"],
            received.status["seq"],
        ):
            received.status = status
        if proxy is None:
            received.own_s = time.monotonic()
        else:
            received.proxies_s[proxy] = time.monotonic()
