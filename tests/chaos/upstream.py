"""The other end: faults of the embedded exchange by HTTP, and what feeds say to them.

Half of a case's feeds come by ccxt, half by the native source; all suffer the same.
"""

from __future__ import annotations

import json
import time
import urllib.request
from dataclasses import dataclass
from typing import Any

from conftest import Project

from chaos.frame import Run
from chaos.process import Recording, within

CHANNELS = ("quote", "trade", "book")
STREAMS = {"quote": "bookTicker", "trade": "trade", "book": "depth"}
QUIET_S = 1.0
REPORTED_WITHIN_S, BACK_S = 45.0, 90.0  # for what no figure measures


@dataclass(frozen=True)
class Feed:
    """One feed of a case."""

    base: str  # BTC
    source: str

    @property
    def name(self) -> str:
        return f"binanceusdm.{self.base}/USDT:USDT."

    @property
    def market(self) -> str:
        return f"{self.base}USDT"

    @property
    def program(self) -> str:
        return f"feed-binanceusdm-{self.base}-USDT-USDT"

    def stream(self, channel: str) -> str:
        return f"{self.base.lower()}usdt@{STREAMS[channel]}"


class Upstream:
    """A project whose exchange shows faults, with a recorder of all its feeds."""

    def __init__(self, run: Run, bases: tuple[str, ...] = ("BTC", "ETH"), **settings: Any) -> None:
        self.run = run
        self.feeds = [Feed(base, ("ccxt", "native")[at % 2]) for at, base in enumerate(bases)]
        symbols = [{"symbol": f"{one.base}/USDT:USDT", "source": one.source} for one in self.feeds]
        self.project: Project = run.project(symbols=symbols, channels=list(CHANNELS), **settings)
        self.recorder: Recording = run.recorder(self.project)
        self._worst_s: dict[str, float] = {}
        self.settle()

    # --- faults -------------------------------------------------------------------------------

    def fault(self, fault: str, **settings: Any) -> int:
        """Begin a fault; return its number."""
        id_: int = self._ask("POST", "", {"fault": fault, **settings})["id"]
        return id_

    def events(self, fault: str, channel: str, **settings: Any) -> list[int]:
        """Begin a fault in the way of a channel's events, of each feed; return their numbers."""
        return [self.fault(fault, streams=[one.stream(channel)], **settings) for one in self.feeds]

    def clear(self) -> None:
        self._ask("DELETE", "")

    def fired(self, *ids: int) -> list[int]:
        """Return how often each of these faults has happened."""
        armed = self._ask("GET", "")
        every = {one["id"]: one["fired"] for those in armed.values() for one in those}
        return [every[id_] for id_ in ids]

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        port = self.project.settings["embedded_exchange"]["port"]
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/embedded/faults{path}",
            None if body is None else json.dumps(body).encode(), method=method,
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=45) as answer:
            return json.load(answer)

    # --- what feeds say -----------------------------------------------------------------------

    def settle(self, feeds: list[Feed] | None = None) -> float:
        """Wait until feeds are live, each topic's events come, and nothing has changed a while."""
        began_s = time.monotonic()
        for one in feeds or self.feeds:

            def quiet(one: Feed = one) -> bool:
                since_s, state = self.recorder.state(one.name)
                now_s = time.monotonic()
                return state == "live" and now_s - since_s > QUIET_S and all(
                    self.recorder.ticked(f"{channel}.{one.name}") > max(began_s, since_s)
                    for channel in CHANNELS
                )  # fmt: skip

            within(BACK_S, quiet, f"{one.name} is live, and all its channels yield")
        return time.monotonic()

    def wait_until_not_live(self, since_s: float, feeds: list[Feed] | None = None) -> float:
        """Wait until feeds report, after a time, that they are not live; return the last time."""
        return max(
            within(
                REPORTED_WITHIN_S, lambda one=one: self.recorder.not_live(one.name, since_s),
                f"{one.name} reports that it is not live",
            )
            for one in feeds or self.feeds
        )  # fmt: skip

    def gap_told(self, since_s: float, channel: str) -> None:
        """Wait until each feed has reported a gap in a channel since a time."""
        for one in self.feeds:

            def found(one: Feed = one) -> bool:
                return any(
                    line["kind"] == "UpstreamGap" and line["feed"] == one.name
                    and line["channel"] == channel and line["at"] > since_s
                    for line in reversed(self.recorder.notices)
                )  # fmt: skip

            within(REPORTED_WITHIN_S, found, f"{one.name} reports a gap in {channel}")

    def back(self, since_s: float, feeds: list[Feed] | None = None) -> None:
        """Wait until feeds are live again for good; keep the longest time since a time."""
        self.settle(feeds)
        for one in feeds or self.feeds:
            took_s = max(0.0, self.recorder.state(one.name)[0] - since_s)
            self._worst_s[one.source] = max(self._worst_s.get(one.source, 0.0), took_s)

    def outage(self, began_s: float) -> None:
        """Wait until feeds are live again for good; keep the longest time without that."""
        self.settle()
        for one in self.feeds:
            lost_s = self.recorder.not_live(one.name, began_s)
            took_s = 0.0 if lost_s is None else self.recorder.state(one.name)[0] - lost_s
            self._worst_s[one.source] = max(self._worst_s.get(one.source, 0.0), took_s)

    def figures(self, what: str, most_s: float) -> None:
        """Note the longest time of each source since the last call."""
        for source, took_s in sorted(self._worst_s.items()):
            self.run.figure(f"{what} by {source}", took_s, most=most_s, unit="s")
        self._worst_s.clear()

    def end(self) -> None:
        """Audit everything; no worker may have restarted."""
        again = [line for line in self.recorder.notices if line["kind"] == "NewSession"]
        self.run.must(not again, f"workers restarted: {again[:2]}")
        self.run.nothing_lost_silently(self.project, self.recorder)
