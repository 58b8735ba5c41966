"""The newest status of every feed, as subscribers hear it and as the feeds themselves say it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from feedd.topics import program_name
from feedd.transport.subscriber import Subscriber

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LOOK_AGAIN_S = 0.05


@dataclass(slots=True)
class Heard:
    """What was heard of one feed; times are monotonic, in s, None where nothing came that way."""

    status: dict[str, Any]
    own_s: float | None = None  # at its own port
    proxy_s: float | None = None  # at the fan-out endpoint

    @property
    def at_s(self) -> float:
        """When it was heard last, wherever."""
        return max(self.own_s or 0.0, self.proxy_s or 0.0)


class Statuses:
    """Listens to the fan-out endpoint and to the feeds' own ports; a context manager.

    Both, because they tell apart a feed that is mute and a proxy that forwards nothing. `heard`
    is by the name of the feed's program.
    """

    def __init__(self, fan_out: str, ports: Iterable[int]) -> None:
        self.heard: dict[str, Heard] = {}
        self._proxy = Subscriber(fan_out, ["status."])
        self._own = Subscriber((), ["status."])
        self._ports: set[int] = set()
        self.add(ports)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, ports: Iterable[int]) -> None:
        """Listen to these ports too."""
        for port in set(ports) - self._ports:
            self._own.connect(f"tcp://127.0.0.1:{port}")
            self._ports.add(port)

    def listen(self, timeout_s: float, enough: Callable[[], bool] = lambda: False) -> None:
        """Take in what comes, until it is enough or the time is over."""
        deadline = time.monotonic() + timeout_s
        while True:
            self._drain()
            left_s = deadline - time.monotonic()
            if left_s <= 0 or enough():
                return
            self._take(self._proxy.receive(min(left_s, LOOK_AGAIN_S)), through_proxy=True)

    def close(self) -> None:
        """Close both sockets."""
        self._proxy.close()
        self._own.close()

    def _drain(self) -> None:
        while (message := self._own.receive(0)) is not None:
            self._take(message, through_proxy=False)
        while (message := self._proxy.receive(0)) is not None:
            self._take(message, through_proxy=True)

    def _take(self, message: tuple[str, dict[str, Any]] | None, *, through_proxy: bool) -> None:
        if message is None:
            return
        status = message[1]
        heard = self.heard.setdefault(
            program_name(status["exchange"], status["symbol"]), Heard(status)
        )
        if (status["session"], status["seq"]) >= (heard.status["session"], heard.status["seq"]):
            heard.status = status
        if through_proxy:
            heard.proxy_s = time.monotonic()
        else:
            heard.own_s = time.monotonic()
