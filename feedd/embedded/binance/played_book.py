"""The book from a recording's snapshot and diffs. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from feedd.embedded.instruments import units
from feedd.embedded.integer_book import IntegerBook

if TYPE_CHECKING:
    from feedd.embedded.instruments import Instrument
    from feedd.embedded.tape import TapeLine

BEFORE_SNAPSHOT = 10_000  # depth events kept until the file's snapshot comes


class PlayedBook:
    """The book after the depth events played so far; empty before the file's snapshot."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._book: IntegerBook | None = None
        self._last: dict[str, Any] = {}
        self._waiting: list[dict[str, Any]] = []

    def snapshot(self, line: TapeLine) -> None:
        """Take the file's answer of GET depth; the first one counts."""
        if self._book is not None:
            return
        self._last = json.loads(line.data)
        self._book = IntegerBook()
        self._set({"b": self._last["bids"], "a": self._last["asks"]})
        for event in self._waiting:
            self.apply(event)
        self._waiting = []

    def apply(self, event: dict[str, Any]) -> None:
        """Take a diff that is being sent."""
        if self._book is None:
            if len(self._waiting) < BEFORE_SNAPSHOT:
                self._waiting.append(event)
        elif event["u"] >= self._last["lastUpdateId"]:
            self._set(event)
            self._last = {"lastUpdateId": event["u"], **_times(event)}

    def answer(self, limit: int) -> dict[str, Any] | None:
        """Return what GET depth answers now, or None before the snapshot."""
        if self._book is None:
            return None
        i = self._instrument
        bids, asks = (
            [[i.price(price), i.size(size)] for price, size in self._book.levels(side, limit)]
            for side in ("bid", "ask")
        )
        return {
            "lastUpdateId": self._last["lastUpdateId"], **_times(self._last), "bids": bids,
            "asks": asks,
        }  # fmt: skip

    def _set(self, event: dict[str, Any]) -> None:
        if self._book is None:
            return
        i = self._instrument
        for key in ("b", "a"):
            for price, size in event[key]:
                self._book.set(
                    "bid" if key == "b" else "ask",
                    units(price, i.price_decimals),
                    units(size, i.size_decimals),
                )


def _times(event: dict[str, Any]) -> dict[str, int]:
    """Return an event's times; spot events have none."""
    return {str(key): event[key] for key in ("E", "T") if key in event}
