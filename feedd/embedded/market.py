"""The contracts between a market and the server that shows it to connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import structlog

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Sequence

    from feedd.embedded.instruments import Instrument
    from feedd.venues.raw_streams import RawStream


_log = structlog.get_logger()


class Message(NamedTuple):
    """One event of one stream: `data` is its JSON, `id` the exchange's id where it has one."""

    stream: str
    id: int | None
    data: str


class Outlet(Protocol):
    """Where a market sends to: one connection."""

    def send(self, messages: Sequence[Message]) -> None:
        """Send messages in order, in one piece; never blocks."""

    def backlog(self) -> int:
        """Return the bytes that the reader has left unread."""

    def abort(self) -> None:
        """Drop the connection without a word."""


def watch_over(
    task: asyncio.Task[None], what: str, outlets: Callable[[], Iterable[Outlet]]
) -> None:
    """When a market's task fails, say so and cut off its readers: silence would be a lie."""

    def ended(done: asyncio.Task[None]) -> None:
        if done.cancelled() or done.exception() is None:
            return
        _log.error("a market has failed", what=what, why=repr(done.exception()))
        for outlet in list(outlets()):
            outlet.abort()

    task.add_done_callback(ended)


class Refused(Exception):  # noqa: N818  it is an answer of the market, no fault
    """The market can't serve what was asked; the text says what and why."""


class Streams(Protocol):
    """Serves streams to outlets."""

    @property
    def instruments(self) -> dict[str, Instrument]:
        """What is listed, by id."""

    @property
    def goes_on(self) -> bool:
        """Whether a stream's events come whether or not anybody reads it."""

    def subscribe(self, stream: RawStream, outlet: Outlet) -> None:
        """Send a stream to an outlet from now on; twice is once. Raises Refused."""

    def unsubscribe(self, stream: RawStream, outlet: Outlet) -> None:
        """Send it no longer."""

    def check(self, stream: RawStream) -> None:
        """Raise Refused where the market can't serve the stream of a listed symbol."""

    async def close(self) -> None:
        """Stop all that runs."""


class Market(Streams, Protocol):
    """Serves Binance's streams, and answers for the same history over REST.

    Paths are USD-M's; spot has the same pages below /api/v3.
    """

    def depth(self, symbol: str, limit: int) -> dict[str, Any]:
        """Return the book as GET /fapi/v1/depth does. Raises Refused."""

    def quote(self, symbol: str) -> dict[str, Any]:
        """Return the best bid and ask as GET /fapi/v1/ticker/bookTicker does. Raises Refused."""

    def ticker(self, symbol: str) -> dict[str, Any]:
        """Return the last 24 h as GET /fapi/v1/ticker/24hr does. Raises Refused."""

    def klines(self, symbol: str, interval: str, limit: int) -> list[list[Any]]:
        """Return candles as GET /fapi/v1/klines does. Raises Refused."""

    def agg_trades(self, symbol: str, limit: int) -> list[dict[str, Any]]:
        """Return trades as GET /fapi/v1/aggTrades does. Raises Refused."""

    def trades(self, symbol: str, limit: int, from_id: int | None = None) -> list[dict[str, Any]]:
        """Return trades as GET /fapi/v1/historicalTrades does: the newest, or from an id on.

        They are in order, and of the newest 10,000. Raises Refused.
        """

    def premium_index(self, symbol: str) -> dict[str, Any]:
        """Return the mark price as GET /fapi/v1/premiumIndex does. Raises Refused."""
