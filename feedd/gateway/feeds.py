"""Feeds by name: those of the configuration, and those whose statuses arrive."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, NamedTuple

from feedd.gateway.responses import ApiError
from feedd.topics import market_id, program_name, topic
from feedd.venues.registry import unified_symbol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAMED = 5  # feeds in an error


class FeedName(NamedTuple):
    """A feed; `key` names it on the wire, in the client library and in the API."""

    exchange: str
    symbol: str

    @property
    def key(self) -> str:
        """Return `<exchange>.<symbol>.`."""
        return f"{self.exchange}.{self.symbol}."

    @property
    def program(self) -> str:
        """Return the name of its process."""
        return program_name(self.exchange, self.symbol)

    def topic(self, channel: str) -> str:
        """Return the topic of one of its channels."""
        return topic(channel, self.exchange, self.symbol)


class Feeds:
    """All known feeds, by their key."""

    def __init__(self, names: Iterable[tuple[str, str]]) -> None:
        self._feeds = {feed.key: feed for feed in (FeedName(*name) for name in names)}

    def __iter__(self) -> Iterator[FeedName]:
        return iter(self._feeds.values())

    def named(self, name: str) -> FeedName:
        """Return the feed `<exchange>.<symbol>.`; raise ApiError if there is none.

        The last dot may be missing, and a process's name does as well.
        """
        found = self._feeds.get(name) or self._feeds.get(f"{name}.")
        if found is not None:
            return found
        for feed in self._feeds.values():
            if feed.program == name:
                return feed
        raise ApiError(404, f"there is no feed {name!r}", self._near(name))

    def of_symbol(self, symbol: str, exchange: str | None) -> FeedName:
        """Return the feed of a symbol, in ccxt's or the exchange's notation.

        Raises ApiError if there is none, or several.
        """
        there = [feed for feed in self._feeds.values() if exchange in {None, feed.exchange}]
        found = [one for one in there if one.symbol == unified_symbol(one.exchange, symbol)] or [
            one for one in there if market_id(one.symbol) == symbol.upper()
        ]
        if len(found) == 1:
            return found[0]
        if not found:
            where = "" if exchange is None else f" of exchange {exchange!r}"
            raise ApiError(404, f"there is no symbol {symbol!r}{where}", self._near(symbol))
        keys = sorted(feed.key for feed in found)
        raise ApiError(
            400, f"symbol {symbol!r} is several feeds", f"write feed= with one of {', '.join(keys)}"
        )

    def _near(self, name: str) -> str:
        keys = sorted(self._feeds)
        if not keys:
            return "no feed is configured, and no status has arrived yet"
        if len(keys) <= NAMED:
            return f"the feeds are {', '.join(keys)}"
        symbols = {feed.symbol.upper(): feed.key for feed in self._feeds.values()}
        near = difflib.get_close_matches(name, keys, n=NAMED, cutoff=0.5) or [
            symbols[one]
            for one in difflib.get_close_matches(name.upper(), symbols, n=NAMED, cutoff=0.4)
        ]
        shown = near or keys[:NAMED]
        return f"is it {', '.join(shown)}? /api/overview lists all {len(keys)} feeds"
