"""Query parameters of a request, checked. Pure.

Every fault is an ApiError with the remedy; a misspelled parameter is a fault too, because an answer
without its effect would be wrong.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from feedd.gateway.responses import ApiError
from feedd.topic_prefixes import HEADS

if TYPE_CHECKING:
    from multidict import MultiMapping

    from feedd.gateway.feeds import FeedName, Feeds

LARGEST = (1 << 63) - 1
FEED = ("feed", "symbol", "exchange")
NAMED_BYTES = 100  # of a wrong value, in an error


class Query:
    """Parameters of one request; those that are not in `allowed` raise ApiError."""

    def __init__(self, given: MultiMapping[str], allowed: tuple[str, ...]) -> None:
        self._given = given
        for name in dict.fromkeys(given):
            if name not in allowed:
                near = difflib.get_close_matches(name, allowed, n=1)
                known = (
                    f"the parameters are {', '.join(allowed)}" if allowed else "this path has none"
                )
                remedy = f"is it {near[0]}?" if near else known
                raise ApiError(400, f"there is no parameter {_cut(name)!r}", remedy)
            if len(given.getall(name)) > 1:
                raise ApiError(400, f"{name} is given more than once", f"write {name}=… once")

    def text(self, name: str) -> str | None:
        """Return a parameter; None without. An empty one raises ApiError."""
        value = self._given.get(name)
        if value == "":
            raise ApiError(400, f"{name} is empty", f"write a value after {name}=, or leave it out")
        return value

    def number(
        self, name: str, default: int | None, lowest: int = 0, highest: int = LARGEST
    ) -> int | None:
        """Return a whole number between two bounds."""
        value = self.text(name)
        if value is None:
            return default
        bounds = f"a whole number from {lowest} to {highest}"
        if not (value.isascii() and value.isdigit() and len(value) < 20):
            raise ApiError(400, f"{name}={_cut(value)} is not {bounds}", f"write {name}={lowest}")
        number = int(value)
        if number > highest:
            raise ApiError(400, f"{name}={number} is above the bound", f"write at most {highest}")
        if number < lowest:
            raise ApiError(400, f"{name}={number} is below the bound", f"write at least {lowest}")
        return number

    def limit(self, default: int, highest: int) -> int:
        """Return `limit`: from 1 to `highest`."""
        return self.number("limit", default, 1, highest) or default

    def choice(self, name: str, choices: tuple[str, ...]) -> str | None:
        """Return a parameter that has one of some values; None without."""
        value = self.text(name)
        if value is not None:
            _check_choice(name, value, choices)
        return value

    def channel(self) -> str | None:
        """Return `channel`; None without."""
        return self.choice("channel", HEADS)

    def topic_channel(self, topic: str) -> str:
        """Return the channel of a topic; raise ApiError for an unknown one."""
        channel = topic.partition(".")[0]
        _check_choice("channel", channel, HEADS)
        return channel

    def integers_as_text(self) -> bool:
        """Return whether `ints=string` asks for integers beyond 2^53 as text."""
        return self.choice("ints", ("string", "number")) == "string"

    def feed(self, feeds: Feeds) -> FeedName | None:
        """Return the feed of `feed=`, or of `symbol=` and perhaps `exchange=`; None without."""
        name, symbol, exchange = (self.text(one) for one in FEED)
        if name is not None:
            if symbol is not None or exchange is not None:
                raise ApiError(400, "feed and symbol are both given", "write only feed=…")
            return feeds.named(name)
        if symbol is not None:
            return feeds.of_symbol(symbol, exchange)
        if exchange is not None:
            raise ApiError(400, "exchange is given without symbol", "add symbol=…")
        return None

    def one_feed(self, feeds: Feeds) -> FeedName:
        """Return the feed; raise ApiError if none is given."""
        found = self.feed(feeds)
        if found is None:
            raise ApiError(
                400, "no feed is given", "add feed=<exchange>.<symbol>. or symbol=<symbol>"
            )
        return found


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value in choices:
        return
    near = difflib.get_close_matches(value.lower(), choices, n=1)
    remedy = f"is it {near[0]}?" if near else f"write one of {', '.join(choices)}"
    raise ApiError(400, f"there is no {name} {_cut(value)!r}", remedy)


def _cut(value: str) -> str:
    return value if len(value) <= NAMED_BYTES else f"{value[:NAMED_BYTES]}…"
