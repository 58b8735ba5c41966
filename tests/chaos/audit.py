"""Held against each other: the ids that the exchange sent, and those that a subscriber saw.

Small and independent of feedd. Where an auditor of the product's is at hand, it takes this place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

STREAMS = {"trade": "trade", "bookTicker": "quote"}


@dataclass
class Findings:
    """How many ids are missing outside flagged ranges, twice, out of order, or of nobody's."""

    seen: int = 0
    flagged: int = 0
    missing: int = 0
    twice: int = 0
    out_of_order: int = 0
    unknown: int = 0
    first_missing: str = ""

    @property
    def wrong(self) -> int:
        return self.missing + self.twice + self.out_of_order + self.unknown


class _Channel:
    """What was seen of one symbol's channel, and the ranges that are said to be missing."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.open = False  # something is missing from the last id to the next one
        self.flagged: list[tuple[float, float]] = []  # between these, without them

    def see(self, id_: int) -> None:
        if self.open:
            self.flagged.append((self.ids[-1] if self.ids else float("-inf"), id_))
            self.open = False
        self.ids.append(id_)


def audit(truth: Path, seen: Iterable[dict[str, Any]], until_ns: int) -> Findings:
    """Return what is wrong with what a recorder saw, up to what was sent at a time."""
    channels = _channels(seen)
    sent: dict[str, set[int]] = {}
    due: dict[str, set[int]] = {}
    with truth.open("rb") as lines:
        for line in lines:
            if not line.endswith(b"\n"):
                break
            event = json.loads(line)
            market, _, kind = event["stream"].partition("@")
            if kind in STREAMS and event["id"] is not None:
                key = f"{STREAMS[kind]} {market}"
                sent.setdefault(key, set()).add(event["id"])
                if event["sent_ns"] <= until_ns:
                    due.setdefault(key, set()).add(event["id"])
    found = Findings()
    for key, channel in channels.items():
        _judge(key, channel, sent.get(key, set()), due.get(key, set()), found)
    return found


def _judge(key: str, channel: _Channel, sent: set[int], due: set[int], found: Findings) -> None:
    ids = channel.ids
    if channel.open:
        channel.flagged.append((ids[-1] if ids else float("-inf"), float("inf")))
    seen = set(ids)
    found.seen += len(ids)
    found.twice += len(ids) - len(seen)
    found.out_of_order += sum(b < a for a, b in pairwise(ids))
    found.unknown += len(seen - sent)
    begin = min(ids, default=float("inf"))
    for id_ in sorted(due - seen):
        if id_ <= begin:
            continue
        if any(low < id_ < high for low, high in channel.flagged):
            found.flagged += 1
        else:
            found.missing += 1
            found.first_missing = found.first_missing or f"{key} {id_}"


def _channels(seen: Iterable[dict[str, Any]]) -> dict[str, _Channel]:
    channels: dict[str, _Channel] = {}

    def of(topic: str) -> _Channel:
        name, _, rest = topic.partition(".")
        return channels.setdefault(f"{name} {_market(rest)}", _Channel())

    for line in seen:
        kind = line["kind"]
        if kind == "tick" and line["id"] is not None:
            of(line["topic"]).see(line["id"])
        elif kind == "Gap":
            of(line["topic"]).open = True
        elif kind == "NewSession":
            for name in STREAMS.values():
                of(f"{name}.{line['feed']}").open = True
        elif kind == "UpstreamGap":
            channel = of(f"{line['channel']}.{line['feed']}")
            if line["from_id"] is None or line["to_id"] is None:
                channel.open = True
            else:
                channel.flagged.append((line["from_id"], line["to_id"]))
    return channels


def _market(feed: str) -> str:
    """Return how the exchange names the market of `binanceusdm.BTC/USDT:USDT.`."""
    symbol = feed.removesuffix(".").partition(".")[2]
    return symbol.partition(":")[0].replace("/", "").lower()
